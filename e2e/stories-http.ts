// Stories of programs at the browser door, with a person's cookie: HTTP/2, WebSocket, large uploads, events.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { Person } from '#demo/person.ts'
import { temporaryFolder } from './accounts.ts'
import { curl } from './programs.ts'
import type { World } from './world-form.ts'

const MEBIBYTE = 1024 * 1024
const UPLOAD_BYTES = 400 * MEBIBYTE
/** What the process may grow by during the upload: several times every window and buffer on the way, far below it. */
const MAX_GROWTH_BYTES = 128 * MEBIBYTE // garbage that is collected late, with all parts in one process; a held upload would be all of it
const SLOW_APP_MS = 2000
const loopback: LookupFunction = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** Signs in with a simple browser; the value of our cookie for that app host. */
export async function cookieFor(world: World, person: Person, host: string, user: string, tenant = 'acme') {
  const page = await person.open(world.url(host))
  const { password } = await world.credentialsOf(user, tenant)
  if (page.text.includes('name="password"')) await person.submit(page, { user, password })
  const cookie = person.cookiesOf(`${host}:${world.port}`).get('__Host-sallyport')
  assert.ok(cookie, `${user} is signed in at ${host}`)
  return `__Host-sallyport=${cookie}`
}

export const curlArguments = (world: World, host: string, cookie: string) =>
  ['--cacert', world.webCaFile, '--resolve', `${host}:${world.port}:127.0.0.1`, '-H', `Cookie: ${cookie}`] as const

export async function curlOverHttp2(world: World): Promise<void> {
  const host = `wiki.acme.${world.appsDomain}`
  const cookie = await cookieFor(world, new Person(world.webCaPem), host, 'alice')
  for (const [flag, version] of [
    ['--http2', '2'],
    ['--http1.1', '1.1'],
  ] as const) {
    const page = await curl(flag, '-w', '\n%{http_version}', ...curlArguments(world, host, cookie), world.url(host))
    assert.match(page.out, /Hello, <strong>Alice Archer/, page.err)
    assert.equal(page.out.split('\n').at(-1), version)
  }
  const without = await curl('--http2', '-i', ...curlArguments(world, host, 'a=b'), world.url(host))
  assert.match(without.out, /^HTTP\/2 401/)
  assert.match(without.out, /sallyport-reason: not-signed-in/i)
  // The connection is for one host, the request for another: never decided by the SNI.
  const other = await curl(
    '--http2',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    ...curlArguments(world, host, cookie),
    '-H',
    `Host: files.globex.${world.appsDomain}`,
    world.url(host),
  )
  assert.equal(other.out, '421', other.err)
}

export async function webSocketClient(world: World): Promise<void> {
  const host = `wiki.acme.${world.appsDomain}`
  const cookie = await cookieFor(world, new Person(world.webCaPem), host, 'alice')
  const open = (headers: Readonly<Record<string, string>>) =>
    new WebSocket(`wss://${host}:${world.port}/socket`, { ca: world.webCaPem, lookup: loopback, headers })
  const socket = open({ Cookie: cookie, Origin: world.url(host, '') })
  const heard = Promise.withResolvers<void>()
  const text = randomBytes(16).toString('hex')
  socket.on('message', (data) => {
    if (String(data).includes('joined')) socket.send(text)
    if (String(data) === `Alice Archer: ${text}`) heard.resolve()
  })
  socket.on('error', heard.reject)
  socket.on('close', () => heard.reject(new Error('closed before the echo came')))
  await heard.promise
  socket.close()
  const refusal = (headers: Readonly<Record<string, string>>) =>
    new Promise<string>((resolve) => {
      const refused = open(headers)
      refused.on('open', () => resolve('open'))
      refused.on('error', (error) => resolve(error.message))
    })
  assert.match(await refusal({}), /401/)
  assert.match(await refusal({ Cookie: cookie, Origin: 'https://evil.example' }), /403/)
}

type TestApp = AsyncDisposable & {
  readonly host: string
  /** The streams of `/events` that are open. */
  readonly streams: ServerResponse[]
}

/** An app that digests what it gets, slowly at first, and streams what it is told to. */
async function publishTestApp(world: World): Promise<TestApp> {
  const streams: ServerResponse[] = []
  const server = createServer((request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: ready\n\n')
      streams.push(response)
      return
    }
    const hash = createHash('sha256')
    let bytes = 0
    request.once('data', () => {
      request.pause()
      setTimeout(() => request.resume(), SLOW_APP_MS)
    })
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    request.on('end', () => response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })))
    request.on('error', () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const spec = { kind: 'http', connectorGroup: 'office', upstream: { host: '127.0.0.1', port } }
  await world.api().call('apply', { body: { documents: [{ kind: 'App', name: 'depot', spec }] } })
  return {
    host: `depot.acme.${world.appsDomain}`,
    streams,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const statusBytes = (pid: number, field: 'VmHWM' | 'VmRSS') =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

export async function largeUpload(world: World): Promise<void> {
  await using app = await publishTestApp(world)
  const cookie = await cookieFor(world, new Person(world.webCaPem), app.host, 'alice')
  const folder = temporaryFolder('sallyport-upload-', undefined)
  try {
    const file = join(folder, 'upload')
    const hash = createHash('sha256')
    const block = randomBytes(MEBIBYTE)
    const descriptor = openSync(file, 'w')
    for (let at = 0; at < UPLOAD_BYTES / MEBIBYTE; at++) {
      block.writeUInt32BE(at)
      hash.update(block)
      writeSync(descriptor, block)
    }
    closeSync(descriptor)
    const sha256 = hash.digest('hex')
    for (const version of world.mode === 'processes' ? ['--http1.1', '--http2'] : ['--http2']) {
      // 5: the kernel forgets the high-water mark, so that only this upload counts.
      writeFileSync(`/proc/${world.exchangePid}/clear_refs`, '5')
      const before = statusBytes(world.exchangePid, 'VmRSS')
      const sent = await curl(
        version,
        '-T',
        file,
        ...curlArguments(world, app.host, cookie),
        world.url(app.host, '/in'),
      )
      assert.deepEqual(JSON.parse(sent.out || '{}'), { bytes: UPLOAD_BYTES, sha256 }, `${version}: ${sent.err}`)
      const growth = statusBytes(world.exchangePid, 'VmHWM') - before
      assert.ok(growth < MAX_GROWTH_BYTES, `${version}: the exchange grew by ${Math.round(growth / MEBIBYTE)} MiB`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function eventsArriveAsTheyAreSent(world: World): Promise<void> {
  await using app = await publishTestApp(world)
  const cookie = await cookieFor(world, new Person(world.webCaPem), app.host, 'alice')
  for (const version of ['--http1.1', '--http2']) {
    const listener = spawn(
      'curl',
      ['-sSN', '--max-time', '30', version, ...curlArguments(world, app.host, cookie), world.url(app.host, '/events')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines = createInterface({ input: listener.stdout })[Symbol.asyncIterator]()
    const next = async () => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) return 'the stream ended'
        if (value !== '') return value
      }
    }
    assert.equal(await next(), 'data: ready', version)
    // Each is sent only after the last was seen at the other end: nothing on the way may wait for more.
    for (const event of ['data: one', 'data: two', 'data: three']) {
      app.streams.at(-1)?.write(`${event}\n\n`)
      assert.equal(await next(), event, version)
    }
    app.streams.at(-1)?.end()
    assert.equal(await next(), 'the stream ended', version)
  }
}

export async function httpStories(t: TestContext, world: World): Promise<void> {
  await t.test('curl speaks HTTP/2 and HTTP/1.1 with a cookie, and is told why without', () => curlOverHttp2(world))
  await t.test('a WebSocket client works with a cookie from its own origin only', () => webSocketClient(world))
  await t.test('a large upload to a slow app arrives whole and fills no memory', () => largeUpload(world))
  await t.test('events arrive as they are sent', () => eventsArriveAsTheyAreSent(world))
}
