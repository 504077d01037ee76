// An OCSF event as the console shows it. Reads what it knows and ignores the rest; must never trust a field's type.
import { isRecord } from './api-fault.ts'
import { plain } from './plain-text.ts'

export type EventView = {
  readonly uid: string
  readonly cursor: string
  readonly timeMs: number
  readonly classUid: number
  readonly activity: string
  readonly ok: boolean
  readonly severity: number
  readonly user: string | null
  readonly app: string | null
  readonly target: string | null
  /** Name of the API's operation, and what it was done to. */
  readonly operation: string | null
  readonly resource: string | null
  readonly ip: string | null
  readonly reason: string | null
  readonly message: string | null
  readonly policies: readonly string[]
  readonly missing: readonly string[]
  readonly http: { readonly method: string; readonly path: string; readonly status: number | null } | null
  readonly traffic: { readonly bytesIn: number; readonly bytesOut: number } | null
  readonly durationMs: number | null
  readonly sessionId: string | null
  readonly deviceId: string | null
  readonly flowId: string | null
  readonly exchangeId: string | null
  readonly connectorId: string | null
  readonly isDecision: boolean
  readonly raw: Readonly<Record<string, unknown>>
}

export function readEvent(stored: { readonly cursor: string; readonly event: Record<string, unknown> }): EventView {
  const { event, cursor } = stored
  const own = record(event['unmapped'])
  const actor = record(event['actor'])
  const destination = record(event['dst_endpoint'])
  const request = record(event['http_request'])
  const traffic = record(event['traffic'])
  const authorizations = list(event['authorizations']).map(record)
  const api = record(event['api'])
  const method = text(request['http_method'])
  const host = text(destination['hostname'])
  const port = number(destination['port'])
  const resource = text(record(list(event['resources'])[0])['name'])
  const operation = text(api['operation'])
  return {
    uid: text(record(event['metadata'])['uid']) ?? cursor,
    cursor,
    timeMs: number(event['time']) ?? 0,
    classUid: number(event['class_uid']) ?? 0,
    activity: text(event['activity_name']) ?? '',
    ok: event['status_id'] === 1,
    severity: number(event['severity_id']) ?? 1,
    user: text(record(actor['user'])['name']),
    app: text(event['app_name']),
    target:
      host === null
        ? operation === null
          ? null
          : resource === null
            ? operation
            : `${operation} ${resource}`
        : join(host, port),
    operation,
    resource,
    ip: text(record(event['src_endpoint'])['ip']),
    reason: text(event['status_code']),
    message: text(event['message']),
    policies: authorizations.map((entry) => text(record(entry['policy'])['name'])).filter((name) => name !== null),
    missing: list(own['missing'])
      .map(text)
      .filter((line) => line !== null),
    http:
      method === null
        ? null
        : {
            method,
            path: text(record(request['url'])['path']) ?? '',
            status: number(record(event['http_response'])['code']),
          },
    traffic:
      event['traffic'] === undefined
        ? null
        : { bytesIn: number(traffic['bytes_in']) ?? 0, bytesOut: number(traffic['bytes_out']) ?? 0 },
    durationMs: number(event['duration']),
    sessionId: text(record(actor['session'])['uid']),
    deviceId: text(record(event['device'])['uid']),
    flowId: text(own['flow_uid']),
    exchangeId: text(own['exchange_uid']),
    connectorId: text(own['connector_uid']),
    isDecision: event['action_id'] === 1 || event['action_id'] === 2,
    raw: event,
  }
}

/** Something was not there, though nobody was refused: what *Now* shows as unavailable. */
const outages: ReadonlySet<string> = new Set([
  'no-connector',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-malformed',
  'identity-provider-failed',
  'control-unreachable',
  'exchange-unreachable',
  'snapshot-stale',
  'journal-full',
  'at-capacity',
  'closing',
])

export function isOutage(event: EventView): boolean {
  return !event.ok && event.reason !== null && outages.has(event.reason)
}

/** A connection, request or sign-in that did not go through, for whichever reason. */
export function isRefusal(event: EventView): boolean {
  return !event.ok && event.classUid !== 6003 && event.classUid !== 2004
}

/** One that somebody decided against: what *Now* shows as denials. */
export function isDenial(event: EventView): boolean {
  return isRefusal(event) && !isOutage(event)
}

const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? plain(value) : null)
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
const join = (host: string, port: number | null) => (port === null ? host : `${host}:${port}`)
