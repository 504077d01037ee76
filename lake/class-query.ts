// Recorded decisions collapsed to classes, inside DuckDB. Must never merge two decisions that differ in what was asked to
// be told apart, nor make up an input.
import { MAX_BREAKS, MAX_CLASSES } from './caps.ts'
import { eventClasses } from '#core/events/event.ts'
import { Fault, isFault } from '#core/fault.ts'
import { quoteName, type ColumnName } from './columns.ts'
import { quoteText, type ColumnChunk, type Database } from './database.ts'
import { inputDimensions } from './decisions.ts'
import type { BreakDimension, DecisionClass, DecisionClassesQuery, InputDimension } from './decisions.ts'
import { conditionOf, rangeOf, refuse } from './filter.ts'
import { inputsOf, type InputColumns } from './inputs.ts'
import type { Reading } from './query.ts'
import { inView, type View } from './snapshot.ts'

const dimensionColumns = {
  'session.factors': 'in_factors',
  'session.ageSeconds': 'in_age_s',
  'session.door': 'in_door',
  'device.id': 'in_device_id',
  'device.posture': 'in_posture',
  'device.os': 'in_os',
  ip: 'in_ip',
  'time.nowMs': 'in_now_ms',
  'time.hour': 'in_hour',
  'time.weekday': 'in_weekday',
  risk: 'in_risk',
  approved: 'in_approved',
  'http.method': 'in_method',
  'http.path': 'in_path',
  'http.host': 'in_host',
} as const satisfies Record<InputDimension, keyof InputColumns>

const breakDimensions: ReadonlySet<string> = new Set<BreakDimension>(['session.ageSeconds', 'time.nowMs', 'risk'])
const fixedColumns = 'decision reason policies user_uid app_uid in_form in_user in_action in_resource_kind in_resource'
// Not what makes a class, but what people want to read of it.
const readable = ['user_name', 'app_name', 'org', 'groups'] as const
/** Bits of a row's place that are its sequence; above them, which writer. */
const SEQUENCE_BITS = 44
const DECISIONS = [eventClasses.authorization.class_uid, eventClasses.http.class_uid]

export async function* queryClasses(
  database: Database,
  query: DecisionClassesQuery,
  reading: Reading,
): AsyncGenerator<readonly DecisionClass[], void> {
  const { tenant, sinceMs, untilMs, users, apps } = query
  const condition = conditionOf({ tenant, sinceMs, untilMs, ...(users && { users }), ...(apps && { apps }) })
  const grouped = grouping(query)
  async function* classes({ session, rows, writers }: View): AsyncGenerator<readonly DecisionClass[], void> {
    const source = `SELECT * FROM (${rows})
      WHERE class_uid IN (${DECISIONS.join(', ')}) AND decision IS NOT NULL AND ${condition.sql}`
    let count = 0
    try {
      for await (const chunk of session.streamColumns(atOnceSql(source, grouped), condition.parameters)) {
        count += chunk.rowCount
        yield batchOf(chunk, grouped, count)
      }
    } catch (error) {
      // Values of examples cannot be spilled to the disk. Nothing was given out yet, and the other way needs few of them.
      if (!isFault(error, 'lake-timeout') || count > 0) throw error
      for await (const chunk of session.streamColumns(inTwoStepsSql(source, grouped, writers), condition.parameters)) {
        count += chunk.rowCount
        yield batchOf(chunk, grouped, count)
      }
    }
  }
  yield* inView(database, { ...reading, tenant, ...rangeOf({ sinceMs, untilMs }) }, classes)
}

/** `column` null: tells apart without being a value of the class. */
type Key = { readonly sql: string; readonly column: string | null }
type Grouping = { readonly keys: readonly Key[]; readonly examples: readonly ColumnName[] }

const measureNames = ['n', 'firstMs', 'lastMs']
const measures = `count(*)::DOUBLE AS n, min("time")::DOUBLE AS "firstMs", max("time")::DOUBLE AS "lastMs"`

// The newest decision of each class lends its values to what was not told apart: all of them from one event.
function atOnceSql(source: string, { keys, examples }: Grouping): string {
  return `SELECT ${keyNames(keys)}, n, "firstMs", "lastMs", ${exampleList(examples)}
    FROM (SELECT ${keyList(keys)}, ${measures}, arg_max(${structSql(examples)}, "time") AS example
          FROM (${source}) GROUP BY ${keyNames(keys)})`
}

// The same with the newest decision's place only, looked up afterwards: twice the reading, a fraction of the memory.
function inTwoStepsSql(source: string, { keys, examples }: Grouping, writers: readonly string[]): string {
  const list = writers.map(quoteText).join(', ')
  const place = `(list_position([${list}], writer)::BIGINT << ${SEQUENCE_BITS}) | sequence`
  return `SELECT ${keyNames(keys)}, n, "firstMs", "lastMs", ${exampleList(examples)}
    FROM (SELECT ${keyList(keys)}, ${measures}, arg_max(${place}, "time") AS place
          FROM (${source}) GROUP BY ${keyNames(keys)}) AS class
    JOIN (SELECT ${place} AS place, ${structSql(examples)} AS example FROM (${source})) AS newest USING (place)`
}

function structSql(examples: readonly ColumnName[]): string {
  return `{${examples.map((one) => `${quoteName(one)}: ${quoteName(one)}`).join(', ')}}`
}

// Taken apart before it leaves DuckDB: its columns are read far quicker than its structures.
function exampleList(examples: readonly ColumnName[]): string {
  return examples.map((one) => `example.${quoteName(one)}`).join(', ')
}

function keyList(keys: readonly Key[]): string {
  return keys.map(({ sql }, at) => `${sql} AS k${at}`).join(', ')
}

function keyNames(keys: readonly Key[]): string {
  return keys.map((_, at) => `k${at}`).join(', ')
}

function batchOf(chunk: ColumnChunk, { keys, examples }: Grouping, count: number): readonly DecisionClass[] {
  if (count > MAX_CLASSES) {
    throw new Fault('at-capacity', { hint: 'There are too many classes; ask for a shorter time or tell less apart.' })
  }
  const { names, values, rowCount } = chunk
  // A key's column is found under the name of what it holds; one that holds nothing is left out.
  const shown = names.flatMap((name, at) => {
    const key = keys[at]
    const column = key === undefined ? (examples[at - keys.length - measureNames.length] ?? name) : key.column
    return column === null ? [] : [{ column, of: values[at] ?? [] }]
  })
  const classes: DecisionClass[] = []
  for (let at = 0; at < rowCount; at++) {
    const found: Record<string, unknown> = {}
    for (const { column, of } of shown) found[column] = plain(of[at])
    classes.push(classOf(found))
  }
  return classes
}

function grouping({ distinguish = inputDimensions, breaks = {} }: DecisionClassesQuery): Grouping {
  if (!distinguish.every((one) => Object.hasOwn(dimensionColumns, one))) refuse('There is no such input.')
  const told = new Set<string>(distinguish)
  const keys: Key[] = fixedColumns.split(' ').map((column) => ({ sql: column, column }))
  // Policies can ask whether a device, or a request, is known at all.
  keys.push({ sql: 'in_posture IS NULL', column: null }, { sql: 'in_method IS NULL', column: null })
  const examples: ColumnName[] = [...readable]
  for (const name of inputDimensions) {
    const column = dimensionColumns[name]
    if (told.has(name)) keys.push({ sql: quoteName(column), column })
    else examples.push(column)
  }
  for (const [name, ends] of Object.entries(breaks)) {
    if (!isBreakDimension(name)) refuse('There are no intervals of this input.')
    if (told.has(name)) refuse(`${name} is told apart already; leave out its intervals.`)
    const isAscending = ends.every((end, at) => Number.isSafeInteger(end) && (at === 0 || end > (ends[at - 1] ?? end)))
    if (!isAscending || ends.length > MAX_BREAKS) refuse(`Intervals: up to ${MAX_BREAKS} whole numbers, ascending.`)
    if (ends.length > 0) keys.push({ sql: intervalSql(dimensionColumns[name], ends), column: null })
  }
  return { keys, examples }
}

function intervalSql(column: ColumnName, ends: readonly number[]): string {
  const cases = ends.map((end, at) => `WHEN ${quoteName(column)} < ${BigInt(end)} THEN ${at}`)
  return `CASE WHEN ${quoteName(column)} IS NULL THEN NULL ${cases.join(' ')} ELSE ${ends.length} END`
}

function isBreakDimension(name: string): name is BreakDimension {
  return breakDimensions.has(name)
}

function classOf(found: Readonly<Record<string, unknown>>): DecisionClass {
  const form = found['in_form']
  const userUid = text(found['user_uid'])
  const appUid = text(found['app_uid'])
  return {
    // The names are those of the table of columns, and the kinds those of its types.
    inputs: form === 1 ? inputsOf(found as unknown as InputColumns) : null,
    isForeign: form === 2,
    outcome: found['decision'] === 'allow' ? 'allow' : 'deny',
    reason: text(found['reason']),
    policies: texts(found['policies']),
    count: Number(found['n']),
    firstMs: Number(found['firstMs']),
    lastMs: Number(found['lastMs']),
    user:
      userUid === null
        ? null
        : {
            uid: userUid,
            name: text(found['user_name']) ?? '',
            org: text(found['org']),
            groups: texts(found['groups']),
          },
    app: appUid === null ? null : { uid: appUid, name: text(found['app_name']) ?? '' },
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'object' && value !== null && 'items' in value ? value.items : value
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}
