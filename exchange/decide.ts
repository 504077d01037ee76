// Step 3 of 6, decide: walls first, then policy; one function for http requests, tcp connections, `whoami` and
// re-decide. Looks every record up anew, so that a decision is never older than its facts. Must never allow by default.
import { deny, type AuthorizationFacts, type Decision, type DenyReason } from '#core/policy/decide.ts'
import { isCutting, type ContainmentRecord } from '#core/records/containment.ts'
import { isPathAllowed } from '#core/policy/path-rules.ts'
import { answerDeadlines, withAnswers } from '#exchange/graded-answers.ts'
import { withObligations } from '#exchange/inspect.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

/** Who wants what, by id: the same record serves for the first decision and for every later one. */
export type Access = {
  readonly userId: string
  readonly sessionId: string
  readonly deviceId: string | null
  readonly appId: string
  /** Known once a connector was chosen. */
  readonly connectorId: string | null
  readonly clientIp: string
  /** null: a connection. `path` is canonical and without query. */
  readonly http: HttpAccess | null
  /** The request asks for a WebSocket: bytes both ways that nobody can tell apart. */
  readonly isUpgrade?: true
  /** Set: a host of the internet instead of an app; `appId` is then empty. */
  readonly destination?: DestinationAccess
}

export type DestinationAccess = {
  readonly action: 'browse' | 'upload' | 'download'
  readonly host: string
  readonly port: number
  readonly categories: readonly string[]
}

export type HttpAccess = { readonly method: string; readonly path: string; readonly host: string }

export type DecideOptions = {
  readonly nowMs: number
  /** Live flows go on while control is away; only new ones need fresh facts. */
  readonly mayBeStale?: boolean
}

/** `tenant` is undefined when control has taken it from this exchange. */
export function decide(tenant: Tenant | undefined, access: Access, options: DecideOptions): Decision {
  if (tenant === undefined) return deny('tenant-suspended')
  const wall = wallFor(tenant, access, options)
  return wall === undefined ? decideByPolicy(tenant, access, options.nowMs) : deny(wall)
}

/** What stands in the way of this person and app whatever policy says; paths aside. */
export function standing(tenant: Tenant | undefined, access: Access, options: DecideOptions): DenyReason | undefined {
  return tenant === undefined ? 'tenant-suspended' : wallFor(tenant, { ...access, http: null }, options)
}

/** When time alone may change the decision: the next end of what it rests on. */
export function reconsiderAtMs(tenant: Tenant, access: Access, nowMs: number): number {
  const session = tenant.sessions.get(access.sessionId)
  const organisation = tenant.organisations.get(tenant.users.get(access.userId)?.organisationId ?? '')
  return Math.min(
    session?.expiresAtMs ?? 0,
    organisation?.untilMs ?? Infinity,
    tenant.approvedUntilMs(access.userId, access.appId) ?? Infinity,
    ...answerDeadlines(leasesOn(tenant, access, nowMs), session),
  )
}

export function isStale(tenant: Tenant, nowMs: number): boolean {
  return nowMs - tenant.position.issuedAtMs > tenant.record.staleAfterSeconds * 1000
}

function wallFor(tenant: Tenant, access: Access, { nowMs, mayBeStale }: DecideOptions): DenyReason | undefined {
  if (tenant.record.status !== 'active') return 'tenant-suspended'
  if ((mayBeStale !== true && isStale(tenant, nowMs)) || !tenant.policy.isWhole) return 'snapshot-stale'
  return (
    wallOfPerson(tenant, access, nowMs) ?? wallOfContainment(tenant, access, nowMs) ?? wallOfApp(tenant, access, nowMs)
  )
}

function wallOfPerson(tenant: Tenant, access: Access, nowMs: number): DenyReason | undefined {
  const session = tenant.sessions.get(access.sessionId)
  if (session === undefined || session.userId !== access.userId) return 'session-ended'
  if (session.deviceId !== access.deviceId) return 'session-ended'
  if (session.expiresAtMs <= nowMs) return 'session-expired'
  if (tenant.users.get(access.userId)?.status !== 'active') return 'user-disabled'
  if (session.door === 'agent' && session.deviceId === null) return 'device-required'
  if (session.deviceId === null) return undefined
  const device = tenant.devices.get(session.deviceId)
  return device?.status === 'active' && device.userId === access.userId ? undefined : 'device-revoked'
}

function wallOfContainment(tenant: Tenant, access: Access, nowMs: number): DenyReason | undefined {
  for (const { answer } of leasesOn(tenant, access, nowMs)) if (isCutting(answer)) return 'contained'
  return undefined
}

function leasesOn(tenant: Tenant, access: Access, nowMs: number): Iterable<ContainmentRecord> {
  if (tenant.contained.isEmpty) return []
  const organisationId = tenant.users.get(access.userId)?.organisationId ?? null
  const app = access.destination === undefined ? tenant.apps.get(access.appId) : undefined
  const names = app === undefined ? [] : app.names.map(({ host }) => host)
  if (app !== undefined && app.browserHost !== null) names.push(app.browserHost)
  return tenant.contained.touching(access, organisationId, names, nowMs)
}

function wallOfApp(tenant: Tenant, access: Access, nowMs: number): DenyReason | undefined {
  if (access.destination !== undefined) return wallOfDestination(tenant, access)
  const app = tenant.apps.get(access.appId)
  if (app === undefined) return 'app-unknown'
  const organisationId = tenant.users.get(access.userId)?.organisationId ?? null
  if (organisationId !== null) {
    const organisation = tenant.organisations.get(organisationId)
    if (organisation === undefined || nowMs < organisation.fromMs || nowMs >= organisation.untilMs) {
      return 'outside-contract'
    }
    // An approved request adds one app for a time; it does not reach beyond the window.
    if (!organisation.appIds.includes(app.id) && !isApproved(tenant, access, nowMs)) return 'app-not-in-contract'
  }
  if (!app.enabled) return 'app-disabled'
  if (access.connectorId !== null) {
    const connector = tenant.connectors.get(access.connectorId)
    if (connector?.status !== 'active' || connector.groupId !== app.connectorGroupId) return 'no-connector'
  }
  if (access.http === null) return undefined
  return isPathAllowed(app.http.rules, access.http) ? undefined : 'path-not-allowed'
}

/** Third parties get their apps and nothing else, whatever policy says: the internet is not among them. */
function wallOfDestination(tenant: Tenant, access: Access): DenyReason | undefined {
  const organisationId = tenant.users.get(access.userId)?.organisationId ?? null
  return organisationId === null ? undefined : 'app-not-in-contract'
}

function isApproved(tenant: Tenant, access: Access, nowMs: number): boolean {
  return (tenant.approvedUntilMs(access.userId, access.appId) ?? 0) > nowMs
}

function decideByPolicy(tenant: Tenant, access: Access, nowMs: number): Decision {
  const facts = factsOf(tenant, access, nowMs)
  if (facts === undefined) return deny('session-ended')
  const answered = withAnswers(tenant.policy.decide(facts), leasesOn(tenant, access, nowMs))
  return withObligations(answered, { access, session: tenant.sessions.get(access.sessionId), nowMs })
}

/** What policy is asked, and what the journal keeps so that it can be asked again. */
export function factsOf(tenant: Tenant, access: Access, nowMs: number): AuthorizationFacts | undefined {
  const user = tenant.users.get(access.userId)
  const session = tenant.sessions.get(access.sessionId)
  if (user === undefined || session === undefined) return undefined
  const target = targetOf(tenant, access)
  if (target === undefined) return undefined
  const device = session.deviceId === null ? undefined : tenant.devices.get(session.deviceId)
  const now = new Date(nowMs)
  return {
    user: user.name,
    ...target,
    session: {
      factors: session.factors,
      ageSeconds: Math.max(0, Math.floor((nowMs - session.createdAtMs) / 1000)),
      door: session.door,
    },
    device: device === undefined ? null : { id: device.id, posture: device.posture, os: device.os },
    ip: access.clientIp,
    // Tenants have no time zone yet, so that hours are those of UTC.
    time: { nowMs: Math.trunc(nowMs), hour: now.getUTCHours(), weekday: now.getUTCDay() || 7 },
    risk: tenant.riskAt(user.id, session.deviceId, nowMs),
    approved: isApproved(tenant, access, nowMs),
    http: access.http,
  }
}

function targetOf(
  tenant: Tenant,
  { appId, http, destination }: Access,
): Pick<AuthorizationFacts, 'action' | 'resource'> | undefined {
  if (destination !== undefined) {
    const { action, host, categories } = destination
    return { action, resource: { kind: 'destination', host, categories } }
  }
  const app = tenant.apps.get(appId)
  if (app === undefined) return undefined
  return { action: http === null ? 'connect' : 'request', resource: { kind: 'app', name: app.name } }
}
