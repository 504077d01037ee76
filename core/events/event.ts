// Events of the journal in OCSF 1.9 form (schema.ocsf.io). Must never carry a secret, a cookie, a query
// string or a body: callers pass named facts, and only these are written.
export const OCSF_VERSION = '1.9.0'

export const eventClasses = {
  authentication: { class_uid: 3002, category_uid: 3 },
  authorization: { class_uid: 3003, category_uid: 3 },
  network: { class_uid: 4001, category_uid: 4 },
  http: { class_uid: 4002, category_uid: 4 },
  dns: { class_uid: 4003, category_uid: 4 },
  finding: { class_uid: 2004, category_uid: 2 },
  apiActivity: { class_uid: 6003, category_uid: 6 },
} as const
export type EventClass = keyof typeof eventClasses

/** OCSF activity_id of each class that we use. */
export const activities = {
  authentication: { signIn: 1, signOut: 2, other: 99 },
  authorization: { decide: 1, other: 99 },
  network: { open: 1, close: 2, refuse: 5, other: 99 },
  http: { connect: 1, delete: 2, get: 3, head: 4, options: 5, post: 6, put: 7, trace: 8, patch: 9, other: 99 },
  dns: { query: 1, response: 2, other: 99 },
  finding: { create: 1, other: 99 },
  apiActivity: { create: 1, read: 2, update: 3, delete: 4, other: 99 },
} as const

export type EventFacts = {
  readonly uid: string
  readonly timeMs: number
  readonly tenantId: string
  readonly outcome: 'success' | 'failure'
  /** Severity: informational, low, medium, high, critical (OCSF severity_id 1 to 5). */
  readonly severity?: 1 | 2 | 3 | 4 | 5
  readonly user?: {
    readonly uid: string
    readonly name: string
    readonly groups?: readonly string[]
    readonly org?: string | null
  }
  readonly sessionId?: string | null
  readonly deviceId?: string | null
  readonly source?: { readonly ip: string; readonly port?: number }
  readonly app?: { readonly uid: string; readonly name: string }
  readonly destination?: { readonly host: string; readonly port?: number }
  readonly flowId?: string | null
  readonly decision?: {
    readonly kind: 'allow' | 'deny'
    readonly reason?: string
    readonly policies: readonly { readonly id: string; readonly name: string }[]
    readonly missing?: readonly string[]
    /** What the decision rested on, so that it can be replayed. */
    readonly inputs?: Readonly<Record<string, unknown>>
  }
  readonly http?: { readonly method: string; readonly path: string; readonly status?: number; readonly host?: string }
  readonly dns?: {
    readonly host: string
    readonly type: string
    readonly rcode: number
    readonly answers: readonly { readonly type: string; readonly rdata: string; readonly ttl: number }[]
  }
  readonly traffic?: { readonly bytesIn: number; readonly bytesOut: number; readonly durationMs?: number }
  readonly finding?: {
    readonly uid: string
    readonly title: string
    readonly types: readonly string[]
    readonly firstMs: number
    readonly lastMs: number
  }
  readonly api?: { readonly operation: string; readonly target?: string; readonly resourceKind?: string }
  readonly factors?: readonly string[]
  readonly message?: string
  readonly exchangeId?: string | null
  readonly connectorId?: string | null
  /** Anything particular to us, kept apart from OCSF's own attributes. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export type JournalEvent = Readonly<Record<string, unknown>>

/** An OCSF event of `eventClass` with `activity` (a name from `activities`). Facts left out leave no attribute. */
export function journalEvent<C extends EventClass>(
  eventClass: C,
  activity: keyof (typeof activities)[C] & string,
  facts: EventFacts,
): JournalEvent {
  const { class_uid, category_uid } = eventClasses[eventClass]
  const activityId = (activities[eventClass] as Readonly<Record<string, number>>)[activity] ?? 99
  const event: Record<string, unknown> = {
    class_uid,
    category_uid,
    activity_id: activityId,
    activity_name: activity,
    type_uid: class_uid * 100 + activityId,
    time: facts.timeMs,
    severity_id: facts.severity ?? 1,
    status_id: facts.outcome === 'success' ? 1 : 2,
    metadata: {
      version: OCSF_VERSION,
      uid: facts.uid,
      tenant_uid: facts.tenantId,
      product: { name: 'Sallyport', vendor_name: 'Sallyport' },
    },
  }
  if (facts.user || facts.sessionId) {
    event['actor'] = {
      ...(facts.user && {
        user: {
          uid: facts.user.uid,
          name: facts.user.name,
          ...(facts.user.groups && { groups: facts.user.groups.map((name) => ({ name })) }),
          ...(facts.user.org && { org: { name: facts.user.org } }),
        },
      }),
      ...(facts.sessionId && { session: { uid: facts.sessionId } }),
    }
  }
  if (facts.deviceId) event['device'] = { uid: facts.deviceId, type_id: 0 }
  if (facts.source)
    event['src_endpoint'] = { ip: facts.source.ip, ...(facts.source.port !== undefined && { port: facts.source.port }) }
  if (facts.destination || facts.app) {
    event['dst_endpoint'] = {
      ...(facts.destination && { hostname: facts.destination.host }),
      ...(facts.destination?.port !== undefined && { port: facts.destination.port }),
      ...(facts.app && { uid: facts.app.uid, svc_name: facts.app.name }),
    }
  }
  if (facts.app) event['app_name'] = facts.app.name
  if (facts.decision) {
    event['action_id'] = facts.decision.kind === 'allow' ? 1 : 2
    event['authorizations'] =
      facts.decision.policies.length > 0
        ? facts.decision.policies.map(({ id, name }) => ({ decision: facts.decision?.kind, policy: { uid: id, name } }))
        : [{ decision: facts.decision.kind }]
    if (facts.decision.reason) event['status_code'] = facts.decision.reason
  }
  if (facts.http) {
    event['http_request'] = {
      http_method: facts.http.method,
      url: { path: facts.http.path, ...(facts.http.host && { hostname: facts.http.host }) },
    }
    if (facts.http.status !== undefined) event['http_response'] = { code: facts.http.status }
  }
  if (facts.dns) {
    const { host, type, rcode, answers } = facts.dns
    event['query'] = { hostname: host, type, class: 'IN' }
    event['rcode_id'] = rcode
    if (answers.length > 0) event['answers'] = answers
  }
  if (facts.traffic) {
    event['traffic'] = { bytes_in: facts.traffic.bytesIn, bytes_out: facts.traffic.bytesOut }
    if (facts.traffic.durationMs !== undefined) event['duration'] = facts.traffic.durationMs
  }
  if (facts.finding) {
    const { uid, title, types, firstMs, lastMs } = facts.finding
    event['finding_info'] = { uid, title, types, first_seen_time: firstMs, last_seen_time: lastMs }
  }
  if (facts.api) {
    event['api'] = { operation: facts.api.operation }
    if (facts.api.target)
      event['resources'] = [{ name: facts.api.target, ...(facts.api.resourceKind && { type: facts.api.resourceKind }) }]
  }
  if (facts.factors) event['auth_factors'] = facts.factors.map((name) => ({ factor_type: name }))
  if (facts.message) event['message'] = facts.message
  const own = {
    ...(facts.flowId && { flow_uid: facts.flowId }),
    ...(facts.exchangeId && { exchange_uid: facts.exchangeId }),
    ...(facts.connectorId && { connector_uid: facts.connectorId }),
    ...(facts.decision?.missing && facts.decision.missing.length > 0 && { missing: facts.decision.missing }),
    ...(facts.decision?.inputs && { inputs: facts.decision.inputs }),
    ...facts.extra,
  }
  if (Object.keys(own).length > 0) event['unmapped'] = own
  return event
}

/** The end of the year 9999: the last time that ISO 8601 writes with four digits. */
const LAST_TIME_MS = 253_402_300_799_999

/** Whether a value can be the time of an event, in milliseconds since 1970. */
export function isEventTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= LAST_TIME_MS
}

/** The time of an event that somebody else wrote; 0 where it is none. A reader that throws would hide all the others. */
export function eventTimeMs(value: unknown): number {
  return isEventTime(value) ? value : 0
}
