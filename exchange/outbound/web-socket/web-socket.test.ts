// Messages of WebSockets, looked at one by one: what goes on, what ends the connection, and what is no protocol at all.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { test } from 'node:test'
import fc from 'fast-check'
import { WebSocket, WebSocketServer, type RawData } from 'ws'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startWebWorld, webPolicy, type WebWorldOptions } from '#exchange/outbound/testing.ts'
import { wordInspector, words } from '#exchange/outbound/testing-inspector.ts'
import { leaf, listen } from '#transport/testing.ts'
import { closeFrame, FrameReader } from './frame-reader.ts'

const scanned = webPolicy('scanned', { annotations: { inspect: 'dlp,malware' } })

async function start(
  options: WebWorldOptions = {},
  onMessage?: (data: RawData, isBinary: boolean, socket: WebSocket) => void,
) {
  const inspector = wordInspector()
  const world = await startWebWorld(issueIntermediate, { policies: [scanned], inspector, ...options })
  const server = createHttpsServer(await leaf(world.siteCa, { sanDns: ['ws.test'] }))
  const site = new WebSocketServer({ server, perMessageDeflate: true })
  const arrived: string[] = []
  const closes: number[] = []
  site.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      arrived.push(String(data))
      if (onMessage === undefined) socket.send(data, { binary: isBinary })
      else onMessage(data, isBinary, socket)
    })
    socket.on('close', (code) => closes.push(code))
    socket.on('error', () => {})
  })
  const port = await listen(server)
  world.adopt(server)
  const open = async () => {
    const secured = await world.inside(`ws.test:${port}`)
    await once(secured, 'secureConnect')
    const socket = new WebSocket(`wss://ws.test:${port}/chat`, { createConnection: () => secured })
    socket.on('error', () => {})
    await once(socket, 'open')
    return socket
  }
  return Object.assign(world, { inspector, arrived, closes, open, site })
}

test('messages that are clean arrive as they were, in order, whole and in fragments, both ways', async () => {
  await using world = await start()
  const socket = await world.open()
  const echoes: string[] = []
  const three = Promise.withResolvers<void>()
  socket.on('message', (data) => void (echoes.push(String(data)), echoes.length === 4 && three.resolve()))
  assert.equal(socket.extensions, '')
  socket.send('one')
  socket.send('tw', { fin: false })
  socket.ping()
  socket.send('o', { fin: true })
  socket.send(Buffer.alloc(200_000, 'x'))
  socket.send('four')
  await three.promise
  assert.deepEqual(echoes, ['one', 'two', 'x'.repeat(200_000), 'four'])
  assert.ok(world.inspector.seen.some(({ direction }) => direction === 'download'))
  const closed = once(socket, 'close')
  socket.close(1000, 'done')
  assert.equal((await closed)[0], 1000)
})

test('a message with what must not leave does not arrive, and both ends are told', async () => {
  await using world = await start()
  for (const split of [false, true]) {
    const socket = await world.open()
    const closed = once(socket, 'close')
    socket.send('harmless')
    if (split) {
      socket.send(words.sensitive.slice(0, 9), { fin: false })
      socket.send(words.sensitive.slice(9), { fin: true })
    } else socket.send(`x ${words.sensitive}`)
    socket.send('after it')
    const [code, reason] = await closed
    assert.equal(code, 1008)
    assert.equal(String(reason), 'content-sensitive')
  }
  assert.deepEqual(world.arrived, ['harmless', 'harmless'])
})

test('a message of a site with malware does not reach the person', async () => {
  await using world = await start({}, (_data, _isBinary, socket) => socket.send(Buffer.from(words.malicious)))
  const socket = await world.open()
  const got: string[] = []
  socket.on('message', (data) => got.push(String(data)))
  const closed = once(socket, 'close')
  socket.send('give')
  assert.equal((await closed)[0], 1008)
  assert.deepEqual(got, [])
})

test('a message that is longer than is looked at ends the connection', async () => {
  await using world = await start()
  const socket = await world.open()
  const closed = once(socket, 'close')
  socket.send(Buffer.alloc(1024 * 1024 + 1))
  assert.equal((await closed)[0], 1009)
  assert.deepEqual(world.arrived, [])
})

test('what should be masked and cannot be is stopped', async () => {
  const masked = webPolicy('masked', { annotations: { redact: 'true' } })
  await using world = await start({
    policies: [masked],
    settings: { ports: ['1-65535'], verdicts: { sensitive: 'alert' } },
  })
  const socket = await world.open()
  const closed = once(socket, 'close')
  socket.send(words.sensitive)
  assert.equal((await closed)[0], 1008)
  assert.deepEqual(world.arrived, [])
})

test('without an inspector nothing opens that policy wants looked into', async () => {
  await using world = await startWebWorld(issueIntermediate, { policies: [scanned] })
  const key = Buffer.alloc(16, 7).toString('base64')
  const answer = await world.ask(
    'ws.test:443',
    `GET / HTTP/1.1\r\nHost: ws.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  assert.match(answer, /403[^]*content-unscannable/)
})

test('frames that could be read in two ways are refused', () => {
  const bad = {
    'reserved bit': [0xc1, 0x80, 0, 0, 0, 0],
    'unknown opcode': [0x83, 0x80, 0, 0, 0, 0],
    'no mask': [0x81, 0x00],
    'long length': [0x81, 0xfe, 0, 125, 0, 0, 0, 0],
    'longer length': [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 125, 0, 0, 0, 0],
    'negative length': [0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0],
    'continuation of nothing': [0x80, 0x80, 0, 0, 0, 0],
    'new message within another': [0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0],
    'fragmented ping': [0x09, 0x80, 0, 0, 0, 0],
    'long ping': [0x89, 0xfe, 0, 126],
    'too long': [0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0],
  }
  for (const [name, bytes] of Object.entries(bad))
    assert.throws(() => new FrameReader(true, 1024 * 1024).push(Buffer.from(bytes)), RangeError, name)
})

test('frames are the same however their bytes come', () => {
  const frames = [
    closeFrame(1000, 'a'),
    Buffer.from([0x81, 2, 104, 105]),
    Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256, 7)]),
  ]
  const all = Buffer.concat(frames)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (steps) => {
      const reader = new FrameReader(false, 1024)
      const read = []
      for (let at = 0, step = 0; at < all.length; step++) {
        const size = steps[step % steps.length] ?? 1
        read.push(...reader.push(all.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        read.map(({ bytes }) => Buffer.from(bytes)),
        frames,
      )
    }),
  )
})
