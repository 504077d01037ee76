// What attackers and broken disks bring: hostile words, odd events, damaged files, clocks that jump.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault, type FaultCode } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { chainPlace, listSegments, sealPath, segmentPath } from '#journal/layout.ts'
import { compactTenant, type Compaction } from './compact.ts'
import { countEvents, type GroupField } from './count.ts'
import { openDatabase } from './database.ts'
import { defaultCaps } from './caps.ts'
import { inputColumns, inputsOf } from './inputs.ts'
import { filePath, tenantFolder } from './layout.ts'
import { readManifest } from './manifest.ts'
import { queryEvents, type EventsQuery } from './query.ts'
import { removeDaysBefore, sweepTenant } from './retain.ts'
import {
  DAY_MS,
  decisionEvent,
  inputsFor,
  never,
  newTenant,
  newTestLake,
  startTestWriter,
  START_MS,
  writerKey,
  type TestLake,
} from './testing.ts'
import { verifyTenant } from './verify.ts'

const keys = [writerKey.key]
const has =
  (code: FaultCode) =>
  (error: unknown): boolean =>
    isFault(error, code)

async function compact(lake: TestLake, tenant: TenantId): Promise<Compaction> {
  const { folder, journalRoot, caps } = lake
  return await compactTenant(lake.database, { folder, journalRoot, tenant, keys, caps, signal: never })
}

async function uids(
  lake: TestLake,
  query: Partial<EventsQuery> & { readonly tenant: TenantId },
): Promise<(string | null)[]> {
  const page = await queryEvents(lake.database, { limit: 1000, order: 'oldest-first', ...query }, lake.reading)
  return page.items.map(({ uid }) => uid)
}

async function filled(lake: TestLake, count: number, spacingMs = 1000): Promise<TenantId> {
  const tenant = newTenant()
  const journal = await startTestWriter(lake)
  for (let n = 0; n < count; n++) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n * spacingMs }))
  await journal.close()
  return tenant
}

test('words of a caller are values, whatever they look like', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(lake)
  const hostile = [
    "'; DROP TABLE hot; --",
    '" OR 1=1 --',
    '$text',
    '%',
    '_',
    '\\',
    '*',
    "') UNION SELECT 1 --",
    '\u0000',
    '${x}',
    '?',
  ]
  for (const [n, word] of hostile.entries()) {
    journal.append(
      tenant,
      decisionEvent({ n, tenant, timeMs: START_MS + n, user: word, inputs: null, facts: { message: `<${word}>` } }),
    )
  }
  await journal.sync()
  await compact(lake, tenant)
  for (const [n, word] of hostile.entries()) {
    assert.deepEqual(await uids(lake, { tenant, users: [word] }), [`uid-${n}`], JSON.stringify(word))
    const found = await uids(lake, { tenant, text: { contains: `<${word}>`, in: ['message'] } })
    assert.deepEqual(found, [`uid-${n}`], JSON.stringify(word))
  }
  assert.deepEqual(await uids(lake, { tenant, text: { contains: "x' OR '1'='1" } }), [])
})

test('refuses what is no question', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  const wrong: readonly Partial<EventsQuery>[] = [
    { limit: 0 },
    { limit: 1001 },
    { limit: Number.NaN },
    { sinceMs: 0.5 },
    { users: [] },
    { users: Array.from({ length: 201 }, () => 'x') },
    { users: ['x'.repeat(513)] },
    { classUids: [1.5] },
    { text: { contains: '' } },
    { after: 'AAAA' },
    { after: '[]; DROP' },
    { after: Buffer.from('["n",1,"../../etc",1]').toString('base64url') },
    { after: 'x'.repeat(1000) },
  ]
  for (const query of wrong) {
    await assert.rejects(
      queryEvents(lake.database, { tenant, limit: 1, ...query }, lake.reading),
      has('request-malformed'),
      JSON.stringify(query),
    )
  }
  for (const by of [[], ['user', 'user'], ['toString'], ['user; DROP'], ['user', 'app', 'day', 'hour']]) {
    const query = { tenant, by: by as readonly GroupField[], limit: 1 }
    await assert.rejects(countEvents(lake.database, query, lake.reading), has('request-malformed'), by.join())
  }
})

test('a tenant that is no id reaches no folder', async () => {
  await using lake = await newTestLake()
  for (const text of ['../../etc', '', 'ten_', `ten_${'a'.repeat(19)}/`, `ten_${'A'.repeat(20)}`, 'ten_\0']) {
    // A caller in JavaScript may hand in anything.
    const tenant = text as TenantId
    await assert.rejects(async () => await uids(lake, { tenant }), has('document-invalid'), text)
    await assert.rejects(
      async () =>
        await removeDaysBefore(lake.database, { folder: lake.folder, tenant, before: '2026-01-01', signal: never }),
      has('document-invalid'),
    )
  }
})

test('DuckDB cannot leave the folder, load code, or loosen its own settings', async () => {
  await using lake = await newTestLake()
  await writeFile(join(lake.root, 'secret.csv'), 'a,b\n1,2\n')
  using session = await lake.database.connect(never)
  for (const sql of [
    `SELECT * FROM read_csv('${join(lake.root, 'secret.csv')}')`,
    `SELECT * FROM read_csv('${lake.folder}/../secret.csv')`,
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    `COPY (SELECT 1) TO '${join(lake.root, 'out.csv')}'`,
    `ATTACH '${join(lake.root, 'x.db')}'`,
    'INSTALL httpfs',
    "LOAD '/tmp/x.duckdb_extension'",
    "SET memory_limit = '1TB'",
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    "SELECT * FROM read_parquet('https://127.0.0.1:1/x')",
  ]) {
    await assert.rejects(session.run(sql), (error) => isFault(error), sql)
  }
  assert.deepEqual((await readdir(lake.root)).toSorted(), ['lake', 'secret.csv'])
})

test('events of any shape are taken, and their text comes back exactly', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(lake, 2000)
  const events: object[] = []
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (event) => {
      events.push({
        metadata: { uid: events.length },
        ...event,
        actor: { user: event },
        unmapped: { inputs: event },
        time: Object.values(event)[0],
      })
    }),
    { numRuns: 100 },
  )
  for (const event of events) journal.append(tenant, event)
  await journal.sync()
  const compaction = await compact(lake, tenant)
  assert.deepEqual(compaction.problems, [])
  const page = await queryEvents(lake.database, { tenant, limit: 1000, order: 'oldest-first' }, lake.reading)
  const bySequence = page.items.toSorted((a, b) => a.sequence - b.sequence)
  assert.deepEqual(
    bySequence.map(({ json }) => json),
    events.map((event) => JSON.stringify(event)),
  )
  assert.deepEqual(
    (await verifyTenant(lake.database, { folder: lake.folder, tenant, keys, signal: never })).problems,
    [],
  )
})

test('an event of the largest size, and unknown fields, go through', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(lake, 1000)
  const big = { metadata: { uid: 'big' }, time: START_MS, message: 'm'.repeat(60_000), what: { is: ['this'] } }
  journal.append(tenant, big)
  journal.append(tenant, { metadata: { uid: 'after' }, time: START_MS + 1 })
  await journal.sync()
  await compact(lake, tenant)
  const page = await queryEvents(lake.database, { tenant, limit: 2, order: 'oldest-first' }, lake.reading)
  assert.deepEqual(
    page.items.map(({ json }) => JSON.parse(json)['metadata']['uid']),
    ['big', 'after'],
  )
  assert.equal(page.items[0]?.json, JSON.stringify(big))
})

test('recorded inputs of any value come back as they were, or not at all', () => {
  const word = fc.oneof(fc.string({ unit: 'binary' }), fc.string())
  const facts = fc.record({
    user: word,
    action: fc.constantFrom('connect', 'request', 'browse', 'upload', 'download', 'other'),
    resource: fc.oneof(
      fc.record({ kind: fc.constant('app'), name: word }),
      fc.record({ kind: fc.constant('destination'), host: word }),
    ),
    session: fc.record({
      factors: fc.array(word),
      ageSeconds: fc.oneof(fc.maxSafeInteger(), fc.double()),
      door: fc.constantFrom('browser', 'agent'),
    }),
    device: fc.option(fc.record({ id: word, posture: fc.integer({ min: 0, max: 3 }), os: word })),
    ip: word,
    time: fc.record({ nowMs: fc.maxSafeInteger(), hour: fc.integer(), weekday: fc.integer() }),
    risk: fc.integer(),
    approved: fc.boolean(),
    http: fc.option(fc.record({ method: word, path: word, host: word })),
  })
  let known = 0
  fc.assert(
    fc.property(facts, (made) => {
      const given: unknown = JSON.parse(JSON.stringify(made))
      const columns = inputColumns(given)
      const back = inputsOf(columns)
      if (back === null) assert.equal(columns.in_other, JSON.stringify(given))
      else {
        known++
        assert.deepEqual(back, given)
      }
    }),
  )
  assert.ok(known > 20, 'too few were of the known form')
  assert.deepEqual(inputsOf(inputColumns(inputsFor('alice', 'wiki', START_MS))), inputsFor('alice', 'wiki', START_MS))
  assert.equal(inputColumns({ ...inputsFor('a', 'b', 1), more: 1 }).in_form, 2)
})

test('a damaged segment stops its chain there, loses nothing before it, and is not taken for proven', async () => {
  await using lake = await newTestLake()
  const tenant = await filled(lake, 40)
  const place = chainPlace(lake.journalRoot, tenant, 'exc_one')
  const segments = await listSegments(place.dir)
  const hurt = segments[2] ?? 0
  const path = segmentPath(place.dir, hurt)
  await writeFile(path, (await readFile(path, 'utf8')).replace('"alice"', '"mallory"'))
  const { problems, watermarks } = await compact(lake, tenant)
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ['segment-damaged'],
  )
  assert.deepEqual(watermarks, [{ writer: 'exc_one', through: hurt - 1 }])
  assert.equal((await uids(lake, { tenant })).length, 40)
  assert.deepEqual((await compact(lake, tenant)).watermarks, watermarks)
})

test('a seal that another key signed is not taken', async () => {
  await using lake = await newTestLake()
  const tenant = await filled(lake, 40)
  const place = chainPlace(lake.journalRoot, tenant, 'exc_one')
  const path = sealPath(place.dir, 1)
  const seal: Record<string, unknown> = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...seal, signature: 'A'.repeat(86) }))
  const { problems, rows } = await compact(lake, tenant)
  assert.deepEqual([problems.map(({ kind }) => kind), rows], [['seal-invalid'], 0])
})

test('damage to files and manifest is found by verify, and a question never guesses', async () => {
  await using lake = await newTestLake()
  const tenant = await filled(lake, 60, 3_600_000)
  await compact(lake, tenant)
  const { folder, database } = lake
  const { files } = await readManifest(folder, tenant)
  const [one, two, three] = files
  assert.ok(one && two && three)
  const paths = [one, two, three].map((file) => filePath(folder, tenant, file))
  const bytes = await readFile(paths[0] ?? '')
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  await writeFile(paths[0] ?? '', bytes)
  await truncate(paths[1] ?? '', two.bytes - 10)
  await rm(paths[2] ?? '')
  const { problems } = await verifyTenant(database, { folder, tenant, keys, signal: never })
  const kinds = problems.map(({ kind }) => kind)
  assert.deepEqual(
    kinds.filter((kind) => kind.startsWith('file')),
    ['file-changed', 'file-changed', 'file-missing'],
  )
  assert.ok(kinds.includes('sequence-gap'))
  await assert.rejects(uids(lake, { tenant }), has('lake-corrupt'))
  const manifest = join(tenantFolder(folder, tenant), 'manifest.json')
  const text = await readFile(manifest, 'utf8')
  for (const damaged of [
    '',
    '{}',
    text.slice(0, -1),
    text.replace('"rows":', '"rows":1'),
    text.slice(0, text.length / 2),
  ]) {
    await writeFile(manifest, damaged)
    await assert.rejects(uids(lake, { tenant }), has('lake-corrupt'))
    await assert.rejects(compact(lake, tenant), has('lake-corrupt'))
    const report = await verifyTenant(database, { folder, tenant, keys, signal: never })
    assert.deepEqual(
      report.problems.map(({ kind }) => kind),
      ['manifest-damaged'],
    )
  }
})

test('a manifest of another tenant is not believed', async () => {
  await using lake = await newTestLake()
  const tenant = await filled(lake, 30)
  await compact(lake, tenant)
  const other = newTenant()
  await mkdir(tenantFolder(lake.folder, other), { recursive: true })
  await writeFile(
    join(tenantFolder(lake.folder, other), 'manifest.json'),
    await readFile(join(tenantFolder(lake.folder, tenant), 'manifest.json')),
  )
  await assert.rejects(uids(lake, { tenant: other }), has('lake-corrupt'))
})

test('clocks that jump by years lose nothing and make no flood of files', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  let clock = 0
  await using journal = await startTestWriter(lake, 60_000, () => clock)
  for (let n = 0; n < 120; n++) {
    clock = n % 2 === 0 ? START_MS - n * 40 * DAY_MS : n
    journal.append(tenant, decisionEvent({ n, tenant, timeMs: n % 3 === 0 ? Number.MAX_SAFE_INTEGER : clock }))
  }
  await journal.sync()
  const { problems, files } = await compact(lake, tenant)
  assert.deepEqual(problems, [])
  assert.ok(files > 10 && files <= 40, String(files))
  assert.equal((await uids(lake, { tenant })).length, 120)
  assert.deepEqual(
    (await verifyTenant(lake.database, { folder: lake.folder, tenant, keys, signal: never })).problems,
    [],
  )
})

test('a file that nothing explains is set aside, never read and never removed', async () => {
  await using lake = await newTestLake()
  const tenant = await filled(lake, 60, 3_600_000)
  const { folder, journalRoot } = lake
  const before = join(lake.root, 'manifest')
  await compact(lake, tenant)
  await writeFile(before, await readFile(join(tenantFolder(folder, tenant), 'manifest.json')))
  const place = chainPlace(journalRoot, tenant, 'exc_one')
  const [file] = (await readManifest(folder, tenant)).files
  assert.ok(file)
  await rm(place.dir, { recursive: true })
  // As if somebody had put back the manifest of a time before this file.
  await rm(join(tenantFolder(folder, tenant), 'manifest.json'))
  const sweep = await sweepTenant(folder, journalRoot, tenant)
  assert.ok(sweep.setAside.length > 0 && sweep.removed === 0)
  assert.deepEqual(await uids(lake, { tenant }), [])
  assert.ok((await readdir(join(filePath(folder, tenant, file), '..'))).every((name) => name.endsWith('.orphan')))
})

test('a full disk is said to be full, leaves the journal as it is, and the next run goes on', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'lake-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', root], { stdio: 'ignore' })
  } catch {
    await rm(root, { recursive: true })
    return t.skip('needs the right to mount a tmpfs')
  }
  try {
    await using lake = await newTestLake()
    const tenant = newTenant()
    const journal = await startTestWriter(lake, 2_000_000)
    for (let n = 0; n < 600; n++) {
      const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(2000))).toString('base64')
      journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n, facts: { message: noise } }))
    }
    await journal.close()
    const folder = join(root, 'lake')
    const database = await openDatabase(folder, { ...defaultCaps, maxMemoryBytes: 128 * 1024 * 1024 })
    const { journalRoot, caps } = lake
    const run = () => compactTenant(database, { folder, journalRoot, tenant, keys, caps, signal: never })
    await writeFile(join(root, 'ballast'), Buffer.alloc(500_000))
    await assert.rejects(run(), has('lake-full'))
    assert.equal((await readManifest(folder, tenant)).version, 0)
    execFileSync('mount', ['-o', 'remount,size=8m', root])
    const { rows } = await run()
    assert.ok(rows > 300)
    await database.close()
  } finally {
    execFileSync('umount', [root])
    await rm(root, { recursive: true })
  }
})
