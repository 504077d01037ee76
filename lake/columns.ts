// The columns of the lake's files: their names, types and order. Must only ever grow at the end; a file that lacks a
// column reads as null there.
import { BIGINT, BOOLEAN, INTEGER, LIST, VARCHAR, type DuckDBType } from '@duckdb/node-api'

/** `text[]`: a list. Whole numbers are 64 bits wide but for the few that OCSF keeps small. */
export type ColumnKind = 'text' | 'text[]' | 'whole' | 'small' | 'flag'

export const columns = {
  // The record in its chain. Tenant and day are the names of the folders.
  writer: 'text',
  sequence: 'whole',
  recorded_ms: 'whole',
  // The event, by OCSF's words; `time` in milliseconds since 1970.
  time: 'whole',
  uid: 'text',
  class_uid: 'small',
  activity_id: 'small',
  status_id: 'small',
  severity_id: 'small',
  user_uid: 'text',
  user_name: 'text',
  org: 'text',
  groups: 'text[]',
  session_uid: 'text',
  device_uid: 'text',
  src_ip: 'text',
  app_uid: 'text',
  app_name: 'text',
  host: 'text',
  port: 'small',
  flow_uid: 'text',
  exchange_uid: 'text',
  connector_uid: 'text',
  // `allow` or `deny`; reason is OCSF's status_code; policies by name.
  decision: 'text',
  reason: 'text',
  policies: 'text[]',
  policy_uids: 'text[]',
  method: 'text',
  path: 'text',
  http_status: 'small',
  operation: 'text',
  target: 'text',
  bytes_in: 'whole',
  bytes_out: 'whole',
  duration_ms: 'whole',
  message: 'text',
  // What the decision rested on; see inputs.ts.
  in_form: 'small',
  in_user: 'text',
  in_action: 'text',
  in_resource_kind: 'text',
  in_resource: 'text',
  in_factors: 'text',
  in_age_s: 'whole',
  in_door: 'text',
  in_device_id: 'text',
  in_posture: 'small',
  in_os: 'text',
  in_ip: 'text',
  in_now_ms: 'whole',
  in_hour: 'small',
  in_weekday: 'small',
  in_risk: 'whole',
  in_approved: 'flag',
  in_method: 'text',
  in_path: 'text',
  in_host: 'text',
  in_other: 'text',
  // The event's bytes as the journal had them: what the chain's hashes cover.
  event: 'text',
} as const satisfies Record<string, ColumnKind>

export type ColumnName = keyof typeof columns

export const columnNames: readonly ColumnName[] = Object.keys(columns).filter((name): name is ColumnName =>
  Object.hasOwn(columns, name),
)

const sqlTypes = { text: 'VARCHAR', 'text[]': 'VARCHAR[]', whole: 'BIGINT', small: 'INTEGER', flag: 'BOOLEAN' } as const
const engineTypes: Readonly<Record<ColumnKind, DuckDBType>> = {
  text: VARCHAR,
  'text[]': LIST(VARCHAR),
  whole: BIGINT,
  small: INTEGER,
  flag: BOOLEAN,
}

/** `name TYPE, …` for CREATE TABLE. */
export const columnsSql = columnNames.map((name) => `${quoteName(name)} ${sqlTypes[columns[name]]}`).join(', ')

export const columnTypes: readonly DuckDBType[] = columnNames.map((name) => engineTypes[columns[name]])

/** A column's name in SQL: `groups` and others are words of the language. */
export function quoteName(name: ColumnName): string {
  return `"${name}"`
}
