// HOT PATH. Moves bytes between two sockets, either of which may be TLS or a stream of HTTP/2, counts them, and cuts both at once. Must
// never look at the bytes, hold more of them than the two sockets' own buffers, or allocate per chunk.
import type { Duplex } from 'node:stream'
import { caps } from './caps.ts'
import { sharedClock, type CoarseClock } from './coarse-clock.ts'
import { hardClose } from './hard-close.ts'

/** How a relay ended. `finished`: both directions ended in good order. */
export type RelayEnd =
  | { readonly kind: 'finished' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'reset'; readonly cause: Error | undefined }
  | { readonly kind: 'cut'; readonly reason: string }

export type RelayOptions = {
  /** Called once, after both sockets are closed. */
  readonly onEnd: (end: RelayEnd, bytesAtoB: number, bytesBtoA: number) => void
  /** Called per chunk: keep it to an addition. */
  readonly onBytes?: ((direction: 'a-to-b' | 'b-to-a', count: number) => void) | undefined
  readonly idleTimeoutMs?: number | undefined
}

/** Starts relaying at once. Half-close is preserved, also for sockets that were made without `allowHalfOpen`. */
export function relay(a: Duplex, b: Duplex, options: RelayOptions, clock: CoarseClock = sharedClock): Relay {
  return new Relay(a, b, options, clock)
}

export class Relay {
  readonly #aToB: Direction
  readonly #bToA: Direction
  readonly #clock: CoarseClock
  readonly #idleTimeoutMs: number
  readonly #onEnd: RelayOptions['onEnd']
  #end: RelayEnd | undefined
  #openSockets = 2

  constructor(a: Duplex, b: Duplex, options: RelayOptions, clock: CoarseClock) {
    this.#clock = clock
    this.#idleTimeoutMs = options.idleTimeoutMs ?? caps.relayIdleMs.default
    this.#onEnd = options.onEnd
    clock.watch(this)
    this.#aToB = new Direction(a, b, 'a-to-b', clock, options.onBytes)
    this.#bToA = new Direction(b, a, 'b-to-a', clock, options.onBytes)
    this.#guard(a)
    this.#guard(b)
    this.#aToB.start()
    this.#bToA.start()
  }

  get bytesAtoB(): number {
    return this.#aToB.bytes
  }

  get bytesBtoA(): number {
    return this.#bToA.bytes
  }

  get isOpen(): boolean {
    return this.#end === undefined
  }

  /** Ends both sides now, by reset where the socket allows it; what is in flight is lost. */
  cut(reason: string): void {
    this.#destroy({ kind: 'cut', reason })
  }

  onTick(nowMs: number): void {
    const activeMs = Math.max(this.#aToB.activeMs, this.#bToA.activeMs)
    if (nowMs - activeMs >= this.#idleTimeoutMs) this.#destroy({ kind: 'idle' })
  }

  #guard(socket: Duplex): void {
    // Without this Node would answer the peer's FIN with ours and cut the direction that is still in use.
    socket.allowHalfOpen = true
    socket.on('error', (cause) => this.#destroy({ kind: 'reset', cause }))
    if (socket.closed) queueMicrotask(() => this.#onClose())
    else socket.on('close', () => this.#onClose())
  }

  #onClose(): void {
    this.#openSockets--
    const isFinished = this.#aToB.isFinished && this.#bToA.isFinished
    if (!isFinished) this.#destroy({ kind: 'reset', cause: undefined })
    if (this.#openSockets > 0) return
    this.#clock.unwatch(this)
    this.#onEnd(this.#end ?? { kind: 'finished' }, this.bytesAtoB, this.bytesBtoA)
  }

  #destroy(end: RelayEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    hardClose(this.#aToB.from)
    hardClose(this.#bToA.from)
  }
}

class Direction {
  readonly from: Duplex
  readonly #to: Duplex
  readonly #name: 'a-to-b' | 'b-to-a'
  readonly #clock: CoarseClock
  readonly #onBytes: RelayOptions['onBytes']
  bytes = 0
  activeMs: number

  constructor(
    from: Duplex,
    to: Duplex,
    name: 'a-to-b' | 'b-to-a',
    clock: CoarseClock,
    onBytes: RelayOptions['onBytes'],
  ) {
    this.from = from
    this.#to = to
    this.#name = name
    this.#clock = clock
    this.#onBytes = onBytes
    this.activeMs = clock.nowMs
  }

  get isFinished(): boolean {
    return this.from.readableEnded && this.#to.writableFinished
  }

  start(): void {
    this.from.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#to.on('drain', () => this.#onDrain())
    this.from.on('end', () => this.#to.end())
    this.from.resume()
  }

  #onData(chunk: Buffer): void {
    this.bytes += chunk.length
    this.activeMs = this.#clock.nowMs
    this.#onBytes?.(this.#name, chunk.length)
    if (!this.#to.write(chunk)) this.from.pause()
  }

  #onDrain(): void {
    // A drain is a sign of life too: a slow reader of a large buffer is not idle.
    this.activeMs = this.#clock.nowMs
    this.from.resume()
  }
}
