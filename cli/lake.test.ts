// The lake beside a running control plane: segments become files and go, and everybody who asks for events or decisions
// finds them as before. Real control, real DuckDB in its own process, real HTTPS.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { startWhatIf, type WhatIf } from '#intelligence/what-if/what-if.ts'
import { startJournal } from '#journal/journal.ts'
import { chainPlace, listSegments } from '#journal/layout.ts'
import { newTestKey, type TestKey } from '#journal/testing.ts'
import { verifyJournal } from '#journal/verify.ts'
import { readKeyFile } from '#lake/key-file.ts'
import { openLake } from '#lake/lake.ts'
import { readManifest } from '#lake/manifest.ts'
import { DAY_MS, decisionEvent, never } from '#lake/testing.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { startTestS3, TEST_BUCKET, testCredentials, type TestS3 } from '#lake/testing-s3.ts'
import { lakeBeside, type LakeBesideControl } from './lake.ts'
import { openLakeCopy } from './lake-copy.ts'

const EVENTS = 60
const writer = newId('exchange')
const { key, signer } = withThumbprint(newTestKey(writer))
let control: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let whatIf: WhatIf
const startMs = Date.now() - 20 * DAY_MS
let rounds: LakeBesideControl
let s3: TestS3
const journalRoot = () => join(control.folder, 'journal')
const lakeFolder = () => join(control.folder, 'lake')

before(async () => {
  s3 = await startTestS3()
  process.env['SALLYPORT_LAKE_KEY_ID'] = testCredentials.accessKeyId
  process.env['SALLYPORT_LAKE_SECRET'] = testCredentials.secretAccessKey
  const url = `${s3.endpoint}/${TEST_BUCKET}/here?region=${s3.region}`
  rounds = lakeBeside({ everyMs: 200, keepSegmentsMs: 7 * DAY_MS, copy: { url, insecureHttp: true } })
  whatIf = startWhatIf({ journalRoot: '/nowhere' }, rounds.source === undefined ? {} : { source: rounds.source })
  control = await startTestControl({ startLake: rounds.startLake, whatIf, log: () => {} })
  acme = await addTenantWithAdministrator(control, 'acme')
  await control.context.store.provider
    .insertInto('exchanges', {
      id: writer,
      name: 'edge',
      keyThumbprint: 'k',
      status: 'active',
      address: '',
      software: '',
      assertionKey: null,
      journalKeys: JSON.stringify([key.publicKey.export({ type: 'spki', format: 'pem' }).toString()]),
      tenantIds: null,
      createdAtMs: 1,
      lastSeenAtMs: null,
      certificateUntilMs: null,
    })
    .execute()
  await control.context.journal.keysChanged()
  // What an exchange shipped over the last twenty days, a decision every eight hours.
  let clock = startMs
  const journal = await startJournal(
    { root: journalRoot(), writer, caps: { maxSegmentBytes: 6000 } },
    { signer, keys: [key], report: ({ kind }) => assert.fail(kind), nowMs: () => clock },
  )
  for (let n = 0; n < EVENTS; n++) {
    clock = startMs + n * 8 * 3_600_000
    journal.append(tenantId(), decisionEvent({ n, tenant: tenantId(), timeMs: clock, user: 'root-user' }))
  }
  await journal.close()
})
after(async () => {
  await whatIf.close()
  await control.close()
  await s3[Symbol.asyncDispose]()
})

const tenantId = () => acme.id as ReturnType<typeof newId<'tenant'>>
const call = (path: string, body?: unknown, method?: string) =>
  control.call(`/v1/tenants/acme${path}`, {
    token: acme.token,
    ...(body !== undefined && { body }),
    ...(method !== undefined && { method }),
  })

/** Control names an exchange's key by its thumbprint. */
function withThumbprint({ key, signer }: TestKey): TestKey {
  const keyId = keyThumbprint(key.publicKey)
  return { key: { ...key, keyId }, signer: { ...signer, keyId } }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = AbortSignal.timeout(30_000); ;) {
    if (await isSo()) return
    if (deadline.aborted) assert.fail(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('segments past the hot window become files and go; the API gives the same events as before', async () => {
  const place = chainPlace(journalRoot(), tenantId(), writer)
  await until('segments went', async () => {
    const segments = await listSegments(place.dir)
    return (segments[0] ?? 0) > EVENTS / 2
  })
  const left = await listSegments(place.dir)
  assert.ok(left.length > 1, 'what is newer than the hot window stays')
  const seen: string[] = []
  for (let after: string | null = ''; after !== null;) {
    const { status, body } = await call(`/events?limit=13&class=4002${after === '' ? '' : `&after=${after}`}`)
    assert.equal(status, 200)
    seen.push(...body.items.map((item: { event: { metadata: { uid: string } } }) => item.event.metadata.uid))
    after = body.next
  }
  assert.deepEqual(
    seen,
    Array.from({ length: EVENTS }, (_, n) => `uid-${EVENTS - 1 - n}`),
  )
  const { body } = await call(`/events?limit=5&search=uid-3%22`)
  assert.equal(body.items.length, 0)
})

test('what went is proven by the tombstone in the journal and by the files in the lake', async () => {
  const keys = await readKeyFile(join(journalRoot(), 'keys.json'))
  const report = await verifyJournal(journalRoot(), { publicKeys: keys })
  assert.equal(report.isIntact, true)
  const chain = report.chains.find((one) => one.writer === writer)
  assert.ok(chain !== undefined && chain.removedThrough > EVENTS / 2)
  await using lake = openLake({ folder: lakeFolder(), journalRoot: journalRoot() }, { report: () => {} })
  const { problems, chains } = await lake.verify(tenantId(), keys, never)
  assert.deepEqual(problems, [])
  assert.ok((chains.find((one) => one.writer === writer)?.provenRows ?? 0) >= chain.removedThrough)
  const said = execFileSync(process.execPath, ['cli/main.ts', 'journal', 'verify', journalRoot()], { encoding: 'utf8' })
  assert.match(said, /^Intact: .* removed from the journal and kept in the lake/m)
})

test('the files are copied to the S3 store that was named, manifest and all', async () => {
  await until('the copy is there', async () => {
    const files = await s3.files()
    return files.some((name) => name.includes(`tenant=${tenantId()}/manifest.json`))
  })
  assert.ok((await s3.files()).some((name) => /here\/tenant=.*\/day=.*\.parquet/.test(name)))
  assert.deepEqual(s3.refused, [])
})

test('an address of a copy that cannot be meant is refused, and no secret is taken from it', () => {
  const environment = { SALLYPORT_LAKE_KEY_ID: 'k', SALLYPORT_LAKE_SECRET: 's' }
  for (const url of [
    'nonsense',
    'https://s3.example.org/bucket',
    'https://key:secret@s3.example.org/bucket?region=x',
    'https://s3.example.org/?region=x',
    'https://s3.example.org/bucket?region=x&style=odd',
    'https://s3.example.org/bucket?region=x&secret=y',
    'http://s3.example.org/bucket?region=x',
    'ftp://s3.example.org/bucket?region=x',
  ])
    assert.throws(
      () => openLakeCopy({ url, insecureHttp: false }, environment),
      (error) => isFault(error, 'configuration-invalid'),
      url,
    )
  const url = 'https://s3.example.org/bucket/a/b?region=x&style=virtual-host'
  openLakeCopy({ url, insecureHttp: false }, environment).close()
  assert.throws(
    () => openLakeCopy({ url, insecureHttp: false }, {}),
    (error) => isFault(error, 'configuration-invalid') && /SALLYPORT_LAKE_KEY_ID/.test(String(error.hint)),
  )
})

test('an old decision is explained, and a replay over thirty days counts every one', async () => {
  const explained = await call('/policy/events/uid-1')
  assert.equal(explained.status, 200, explained.text)
  const started = await call('/policy/jobs', { kind: 'replay', documents: [], sinceSeconds: 30 * 86_400 })
  assert.equal(started.status, 202, started.text)
  let job = started.body
  await until('the replay ended', async () => {
    job = (await call(`/policy/jobs/${job.id}`)).body
    return job.status !== 'running'
  })
  assert.equal(job.status, 'done', JSON.stringify(job.error))
  assert.equal(job.replay.decisions, EVENTS)
})

test("a tenant's retention removes whole days from the lake, and nothing of them comes back", async () => {
  const changed = await call('/settings', { retentionDays: 10 }, 'PATCH')
  assert.equal(changed.status, 200, changed.text)
  await until('old days went', async () => (await readManifest(lakeFolder(), tenantId())).removedBefore !== null)
  const { body } = await call('/events?limit=100&class=4002')
  const times: number[] = body.items.map(({ event }: { event: { time: number } }) => event.time)
  assert.ok(times.length > 20 && times.length <= 33, `${times.length} left`)
  assert.ok(Math.min(...times) >= Date.now() - 11 * DAY_MS)
  for (const bad of [0, -1, 1.5, 40_000, '7'])
    assert.equal((await call('/settings', { retentionDays: bad }, 'PATCH')).status, 400)
  assert.equal((await call('/settings', { retentionDays: null }, 'PATCH')).status, 200)
})

test('where DuckDB has no build the segments stay, are read as ever, and it is said', async () => {
  const { isEngineInstalled } = await import('#lake/available.ts')
  assert.equal(isEngineInstalled(), true)
  assert.equal(isEngineInstalled('plan9', 'mips'), false)
  const said: string[] = []
  const { startLake, source } = lakeBeside({ everyMs: 50, keepSegmentsMs: 0 }, false)
  assert.equal(source, undefined)
  await using other = await startTestControl({ startLake, log: (message) => void said.push(message) })
  const globex = await addTenantWithAdministrator(other, 'globex')
  assert.ok(said.some((message) => message.includes('the lake is off')))
  assert.equal((await other.call('/v1/tenants/globex/events', { token: globex.token })).status, 200)
  assert.equal(existsSync(join(other.folder, 'lake')), false)
  assert.ok((await readFile(join(other.folder, 'journal', 'keys.json'), 'utf8')).length > 0)
})
