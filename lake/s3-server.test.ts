// The S3 client against a server that verifies signatures: what is refused, what breaks off, and a tenant's whole copy.
// The contract of object stores is in object-store.test.ts, and runs against the same server.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { isFault } from '#core/fault.ts'
import { openLake } from './lake.ts'
import { openS3Store, type S3Store } from './s3-store.ts'
import { startTestS3, TEST_BUCKET, testCredentials, type TestS3 } from './testing-s3.ts'
import { decisionEvent, never, newTenant, newTestLake, START_MS, startTestWriter, writerKey } from './testing.ts'
import { uploadTenant } from './upload.ts'

const PART_BYTES = 5 * 1024 * 1024
let s3: TestS3
let folder = ''
before(async () => {
  s3 = await startTestS3()
  folder = await mkdtemp(join(tmpdir(), 'lake-s3-test-'))
})
after(async () => {
  await s3[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  s3.onRequest = () => 'pass'
})

type Changes = {
  readonly secret?: string
  readonly region?: string
  readonly nowMs?: () => number
  readonly prefix?: string
}
function openStore({
  secret = testCredentials.secretAccessKey,
  region = s3.region,
  nowMs,
  prefix = 'copy/',
}: Changes): S3Store {
  return openS3Store(
    {
      endpoint: s3.endpoint,
      region,
      bucket: TEST_BUCKET,
      style: 'path',
      prefix,
      insecureHttp: true,
      partBytes: PART_BYTES,
      attempts: 3,
    },
    {
      credentials: () => Promise.resolve({ ...testCredentials, secretAccessKey: secret }),
      pause: () => Promise.resolve(),
      ...(nowMs && { nowMs }),
    },
  )
}

async function bigFile(): Promise<{ path: string; sha256: string; size: number }> {
  const path = join(folder, 'big')
  const bytes = Buffer.alloc(PART_BYTES * 2 + 4321, 'parquet')
  await writeFile(path, bytes)
  return { path, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }
}

test("the server judges rightly: it takes what curl signed, and refuses curl's signature of another secret", async () => {
  const path = join(folder, 'curl')
  await writeFile(path, 'by curl')
  const curl = async (secret: string, ...more: readonly string[]) => {
    const user = `${testCredentials.accessKeyId}:${secret}`
    const sum = createHash('sha256')
      .update(more.includes('-T') ? 'by curl' : '')
      .digest('hex')
    const own = ['-s', '--aws-sigv4', `aws:amz:${s3.region}:s3`, '--user', user, '-H', `x-amz-content-sha256: ${sum}`]
    const { stdout } = await promisify(execFile)('curl', [...own, '-w', ' %{http_code}', ...more])
    return stdout
  }
  const url = `${s3.endpoint}/${TEST_BUCKET}/by-curl.txt`
  assert.match(await curl(testCredentials.secretAccessKey, '-T', path, url), /200$/)
  assert.equal(await curl(testCredentials.secretAccessKey, url), 'by curl 200')
  assert.match(await curl('another', url), /SignatureDoesNotMatch.* 403$/s)
  const store = openStore({ prefix: '' })
  assert.equal(String(await store.get('by-curl.txt', 100, never)), 'by curl', 'and ours reads what curl wrote')
  store.close()
})

test('a wrong secret, key, region or clock is refused at once, and nothing is stored', async () => {
  const before = await s3.files()
  for (const [code, known, store] of [
    ['SignatureDoesNotMatch', 'configuration-invalid', openStore({ secret: 'wrong' })],
    ['AuthorizationHeaderMalformed', 'configuration-invalid', openStore({ region: 'elsewhere' })],
    ['RequestTimeTooSkewed', 'lake-unavailable', openStore({ nowMs: () => Date.now() - 3_600_000 })],
  ] as const) {
    const refused = s3.refused.length
    for (const ask of [
      () => store.put('a/b', Buffer.from('x'), never),
      () => store.get('a/b', 10, never),
      () => store.removeAll('a/', never),
    ])
      await assert.rejects(ask, (error) => isFault(error, known) && !String(error.stack).includes('wrong'))
    assert.deepEqual(s3.refused.slice(refused), [code, code, code], 'once each: trying again would not help')
    store.close()
  }
  assert.deepEqual(await s3.files(), before)
})

test('an upload that breaks off is taken up again; one that keeps breaking off is taken back', async () => {
  const { path, sha256, size } = await bigFile()
  const store = openStore({})
  let breaks = 0
  s3.onRequest = (method, url) =>
    method === 'PUT' && url.searchParams.get('partNumber') === '2' && breaks++ === 0 ? 'break' : 'pass'
  await store.putFile('up/again', path, sha256, never)
  assert.equal(breaks, 2)
  assert.deepEqual(await store.head('up/again', never), { key: 'up/again', bytes: size })

  // This server keeps parts that were taken back; that it was asked to take them back is what counts.
  let takenBack = 0
  const noteAbort = (method: string, url: URL) => {
    if (method === 'DELETE' && url.searchParams.has('uploadId')) takenBack++
  }
  s3.onRequest = (method, url) => {
    noteAbort(method, url)
    return method === 'PUT' && url.searchParams.get('partNumber') === '3' ? 'break' : 'pass'
  }
  await assert.rejects(store.putFile('up/never', path, sha256, never), (error) => isFault(error, 'lake-unavailable'))
  assert.equal(await store.head('up/never', never), undefined)
  assert.equal(takenBack, 1)

  const stop = new AbortController()
  s3.onRequest = (method, url) => {
    noteAbort(method, url)
    if (method === 'PUT' && url.searchParams.get('partNumber') === '2') stop.abort(new Error('stopped'))
    return 'pass'
  }
  await assert.rejects(store.putFile('up/stopped', path, sha256, stop.signal), /stopped/)
  assert.equal(await store.head('up/stopped', never), undefined)
  assert.equal(takenBack, 2)
  store.close()
})

test('a completion whose answer is lost counts as stored once the store is asked again', async () => {
  const { path, sha256, size } = await bigFile()
  const store = openStore({})
  let lost = 0
  s3.onRequest = (method, url) =>
    method === 'POST' && url.searchParams.has('uploadId') && lost++ === 0 ? 'lose' : 'pass'
  await store.putFile('up/lost', path, sha256, never)
  assert.ok(lost > 1)
  assert.deepEqual(await store.head('up/lost', never), { key: 'up/lost', bytes: size })
  store.close()
})

test("a tenant's copy in the store is a lake by itself, follows changes, and goes with the tenant", async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  const journal = await startTestWriter(at)
  for (let n = 0; n < 60; n++) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS - n * 3_600_000 }))
  await journal.close()
  const store = openStore({ prefix: 'all/' })
  await using lake = openLake({ folder: at.folder, journalRoot: at.journalRoot }, { report: () => {} })
  await lake.compact(tenant, [writerKey.key], never)
  const upload = () => uploadTenant(store, { folder: at.folder, tenant, signal: never })
  const first = await upload()
  assert.ok(first.sent > 1)
  assert.equal((await upload()).sent, 0, 'nothing is sent twice')

  // One that lost its machine reads the copy.
  const restored = join(folder, 'restored')
  for await (const { key, bytes } of store.list('', never)) {
    const path = join(restored, key)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, (await store.get(key, bytes, never)) ?? '')
  }
  await using copy = openLake({ folder: restored, journalRoot: null }, { report: () => {} })
  assert.deepEqual((await copy.verify(tenant, [writerKey.key], never)).problems, [])
  const { rows } = await lake.status(tenant)
  assert.equal((await copy.status(tenant)).rows, rows)

  await lake.removeDaysBefore(tenant, '2026-11-23', never)
  const second = await upload()
  assert.ok(second.removed > 0, 'what retention removed goes from the copy')
  await store.removeAll(`tenant=${tenant}/`, never)
  for await (const { key } of store.list('', never)) assert.fail(`${key} is left`)
  store.close()
})
