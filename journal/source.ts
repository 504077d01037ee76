// One chain as a source of a merge: its next record, read a chunk at a time, and put aside when others are needed
// more. Must never skip a record or give one twice, however often it is put aside.
import { readSmallFile } from './disk.ts'
import type { EventOrder } from './cursor.ts'
import { isMissing, listSegments, sealPath, segmentPath, type ChainPlace } from './layout.ts'
import { backwardLines, forwardLines } from './lines.ts'
import { parseLine, type StoredRecord } from './record.ts'
import { parseStatement } from './statement.ts'

export type SourceQuery = {
  readonly order: EventOrder
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}
/** What the merge goes by; all that is held of a source that is put aside. */
export type Head = { readonly timeMs: number; readonly sequence: number }

export class Source {
  readonly place: ChainPlace
  /** Place in the listing: decides between equal times, so that every reading agrees. */
  readonly rank: number
  head: Head | undefined
  readonly #query: SourceQuery
  /** The sequence after which the rest is; undefined: all of it. */
  #after: number | undefined
  #groups: AsyncGenerator<readonly StoredRecord[], void> | undefined
  #group: readonly StoredRecord[] = []
  #at = 0
  #badLines = 0

  constructor(place: ChainPlace, rank: number, after: number | undefined, query: SourceQuery) {
    this.place = place
    this.rank = rank
    this.#after = after
    this.#query = query
  }

  /** Looks at the next record without taking it. */
  async peek(): Promise<StoredRecord | undefined> {
    this.#groups ??=
      this.#query.order === 'newest-first' ? this.#backwards(this.#after) : this.#forwards(this.#after ?? 0)
    while (this.#at >= this.#group.length) {
      const { value, done } = await this.#groups.next()
      if (done === true) {
        this.head = undefined
        return undefined
      }
      this.#group = value
      this.#at = 0
    }
    const record = this.#group[this.#at]
    this.head = record && { timeMs: record.timeMs, sequence: record.sequence }
    return record
  }

  /** What was peeked at is taken. */
  take(): void {
    this.#after = this.head?.sequence ?? this.#after
    this.#at++
  }

  /** Lets go of the file and the records; `peek` opens it again at the same place. */
  async putAside(): Promise<void> {
    const groups = this.#groups
    this.#groups = undefined
    this.#group = []
    this.#at = 0
    await groups?.return()
  }

  takeBadLines(): number {
    const count = this.#badLines
    this.#badLines = 0
    return count
  }

  async *#forwards(after: number): AsyncGenerator<readonly StoredRecord[], void> {
    const segments = await listSegments(this.place.dir)
    for (const [at, first] of segments.entries()) {
      const next = segments[at + 1]
      if (next !== undefined && next <= after + 1) continue
      if (await this.#isOutside(first)) continue
      const lines = forwardLines(segmentPath(this.place.dir, first), this.#query.signal)
      yield* this.#records(lines, (sequence) => sequence > after)
    }
  }

  async *#backwards(before: number | undefined): AsyncGenerator<readonly StoredRecord[], void> {
    const limit = before ?? Number.MAX_SAFE_INTEGER
    for (const first of (await listSegments(this.place.dir)).toReversed()) {
      if (first >= limit || (await this.#isOutside(first))) continue
      const lines = backwardLines(segmentPath(this.place.dir, first), this.#query.signal)
      for await (const group of this.#records(lines, (sequence) => sequence < limit)) yield group.toReversed()
    }
  }

  async *#records(
    groups: AsyncGenerator<{ readonly lines: readonly Buffer[] }, unknown>,
    wanted: (sequence: number) => boolean,
  ): AsyncGenerator<readonly StoredRecord[], void> {
    try {
      for await (const { lines } of groups) {
        const records: StoredRecord[] = []
        for (const line of lines) {
          const record = parseLine(line)
          if (record === undefined) this.#badLines++
          else if (wanted(record.sequence)) records.push(record)
        }
        if (records.length > 0) yield records
      }
    } catch (error) {
      // Retention removed the segment while we came to it.
      if (!isMissing(error)) throw error
    }
  }

  // Seals carry the earliest and latest time inside, so a segment can be skipped whatever the clock did. Their
  // signatures are the business of `verifyJournal`.
  async #isOutside(first: number): Promise<boolean> {
    const { fromMs, untilMs } = this.#query
    if (fromMs === undefined && untilMs === undefined) return false
    const seal = parseStatement((await readSmallFile(sealPath(this.place.dir, first))) ?? '')
    if (seal === undefined || seal.kind !== 'seal') return false
    return seal.latestMs < (fromMs ?? 0) || seal.earliestMs > (untilMs ?? Number.MAX_SAFE_INTEGER)
  }
}
