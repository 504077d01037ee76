// One timer for all idle deadlines of the process: a monotonic time read per chunk must cost a field access. Must
// never be used where a second matters (its steps are half of one) or for wall-clock time.

export type Ticking = { onTick(nowMs: number): void }

/** What relays and frames need of a clock; tests pass a `ManualClock`. */
export type CoarseClock = {
  /** Monotonic milliseconds, renewed at every step while anyone watches. */
  readonly nowMs: number
  watch(ticking: Ticking): void
  unwatch(ticking: Ticking): void
}

const STEP_MS = 500

class SharedClock implements CoarseClock {
  readonly #watchers = new Set<Ticking>()
  #timer: NodeJS.Timeout | undefined
  #nowMs = 0

  get nowMs(): number {
    return this.#timer === undefined ? performance.now() : this.#nowMs
  }

  watch(ticking: Ticking): void {
    this.#watchers.add(ticking)
    if (this.#timer !== undefined) return
    this.#nowMs = performance.now()
    this.#timer = setInterval(() => this.#step(), STEP_MS).unref()
  }

  unwatch(ticking: Ticking): void {
    this.#watchers.delete(ticking)
    if (this.#watchers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #step(): void {
    this.#nowMs = performance.now()
    for (const watcher of this.#watchers) watcher.onTick(this.#nowMs)
  }
}

/** The clock of this process. Its timer runs only while someone watches, and does not keep the process alive. */
export const sharedClock: CoarseClock = new SharedClock()

/** A clock that moves when told to. */
export class ManualClock implements CoarseClock {
  readonly #watchers = new Set<Ticking>()
  nowMs = 0

  get watcherCount(): number {
    return this.#watchers.size
  }

  watch(ticking: Ticking): void {
    this.#watchers.add(ticking)
  }

  unwatch(ticking: Ticking): void {
    this.#watchers.delete(ticking)
  }

  advance(byMs: number): void {
    this.nowMs += byMs
    for (const watcher of this.#watchers) watcher.onTick(this.nowMs)
  }
}
