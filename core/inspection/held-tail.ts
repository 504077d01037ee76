// Holds back the end of a body until its verdict: what has left cannot be taken back, but a file without its tail does
// not open. Must never let the last `holdBytes` bytes go before `release`.

/** Bytes go in by `push`, which returns those that may leave; the tail comes out of `release`, or never. */
export class HeldTail {
  readonly #holdBytes: number
  #held: Uint8Array[] = []
  #heldBytes = 0
  #isGone = false

  constructor(holdBytes: number) {
    if (!Number.isSafeInteger(holdBytes) || holdBytes < 1) throw new RangeError('holdBytes must be at least 1')
    this.#holdBytes = holdBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes ownership of the chunk. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#isGone || chunk.length === 0) return []
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    const out: Uint8Array[] = []
    let spare = this.#heldBytes - this.#holdBytes
    while (spare > 0) {
      const first = this.#held[0]
      if (first === undefined) break
      if (first.length <= spare) {
        out.push(first)
        this.#held.shift()
        spare -= first.length
        this.#heldBytes -= first.length
      } else {
        out.push(first.subarray(0, spare))
        this.#held[0] = first.subarray(spare)
        this.#heldBytes -= spare
        spare = 0
      }
    }
    return out
  }

  /** The tail, once the verdict allows it. */
  release(): readonly Uint8Array[] {
    const out = this.#isGone ? [] : this.#held
    this.drop()
    return out
  }

  /** Forgets the tail: the body ends short, and the connection must be cut, not ended. */
  drop(): void {
    this.#isGone = true
    this.#held = []
    this.#heldBytes = 0
  }
}
