// Framed messages under attack: malformed, oversized, nested, flooded, silent; and none is lost or changed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Fault, isFault, type FaultCode } from '#core/fault.ts'
import { ManualClock } from './coarse-clock.ts'
import { FrameReader } from './frame-reader.ts'
import { startFrames, type FrameConfig, type FrameConnection } from './frames.ts'
import { socketPair } from './testing.ts'

const frame = (kind: number, payload: Buffer | string, length?: number) => {
  const bytes = Buffer.from(payload)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(length ?? bytes.length)
  head[4] = kind
  return Buffer.concat([head, bytes])
}

type End = {
  readonly connection: FrameConnection
  readonly messages: unknown[]
  readonly binary: Buffer[]
  readonly closed: Promise<Fault | undefined>
}
function open(stream: Socket, config: FrameConfig = {}, clock = new ManualClock()): End {
  const messages: unknown[] = []
  const binary: Buffer[] = []
  const closed = Promise.withResolvers<Fault | undefined>()
  const handlers = {
    onMessage: (message: unknown) => void messages.push(message),
    onBinary: (bytes: Buffer) => void binary.push(Buffer.from(bytes)),
    onClose: closed.resolve,
  }
  return { connection: startFrames(stream, handlers, config, { clock }), messages, binary, closed: closed.promise }
}

describe('a connection is cut', () => {
  const cases: [string, Buffer, FaultCode?][] = [
    ['by an unknown kind', frame(4, '{}')],
    ['by a length over the cap, without waiting for the bytes', frame(0, '', 0x7fffffff)],
    ['by a ping that carries something', frame(2, 'x')],
    ['by text that is not JSON', frame(0, '{')],
    ['by no text at all', frame(0, '')],
    ['by invalid UTF-8', frame(0, Buffer.from([0x22, 0xff, 0x22]))],
    ['by nesting to death', frame(0, '['.repeat(500_000))],
    ['by nesting 65 deep', frame(0, '['.repeat(65) + ']'.repeat(65))],
  ]
  for (const [name, bytes, code = 'wire-malformed'] of cases) {
    test(name, async () => {
      const { near, far } = await socketPair()
      near.on('error', () => {})
      const end = open(far)
      near.write(bytes)
      assert.equal((await end.closed)?.code, code)
      assert.ok(far.destroyed)
      assert.deepEqual(end.messages, [])
      near.destroy()
    })
  }
  test('by an end inside a frame, and by a reset', async () => {
    for (const act of [
      (near: Socket) => near.end(frame(0, '{}').subarray(0, 6)),
      (near: Socket) => near.resetAndDestroy(),
    ]) {
      const { near, far } = await socketPair()
      near.on('error', () => {})
      const end = open(far)
      act(near)
      assert.equal((await end.closed)?.code, 'wire-malformed')
      near.destroy()
    }
  })
  test('by a handler that throws, and later frames of the same chunk are not heard', async () => {
    const { near, far } = await socketPair()
    const heard: unknown[] = []
    const closed = Promise.withResolvers<Fault | undefined>()
    const onMessage = (message: unknown) => {
      heard.push(message)
      throw new Fault('wire-version')
    }
    startFrames(far, { onMessage, onClose: closed.resolve })
    near.on('error', () => {})
    near.write(Buffer.concat([frame(0, '1'), frame(0, '2')]))
    assert.equal((await closed.promise)?.code, 'wire-version')
    assert.deepEqual(heard, [1])
    near.destroy()
  })
  test('by a binary frame where none is expected', async () => {
    const { near, far } = await socketPair()
    const closed = Promise.withResolvers<Fault | undefined>()
    startFrames(far, { onMessage: () => {}, onClose: closed.resolve })
    near.on('error', () => {})
    near.write(frame(1, 'x'))
    assert.equal((await closed.promise)?.code, 'wire-malformed')
    near.destroy()
  })
  test('when the peer does not read, before more than the cap is queued', async () => {
    const { near, far } = await socketPair()
    near.pause()
    const end = open(far, { maxQueuedBytes: 1_000_000 })
    const message = { text: 'x'.repeat(100_000) }
    let most = 0
    while (end.connection.isOpen) {
      end.connection.send(message)
      most = Math.max(most, end.connection.queuedBytes)
      await new Promise(setImmediate)
    }
    assert.ok(most <= 1_000_000 + 5 * 20)
    assert.equal((await end.closed)?.code, 'at-capacity')
    near.destroy()
  })
  test('after silence, but not while a ping is answered', async () => {
    const { near, far } = await socketPair()
    const clock = new ManualClock()
    const silent = open(far, { pingAfterMs: 10, maxSilenceMs: 30 }, clock)
    for (let round = 0; round < 10; round++) {
      clock.advance(10)
      const [ping] = await once(near, 'data')
      assert.deepEqual(ping, frame(2, ''))
      near.write(frame(3, ''))
      await once(far, 'data')
    }
    for (let round = 0; round < 3; round++) clock.advance(10)
    assert.equal((await silent.closed)?.code, 'request-timeout')
    assert.equal(clock.watcherCount, 0)
    near.destroy()
  })
})

describe('messages', () => {
  test('arrive whole, unchanged and in order, however the wire splits them', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), sizes, (payloads, cuts) => {
        const got: Buffer[] = []
        const reader = new FrameReader(64, (kind, payload) => {
          assert.equal(kind, 1)
          got.push(Buffer.from(payload))
        })
        let wire = Buffer.concat(payloads.map((payload) => frame(1, Buffer.from(payload))))
        for (const size of cuts) {
          reader.push(wire.subarray(0, size))
          wire = wire.subarray(size)
        }
        reader.push(wire)
        assert.deepEqual(
          got,
          payloads.map((payload) => Buffer.from(payload)),
        )
        assert.equal(reader.heldBytes, 0)
      }),
    )
  })
  test('go both ways with binary between them, and a close delivers what was queued', async () => {
    const { near, far } = await socketPair()
    const [a, b] = [open(near), open(far)]
    const big = Buffer.alloc(1_000_000, 'abc')
    for (let count = 0; count < 20; count++) {
      a.connection.send({ count })
      if (!a.connection.sendBinary(big)) await a.connection.drained()
    }
    b.connection.send({ back: true })
    await a.connection.close()
    assert.equal(await b.closed, undefined)
    assert.equal(await a.closed, undefined)
    assert.deepEqual(
      b.messages,
      Array.from({ length: 20 }, (_, count) => ({ count })),
    )
    assert.ok(b.binary.length === 20 && b.binary.every((bytes) => bytes.equals(big)))
    assert.deepEqual(a.messages, [{ back: true }])
  })
  test('over the cap are refused to their sender, and the connection stays', async () => {
    const { near, far } = await socketPair()
    const [a, b] = [open(near), open(far)]
    assert.throws(
      () => a.connection.send({ x: 'y'.repeat(2_000_000) }),
      (error) => isFault(error, 'request-too-large'),
    )
    a.connection.send({ ok: 1 })
    await a.connection.close()
    await b.closed
    assert.deepEqual(b.messages, [{ ok: 1 }])
  })
  test('are neither sent nor waited for after the end', async () => {
    const { near, far } = await socketPair()
    const [a, b] = [open(near), open(far)]
    a.connection.destroy(new Fault('closing'))
    await Promise.all([a.closed, b.closed])
    assert.equal(a.connection.send({}), false)
    assert.equal(a.connection.sendBinary(Buffer.alloc(1)), false)
    await assert.rejects(a.connection.drained(), (error) => isFault(error, 'closing'))
    await a.connection.close()
    a.connection.destroy(new Fault('internal'))
    assert.equal((await a.closed)?.code, 'closing')
  })
  test('that are waited for when the connection is cut: the wait ends', async () => {
    const { near, far } = await socketPair()
    near.pause()
    const end = open(far)
    while (end.connection.send({ text: 'x'.repeat(500_000) }));
    const waiting = end.connection.drained()
    end.connection.destroy(new Fault('closing'))
    await assert.rejects(waiting, (error) => isFault(error, 'closing'))
    near.destroy()
  })
  test('a peer that never says goodbye delays a close no longer than its deadline', async () => {
    const { near, far } = await socketPair()
    const end = open(far, { closeMs: 20 })
    await end.connection.close()
    assert.equal((await end.closed)?.code, 'closing')
    near.destroy()
  })
})
