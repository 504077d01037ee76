// Counts of durations in fixed buckets. Must never grow: whatever is observed, it holds as many numbers as it began with.
export type HistogramValue = {
  /** Upper bound → observations up to it; the last bound is +Infinity. */
  readonly buckets: readonly (readonly [number, number])[]
  readonly sum: number
  readonly count: number
}

/** From what a relay costs to what a person gives up at, in seconds. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export class Histogram {
  readonly #counts = new Float64Array(BOUNDS.length + 1)
  #sum = 0

  observe(seconds: number): void {
    const at = BOUNDS.findIndex((bound) => seconds <= bound)
    const slot = at < 0 ? BOUNDS.length : at
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    this.#sum += seconds
  }

  get value(): HistogramValue {
    let count = 0
    const buckets = [...BOUNDS, Infinity].map((bound, at) => {
      count += this.#counts[at] ?? 0
      return [bound, count] as const
    })
    return { buckets, sum: this.#sum, count }
  }
}
