// Pages of events, newest or oldest first. Must never take SQL from a caller, nor give a page larger than its caps.
import { MAX_CURSOR_CHARACTERS, MAX_PAGE_BYTES, MAX_PAGE_ROWS } from './caps.ts'
import { parseWriter } from '#journal/layout.ts'
import { isObject } from '#journal/record.ts'
import { quoteName } from './columns.ts'
import type { Database } from './database.ts'
import { conditionOf, rangeOf, refuse, type EventFilter } from './filter.ts'
import { inView, type View, type ViewRequest } from './snapshot.ts'

export type EventsQuery = EventFilter & {
  /** Default: newest first. By (time, writer, sequence), which no two events share. */
  readonly order?: 'newest-first' | 'oldest-first'
  /** At most 1,000. */
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string
  /** Milliseconds; at most the lake's own limit. */
  readonly timeoutMs?: number
}

export type LakeEvent = {
  readonly writer: string
  readonly sequence: number
  readonly timeMs: number
  /** OCSF metadata.uid. */
  readonly uid: string | null
  /** The event's JSON text, exactly as it was journalled. */
  readonly json: string
}

export type EventsPage = {
  readonly items: readonly LakeEvent[]
  /** null: there are no more. */
  readonly next: string | null
  /** Lines of the journal that could not be read: run `journal verify`. */
  readonly badLines: number
}

type Place = { readonly timeMs: number; readonly writer: string; readonly sequence: number }
export type Reading = Omit<ViewRequest, 'tenant' | 'sinceMs' | 'untilMs'>

export async function queryEvents(database: Database, query: EventsQuery, reading: Reading): Promise<EventsPage> {
  const { tenant, limit, order = 'newest-first' } = query
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE_ROWS) refuse(`limit: 1 to ${MAX_PAGE_ROWS}.`)
  if (order !== 'newest-first' && order !== 'oldest-first') refuse('There is no such order.')
  const condition = conditionOf(query)
  const after = query.after === undefined ? undefined : parseCursor(query.after, order)
  const [isBefore, direction] = order === 'newest-first' ? ['<', 'DESC'] : ['>', 'ASC']
  const rest =
    after === undefined
      ? ''
      : `AND "time" ${isBefore}= $afterMs AND ("time" ${isBefore} $afterMs OR writer ${isBefore} $afterWriter
         OR (writer = $afterWriter AND sequence ${isBefore} $afterSequence))`
  const parameters = {
    ...condition.parameters,
    ...(after && { afterMs: after.timeMs, afterWriter: after.writer, afterSequence: after.sequence }),
  }
  const sort = `"time" ${direction}, writer ${direction}, sequence ${direction}`
  const columns = (['writer', 'sequence', 'time', 'uid', 'event'] as const).map(quoteName).join(', ')
  async function* page({ session, rows, badLines }: View): AsyncGenerator<EventsPage, void> {
    const items: LakeEvent[] = []
    let bytes = 0
    let isMore = false
    const sql = `SELECT ${columns} FROM (${rows}) WHERE ${condition.sql} ${rest} ORDER BY ${sort} LIMIT ${limit + 1}`
    for (const row of await session.rows(sql, parameters)) {
      const json = String(row['event'])
      bytes += json.length
      isMore = items.length === limit || (items.length > 0 && bytes > MAX_PAGE_BYTES)
      if (isMore) break
      items.push({
        writer: String(row['writer']),
        sequence: Number(row['sequence']),
        timeMs: Number(row['time']),
        uid: typeof row['uid'] === 'string' ? row['uid'] : null,
        json,
      })
    }
    const last = items.at(-1)
    yield { items, next: isMore && last !== undefined ? formatCursor(last, order) : null, badLines }
  }
  for await (const found of inView(database, { ...reading, tenant, ...rangeOf(query) }, page)) return found
  return { items: [], next: null, badLines: 0 }
}

function formatCursor({ timeMs, writer, sequence }: Place, order: string): string {
  return Buffer.from(JSON.stringify([order.charAt(0), timeMs, writer, sequence])).toString('base64url')
}

function parseCursor(text: string, order: string): Place {
  const malformed = 'The cursor is not valid for this order.'
  if (text.length > MAX_CURSOR_CHARACTERS || !/^[\w-]+$/.test(text)) refuse(malformed)
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (!Array.isArray(value) || isObject(value) || value.length !== 4) refuse(malformed)
    const [letter, timeMs, writer, sequence] = value as unknown[]
    if (letter !== order.charAt(0) || typeof writer !== 'string' || parseWriter(writer) === undefined) refuse(malformed)
    if (!Number.isSafeInteger(timeMs) || !Number.isSafeInteger(sequence)) refuse(malformed)
    return { timeMs: Number(timeMs), writer, sequence: Number(sequence) }
  } catch {
    return refuse(malformed)
  }
}
