// Relays under strain: everything arrives, memory stays bounded, half-closes stay half, cuts and resets reach both.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { createAuthority } from './certificate-authority.ts'
import { ManualClock } from './coarse-clock.ts'
import { relay, type Relay, type RelayEnd } from './relay.ts'
import { leaf, socketPair } from './testing.ts'

type Ended = { readonly end: RelayEnd; readonly bytesAtoB: number; readonly bytesBtoA: number }
type World = {
  readonly client: Socket
  readonly a: Socket
  readonly b: Socket
  readonly server: Socket
  readonly relaying: Relay
  readonly ended: Promise<Ended>
}

async function world(options: { idleTimeoutMs?: number; clock?: ManualClock; early?: string } = {}): Promise<World> {
  const [left, right] = [await socketPair(), await socketPair()]
  const { promise: ended, resolve } = Promise.withResolvers<Ended>()
  for (const socket of [left.near, right.near]) socket.on('error', () => {})
  if (options.early !== undefined) left.far.unshift(Buffer.from(options.early))
  const relaying = relay(
    left.far,
    right.far,
    {
      onEnd: (end, bytesAtoB, bytesBtoA) => resolve({ end, bytesAtoB, bytesBtoA }),
      idleTimeoutMs: options.idleTimeoutMs,
    },
    options.clock,
  )
  return { client: left.near, a: left.far, b: right.far, server: right.near, relaying, ended }
}

const block = randomBytes(1024 * 1024)
const BLOCKS = 64

async function pour(socket: Socket): Promise<void> {
  for (let count = 0; count < BLOCKS; count++) if (!socket.write(block)) await once(socket, 'drain')
  socket.end()
}
const expected = createHash('sha256')
for (let count = 0; count < BLOCKS; count++) expected.update(block)
const expectedHash = expected.digest('hex')

async function hashOf(socket: Socket, onChunk: () => Promise<void> | undefined = () => undefined): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer)
    await onChunk()
  }
  return hash.digest('hex')
}
const text = async (socket: Socket) => {
  let got = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) got += String(chunk)
  return got
}

const gone = (socket: Socket) => new Promise<void>((done) => socket.on('close', () => done()))

describe('a relay', () => {
  test('carries 64 MiB both ways at once intact, past a slow reader, in bounded memory', async () => {
    const { client, a, b, server, ended } = await world()
    let most = 0
    let turns = 0
    const slowly = () => {
      most = Math.max(most, a.writableLength + a.readableLength + b.writableLength + b.readableLength)
      return turns++ % 4 === 0 ? new Promise<void>((done) => setImmediate(done)) : undefined
    }
    const work = [hashOf(client), hashOf(server, slowly), pour(client), pour(server)] as const
    const [back, forth] = await Promise.all(work)
    assert.equal(back, expectedHash)
    assert.equal(forth, expectedHash)
    assert.ok(most <= 1024 * 1024, `${most} bytes held`)
    const total = BLOCKS * block.length
    assert.deepEqual(await ended, { end: { kind: 'finished' }, bytesAtoB: total, bytesBtoA: total })
  })
  test('stops reading from a sender whose receiver does not read', async () => {
    const { client, a, b, server, relaying, ended } = await world()
    server.pause()
    let sent = 0
    // Until the kernel's buffers on both links are full; then nothing more moves.
    for (let quiet = 0; quiet < 50;) {
      if (!client.writableNeedDrain) client.write(block.subarray(0, 65_536))
      const before = relaying.bytesAtoB
      await new Promise(setImmediate)
      quiet = relaying.bytesAtoB === before && client.writableNeedDrain ? quiet + 1 : 0
      sent = relaying.bytesAtoB
    }
    assert.ok(a.isPaused() && sent > 0)
    assert.ok(a.readableLength + b.writableLength <= 512 * 1024)
    relaying.cut('enough')
    await ended
  })
  test('delivers bytes that were read before it began, first', async () => {
    const { client, server, ended } = await world({ early: 'early ' })
    client.end('late')
    assert.equal(await text(server), 'early late')
    server.end()
    client.resume()
    assert.equal((await ended).end.kind, 'finished')
  })
  test('keeps the other direction when one side has said all it will say', async () => {
    const { client, server, ended } = await world()
    client.end('question')
    assert.equal(await text(server), 'question')
    for (const word of ['a ', 'long ', 'answer']) {
      server.write(word)
      await new Promise(setImmediate)
    }
    server.end()
    assert.equal(await text(client), 'a long answer')
    assert.deepEqual(await ended, { end: { kind: 'finished' }, bytesAtoB: 8, bytesBtoA: 13 })
  })
  test('passes a reset of either peer on to the other', async () => {
    for (const side of ['client', 'server'] as const) {
      const parts = await world()
      const [from, to] = side === 'client' ? [parts.client, parts.server] : [parts.server, parts.client]
      to.removeAllListeners('error')
      const failed = once(to, 'error')
      to.resume()
      from.resetAndDestroy()
      const [error] = (await failed) as [NodeJS.ErrnoException]
      assert.equal(error.code, 'ECONNRESET')
      assert.equal((await parts.ended).end.kind, 'reset')
    }
  })
  test('ends both sides by reset when cut, also under load, and only once', async () => {
    const { client, a, b, server, relaying, ended } = await world()
    const closed = Promise.all([gone(client), gone(server)])
    client.resume()
    server.resume()
    client.write(block)
    await once(server, 'data')
    relaying.cut('session ended')
    assert.ok(a.destroyed && b.destroyed)
    relaying.cut('again')
    await closed
    assert.deepEqual((await ended).end, { kind: 'cut', reason: 'session ended' })
    assert.equal(relaying.isOpen, false)
  })
  test('is cut when idle, in either direction alone it is not, and leaves the clock', async () => {
    const clock = new ManualClock()
    const { client, server, ended } = await world({ idleTimeoutMs: 100, clock })
    for (const [from, to] of [
      [client, server],
      [server, client],
      [client, server],
    ] as const) {
      clock.advance(99)
      from.write('x')
      await once(to, 'data')
    }
    clock.advance(99)
    assert.equal(client.destroyed, false)
    clock.advance(1)
    assert.deepEqual((await ended).end, { kind: 'idle' })
    assert.equal(clock.watcherCount, 0)
  })
  test('of a socket that is already gone ends the other', async () => {
    const [left, right] = [await socketPair(), await socketPair()]
    for (const socket of [left.near, right.near, left.far]) socket.on('error', () => {})
    left.far.destroy()
    await once(left.far, 'close')
    const end = await new Promise<RelayEnd>((resolve) => relay(left.far, right.far, { onEnd: resolve }))
    assert.equal(end.kind, 'reset')
    assert.ok(right.far.destroyed)
    left.near.destroy()
    right.near.destroy()
  })
  test('joins TLS to TCP, with half-close, and a cut is no clean end for TLS', async () => {
    const authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const tlsServer = createServer({ ...(await leaf(authority)), allowHalfOpen: true })
    const secure = async () => {
      const [outer, inner] = [await socketPair(), await socketPair()]
      const opened = once(tlsServer, 'secureConnection') as Promise<[TLSSocket]>
      tlsServer.emit('connection', outer.far)
      const options = { servername: 'door.test', ca: [authority.certificatePem], allowHalfOpen: true }
      const client = connect({ socket: outer.near, ...options })
      client.on('error', () => {})
      const [socket] = await opened
      const { promise: ended, resolve } = Promise.withResolvers<RelayEnd>()
      const relaying = relay(socket, inner.far, { onEnd: resolve })
      return { client, server: inner.near, relaying, ended }
    }
    const polite = await secure()
    polite.client.end('question')
    assert.equal(await text(polite.server), 'question')
    polite.server.end('answer')
    assert.equal(await text(polite.client), 'answer')
    assert.equal((await polite.ended).kind, 'finished')

    const cutOff = await secure()
    cutOff.client.write('x')
    await once(cutOff.server, 'data')
    const errors: (string | undefined)[] = []
    for (const socket of [cutOff.client, cutOff.server]) {
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code)).resume()
    }
    const closed = Promise.all([gone(cutOff.client), gone(cutOff.server)])
    cutOff.relaying.cut('contained')
    await closed
    assert.deepEqual(errors, ['ECONNRESET', 'ECONNRESET'])
    assert.equal((await cutOff.ended).kind, 'cut')
  })
})
