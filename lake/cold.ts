// Events that only the files have, newest first by the clock of their writers: what a reader of the journal goes on with
// where the journal's segments end. Must never give a record that the journal still has, nor order otherwise than it.
import { setImmediate as breathe } from 'node:timers/promises'
import { isFault } from '#core/fault.ts'
import { parseWriter } from '#journal/layout.ts'
import { compileMatch } from '#journal/match.ts'
import { parseEvent } from '#journal/record.ts'
import { COLD_CANDIDATES, MAX_FILTER_VALUES, MAX_PAGE_BYTES, MAX_PAGE_ROWS, MAX_QUERY_ATTEMPTS } from './caps.ts'
import { filesBelow, type ColdEvent, type ColdPage, type ColdPlace, type ColdQuery } from './cold-view.ts'
import { quoteName, type ColumnName } from './columns.ts'
import { quoteText, type Database, type Parameters, type Session } from './database.ts'
import { refuse } from './filter.ts'
import { filePath } from './layout.ts'
import { readManifest, type Manifest } from './manifest.ts'
import type { Reading } from './query.ts'

export async function queryCold(database: Database, query: ColdQuery, reading: Reading): Promise<ColdPage> {
  const { limit, below, after } = query
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PAGE_ROWS) refuse(`limit: 1 to ${MAX_PAGE_ROWS}.`)
  if (Object.keys(below).length > MAX_FILTER_VALUES * 100) refuse('There are too many writers.')
  for (const [writer, sequence] of Object.entries(below))
    if (parseWriter(writer) === undefined || !Number.isSafeInteger(sequence)) refuse('A writer is not one.')
  if (after !== undefined && parseWriter(after.writer) === undefined) refuse('The place is none.')
  for (let attempt = 1; ; attempt++) {
    const manifest = await readManifest(reading.folder, query.tenant)
    using session = await database.connect(reading.signal)
    try {
      return await pageOf(session, query, manifest, reading)
    } catch (error) {
      // A file that was merged or removed since we listed it.
      if (!isFault(error, 'lake-corrupt') || attempt >= MAX_QUERY_ATTEMPTS) throw error
      if ((await readManifest(reading.folder, query.tenant)).version === manifest.version) throw error
    }
  }
}

async function pageOf(
  session: Session,
  query: ColdQuery,
  manifest: Manifest,
  { folder, signal }: Reading,
): Promise<ColdPage> {
  const files = filesBelow(manifest, query.below)
  if (files.length === 0) return { items: [], isMore: false }
  const matches = compileMatch(query.match)
  const paths = files.map((file) => quoteText(filePath(folder, query.tenant, file))).join(', ')
  const wanted = conditionsOf(query)
  const items: ColdEvent[] = []
  let bytes = 0
  let { after } = query
  let candidates: number = Math.max(COLD_CANDIDATES.least, query.limit + 1)
  for (;;) {
    const rest = after === undefined ? { sql: 'TRUE', parameters: {} } : afterSql(after)
    const found = await session.rows(
      `SELECT writer, sequence, recorded_ms, event
       FROM read_parquet([${paths}], hive_partitioning = false, union_by_name = true)
       JOIN (SELECT unnest($writers) AS bound_writer, unnest($bounds)::BIGINT AS bound) ON bound_writer = writer
       WHERE sequence < bound AND ${wanted.sql} AND ${rest.sql}
       ORDER BY recorded_ms DESC, writer, sequence DESC LIMIT ${candidates}`,
      { ...wanted.parameters, ...rest.parameters },
    )
    for (const row of found) {
      const json = String(row['event'])
      const place = {
        recordedMs: Number(row['recorded_ms']),
        writer: String(row['writer']),
        sequence: Number(row['sequence']),
      }
      const event = parseEvent(Buffer.from(json))
      if (event !== undefined && matches(event)) {
        const isFull = items.length === query.limit || (items.length > 0 && bytes + json.length > MAX_PAGE_BYTES)
        if (isFull) return { items, isMore: true }
        bytes += json.length
        items.push({ ...place, json })
      }
      after = place
    }
    if (found.length < candidates) return { items, isMore: false }
    candidates = Math.min(COLD_CANDIDATES.most, candidates * 4)
    await breathe()
    signal.throwIfAborted()
  }
}

function afterSql({ recordedMs, writer, sequence }: ColdPlace): Condition {
  return {
    sql: `recorded_ms <= $afterMs AND (recorded_ms < $afterMs OR writer > $afterWriter
      OR (writer = $afterWriter AND sequence < $afterSequence))`,
    parameters: { afterMs: recordedMs, afterWriter: writer, afterSequence: sequence },
  }
}

type Condition = { readonly sql: string; readonly parameters: Parameters }

/** Paths of events whose value stands in a column of its own. */
const pathColumns = {
  class_uid: 'class_uid',
  status_id: 'status_id',
  'metadata.uid': 'uid',
  'actor.user.uid': 'user_uid',
  'actor.user.name': 'user_name',
  app_name: 'app_name',
} as const satisfies Record<string, ColumnName>

// What the files can say quickly: always more than is wanted, never less. The event itself is asked in the end.
function conditionsOf({ below, fromMs, untilMs, match }: ColdQuery): Condition {
  const parameters: Record<string, string | number | readonly string[]> = {
    writers: Object.keys(below),
    bounds: Object.values(below).map(String),
  }
  const all = ['TRUE']
  const bind = (name: string, value: string | number): string => {
    parameters[name] = value
    return `$${name}`
  }
  if (fromMs !== undefined) all.push(`recorded_ms >= ${bind('fromMs', fromMs)}`)
  if (untilMs !== undefined) all.push(`recorded_ms <= ${bind('untilMs', untilMs)}`)
  for (const [at, [path, value]] of Object.entries(match.fields ?? {}).entries()) {
    const column = Object.hasOwn(pathColumns, path) ? pathColumns[path as keyof typeof pathColumns] : undefined
    if (column !== undefined && typeof value === 'number' && Number.isSafeInteger(value))
      all.push(`${quoteName(column)} = ${bind(`field${at}`, value)}`)
    else if (typeof value !== 'string') continue
    else if (column !== undefined)
      all.push(`${quoteName(column)} = ${bind(`field${at}`, value.toWellFormed().replaceAll('\0', '\uFFFD'))}`)
    else if (isPlain(value)) all.push(`(contains(event, ${bind(`field${at}`, value)}) OR contains(event, '\\u'))`)
  }
  const text = match.text?.toLowerCase() ?? ''
  if (text !== '' && isPlain(text))
    all.push(`(contains(lower(event), ${bind('text', text)}) OR contains(event, '\\u'))`)
  return { sql: all.join(' AND '), parameters }
}

/** Stands in JSON as it is, unless its writer took pains: then there is an escape in the event. */
function isPlain(text: string): boolean {
  return /^[ !#-.0-[\]-~]+$/.test(text)
}
