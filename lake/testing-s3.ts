// Tests only: a real S3 server (s3rver, which keeps objects, parts and lists, but takes any Version 4 signature) behind a
// door that verifies each signature from the bytes that came, so that a wrong one is refused as Amazon refuses it. What
// the door accepts is checked against curl's own signer. Must never share code with the client that it judges.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import S3rver from 's3rver'

export const testCredentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
export const TEST_BUCKET = 'events'
const REGION = 'eu-test-1'
const CLOCK_MS = 15 * 60_000

/** `break`: the connection breaks off before the server heard of it; `lose`: after it did what was asked. */
type Fate = 'pass' | 'break' | 'lose'

export type TestS3 = {
  readonly endpoint: string
  readonly region: string
  /** Why requests were refused, in order. */
  readonly refused: readonly string[]
  /** What becomes of a request that verified. */
  onRequest: (method: string, url: URL) => Fate
  /** Every file the server holds, parts of unfinished uploads too. */
  readonly files: () => Promise<readonly string[]>
} & AsyncDisposable

export async function startTestS3(): Promise<TestS3> {
  const directory = await mkdtemp(join(tmpdir(), 'lake-s3-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: TEST_BUCKET }],
  })
  const { port: behind } = await server.run()
  const refused: string[] = []
  const state = { onRequest: (_method: string, _url: URL): Fate => 'pass' }
  const door = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy())
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const fault = whyRefused(request, body)
    if (fault !== undefined) {
      refused.push(fault)
      response.writeHead(403, { 'content-type': 'application/xml' })
      response.end(`<?xml version="1.0"?><Error><Code>${fault}</Code><Message>refused</Message></Error>`)
      return
    }
    const fate = state.onRequest(request.method ?? '', new URL(request.url ?? '', 'http://door'))
    if (fate === 'break') {
      request.socket.destroy()
      return
    }
    const { method = '', url = '', headers } = request
    const passed = httpRequest({ host: '127.0.0.1', port: behind, method, path: url, headers, agent: false })
    passed.on('error', () => request.socket.destroy())
    passed.end(body)
    const [found] = (await once(passed, 'response')) as [IncomingMessage]
    if (fate === 'lose') {
      await found.resume().toArray()
      request.socket.destroy()
      return
    }
    response.writeHead(found.statusCode ?? 500, found.headers)
    found.pipe(response)
  }
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const address = door.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    refused,
    get onRequest() {
      return state.onRequest
    },
    set onRequest(onRequest) {
      state.onRequest = onRequest
    },
    files: async () => (await readdir(directory, { recursive: true })).toSorted(),
    [Symbol.asyncDispose]: async () => {
      door.closeAllConnections()
      door.close()
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The error code of S3 for a request that does not prove who sent it; undefined: it does. */
function whyRefused({ method, url = '', headers, rawHeaders }: IncomingMessage, body: Buffer): string | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, accessKey, day = '', region = '', signed = '', signature = ''] =
    pattern.exec(headers.authorization ?? '') ?? []
  if (accessKey === undefined) return 'AccessDenied'
  if (accessKey !== testCredentials.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== REGION) return 'AuthorizationHeaderMalformed'
  const date = String(headers['x-amz-date'])
  const sentMs = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!date.startsWith(day) || !(Math.abs(sentMs - Date.now()) < CLOCK_MS)) return 'RequestTimeTooSkewed'
  const names = signed.split(';')
  const isAll = rawHeaders.every((name, at) => {
    const lower = name.toLowerCase()
    const mustBe = at % 2 === 0 && (lower === 'host' || lower.startsWith('x-amz-'))
    return !mustBe || names.includes(lower)
  })
  if (!isAll || !names.includes('host')) return 'AccessDenied'
  const bodyHash = String(headers['x-amz-content-sha256'])
  if (bodyHash !== createHash('sha256').update(body).digest('hex')) return 'XAmzContentSHA256Mismatch'
  // As they came on the wire, not decoded and encoded again.
  const [path = '', query = ''] = url.split('?')
  const pairs = query === '' ? [] : query.split('&').map((one) => (one.includes('=') ? one : `${one}=`))
  const canonical = [
    method,
    path,
    pairs.toSorted().join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    bodyHash,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const digest = createHash('sha256').update(canonical).digest('hex')
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`
  const mac = (key: string | Buffer, words: string) => createHmac('sha256', key).update(words).digest()
  const key = mac(mac(mac(mac(`AWS4${testCredentials.secretAccessKey}`, day), region), 's3'), 'aws4_request')
  return timingSafeEqual(mac(key, text), Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}
