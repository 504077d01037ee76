// WebSockets over HTTP/2 (RFC 8441) at the browser door: decided like any other, refused like any other, cut like any other.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { WebSocketServer } from 'ws'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

async function sessionTo(world: World): Promise<ClientHttp2Session & AsyncDisposable> {
  const session = connectHttp2(`https://${world.wikiHost}`, {
    createConnection: () => world.door(world.wikiHost, { ALPNProtocols: ['h2'] }),
  })
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return Object.assign(session, { [Symbol.asyncDispose]: async () => session.destroy() })
}

function ask(
  session: ClientHttp2Session,
  world: World,
  extra: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      ':authority': world.wikiHost,
      ':path': '/live',
      cookie: world.cookie(),
      origin: `https://${world.wikiHost}`,
      'sec-websocket-version': '13',
      ...extra,
    },
    { endStream: false },
  )
  stream.on('error', () => {})
  return stream
}

async function statusOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  const [headers] = await once(stream, 'response')
  return headers[':status']
}

/** A masked text frame of a client with a mask of zeros, and the unmasked one that comes back. */
const frameOf = (text: string) =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
const echoOf = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])

test('a WebSocket over HTTP/2 carries frames beside other requests, and ends with its session', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const sockets = new WebSocketServer({ server: world.httpApp })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
  await using session = await sessionTo(world)
  assert.equal(session.remoteSettings.enableConnectProtocol, true)
  const stream = ask(session, world)
  assert.equal(await statusOf(stream), 200)
  stream.write(frameOf('ping'))
  const [data] = (await once(stream, 'data')) as [Buffer]
  assert.deepEqual(data, echoOf('ping'))
  const page = session.request({ ':path': '/page', cookie: world.cookie() })
  assert.equal(await statusOf(page), 200)
  const closed = new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode)))
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.browserSession.id })
  assert.equal(await closed, constants.NGHTTP2_CANCEL)
  sockets.close()
})

test('what is refused over HTTP/1.1 is refused over HTTP/2', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  await using session = await sessionTo(world)
  assert.equal(await statusOf(ask(session, world, { origin: 'https://evil.test' })), 403)
  assert.equal(await statusOf(ask(session, world, { cookie: 'a=b' })), 401)
  assert.equal(await statusOf(ask(session, world, { 'sec-websocket-version': '8' })), 400)
  assert.equal(await statusOf(ask(session, world, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' })), 400)
  assert.equal(await statusOf(ask(session, world, { ':authority': 'wiki.globex.apps.test' })), 421)
  assert.equal(await statusOf(ask(session, world, { ':path': '/a/../live' })), 400)
  // The app answers a WebSocket with a page: nothing is opened.
  assert.equal(await statusOf(ask(session, world)), 502)
})

test('a CONNECT for anything else is no tunnel', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  await using session = await sessionTo(world)
  const other = ask(session, world, { ':protocol': 'connect-udp' })
  await new Promise((resolve) => other.once('close', resolve))
  assert.equal(other.rstCode, constants.NGHTTP2_REFUSED_STREAM)
  const plain = session.request({ ':method': 'CONNECT', ':authority': 'inside.test:22' })
  plain.on('error', () => {})
  await new Promise((resolve) => plain.once('close', resolve))
  assert.equal(plain.rstCode, constants.NGHTTP2_REFUSED_STREAM)
})
