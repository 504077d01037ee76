// Remembers the nonces of grants until the grants expire, so that none works twice. Must never forget one early: when
// it is full, new grants are refused.
export class NonceMemory {
  readonly #expiryMs = new Map<string, number>()
  readonly #max: number
  #nextSweepMs = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#expiryMs.size
  }

  /** True the first time; false for a nonce that was seen; `undefined` when there is no room to remember it. */
  use(nonce: string, expiresAtMs: number, nowMs: number): boolean | undefined {
    if (this.#expiryMs.has(nonce)) return false
    if (nowMs >= this.#nextSweepMs || this.#expiryMs.size >= this.#max) this.#sweep(nowMs)
    if (this.#expiryMs.size >= this.#max) return undefined
    this.#expiryMs.set(nonce, expiresAtMs)
    return true
  }

  #sweep(nowMs: number): void {
    // Full and nothing expired: walking 100,000 entries again within the second would be the sender's lever on us.
    if (nowMs < this.#nextSweepMs && this.#nextSweepMs - nowMs <= 1000) return
    this.#nextSweepMs = nowMs + 1000
    for (const [nonce, expiresAtMs] of this.#expiryMs) if (expiresAtMs <= nowMs) this.#expiryMs.delete(nonce)
  }
}
