// Keeps track of what is alive so that a shutdown can end it: politely within a deadline, then not. Must never wait
// longer than told, nor take on anything new once it drains.
import { Fault } from '#core/fault.ts'

export type Drainable = {
  /** Asks it to end; it is done when it releases itself. */
  close(): unknown
  destroy(fault: Fault): unknown
}

export class LiveSet {
  readonly #live = new Set<Drainable>()
  #emptied: PromiseWithResolvers<void> | undefined
  #isDraining = false

  get size(): number {
    return this.#live.size
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Returns what to call when it has ended. Throws Fault `closing` while draining. */
  add(thing: Drainable): () => void {
    if (this.#isDraining) throw new Fault('closing')
    this.#live.add(thing)
    return () => {
      this.#live.delete(thing)
      if (this.#live.size === 0) this.#emptied?.resolve()
    }
  }

  /** Closes everything, and destroys what is left after `deadlineMs`. Says how many had to be destroyed. */
  async drain(deadlineMs: number): Promise<number> {
    this.#isDraining = true
    if (this.#live.size === 0) return 0
    const emptied = (this.#emptied ??= Promise.withResolvers<void>())
    for (const thing of this.#live) attempt(() => thing.close())
    const timer = setTimeout(() => emptied.resolve(), deadlineMs)
    if (this.#live.size > 0) await emptied.promise
    clearTimeout(timer)
    return this.destroy(new Fault('closing'))
  }

  /** Destroys everything now; says how many. */
  destroy(fault: Fault): number {
    this.#isDraining = true
    const left = [...this.#live]
    this.#live.clear()
    for (const thing of left) attempt(() => thing.destroy(fault))
    this.#emptied?.resolve()
    return left.length
  }
}

/** One thing that fails to end must not keep the others alive. */
function attempt(end: () => unknown): void {
  try {
    const result = end()
    if (result instanceof Promise) result.catch(() => {})
  } catch {
    // It is destroyed next, or was.
  }
}
