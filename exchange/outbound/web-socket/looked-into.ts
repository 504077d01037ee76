// A WebSocket of which every message is looked at before it goes on, both ways: what is between the person's socket and
// the site's. Must never let a byte of a message pass before its verdict, nor go on after one that stops.
import { randomBytes } from 'node:crypto'
import { callbackify } from 'node:util'
import { Duplex, Transform, pipeline, type TransformCallback } from 'node:stream'
import { caps } from '#exchange/outbound/caps.ts'
import { closeFrame, FrameReader, opcodes, type Frame } from './frame-reader.ts'

export type MessageDirection = 'upload' | 'download'

/** Resolves with the word for why it may not go on; `undefined`: it may. */
export type LookAt = (message: Buffer, isText: boolean, direction: MessageDirection) => Promise<string | undefined>

const POLICY_VIOLATION = 1008
const PROTOCOL_ERROR = 1002
const TOO_BIG = 1009

/** Takes the site's socket; what is returned stands in its place. `messages` counts what was looked at. */
export function lookInto(site: Duplex, lookAt: LookAt, messages: { upload: number; download: number }): Duplex {
  let isOver = false
  const up = gate('upload')
  const down = gate('download')
  const between = new Duplex({
    write: (chunk: Buffer, _encoding, done) => void (up.write(chunk) ? done() : up.once('drain', () => done())),
    final: (done) => void up.end(done),
    read: () => void down.resume(),
    destroy(error, done) {
      for (const stream of [up, down, site]) stream.destroy()
      done(error)
    },
  })
  down.on('data', (chunk: Buffer) => {
    if (!between.push(chunk)) down.pause()
  })
  down.on('end', () => between.push(null))
  pipeline(up, site, (error) => error && between.destroy(error))
  pipeline(site, down, (error) => error && between.destroy(error))
  return between

  /** Both sides are told in their own form, and nothing follows. */
  function over(code: number, reason: string): void {
    if (isOver) return
    isOver = true
    up.push(closeFrame(code, reason, randomBytes(4)))
    down.push(closeFrame(code, reason))
    up.push(null)
    down.push(null)
  }

  function gate(direction: MessageDirection): Transform {
    const reader = new FrameReader(direction === 'upload', caps.webSocketMessageBytes.default)
    let held: Frame[] = []
    let heldBytes = 0
    const step = callbackify(async (stream: Transform, chunk: Buffer) => {
      try {
        await take(stream, chunk)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        over(error.message.includes('too long') ? TOO_BIG : PROTOCOL_ERROR, 'refused')
      }
    })
    return new Transform({
      transform(this: Transform, chunk: Buffer, _encoding, done: TransformCallback) {
        step(this, chunk, (error) => done(error))
      },
      // What is left of a message without its end was seen by nobody, and stays here.
      flush: (done) => done(),
    })

    async function take(stream: Transform, chunk: Buffer): Promise<void> {
      if (isOver) return
      for (const frame of reader.push(chunk)) {
        if (frame.opcode >= opcodes.close) {
          stream.push(frame.bytes)
          continue
        }
        held.push(frame)
        heldBytes += frame.payload.length
        if (heldBytes > caps.webSocketMessageBytes.default) throw new RangeError('a message that is too long')
        if (!frame.isFinal) continue
        const message = held.length === 1 ? frame.payload : Buffer.concat(held.map(({ payload }) => payload))
        messages[direction]++
        const stopped = await lookAt(message, held[0]?.opcode === opcodes.text, direction)
        if (isOver) return
        if (stopped !== undefined) return over(POLICY_VIOLATION, stopped)
        for (const { bytes } of held) stream.push(bytes)
        held = []
        heldBytes = 0
      }
    }
  }
}
