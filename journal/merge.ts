// Merges any number of chains by time, with a bounded number of them open. Must never let a pile of chains keep a
// reader from the events: how many there are costs time at the start, and neither files nor memory.
import { MAX_OPEN_SOURCES } from './caps.ts'
import type { EventOrder } from './cursor.ts'
import type { StoredRecord } from './record.ts'
import type { Source } from './source.ts'

export type Taken = { readonly source: Source; readonly record: StoredRecord; readonly isLast: boolean }

export class Merge {
  readonly #order: EventOrder
  readonly #maxOpen: number
  /** A binary heap: the source whose head comes first is at the top. */
  readonly #heap: Source[] = []
  /** Least recently used first. */
  readonly #open = new Set<Source>()

  constructor(order: EventOrder, maxOpen: number = MAX_OPEN_SOURCES) {
    this.#order = order
    this.#maxOpen = maxOpen
  }

  get openSources(): number {
    return this.#open.size
  }

  /** False when the source has nothing. */
  async add(source: Source): Promise<boolean> {
    const record = await this.#peek(source)
    if (record === undefined) return false
    this.#push(source)
    return true
  }

  /** The next record of all, and whether it was the last of its chain; undefined when nothing is left. */
  async take(): Promise<Taken | undefined> {
    for (let source = this.#pop(); source !== undefined; source = this.#pop()) {
      const { head } = source
      const record = await this.#peek(source)
      if (record === undefined) continue
      if (record.sequence !== head?.sequence) {
        // What it had when it was put aside was removed by retention: it takes its place again.
        this.#push(source)
        continue
      }
      source.take()
      const isLast = (await this.#peek(source)) === undefined
      if (!isLast) this.#push(source)
      return { source, record, isLast }
    }
    return undefined
  }

  async close(): Promise<void> {
    for (const source of this.#open) await source.putAside()
    this.#open.clear()
  }

  async #peek(source: Source): Promise<StoredRecord | undefined> {
    this.#open.delete(source)
    this.#open.add(source)
    const record = await source.peek()
    if (record === undefined) {
      this.#open.delete(source)
      await source.putAside()
    }
    for (const oldest of this.#open) {
      if (this.#open.size <= this.#maxOpen) break
      this.#open.delete(oldest)
      await oldest.putAside()
    }
    return record
  }

  #isBefore(one: Source, other: Source): boolean {
    const [a, b] = [one.head?.timeMs ?? 0, other.head?.timeMs ?? 0]
    if (a !== b) return this.#order === 'newest-first' ? a > b : a < b
    return one.rank < other.rank
  }

  #push(source: Source): void {
    const heap = this.#heap
    let at = heap.push(source) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !this.#isBefore(source, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = source
  }

  #pop(): Source | undefined {
    const heap = this.#heap
    const [top] = heap
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let down = at * 2 + 1
      const [left, right] = [heap[down], heap[down + 1]]
      if (left === undefined) break
      if (right !== undefined && this.#isBefore(right, left)) down++
      const child = heap[down]
      if (child === undefined || !this.#isBefore(child, last)) break
      heap[at] = child
      at = down
    }
    heap[at] = last
    return top
  }
}
