// One contract for every object store, run against each: a folder, an S3 server that verifies signatures, and any other
// that `SALLYPORT_TEST_S3` names.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { openFolderStore } from './folder-store.ts'
import type { ObjectStore } from './object-store.ts'
import { authorization, type SignedParts } from './s3-sign.ts'
import { openS3Store } from './s3-store.ts'
import { startTestS3, TEST_BUCKET, testCredentials, type TestS3 } from './testing-s3.ts'
import { never } from './testing.ts'

const PART_BYTES = 5 * 1024 * 1024
let folder = ''
let s3: TestS3
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lake-store-'))
  s3 = await startTestS3()
})
after(async () => {
  await s3[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const s3Url = process.env['SALLYPORT_TEST_S3']

// `http://KEY:SECRET@HOST:PORT/BUCKET?region=…&style=path` of a server that one may fill and empty.
function openTestS3(url: string, prefix: string): ObjectStore {
  const { protocol, host, username, password, pathname, searchParams } = new URL(url)
  const style = searchParams.get('style') === 'virtual-host' ? 'virtual-host' : 'path'
  const region = searchParams.get('region') ?? 'us-east-1'
  const credentials = { accessKeyId: decodeURIComponent(username), secretAccessKey: decodeURIComponent(password) }
  return openS3Store(
    {
      endpoint: `${protocol}//${host}`,
      bucket: pathname.slice(1),
      region,
      style,
      prefix,
      insecureHttp: true,
      partBytes: PART_BYTES,
    },
    { credentials: () => Promise.resolve(credentials) },
  )
}

function ownS3Url(): string {
  const { accessKeyId, secretAccessKey } = testCredentials
  return `${s3.endpoint.replace('//', `//${accessKeyId}:${secretAccessKey}@`)}/${TEST_BUCKET}?region=${s3.region}`
}

const stores: readonly (readonly [string, (() => ObjectStore) | undefined])[] = [
  ['a folder', () => openFolderStore(join(folder, 'store'))],
  ['an S3 server', () => openTestS3(ownS3Url(), 'test/')],
  ['the S3 server that is named', s3Url === undefined ? undefined : () => openTestS3(s3Url, `test-${Date.now()}/`)],
]

for (const [name, openStore] of stores) {
  const skip = openStore === undefined && 'SALLYPORT_TEST_S3 names no server'
  describe(`${name} as object store`, { skip }, () => {
    let store: ObjectStore
    before(() => {
      if (openStore !== undefined) store = openStore()
    })

    test('gives back what was put, and replaces it whole', async () => {
      await store.put('a/one', Buffer.from('first'), never)
      await store.put('a/one', Buffer.from('second'), never)
      assert.equal(String(await store.get('a/one', 100, never)), 'second')
      assert.deepEqual(await store.head('a/one', never), { key: 'a/one', bytes: 6 })
    })

    test('tells what is not there from what is empty', async () => {
      assert.equal(await store.get('a/none', 100, never), undefined)
      assert.equal(await store.head('a/none', never), undefined)
      await store.put('a/empty', new Uint8Array(0), never)
      assert.equal((await store.get('a/empty', 100, never))?.length, 0)
      await store.remove('a/none', never)
    })

    test('refuses to give more than asked for', async () => {
      await store.put('a/long', Buffer.alloc(1000), never)
      await assert.rejects(store.get('a/long', 999, never), (error) => isFault(error, 'at-capacity'))
    })

    test('takes files, small and in parts, and refuses one whose content is another', async () => {
      for (const [key, size] of [
        ['b/small', 1000],
        ['b/parts', PART_BYTES * 2 + 12_345],
      ] as const) {
        const bytes = Buffer.alloc(size, key)
        bytes.writeUInt32BE(size, size - 4)
        const path = join(folder, 'file')
        await writeFile(path, bytes)
        await store.putFile(key, path, createHash('sha256').update(bytes).digest('hex'), never)
        assert.ok(bytes.equals((await store.get(key, size, never)) ?? new Uint8Array(0)), key)
        const wrong = store.putFile(`${key}-wrong`, path, '0'.repeat(64), never)
        await assert.rejects(wrong, (error) => isFault(error, 'lake-corrupt'))
        assert.equal(await store.head(`${key}-wrong`, never), undefined)
      }
    })

    test('lists by prefix, in the order of the keys, and removes a prefix and nothing else', async () => {
      const keys = ['t=1/a', 't=1/day=2/x', 't=1/day=2.y', 't=10/a', 't=2/a']
      for (const key of keys) await store.put(key, Buffer.from(key), never)
      const listed = async (prefix: string): Promise<string[]> => {
        const found: string[] = []
        for await (const { key } of store.list(prefix, never)) found.push(key)
        return found
      }
      assert.deepEqual((await listed('t=1/')).toSorted(), ['t=1/a', 't=1/day=2.y', 't=1/day=2/x'])
      await store.removeAll('t=1/', never)
      assert.deepEqual(await listed('t=1/'), [])
      assert.deepEqual(await listed('t=10/'), ['t=10/a'])
      assert.deepEqual(await listed('t=2/'), ['t=2/a'])
    })

    test('refuses keys that could mean another place', async () => {
      for (const key of ['', '/a', 'a//b', '../a', 'a/../b', 'a/./b', 'a b', 'a\0b', 'a?b', 'ä', 'x'.repeat(1000)]) {
        await assert.rejects(
          async () => await store.put(key, new Uint8Array(0), never),
          (error) => isFault(error, 'request-malformed'),
          key,
        )
      }
      await assert.rejects(
        async () => await store.removeAll('a', never),
        (error) => isFault(error, 'request-malformed'),
      )
    })
  })
}

test('a folder store leaves no half-written object behind', async () => {
  const root = join(folder, 'half')
  const store = openFolderStore(root)
  await writeFile(join(folder, 'file'), 'x')
  await assert.rejects(store.putFile('a/b', join(folder, 'file'), '0'.repeat(64), never))
  await assert.rejects(store.putFile('a/b', join(folder, 'absent'), '0'.repeat(64), never))
  assert.deepEqual(await readdir(join(root, 'a')), [])
})

const aws = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const day = {
  method: 'GET',
  path: '/',
  query: {},
  bodyHash: empty,
  region: 'us-east-1',
  service: 's3',
  timeMs: Date.UTC(2013, 4, 24),
}
const s3Headers = {
  host: 'examplebucket.s3.amazonaws.com',
  'x-amz-content-sha256': empty,
  'x-amz-date': '20130524T000000Z',
}
// The examples that Amazon publishes with the description of the signature.
const vectors: readonly (readonly [string, SignedParts, string])[] = [
  [
    'an object, part of it',
    { ...day, path: '/test.txt', headers: { ...s3Headers, range: 'bytes=0-9' } },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'an object put under a name that needs encoding',
    {
      ...day,
      method: 'PUT',
      path: '/test%24file.text',
      bodyHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      headers: {
        ...s3Headers,
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
    },
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'a query without value',
    { ...day, query: { lifecycle: '' }, headers: s3Headers },
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'a list',
    { ...day, query: { prefix: 'J', 'max-keys': '2' }, headers: s3Headers },
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
]

for (const [name, parts, signature] of vectors) {
  test(`signs as published: ${name}`, () => {
    assert.equal(authorization(parts, aws).split('Signature=')[1], signature)
  })
}

test('signs as published: get-vanilla of the public suite', () => {
  const parts = {
    ...day,
    service: 'service',
    timeMs: Date.UTC(2015, 7, 30, 12, 36),
    headers: { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' },
  }
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
  const expected = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'
  assert.equal(authorization(parts, credentials).split('Signature=')[1], expected)
})

type Reply = (request: IncomingMessage, response: ServerResponse, count: number) => void

async function withServer(
  reply: Reply,
  work: (store: ObjectStore, pauses: number[]) => Promise<void>,
): Promise<number> {
  let count = 0
  const server = createServer((request, response) => {
    request.resume().once('end', () => reply(request, response, ++count))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const pauses: number[] = []
  const store = openS3Store(
    {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'here',
      bucket: 'events',
      style: 'path',
      prefix: 'p/',
      insecureHttp: true,
      attempts: 3,
      timeoutMs: 2000,
    },
    { credentials: () => Promise.resolve(aws), random: () => 1, pause: (ms) => Promise.resolve(pauses.push(ms)) },
  )
  try {
    await work(store, pauses)
  } finally {
    store.close()
    server.closeAllConnections()
    server.close()
  }
  return count
}

test('tries again after a failure of the store, with growing pauses, and gives up', async () => {
  const count = await withServer(
    (_, response, n) => response.writeHead(n < 3 ? 503 : 200).end(),
    async (store, pauses) => {
      await store.put('a', Buffer.from('x'), never)
      assert.deepEqual(pauses, [200, 400])
    },
  )
  assert.equal(count, 3)
  const failed = await withServer(
    (_, response) => response.destroy(),
    async (store) =>
      assert.rejects(store.put('a', Buffer.from('x'), never), (error) => isFault(error, 'lake-unavailable')),
  )
  assert.equal(failed, 3)
})

test('refused credentials are tried once, and no secret is in what is thrown', async () => {
  const body = '<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>'
  const count = await withServer(
    (_, response) => response.writeHead(403).end(body),
    async (store) => {
      const error: unknown = await store.put('a', Buffer.from('x'), never).catch((thrown: unknown) => thrown)
      assert.ok(isFault(error, 'configuration-invalid'))
      assert.equal(error.detail['code'], 'SignatureDoesNotMatch')
      const shown = `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.detail)} ${String(error.cause)}`
      assert.ok(!shown.includes(aws.secretAccessKey) && !shown.includes('AWS4-HMAC'))
    },
  )
  assert.equal(count, 1)
})

test('a redirect is not followed', async () => {
  const count = await withServer(
    (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/steal' }).end(),
    async (store) => assert.rejects(store.get('a', 10, never), (error) => isFault(error, 'configuration-invalid')),
  )
  assert.equal(count, 1)
})

test('a store that says 200 and then tells of a failure has not stored the object', async () => {
  const path = join(folder, 'big')
  const bytes = Buffer.alloc(17 * 1024 * 1024)
  await writeFile(path, bytes)
  const asked: string[] = []
  await withServer(
    (request, response) => {
      asked.push(`${request.method} ${new URL(request.url ?? '', 'http://x').searchParams.get('partNumber') ?? ''}`)
      if (request.url?.endsWith('uploads=') === true) response.end('<R><UploadId>u</UploadId></R>')
      else if (request.method === 'PUT') response.setHeader('etag', '"e"').end()
      else response.end('<Error><Code>InternalError</Code></Error>')
    },
    async (store) => {
      const sum = createHash('sha256').update(bytes).digest('hex')
      await assert.rejects(store.putFile('a', path, sum, never), (error) => isFault(error, 'lake-unavailable'))
    },
  )
  // Begun, two parts, asked to complete, taken back.
  assert.deepEqual(asked, ['POST ', 'PUT 1', 'PUT 2', 'POST ', 'DELETE '])
})

test('refuses to start over plain http unless that was asked for by its name', () => {
  const config = { region: 'here', bucket: 'events', style: 'path', prefix: '' } as const
  const deps = { credentials: () => Promise.resolve(aws) }
  for (const endpoint of ['http://127.0.0.1', 'ftp://x', 'https://x/path', 'https://user:pass@x', 'nonsense']) {
    assert.throws(
      () => openS3Store({ ...config, endpoint }, deps),
      (error) => isFault(error, 'configuration-invalid'),
      endpoint,
    )
  }
  for (const bucket of ['', 'A', 'a/b', '../x', 'a..b']) {
    const wrong = { ...config, endpoint: 'https://x', bucket }
    assert.throws(
      () => openS3Store(wrong, deps),
      (error) => isFault(error, 'configuration-invalid'),
      bucket,
    )
  }
})
