// A stopwatch for one connection: what each hop took. Must never hold anything but numbers.
import type { HopName, HopTimes } from '#core/wire/hops.ts'

export class Hops {
  readonly #times: Partial<Record<HopName, number>> = {}
  #lastMs = performance.now()

  get times(): HopTimes {
    return this.#times
  }

  /** What has passed since the lap before belongs to this hop. */
  lap(hop: HopName): void {
    const nowMs = performance.now()
    // A hop that is passed twice (a second connector is tried) counts both times.
    this.#times[hop] = rounded((this.#times[hop] ?? 0) + nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }

  /** As somebody else has measured it. */
  set(hop: HopName, ms: number): void {
    this.#times[hop] = rounded(ms)
  }

  /** The longest so far, of a hop that is passed again and again. */
  most(hop: HopName, ms: number): void {
    this.set(hop, Math.max(this.#times[hop] ?? 0, ms))
  }
}

/** Hundredths of a millisecond: what is finer is noise. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
