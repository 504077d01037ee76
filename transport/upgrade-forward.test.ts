// WebSockets under attack: a tunnel opens only on a verified 101, and carries every byte from the first.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { dial } from './dial.ts'
import { fieldsOf } from './forward-headers.ts'
import { listen } from './testing.ts'
import { forwardUpgrade, type UpgradeResult } from './upgrade-forward.ts'
import { startUpstream } from './upstream.ts'

const cleanups: (() => unknown)[] = []
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})
const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const acceptFor = (text: string) =>
  createHash('sha1').update(`${text}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const ask = (lines: string[] = [], line = 'GET /chat HTTP/1.1') =>
  [
    line,
    'Host: a.test',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    ...lines,
    '',
    '',
  ].join('\r\n')
const good = ask([`Sec-WebSocket-Key: ${key}`])
const agreed = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n`

async function world(answer: (socket: Socket, head: string) => void, signal?: AbortSignal) {
  const requests: string[] = []
  const upstream = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', (head: Buffer) => {
      requests.push(String(head))
      answer(socket, String(head))
    })
  })
  const port = await listen(upstream)
  const dispatcher = startUpstream(
    { origin: 'http://app', maxConnections: 4 },
    { connect: () => dial({ host: '127.0.0.1', port }) },
  )
  const result = Promise.withResolvers<UpgradeResult>()
  const ended = Promise.withResolvers<string>()
  const proxy: Server = createServer((_request, response) => response.end()).on('upgrade', (request, socket, first) => {
    const headers = fieldsOf(request.rawHeaders)
    const options = {
      dispatcher,
      headers,
      path: '/chat',
      signal,
      onEnd: (end: { kind: string }) => ended.resolve(end.kind),
    }
    void forwardUpgrade(request, socket as Socket, first, options).then((outcome) => {
      if (outcome.kind === 'refused') socket.end(`HTTP/1.1 ${outcome.fault.status} No\r\nConnection: close\r\n\r\n`)
      result.resolve(outcome)
    })
  })
  const client = connect({ port: await listen(proxy), host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  cleanups.push(
    () => client.destroy(),
    () => dispatcher.destroy(),
    () => proxy.close(),
    () => upstream.close(),
  )
  return { client, result: result.promise, ended: ended.promise, requests }
}

/** Reads until `count` characters or the end. */
async function read(socket: Socket, until: (text: string) => boolean): Promise<string> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (until(text)) break
  }
  return text
}

describe('an upgrade is refused, and what the client sends next reaches nobody,', () => {
  const answers: [string, string][] = [
    ['when the upstream answers 200', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['when it answers 403', 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'],
    ['when it proves another key', agreed.replace(acceptFor(key), acceptFor('other')) + '\r\n'],
    ['when it proves none', 'HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
    ['when it agrees to something else', agreed.replace('Upgrade: websocket', 'Upgrade: h2c') + '\r\n'],
    ['when it agrees to two', `${agreed}Upgrade: h2c\r\n\r\n`],
    ['when it is not HTTP', 'SSH-2.0-x\r\n\r\n'],
  ]
  for (const [name, answer] of answers) {
    test(name, async () => {
      const { client, result, requests } = await world((socket) => socket.write(answer))
      client.write(`${good}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
      assert.equal((await result).kind, 'refused')
      assert.match(await read(client, () => false), /^HTTP\/1\.1 502 No/)
      assert.equal(requests.length, 1)
      assert.ok(!requests[0]?.includes('smuggled'))
    })
  }
  for (const [name, request] of [
    ['when it has a body', ask([`Sec-WebSocket-Key: ${key}`, 'Content-Length: 5'])],
    ['when its body is chunked', ask([`Sec-WebSocket-Key: ${key}`, 'Transfer-Encoding: chunked'])],
    ['when it is a POST', ask([`Sec-WebSocket-Key: ${key}`], 'POST /chat HTTP/1.1')],
    ['when it has no key', ask()],
    ['when its key is none', ask(['Sec-WebSocket-Key: x'])],
    ['when it asks for HTTP/2', good.replace('websocket', 'h2c')],
    ['when its version is another', good.replace('13', '8')],
  ] as const) {
    test(name, async () => {
      const { client, result, requests } = await world(() => {})
      client.write(request)
      assert.equal((await result).kind, 'refused')
      assert.deepEqual(requests, [])
    })
  }
  test('when the client has gone', async () => {
    const parts = await world(() => parts.client.resetAndDestroy())
    parts.client.write(good)
    assert.equal((await parts.result).kind, 'client-gone')
  })
})

describe('an agreed upgrade', () => {
  test('carries the first bytes of both sides, half-closes, and drops connection headers', async () => {
    const { client, result, ended, requests } = await world((socket) => {
      socket.write(`${agreed}Sec-WebSocket-Protocol: chat\r\nKeep-Alive: x\r\n\r\nearly`)
      void read(socket, () => false).then((text) => socket.end(`heard ${text}`))
    })
    client.write(`${ask([`Sec-WebSocket-Key: ${key}`, 'Proxy-Authorization: s'])}first`)
    const head = await read(client, (text) => text.endsWith('early'))
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n/)
    assert.match(head, /sec-websocket-protocol: chat/)
    assert.ok(!/keep-alive/i.test(head))
    assert.equal((await result).kind, 'relaying')
    client.end(' second')
    assert.equal(await read(client, () => false), 'heard first second')
    assert.equal(await ended, 'finished')
    assert.ok(!requests[0]?.toLowerCase().includes('proxy-authorization'))
  })
  test('is cut on both sides at once', async () => {
    const gone = Promise.withResolvers<void>()
    const { client, result, ended } = await world((socket) => {
      socket.on('close', () => gone.resolve())
      socket.write(`${agreed}\r\n`)
    })
    client.write(good)
    await once(client, 'data')
    const outcome = await result
    assert.ok(outcome.kind === 'relaying')
    const closed = new Promise((done) => client.on('close', done))
    client.resume()
    outcome.relay.cut('session ended')
    await Promise.all([gone.promise, closed])
    assert.equal(await ended, 'cut')
  })
})
