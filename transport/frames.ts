// Messages between our parts over any byte stream: framed, bounded, kept alive. Must never buffer without a cap for a
// peer that does not read, nor go on after a malformed frame.
import type { Duplex } from 'node:stream'
import { asFault, Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { sharedClock, type CoarseClock } from './coarse-clock.ts'
import { FRAME_HEAD_BYTES, frameKinds, FrameReader } from './frame-reader.ts'
import { parseJsonBytes } from './json-bytes.ts'

export type FrameHandlers = {
  /** A parsed, not yet validated message. Throwing ends the connection. */
  readonly onMessage: (message: unknown) => void
  /** The bytes are valid during the call only. Absent: binary frames are malformed. */
  readonly onBinary?: (bytes: Buffer) => void
  /** Called once; without a fault when both sides closed in good order. */
  readonly onClose?: (fault: Fault | undefined) => void
}

export type FrameConfig = {
  readonly maxFrameBytes?: number
  readonly maxQueuedBytes?: number
  /** Silence after which we ask whether the peer is there. */
  readonly pingAfterMs?: number
  /** Silence after which the connection is cut. */
  readonly maxSilenceMs?: number
  readonly closeMs?: number
}

export type FrameDeps = { readonly clock?: CoarseClock }

const pingFrame = Buffer.from([0, 0, 0, 0, frameKinds.ping])
const pongFrame = Buffer.from([0, 0, 0, 0, frameKinds.pong])

export function startFrames(
  stream: Duplex,
  handlers: FrameHandlers,
  config: FrameConfig = {},
  deps: FrameDeps = {},
): FrameConnection {
  return new FrameConnection(stream, handlers, config, deps)
}

export class FrameConnection {
  readonly #stream: Duplex
  readonly #handlers: FrameHandlers
  readonly #clock: CoarseClock
  readonly #reader: FrameReader
  readonly #maxFrameBytes: number
  readonly #maxQueuedBytes: number
  readonly #pingAfterMs: number
  readonly #maxSilenceMs: number
  readonly #closeMs: number
  readonly #closed = Promise.withResolvers<void>()
  #heardMs: number
  #pingedMs = 0
  #state: 'open' | 'closing' | 'closed' = 'open'
  #fault: Fault | undefined
  #closeTimer: NodeJS.Timeout | undefined
  #drain: PromiseWithResolvers<void> | undefined
  #isGathering = false

  constructor(stream: Duplex, handlers: FrameHandlers, config: FrameConfig, deps: FrameDeps) {
    this.#stream = stream
    this.#handlers = handlers
    this.#clock = deps.clock ?? sharedClock
    this.#maxFrameBytes = config.maxFrameBytes ?? caps.frameBytes.default
    this.#maxQueuedBytes = config.maxQueuedBytes ?? caps.frameQueueBytes.default
    this.#pingAfterMs = config.pingAfterMs ?? caps.framePingMs.default
    this.#maxSilenceMs = config.maxSilenceMs ?? caps.frameSilenceMs.default
    this.#closeMs = config.closeMs ?? caps.closeMs.default
    this.#reader = new FrameReader(this.#maxFrameBytes, (kind, payload) => this.#onFrame(kind, payload))
    this.#clock.watch(this)
    this.#heardMs = this.#clock.nowMs
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('drain', () => this.#onDrain())
    stream.on('end', () => this.#onEnd())
    stream.on('error', (error) =>
      this.destroy(new Fault('wire-malformed', { detail: { why: 'stream' }, cause: error })),
    )
    stream.on('close', () => this.#onClosed())
    if (stream.destroyed) this.#onClosed()
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Resolves when the stream is closed, however that came about. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Bytes accepted by `send` that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#stream.writableLength
  }

  /**
   * Sends one message. False: the peer is slow, await `drained()` before sending more; or the connection is no longer
   * open and nothing was sent. Throws Fault `request-too-large` for a message over the frame cap.
   */
  send(message: object): boolean {
    const text = JSON.stringify(message)
    const length = Buffer.byteLength(text)
    if (!this.#mayQueue(length)) return false
    const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + length)
    frame.writeUInt32BE(length)
    frame[4] = frameKinds.json
    frame.write(text, FRAME_HEAD_BYTES)
    this.#gather()
    return this.#stream.write(frame)
  }

  /** Sends bytes as they are; they must not be changed until they are written. Same answers as `send`. */
  sendBinary(bytes: Uint8Array): boolean {
    if (!this.#mayQueue(bytes.length)) return false
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
    head.writeUInt32BE(bytes.length)
    head[4] = frameKinds.binary
    this.#stream.cork()
    this.#stream.write(head)
    const hasRoom = this.#stream.write(bytes)
    this.#stream.uncork()
    return hasRoom
  }

  /** Resolves when there is room to send; rejects with the Fault (or `closing`) when there never will be. */
  drained(): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#fault ?? new Fault('closing'))
    if (!this.#stream.writableNeedDrain) return Promise.resolve()
    this.#drain ??= Promise.withResolvers<void>()
    return this.#drain.promise
  }

  /** Stops reading, so that the peer feels it: for handlers that have more to do than they can hold. */
  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#heardMs = this.#clock.nowMs
    this.#stream.resume()
  }

  /** Sends what is queued, says goodbye, and waits for the peer's, at most `closeMs`. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing'
      this.#settleDrain(new Fault('closing'))
      this.#closeTimer = setTimeout(() => this.destroy(new Fault('closing')), this.#closeMs)
      this.#stream.end()
      // A paused reader would never see the peer's goodbye.
      this.#stream.resume()
    }
    return this.#closed.promise
  }

  /** Cuts the connection now; what is queued is lost. */
  destroy(fault: Fault): void {
    if (this.#state === 'closed' || this.#stream.destroyed) return
    this.#fault ??= fault
    this.#state = 'closing'
    this.#stream.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  onTick(nowMs: number): void {
    if (this.#state !== 'open' || this.#stream.isPaused()) return
    const silentMs = nowMs - this.#heardMs
    if (silentMs >= this.#maxSilenceMs) this.destroy(new Fault('request-timeout', { detail: { silentMs } }))
    else if (silentMs >= this.#pingAfterMs && nowMs - this.#pingedMs >= this.#pingAfterMs) {
      this.#pingedMs = nowMs
      this.#stream.write(pingFrame)
    }
  }

  #mayQueue(length: number): boolean {
    if (length > this.#maxFrameBytes) throw new Fault('request-too-large', { detail: { length } })
    if (this.#state !== 'open') return false
    if (this.#stream.writableLength + length <= this.#maxQueuedBytes) return true
    this.destroy(
      new Fault('at-capacity', { detail: { why: 'the peer does not read', queued: this.#stream.writableLength } }),
    )
    return false
  }

  #onData(chunk: Buffer): void {
    this.#heardMs = this.#clock.nowMs
    if (this.#stream.destroyed) return
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.destroy(asFault(error))
    }
  }

  #onFrame(kind: number, payload: Buffer): void {
    // A handler may have cut the connection with frames still in hand: nobody is to hear those.
    if (this.#stream.destroyed) return
    if (kind === frameKinds.json) this.#handlers.onMessage(parseJsonBytes(payload))
    else if (kind === frameKinds.ping) this.#answerPing()
    else if (kind === frameKinds.binary) {
      if (this.#handlers.onBinary === undefined) throw new Fault('wire-malformed', { detail: { why: 'binary frame' } })
      this.#handlers.onBinary(payload)
    }
  }

  /** Messages of one turn of the loop leave together: over TLS each write is a record and a call of its own. */
  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    this.#stream.cork()
    process.nextTick(this.#letGo)
  }

  readonly #letGo = (): void => {
    this.#isGathering = false
    this.#stream.uncork()
  }

  #answerPing(): void {
    // A peer that asks and does not read must not make us queue answers: one waiting answer says as much as ten.
    if (this.#state === 'open' && !this.#stream.writableNeedDrain) this.#stream.write(pongFrame)
  }

  #onDrain(): void {
    this.#drain?.resolve()
    this.#drain = undefined
  }

  #onEnd(): void {
    if (this.#reader.heldBytes > 0)
      this.destroy(new Fault('wire-malformed', { detail: { why: 'ended inside a frame' } }))
    else this.close().catch(() => {})
  }

  #onClosed(): void {
    if (this.#state === 'closed') return
    const isOrderly = this.#stream.readableEnded && this.#stream.writableFinished
    if (!isOrderly) this.#fault ??= new Fault('wire-malformed', { detail: { why: 'cut off' } })
    this.#state = 'closed'
    clearTimeout(this.#closeTimer)
    this.#clock.unwatch(this)
    this.#settleDrain(this.#fault ?? new Fault('closing'))
    this.#closed.resolve()
    this.#handlers.onClose?.(this.#fault)
  }

  #settleDrain(fault: Fault): void {
    this.#drain?.promise.catch(() => {})
    this.#drain?.reject(fault)
    this.#drain = undefined
  }
}
