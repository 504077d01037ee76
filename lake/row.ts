// An event of the journal as one row of the lake. Must take any event whatever is in it: a field that is not of its kind
// is null, and the event's own text stays beside it, whole.
import { isObject, type StoredRecord } from '#journal/record.ts'
import { columnNames, columns, type ColumnName } from './columns.ts'
import { inputColumns, type InputColumns } from './inputs.ts'

export type Value = string | number | boolean | readonly string[] | null
export type Row = Readonly<Record<Exclude<ColumnName, keyof InputColumns>, Value>> & InputColumns

type Event = Readonly<Record<string, unknown>>

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const MAX_TEXT = 4096
const MAX_LIST = 256
const MAX_SMALL = 2 ** 31 - 1

/** `event` is `record.json` parsed. */
export function rowOf(writer: string, record: StoredRecord, event: Event): Row {
  const metadata = object(event['metadata'])
  const actor = object(event['actor'])
  const user = object(actor['user'])
  const destination = object(event['dst_endpoint'])
  const request = object(event['http_request'])
  const traffic = object(event['traffic'])
  const own = object(event['unmapped'])
  const authorizations = list(event['authorizations']).map(object)
  return {
    writer,
    sequence: record.sequence,
    recorded_ms: record.timeMs,
    time: time(event['time']) ?? Math.min(record.timeMs, LAST_MS),
    uid: text(metadata['uid']),
    class_uid: small(event['class_uid']),
    activity_id: small(event['activity_id']),
    status_id: small(event['status_id']),
    severity_id: small(event['severity_id']),
    user_uid: text(user['uid']),
    user_name: text(user['name']),
    org: text(object(user['org'])['name']),
    groups: texts(list(user['groups']).map((group) => object(group)['name'])),
    session_uid: text(object(actor['session'])['uid']),
    device_uid: text(object(event['device'])['uid']),
    src_ip: text(object(event['src_endpoint'])['ip']),
    app_uid: text(destination['uid']),
    app_name: text(event['app_name']) ?? text(destination['svc_name']),
    host: text(destination['hostname']) ?? text(object(request['url'])['hostname']),
    port: small(destination['port']),
    flow_uid: text(own['flow_uid']),
    exchange_uid: text(own['exchange_uid']),
    connector_uid: text(own['connector_uid']),
    decision: decision(authorizations),
    reason: text(event['status_code']),
    policies: texts(authorizations.map((one) => object(one['policy'])['name'])),
    policy_uids: texts(authorizations.map((one) => object(one['policy'])['uid'])),
    method: text(request['http_method']),
    path: text(object(request['url'])['path']),
    http_status: small(object(event['http_response'])['code']),
    operation: text(object(event['api'])['operation']),
    target: text(object(list(event['resources'])[0])['name']),
    bytes_in: whole(traffic['bytes_in']),
    bytes_out: whole(traffic['bytes_out']),
    duration_ms: whole(event['duration']),
    message: text(event['message']),
    ...inputColumns(own['inputs']),
    event: record.json.toString('utf8'),
  }
}

/** The row's values in the order of the columns, as DuckDB's binding takes them. */
export function engineValues(row: Row): (string | bigint | number | boolean | readonly string[] | null)[] {
  return columnNames.map((name) => {
    const value = row[name]
    return typeof value === 'number' && columns[name] === 'whole' ? BigInt(value) : value
  })
}

function decision(authorizations: readonly Event[]): 'allow' | 'deny' | null {
  const said = authorizations[0]?.['decision']
  return said === 'allow' || said === 'deny' ? said : null
}

function object(value: unknown): Event {
  return isObject(value) ? value : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_LIST) : []
}

// Long text is cut in its column only; half a surrogate pair and NUL have no place in a column.
function text(value: unknown): string | null {
  if (typeof value !== 'string') return null
  return value.slice(0, MAX_TEXT).toWellFormed().replaceAll('\0', '\uFFFD')
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.flatMap((value) => text(value) ?? [])
}

function small(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_SMALL ? value : null
}

function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null
}

function time(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= LAST_MS ? value : null
}
