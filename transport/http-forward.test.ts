// Forwarding under attack and strain, against real servers: truncation, aborts, slow ends, odd heads, both versions.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { dial } from './dial.ts'
import { endToEnd, fieldsOf, type HeaderFields } from './forward-headers.ts'
import { forward, type ForwardEnd, type ForwardOptions } from './http-forward.ts'
import { listen } from './testing.ts'
import { startUpstream } from './upstream.ts'

const cleanups: (() => unknown)[] = []
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})

type Edge = {
  readonly port: number
  readonly server: Server
  readonly ends: ForwardEnd[]
  nextEnd(): Promise<ForwardEnd>
}

function serve(listener: RequestListener): Server {
  const server = createServer(listener)
  cleanups.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

/** A proxy in front of `upstream` that answers `unanswered` with the fault's code. */
async function edge(upstream: Server, overrides: Partial<ForwardOptions> = {}, http2 = false): Promise<Edge> {
  const upstreamPort = await listen(upstream)
  const origin = 'http://app' as const
  const dispatcher = startUpstream(
    { origin, maxConnections: 8 },
    { connect: () => dial({ host: '127.0.0.1', port: upstreamPort }) },
  )
  const ends: ForwardEnd[] = []
  let waiting: PromiseWithResolvers<ForwardEnd>[] = []
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const headers: HeaderFields = [
      ['host', 'app.test'],
      ...fieldsOf(request.rawHeaders).filter(([name]) => name !== 'host'),
    ]
    const { method = 'GET', url: path = '/' } = request
    const end = await forward(request, response, { dispatcher, method, path, headers, ...overrides })
    if (end.kind === 'unanswered')
      response.writeHead(end.fault.status, { 'content-type': 'text/plain' }).end(end.fault.code)
    ends.push(end)
    for (const waiter of waiting) waiter.resolve(end)
    waiting = []
  }
  const server = http2
    ? createHttp2Server((request, response) => void onRequest(request as never, response as never))
    : createServer((request, response) => void onRequest(request, response))
  cleanups.push(
    () => server.close(),
    () => dispatcher.destroy(),
  )
  const nextEnd = () => {
    const waiter = Promise.withResolvers<ForwardEnd>()
    waiting.push(waiter)
    return waiter.promise
  }
  return { port: await listen(server), server, ends, nextEnd }
}

async function fetchVia(port: number, path: string, init: { method?: string; headers?: string[]; body?: Buffer } = {}) {
  const { method = 'GET', headers = [], body } = init
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    path,
    method,
    headers: ['Host', 'edge.test', ...headers],
    agent: false,
  })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { response, body: Buffer.concat(chunks) }
}
const rawUpstream = (onHead: (socket: Socket) => void) =>
  createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => onHead(socket))
  })

describe('forwarding', () => {
  test('takes connection headers out in both directions, also those that Connection names', async () => {
    let seen: string[] = []
    const upstream = serve((request, response) => {
      seen = request.rawHeaders
      response.writeHead(200, [
        'X-Kept',
        '1',
        'X-Secret',
        '2',
        'Connection',
        'x-secret',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
      ])
      response.end('ok')
    })
    const { port } = await edge(upstream)
    const headers = [
      'Connection',
      'close, X-Drop, content-length',
      'X-Drop',
      '1',
      'TE',
      'trailers',
      'Proxy-Authorization',
      's',
      'X-Keep',
      'y',
    ]
    const { response, body } = await fetchVia(port, '/', {
      method: 'POST',
      headers: [...headers, 'Content-Length', '2'],
      body: Buffer.from('hi'),
    })
    const names = fieldsOf(seen).map(([name]) => name)
    for (const name of ['x-drop', 'te', 'proxy-authorization']) assert.ok(!names.includes(name), name)
    for (const name of ['x-keep', 'content-length', 'host']) assert.ok(names.includes(name), name)
    assert.equal(seen[seen.findIndex((name) => name.toLowerCase() === 'host') + 1], 'app.test')
    assert.equal(response.headers['x-secret'], undefined)
    assert.equal(response.headers['x-kept'], '1')
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(String(body), 'ok')
  })
  for (const [name, head] of [
    ['by length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n'],
  ] as const) {
    for (const how of ['end', 'resetAndDestroy'] as const) {
      test(`destroys a response whose upstream stopped in the middle (${name}, ${how})`, async () => {
        const upstream = rawUpstream((socket) => socket.write(head, () => setTimeout(() => socket[how](), 20)))
        cleanups.push(() => upstream.close())
        const proxy = await edge(upstream)
        const end = proxy.nextEnd()
        await assert.rejects(fetchVia(proxy.port, '/'), { code: 'ECONNRESET' })
        assert.equal((await end).kind, 'truncated')
      })
    }
  }
  test('leaves the answer to the caller when the upstream is silent, malformed, gone or absent', async () => {
    const cases: [string, Server, Partial<ForwardOptions>][] = [
      ['upstream-timeout', rawUpstream(() => {}), { headTimeoutMs: 50 }],
      ['upstream-malformed', rawUpstream((socket) => socket.end('HTTP/1.1 2x0 OK\r\n\r\n')), {}],
      [
        'upstream-malformed',
        rawUpstream((socket) =>
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'),
        ),
        {},
      ],
      [
        'upstream-malformed',
        rawUpstream((socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`)),
        {},
      ],
      [
        'upstream-unreachable',
        rawUpstream((socket) => socket.end('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')),
        {},
      ],
      ['upstream-unreachable', rawUpstream((socket) => socket.resetAndDestroy()), {}],
    ]
    for (const [code, upstream, overrides] of cases) {
      cleanups.push(() => upstream.close())
      const { port } = await edge(upstream, overrides)
      const { body } = await fetchVia(port, '/')
      assert.equal(String(body), code)
    }
    const upstream = createServer()
    const { port } = await edge(upstream)
    upstream.close()
    await once(upstream, 'close')
    assert.equal(String((await fetchVia(port, '/')).body), 'upstream-unreachable')
  })
  test('aborts the upstream when the client goes, before and within the response', async () => {
    for (const early of [true, false]) {
      const arrived = Promise.withResolvers<void>()
      const aborted = Promise.withResolvers<void>()
      const upstream = serve((_request, response) => {
        response.on('close', () => aborted.resolve())
        if (!early) response.write('some')
        arrived.resolve()
      })
      const proxy = await edge(upstream)
      const end = proxy.nextEnd()
      const client = connect(proxy.port, '127.0.0.1')
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await arrived.promise
      if (!early) await once(client, 'data')
      client.destroy()
      await aborted.promise
      assert.equal((await end).kind, 'client-gone')
    }
  })
  test('cuts both sides when aborted in the middle, and answers nothing of its own', async () => {
    const gone = Promise.withResolvers<void>()
    const upstream = serve((_request, response) => {
      response.on('close', () => gone.resolve())
      response.write('some')
    })
    const cut = new AbortController()
    const proxy = await edge(upstream, { signal: cut.signal })
    const end = proxy.nextEnd()
    const client = connect(proxy.port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(client, 'data')
    const closed = new Promise((done) => client.on('error', () => {}).on('close', done))
    client.resume()
    cut.abort()
    await Promise.all([gone.promise, closed])
    assert.equal((await end).kind, 'truncated')
    assert.equal(String((await fetchVia(proxy.port, '/')).body), 'closing')
  })
  test('passes a server-sent event on at once, and a head before any body', async () => {
    let send: ((text: string) => void) | undefined
    const upstream = serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      send = (text) => response.write(text)
    })
    const { port } = await edge(upstream)
    const request = httpRequest({ port, host: '127.0.0.1', agent: false }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      send?.(text)
      assert.equal(String((await once(response, 'data'))[0]), text)
    }
    response.destroy()
  })
  test('stops taking an upload while nobody reads its echo, then delivers all 96 MiB intact', async () => {
    const upstream = serve((request, response) => void request.pipe(response))
    const proxy = await edge(upstream)
    const end = proxy.nextEnd()
    const block = Buffer.alloc(1024 * 1024, 'forward')
    const total = 96
    const request = httpRequest({ port: proxy.port, host: '127.0.0.1', method: 'PUT', agent: false })
    const sent = createHash('sha256')
    let count = 0
    const pour = async () => {
      for (; count < total; count++) {
        sent.update(block)
        if (!request.write(block)) await once(request, 'drain')
      }
      request.end()
    }
    const pouring = pour()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // Nobody reads: it has to come to rest, held by the kernel's buffers, well before the end.
    for (let quiet = 0; quiet < 300 && count < total;) {
      const before = count
      await new Promise(setImmediate)
      quiet = count === before ? quiet + 1 : 0
    }
    assert.ok(count < total / 2, `${count} MiB taken`)
    const got = createHash('sha256')
    for await (const chunk of response) got.update(chunk as Buffer)
    await pouring
    assert.equal(got.digest('hex'), sent.digest('hex'))
    const bytes = total * block.length
    assert.deepEqual(await end, { kind: 'done', status: 200, requestBytes: bytes, responseBytes: bytes })
  })
  test('answers a client whose upload the upstream refuses or drops in the middle', async () => {
    const early = 'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'
    const cases: [number, Server][] = [
      [502, rawUpstream((socket) => socket.resetAndDestroy())],
      [413, rawUpstream((socket) => socket.write(early))],
    ]
    for (const [status, upstream] of cases) {
      cleanups.push(() => upstream.close())
      const { port } = await edge(upstream)
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'PUT',
        agent: false,
        headers: { 'content-length': 9_000_000 },
      })
      request.on('error', () => {})
      request.write(Buffer.alloc(4_000_000))
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      assert.equal(response.statusCode, status)
      response.on('error', () => {}).resume()
      request.destroy()
    }
  })
  test('refuses a request with trailers, announced or not, before the app has had all of it', async () => {
    for (const announced of [true, false]) {
      const ended = Promise.withResolvers<boolean>()
      const upstream = serve((request) => {
        request.on('error', () => {}).on('close', () => ended.resolve(request.complete))
        request.resume()
      })
      const { port, nextEnd } = await edge(upstream)
      const end = nextEnd()
      const client = connect(port, '127.0.0.1')
      const head = `POST /up HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n${announced ? 'Trailer: x-sum\r\n' : ''}\r\n`
      client.write(`${head}3\r\nabc\r\n`)
      if (!announced) await once(upstream, 'request')
      client.write('0\r\nX-Sum: 1\r\n\r\n')
      const [answer] = (await once(client, 'data')) as [Buffer]
      assert.match(String(answer), /^HTTP\/1.1 400/)
      assert.equal((await end).kind, 'unanswered')
      if (!announced) assert.equal(await ended.promise, false, 'the app took the request for whole')
      client.destroy()
    }
  })
  test('aborts the upstream when the client goes during its upload', async () => {
    const arrived = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const upstream = serve((request) => {
      request.once('data', () => arrived.resolve())
      request.on('error', () => {}).on('close', () => gone.resolve())
    })
    const proxy = await edge(upstream)
    const end = proxy.nextEnd()
    const request = httpRequest({ port: proxy.port, host: '127.0.0.1', method: 'PUT', agent: false })
    request.on('error', () => {})
    request.write('some')
    await arrived.promise
    request.destroy()
    await gone.promise
    assert.equal((await end).kind, 'client-gone')
  })
  test('joins the cookies that HTTP/2 splits', () => {
    const fields = endToEnd([
      ['cookie', 'a=1'],
      ['x', '1'],
      ['cookie', 'b=2'],
    ])
    assert.deepEqual(fields, [
      ['x', '1'],
      ['cookie', 'a=1; b=2'],
    ])
  })
  test('passes early hints, trailers, empty responses and HEAD', async () => {
    const upstream = serve((request, response) => {
      if (request.url === '/hints') response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      if (request.url === '/empty') return void response.writeHead(204).end()
      if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': '1000' }).end()
      response.writeHead(200, { Trailer: 'X-Sum' })
      response.write('body')
      response.addTrailers({ 'X-Sum': '1', 'X-Sallyport-User': 'root' })
      response.end()
    })
    const { port } = await edge(upstream)
    const request = httpRequest({ port, host: '127.0.0.1', path: '/hints', agent: false }).end()
    const information = once(request, 'information')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal((await information)[0].statusCode, 103)
    response.resume()
    await once(response, 'end')
    assert.deepEqual(response.trailers, { 'x-sum': '1' })
    assert.equal((await fetchVia(port, '/empty')).response.statusCode, 204)
    const head = await fetchVia(port, '/', { method: 'HEAD' })
    assert.equal(head.response.headers['content-length'], '1000')
  })
  test('lets the caller change the head, or refuse it', async () => {
    const upstream = serve((_request, response) => void response.writeHead(302, { location: 'http://inside/' }).end())
    const onHead: ForwardOptions['onHead'] = ({ headers }) =>
      headers.map(([name, value]) => (name === 'location' ? [name, 'https://outside/'] : [name, value]))
    const changed = await edge(upstream, { onHead })
    assert.equal((await fetchVia(changed.port, '/')).response.headers.location, 'https://outside/')
    const refused = await edge(
      serve((_request, response) => void response.end()),
      {
        onHead: () => {
          throw new Fault('not-permitted')
        },
      },
    )
    assert.equal(String((await fetchVia(refused.port, '/')).body), 'not-permitted')
  })
  test('speaks HTTP/2 to the client: body, cookies, and truncation as a reset stream', async () => {
    const upstream = serve((request, response) => {
      if (request.url !== '/cut') {
        response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
        request.pipe(response)
        return
      }
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    const { port } = await edge(upstream, {}, true)
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    const post = client.request({ ':method': 'POST', ':path': '/' })
    post.end('over two')
    const [headers] = await once(post, 'response')
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(String((await once(post, 'data'))[0]), 'over two')
    const cut = client.request({ ':path': '/cut' })
    cut.resume()
    const [error] = (await once(cut, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ERR_HTTP2_STREAM_ERROR')
    client.close()
  })
  test('refuses over HTTP/2 a head that says two things, and goes on', async () => {
    const heads: Record<string, string[]> = {
      '/location': ['Location', '/a', 'Location', '/b'],
      '/etag': ['ETag', '"a"', 'ETag', '"b"'],
      '/type': ['Content-Type', 'text/html', 'Content-Type', 'text/plain'],
      '/same': ['X-Content-Type-Options', 'nosniff', 'X-Content-Type-Options', 'nosniff', 'Content-Encoding', 'x'],
      '/list': ['Content-Encoding', 'gzip', 'Content-Encoding', 'br', 'Keep-Alive', 'x', 'Proxy-Connection', 'x'],
    }
    const upstream = serve((request, response) => void response.writeHead(200, heads[request.url ?? '']).end())
    const { port } = await edge(upstream, {}, true)
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    const ask = async (path: string) => {
      const stream = client.request({ ':path': path })
      stream.resume()
      const [headers] = await once(stream, 'response')
      return headers
    }
    for (const path of ['/location', '/etag', '/type']) assert.equal((await ask(path))[':status'], 502, path)
    assert.equal((await ask('/same'))['x-content-type-options'], 'nosniff')
    const list = await ask('/list')
    assert.equal(list['content-encoding'], 'gzip, br')
    assert.equal(list['keep-alive'], undefined)
    client.close()
  })
  test('outlives over HTTP/2 what an upstream says in odd statuses, trailers and hints', async () => {
    const chunked = 'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n'
    const answers: Record<string, string> = {
      '/etag': `HTTP/1.1 200 OK\r\nTrailer: etag\r\n${chunked}ETag: "a"\r\nETag: "b"\r\n\r\n`,
      '/good': `HTTP/1.1 200 OK\r\nTrailer: x-sum\r\n${chunked}X-Sum: 1\r\nKeep-Alive: x\r\n\r\n`,
      '/hint': `HTTP/1.1 103 H\r\nLink: not a link\r\n\r\nHTTP/1.1 200 OK\r\n${chunked}\r\n`,
      '/reset': `HTTP/1.1 205 R\r\n${chunked}\r\n`,
      '/status': `HTTP/1.1 999 R\r\n${chunked}\r\n`,
    }
    const upstream = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (head) => socket.write(answers[String(head).split(' ')[1] ?? ''] ?? '', 'latin1'))
    })
    cleanups.push(() => upstream.close())
    const { port } = await edge(upstream, {}, true)
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    for (const path of [...Object.keys(answers), '/etag']) {
      const stream = client.request({ ':path': path })
      const trailers: object[] = []
      stream.on('error', () => {}).on('trailers', (fields) => trailers.push(fields))
      stream.resume()
      await once(stream, 'close').catch(() => undefined)
      assert.equal(JSON.stringify(trailers), path === '/good' ? '[{"x-sum":"1"}]' : '[]', path)
    }
    client.destroy()
  })
  test('keeps the fields that say where a body ends, whatever Connection names', () => {
    const fields = endToEnd([
      ['connection', 'content-length, host, x'],
      ['content-length', '1'],
      ['host', 'a'],
      ['x', '1'],
    ])
    assert.deepEqual(fields, [
      ['content-length', '1'],
      ['host', 'a'],
    ])
  })
})
