// HOT: 64-bit hashes of a host's suffixes in one walk from its end, and of paths below it. Seeded per index, so that nobody
// outside can make a name that collides with a listed one. Must stay free of allocation.

/** The hash of what was walked so far, in two halves. One per index; never shared across threads. */
export class HashWalk {
  low = 0
  high = 0
  readonly #seedLow: number
  readonly #seedHigh: number

  constructor(seed: readonly [number, number]) {
    this.#seedLow = seed[0] | 0
    this.#seedHigh = seed[1] | 0
  }

  start(): void {
    this.low = this.#seedLow
    this.high = this.#seedHigh
  }

  /** Two multiply-and-shift chains of different constants, fed with the same letters. */
  step(code: number): void {
    let low = Math.imul(this.low ^ code, 0x85eb_ca6b)
    low ^= low >>> 15
    let high = Math.imul(this.high + code, 0xc2b2_ae35) ^ (low >>> 3)
    high ^= high >>> 13
    this.low = low
    this.high = high
  }

  /** The slot to begin with: both halves, mixed. */
  slot(mask: number): number {
    let mixed = Math.imul(this.low ^ (this.high >>> 16), 0x7feb_352d)
    mixed ^= mixed >>> 15
    return Math.imul(mixed ^ this.high, 0x846c_a68b) & mask
  }
}
