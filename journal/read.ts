// Reads one tenant's events over all its writers, newest or oldest first. Must never hold more than a chunk of a bounded
// number of writers, nor order by time inside a writer: clocks jump, sequences do not.
import type { TenantId } from '#core/ids.ts'
import { MAX_SCANNED_BYTES } from './caps.ts'
import { formatCursor, parseCursor, type EventOrder } from './cursor.ts'
import { listChains, parseWriter } from './layout.ts'
import { compileMatch, type EventMatch } from './match.ts'
import { Merge } from './merge.ts'
import { parseEvent } from './record.ts'
import { Source } from './source.ts'

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
  /** As `cursor`, as if the event given last had not been: for who looked at it and leaves it to the next page. */
  readonly cursorBefore: () => string
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
  const done = new Set<string>()
  const { fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER, tenant, limit } = query
  let end: 'all' | 'limit' | 'budget' = 'all'
  let badLines = 0
  let given: { readonly writer: string; readonly sequence: number } | undefined

  async function* entries(): AsyncGenerator<JournalEntry, void> {
    const merge = new Merge(order)
    try {
      const chains = await listChains(root, tenant)
      const newest = newestEpochs(chains.map(({ writer }) => writer))
      const known = start && newestEpochs([...start.keys()])
      for (const [rank, place] of chains.entries()) {
        const { writer } = place
        const { name, epoch } = parseWriter(writer) ?? { name: writer, epoch: 1 }
        // A writer that appeared since is newer than all that was shown.
        if (order === 'newest-first' && known !== undefined && epoch > (known.get(name) ?? 0)) continue
        const after = start?.get(writer)
        // Nothing is before the first record: what is done costs no look at the disk.
        if (order === 'newest-first' && after !== undefined && after <= 1) {
          done.add(writer)
          continue
        }
        const source = new Source(place, rank, after, { ...query, order })
        const hasMore = await merge.add(source)
        // Older epochs of the same writer that were not come to are left out: they do not grow any more.
        if (order === 'newest-first' && start === undefined && epoch === newest.get(name))
          positions.set(writer, (source.head?.sequence ?? 0) + 1)
        if (!hasMore && order === 'newest-first') done.add(writer)
        badLines += source.takeBadLines()
      }
      let found = 0
      let scannedBytes = 0
      for (;;) {
        if (found >= limit) return void (end = 'limit')
        if (scannedBytes >= MAX_SCANNED_BYTES) return void (end = 'budget')
        const taken = await merge.take()
        if (taken === undefined) return
        const { source, record, isLast } = taken
        const { writer } = source.place
        scannedBytes += record.json.length
        positions.set(writer, record.sequence)
        if (isLast && order === 'newest-first') done.add(writer)
        badLines += source.takeBadLines()
        if (record.timeMs < fromMs || record.timeMs > untilMs) continue
        const event = parseEvent(record.json)
        if (event === undefined) badLines++
        else if (matches(event)) {
          found++
          const { sequence, timeMs, hash } = record
          given = { writer, sequence }
          yield { tenant, writer, sequence, timeMs, hash, event }
        }
      }
    } finally {
      await merge.close()
    }
  }

  const stream = entries()
  return {
    [Symbol.asyncIterator]: () => stream,
    cursor: () => formatCursor(order, positions, done),
    cursorBefore: () => {
      if (given === undefined) return formatCursor(order, positions, done)
      const { writer, sequence } = given
      const before = new Map(positions).set(writer, order === 'newest-first' ? sequence + 1 : sequence - 1)
      const stillDone = new Set(done)
      stillDone.delete(writer)
      return formatCursor(order, before, stillDone)
    },
    end: () => end,
    badLines: () => badLines,
  }
}

/** Name of a writer → its newest epoch here. */
function newestEpochs(writers: readonly string[]): Map<string, number> {
  const newest = new Map<string, number>()
  for (const text of writers) {
    const writer = parseWriter(text)
    if (writer !== undefined) newest.set(writer.name, Math.max(writer.epoch, newest.get(writer.name) ?? 0))
  }
  return newest
}
