// Counts of events by one to three fields. Must never give more groups than its cap, nor take SQL from a caller.
import { MAX_GROUP_FIELDS, MAX_GROUPS } from './caps.ts'
import type { Database } from './database.ts'
import { conditionOf, rangeOf, refuse, type EventFilter } from './filter.ts'
import type { Reading } from './query.ts'
import { inView, type View } from './snapshot.ts'

const groupFields = {
  class: 'class_uid',
  activity: 'activity_id',
  outcome: 'status_id',
  severity: 'severity_id',
  user: 'user_name',
  userUid: 'user_uid',
  organisation: 'org',
  session: 'session_uid',
  device: 'device_uid',
  source: 'src_ip',
  app: 'app_name',
  appUid: 'app_uid',
  destination: 'host',
  port: 'port',
  connector: 'connector_uid',
  exchange: 'exchange_uid',
  decision: 'decision',
  reason: 'reason',
  method: 'method',
  path: 'path',
  status: 'http_status',
  operation: 'operation',
  /** Each policy of an event counts it once. */
  policy: 'unnest(CASE WHEN len(policies) > 0 THEN policies ELSE [NULL] END)',
  /** Milliseconds since 1970 at which the hour or day begins, in UTC. */
  hour: '("time" // 3600000) * 3600000',
  day: '("time" // 86400000) * 86400000',
} as const
export type GroupField = keyof typeof groupFields

export type CountQuery = EventFilter & {
  /** One to three, different. */
  readonly by: readonly GroupField[]
  /** Largest groups first; at most 10,000. */
  readonly limit: number
  readonly timeoutMs?: number
}

export type CountGroup = {
  /** In the order of `by`; null where an event has no such field. */
  readonly key: readonly (string | number | null)[]
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export type Counts = {
  readonly groups: readonly CountGroup[]
  /** There are smaller groups that are not shown. */
  readonly isCut: boolean
  readonly badLines: number
}

export async function countEvents(database: Database, query: CountQuery, reading: Reading): Promise<Counts> {
  const { by, limit, tenant } = query
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_GROUPS) refuse(`limit: 1 to ${MAX_GROUPS}.`)
  if (by.length < 1 || by.length > MAX_GROUP_FIELDS || new Set(by).size !== by.length) {
    refuse(`by: 1 to ${MAX_GROUP_FIELDS} different fields.`)
  }
  if (!by.every((name) => Object.hasOwn(groupFields, name))) refuse('by: there is no such field.')
  const condition = conditionOf(query)
  const keys = by.map((name, at) => `${groupFields[name]} AS k${at}`).join(', ')
  const named = by.map((_, at) => `k${at}`).join(', ')
  async function* counts({ session, rows, badLines }: View): AsyncGenerator<Counts, void> {
    const found = await session.rows(
      `SELECT ${named}, count(*)::DOUBLE AS n, min("time")::DOUBLE AS "firstMs", max("time")::DOUBLE AS "lastMs",
         coalesce(sum(bytes_in), 0)::DOUBLE AS "bytesIn", coalesce(sum(bytes_out), 0)::DOUBLE AS "bytesOut"
       FROM (SELECT ${keys}, "time", bytes_in, bytes_out FROM (${rows}) WHERE ${condition.sql})
       GROUP BY ${named} ORDER BY n DESC, ${named} LIMIT ${limit + 1}`,
      condition.parameters,
    )
    const groups = found.slice(0, limit).map((row) => ({
      key: by.map((_, at) => keyOf(row[`k${at}`])),
      count: Number(row['n']),
      firstMs: Number(row['firstMs']),
      lastMs: Number(row['lastMs']),
      bytesIn: Number(row['bytesIn']),
      bytesOut: Number(row['bytesOut']),
    }))
    yield { groups, isCut: found.length > limit, badLines }
  }
  for await (const found of inView(database, { ...reading, tenant, ...rangeOf(query) }, counts)) return found
  return { groups: [], isCut: false, badLines: 0 }
}

function keyOf(value: unknown): string | number | null {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' || typeof value === 'number' ? value : null
}
