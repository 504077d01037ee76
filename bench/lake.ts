// The lake's figures: segments to Parquet, pages and counts, and ten million recorded decisions collapsed to classes. The
// decisions are made inside DuckDB and written straight to Parquet: as realistic as the journal's, without a day of work.
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalEvent } from '#core/events/event.ts'
import { newId, type TenantId } from '#core/ids.ts'
import { startJournal } from '#journal/journal.ts'
import { genesisHash } from '#journal/record.ts'
import type { JournalKey } from '#journal/statement.ts'
import { defaultCaps } from '#lake/caps.ts'
import { columnNames, quoteName } from '#lake/columns.ts'
import { openDatabase, quoteText } from '#lake/database.ts'
import type { InputDimension } from '#lake/decisions.ts'
import { openLake, type Lake } from '#lake/lake.ts'
import { dayFolder, dayOf, filePath } from '#lake/layout.ts'
import { commitManifest, type LakeFile } from '#lake/manifest.ts'
import { factsOf } from '#lake/parquet.ts'
import { atMost, type Options, row, type Row } from './row.ts'

const DAY_MS = 86_400_000
const DAYS = 30
const START_MS = Date.UTC(2026, 9, 1)
const never = new AbortController().signal

export async function measureLake({ isQuick, say }: Options): Promise<readonly Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-bench-lake-'))
  try {
    const decisions = isQuick ? 300_000 : 10_000_000
    return [
      ...(await measureCompaction(root, isQuick ? 20_000 : 100_000)),
      ...(await measureDecisions(root, decisions, isQuick ? 1 : 3, say)),
    ]
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function measureCompaction(root: string, count: number): Promise<readonly Row[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const keys: readonly JournalKey[] = [{ kind: 'writer', keyId: 'bench', writer: 'exc_bench', publicKey }]
  const journalRoot = join(root, 'journal')
  const tenant = newId('tenant')
  const journal = await startJournal(
    { root: journalRoot, writer: 'exc_bench' },
    { signer: { keyId: 'bench', sign: (bytes) => sign(null, bytes, privateKey) }, keys, report: () => {} },
  )
  for (let at = 0; at < count; at++) {
    journal.append(tenant, decisionEvent(tenant, at))
    if (at % 1000 === 999) await journal.sync()
  }
  await journal.sync()
  await journal.close()
  await using lake = openLake({ folder: join(root, 'compacted'), journalRoot }, { report: () => {} })
  const begin = performance.now()
  const { rows } = await lake.compact(tenant, keys, never)
  const perSecond = rows / ((performance.now() - begin) / 1000)
  const hot = await times(5, () => lake.events({ tenant, limit: 50 }, never))
  return [
    row({
      name: 'lake, events proven and written to Parquet',
      unit: 'events/s',
      values: [perSecond],
      counted: `${rows} events of 1 KB; the lake's own process, its start included`,
    }),
    row({
      name: 'lake, newest 50 events, journal and files as one',
      unit: 'ms',
      values: hot,
      counted: `wall time of the call, ${count - rows} events not in files yet`,
    }),
  ]
}

async function measureDecisions(
  root: string,
  count: number,
  repeats: number,
  say: Options['say'],
): Promise<readonly Row[]> {
  const folder = join(root, 'lake')
  const tenant = newId('tenant')
  say(`lake: making ${count.toLocaleString('en')} decisions …`)
  const bytes = await makeDecisions(folder, tenant, count)
  await using lake = openLake({ folder, journalRoot: null }, { report: () => {} })
  const sinceMs = START_MS
  const untilMs = START_MS + DAYS * DAY_MS
  const millions = `${(count / 1e6).toLocaleString('en')} M`
  const usual: readonly InputDimension[] = [
    'session.factors',
    'session.door',
    'device.posture',
    'device.os',
    'risk',
    'approved',
  ]
  const found = { usual: 0, fine: 0 }
  const seconds = async (distinguish: readonly InputDimension[], name: keyof typeof found): Promise<number> => {
    const begin = performance.now()
    found[name] = await classes(lake, { tenant, sinceMs, untilMs, distinguish })
    return (performance.now() - begin) / 1000
  }
  const coarse: number[] = []
  const fine: number[] = []
  for (let at = 0; at < repeats; at++) coarse.push(await seconds(usual, 'usual'))
  fine.push(await seconds([...usual, 'http.method'], 'fine'))
  const dayAgo = untilMs - DAY_MS
  const byApp = await times(5, () => lake.counts({ tenant, by: ['app'], limit: 50 }, never))
  const person = await times(5, () => lake.events({ tenant, users: ['user7@example.test'], limit: 50 }, never))
  const text = await times(5, () =>
    lake.events({ tenant, sinceMs: dayAgo, text: { contains: 'page/199', in: ['path'] }, limit: 50 }, never),
  )
  const size = `${Math.round(bytes / 2 ** 20)} MiB of Parquet, ${DAYS} days`
  return [
    row({
      name: `lake, ${millions} decisions to classes by the usual inputs`,
      unit: 's',
      values: coarse,
      goal: atMost(30),
      counted: `${found.usual.toLocaleString('en')} classes received by the caller; ${size}`,
    }),
    row({
      name: `lake, ${millions} decisions to classes, the method too`,
      unit: 's',
      values: fine,
      counted: `${found.fine.toLocaleString('en')} classes received by the caller`,
    }),
    row({
      name: `lake, ${millions} events counted by app`,
      unit: 'ms',
      values: byApp,
      counted: 'wall time of the call',
    }),
    row({
      name: `lake, newest 50 of one user in ${millions}`,
      unit: 'ms',
      values: person,
      counted: 'wall time of the call',
    }),
    row({ name: 'lake, text in the paths of one day', unit: 'ms', values: text, counted: 'wall time of the call' }),
  ]
}

async function classes(lake: Lake, query: Parameters<Lake['decisionClasses']>[0]): Promise<number> {
  let count = 0
  for await (const batch of lake.decisionClasses(query, never)) count += batch.length
  return count
}

async function times(repeats: number, work: () => Promise<unknown>): Promise<number[]> {
  const values: number[] = []
  for (let at = 0; at < repeats; at++) {
    const begin = performance.now()
    await work()
    values.push(performance.now() - begin)
  }
  return values
}

// 10,000 people of whom few do most, 500 apps, three devices each, four networks, 2 % refused.
async function makeDecisions(folder: string, tenant: TenantId, count: number): Promise<number> {
  const database = await openDatabase(folder, { ...defaultCaps, maxMemoryBytes: 2 ** 30 })
  const files: LakeFile[] = []
  let bytes = 0
  const perDay = Math.ceil(count / DAYS)
  for (let at = 0; at < DAYS; at++) {
    using session = await database.connect(never)
    const name = {
      day: dayOf(START_MS + at * DAY_MS),
      writer: 'exc_bench',
      first: at * perDay + 1,
      last: (at + 1) * perDay,
    }
    mkdirSync(dayFolder(folder, tenant, name.day), { recursive: true })
    const path = filePath(folder, tenant, name)
    await session.run(
      `COPY (${rowsSql(name.first, perDay, START_MS + at * DAY_MS)}) TO ${quoteText(path)}
       (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)`,
    )
    const facts = await factsOf(session, path)
    if (facts === undefined) throw new Error('no rows')
    const { size } = await stat(path)
    bytes += size
    // Not proven here: nothing of the journal stands behind made-up rows.
    files.push({ ...name, ...facts, bytes: size, sha256: createHash('sha256').digest('hex') })
  }
  const chain = { through: count, hash: genesisHash({ tenant, writer: 'exc_bench' }), heads: [], missedRows: 0 }
  await commitManifest(folder, { tenant, version: 1, files, chains: { exc_bench: chain }, removedBefore: null })
  await database.close()
  return bytes
}

function rowsSql(first: number, count: number, startMs: number): string {
  const device = `'dev_' || substr(md5(u::VARCHAR || dv), 1, 20)`
  const ip = `'10.' || (u % 200) || '.' || (u // 200) || '.' || net`
  const isHttp = 'app % 5 > 0'
  const made: Readonly<Record<string, string>> = {
    writer: `'exc_bench'`,
    sequence: 'i',
    recorded_ms: 't',
    time: 't',
    uid: 'md5(i::VARCHAR)',
    class_uid: `CASE WHEN ${isHttp} THEN 4002 ELSE 3003 END`,
    activity_id: '1',
    status_id: 'CASE WHEN refused THEN 2 ELSE 1 END',
    severity_id: 'CASE WHEN refused THEN 2 ELSE 1 END',
    user_uid: `'usr_' || substr(md5(u::VARCHAR), 1, 20)`,
    user_name: `'user' || u || '@example.test'`,
    org: `CASE WHEN u % 20 = 0 THEN 'Contoso' END`,
    session_uid: `'ses_' || substr(md5((u * 100 + i // 500000)::VARCHAR), 1, 20)`,
    device_uid: device,
    src_ip: ip,
    app_uid: `'app_' || substr(md5(app::VARCHAR), 1, 20)`,
    app_name: `'app' || app`,
    host: `'app' || app || '.acme.test'`,
    port: '443',
    exchange_uid: `'exc_bench'`,
    connector_uid: `'con_bench'`,
    decision: `CASE WHEN refused THEN 'deny' ELSE 'allow' END`,
    reason: `CASE WHEN refused THEN 'no-policy' END`,
    policies: `CASE WHEN refused THEN [] ELSE ['policy-' || (app % 40)] END`,
    policy_uids: `CASE WHEN refused THEN [] ELSE ['pol_' || (app % 40)] END`,
    method: `CASE WHEN ${isHttp} THEN verb END`,
    path: `CASE WHEN ${isHttp} THEN '/page/' || page END`,
    in_form: '1',
    in_user: `'user' || u || '@example.test'`,
    in_action: `CASE WHEN ${isHttp} THEN 'request' ELSE 'connect' END`,
    in_resource_kind: `'app'`,
    in_resource: `'app' || app`,
    in_factors: `CASE WHEN u % 7 = 0 THEN '["password"]' ELSE '["password","totp"]' END`,
    in_age_s: '(h % 28800)::BIGINT',
    in_door: `CASE WHEN ${isHttp} THEN 'browser' ELSE 'agent' END`,
    in_device_id: device,
    in_posture: 'dv::INTEGER',
    in_os: `'linux'`,
    in_ip: ip,
    in_now_ms: 't',
    in_hour: '((t // 3600000) % 24)::INTEGER',
    in_weekday: '((t // 86400000 + 3) % 7 + 1)::INTEGER',
    in_risk: '0::BIGINT',
    in_approved: 'false',
    in_method: `CASE WHEN ${isHttp} THEN verb END`,
    in_path: `CASE WHEN ${isHttp} THEN '/page/' || page END`,
    in_host: `CASE WHEN ${isHttp} THEN 'app' || app || '.acme.test' END`,
    event: `'{"class_uid":4002,"metadata":{"uid":"' || md5(i::VARCHAR) || '"},"pad":"' || repeat('x', 600) || '"}'`,
  }
  const list = columnNames.filter((name) => made[name] !== undefined)
  const step = Math.max(1, Math.floor(DAY_MS / count))
  return `SELECT ${list.map((name) => `${made[name]} AS ${quoteName(name)}`).join(', ')} FROM (
    SELECT *, (u * 31 + a * a * 17) % 500 AS app, u % 3 AS dv, h3 % 4 AS net, h3 % 50 = 0 AS refused, h2 % 200 AS page,
      ['GET', 'GET', 'GET', 'POST'][1 + (h2 % 4)::INTEGER] AS verb, ${startMs} + n * ${step} AS t
    FROM (SELECT i, i - ${first} AS n, hash(i) AS h, hash(i * 7 + 1) AS h2, hash(i * 13 + 5) AS h3,
            (power((hash(i) % 1000000) / 1e6, 3) * 10000)::INTEGER AS u,
            (power((hash(i * 7 + 1) % 1000000) / 1e6, 2) * 20)::INTEGER AS a
          FROM range(${first}, ${first + count}) AS made(i)))`
}

function decisionEvent(tenant: TenantId, at: number) {
  const user = `user${at % 500}@example.test`
  const app = `app${at % 40}`
  const timeMs = START_MS + at * 500
  return journalEvent('http', 'get', {
    uid: crypto.randomUUID(),
    timeMs,
    tenantId: tenant,
    outcome: 'success',
    user: { uid: `usr_${user}`, name: user },
    sessionId: `ses_${user}`,
    deviceId: `dev_${user}`,
    source: { ip: '192.0.2.1' },
    app: { uid: `app_${app}`, name: app },
    destination: { host: `${app}.acme.test`, port: 443 },
    exchangeId: 'exc_bench',
    http: { method: 'GET', path: `/page/${at % 100}`, host: `${app}.acme.test` },
    decision: {
      kind: 'allow',
      policies: [{ id: `pol_${app}`, name: `${app} for staff` }],
      inputs: {
        user,
        action: 'request',
        resource: { kind: 'app', name: app },
        session: { factors: ['password', 'totp'], ageSeconds: at % 3600, door: 'browser' },
        device: { id: `dev_${user}`, posture: 2, os: 'linux' },
        ip: '192.0.2.1',
        time: { nowMs: timeMs, hour: 1, weekday: 1 },
        risk: 0,
        approved: false,
        http: { method: 'GET', path: `/page/${at % 100}`, host: `${app}.acme.test` },
      },
    },
  })
}
