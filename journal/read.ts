// Reads one tenant's events over all its writers, newest or oldest first. Must never hold more than a chunk per writer,
// nor order by time inside a writer: clocks jump, sequences do not.
import type { TenantId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import { MAX_READ_WRITERS, MAX_SCANNED_BYTES } from './caps.ts'
import { formatCursor, parseCursor, type EventOrder } from './cursor.ts'
import { readSmallFile } from './disk.ts'
import { isMissing, listChains, listSegments, sealPath, segmentPath, type ChainPlace } from './layout.ts'
import { backwardLines, forwardLines } from './lines.ts'
import { compileMatch, type EventMatch } from './match.ts'
import { parseEvent, parseLine, type StoredRecord } from './record.ts'
import { parseStatement } from './statement.ts'

export type JournalEntry = {
  readonly tenant: TenantId
  readonly writer: string
  readonly sequence: number
  readonly timeMs: number
  readonly hash: string
  readonly event: Readonly<Record<string, unknown>>
}

export type EventQuery = {
  readonly tenant: TenantId
  /** Default: newest first. */
  readonly order?: EventOrder
  /** Times in milliseconds since 1970, both included, by the clock of the writer. */
  readonly fromMs?: number
  readonly untilMs?: number
  /** Go on after the event where a reading of the same order stopped. */
  readonly afterCursor?: string
  readonly limit: number
  readonly match?: EventMatch
  readonly signal?: AbortSignal
}

/** Stream it once; then `cursor()` says where it stopped and `end` why. */
export type EventReading = AsyncIterable<JournalEntry> & {
  readonly cursor: () => string
  /** `all`: nothing is left. `limit` and `budget`: there may be more after the cursor. */
  readonly end: () => 'all' | 'limit' | 'budget'
  /** Lines that could not be read: run `verifyJournal`. */
  readonly badLines: () => number
}

/** Throws `request-malformed` for a bad cursor or filter, before anything is read. */
export function readEvents(root: string, query: EventQuery): EventReading {
  const order = query.order ?? 'newest-first'
  const start = query.afterCursor === undefined ? undefined : parseCursor(order, query.afterCursor)
  const matches = compileMatch(query.match)
  const positions = new Map(start)
  const { fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER, tenant, limit } = query
  let end: 'all' | 'limit' | 'budget' = 'all'
  let badLines = 0

  async function* entries(): AsyncGenerator<JournalEntry, void> {
    const chains = await listChains(root, tenant)
    if (chains.length > MAX_READ_WRITERS) throw new Fault('at-capacity', { hint: 'The tenant has too many writers.' })
    const sources: Source[] = []
    try {
      for (const place of chains) {
        // A writer that appeared since is newer than all that was shown.
        if (order === 'newest-first' && start !== undefined && !start.has(place.writer)) continue
        const source = new Source(place, order, start?.get(place.writer), query)
        if (await source.next()) sources.push(source)
        if (order === 'newest-first' && start === undefined) {
          positions.set(place.writer, (source.head?.sequence ?? 0) + 1)
        }
        badLines += source.takeBadLines()
      }
      let found = 0
      let scannedBytes = 0
      while (sources.length > 0) {
        if (found >= limit) return void (end = 'limit')
        if (scannedBytes >= MAX_SCANNED_BYTES) return void (end = 'budget')
        const source = pick(sources, order)
        const record = source?.head
        if (source === undefined || record === undefined) return
        scannedBytes += record.json.length
        positions.set(source.place.writer, record.sequence)
        if (!(await source.next())) sources.splice(sources.indexOf(source), 1)
        badLines += source.takeBadLines()
        if (record.timeMs < fromMs || record.timeMs > untilMs) continue
        const event = parseEvent(record.json)
        if (event === undefined) badLines++
        else if (matches(event)) {
          found++
          const { sequence, timeMs, hash } = record
          yield { tenant, writer: source.place.writer, sequence, timeMs, hash, event }
        }
      }
    } finally {
      for (const source of sources) await source.close()
    }
  }

  const stream = entries()
  return {
    [Symbol.asyncIterator]: () => stream,
    cursor: () => formatCursor(order, positions),
    end: () => end,
    badLines: () => badLines,
  }
}

// Among writers, the record that is first by time; equal times by writer, so that every reading agrees.
function pick(sources: readonly Source[], order: EventOrder): Source | undefined {
  let best: Source | undefined
  for (const source of sources) {
    const time = source.head?.timeMs ?? 0
    const bestTime = best?.head?.timeMs ?? 0
    if (best === undefined || (order === 'newest-first' ? time > bestTime : time < bestTime)) best = source
  }
  return best
}

class Source {
  readonly place: ChainPlace
  head: StoredRecord | undefined
  readonly #groups: AsyncGenerator<readonly StoredRecord[], void>
  #group: readonly StoredRecord[] = []
  #at = 0
  #badLines = 0

  constructor(place: ChainPlace, order: EventOrder, after: number | undefined, query: EventQuery) {
    this.place = place
    this.#groups = order === 'newest-first' ? this.#backwards(after, query) : this.#forwards(after ?? 0, query)
  }

  async next(): Promise<boolean> {
    while (this.#at >= this.#group.length) {
      const { value, done } = await this.#groups.next()
      if (done === true) {
        this.head = undefined
        return false
      }
      this.#group = value
      this.#at = 0
    }
    this.head = this.#group[this.#at++]
    return true
  }

  takeBadLines(): number {
    const count = this.#badLines
    this.#badLines = 0
    return count
  }

  async close(): Promise<void> {
    await this.#groups.return()
  }

  async *#forwards(after: number, query: EventQuery): AsyncGenerator<readonly StoredRecord[], void> {
    const segments = await listSegments(this.place.dir)
    for (const [at, first] of segments.entries()) {
      const next = segments[at + 1]
      if (next !== undefined && next <= after + 1) continue
      if (await isOutside(this.place, first, query)) continue
      const lines = forwardLines(segmentPath(this.place.dir, first), query.signal)
      yield* this.#records(lines, (sequence) => sequence > after)
    }
  }

  async *#backwards(before: number | undefined, query: EventQuery): AsyncGenerator<readonly StoredRecord[], void> {
    const limit = before ?? Number.MAX_SAFE_INTEGER
    for (const first of (await listSegments(this.place.dir)).toReversed()) {
      if (first >= limit || (await isOutside(this.place, first, query))) continue
      const lines = backwardLines(segmentPath(this.place.dir, first), query.signal)
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
}

// Seals carry the earliest and latest time inside, so a segment can be skipped whatever the clock did. Their signatures
// are the business of `verifyJournal`.
async function isOutside(place: ChainPlace, first: number, query: EventQuery): Promise<boolean> {
  if (query.fromMs === undefined && query.untilMs === undefined) return false
  const seal = parseStatement((await readSmallFile(sealPath(place.dir, first))) ?? '')
  if (seal === undefined || seal.kind !== 'seal') return false
  return seal.latestMs < (query.fromMs ?? 0) || seal.earliestMs > (query.untilMs ?? Number.MAX_SAFE_INTEGER)
}
