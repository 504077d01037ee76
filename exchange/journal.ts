// Step 6 of 6, journal: one event per decision, written before its effect, and one per closed flow. Must never hold a
// query string, a cookie, a header or a body; where a tenant requires the journal, what cannot be written is denied.
import { randomUUID } from 'node:crypto'
import { journalEvent, type EventFacts } from '#core/events/event.ts'
import { deny, type Decision } from '#core/policy/decide.ts'
import { asFault, type Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { factsOf, type Access } from '#exchange/decide.ts'
import { repeatedEvent } from '#journal/event-text.ts'
import type { Flow } from '#exchange/flows/live-flows.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type EventSink = {
  /** The kernel has the event when this returns. Throws Fault `journal-full` and others. */
  readonly append: (tenantId: TenantId, event: object) => unknown
  /** As `append`, but several share one write, soon after; nothing may rest on it. */
  readonly stage: (tenantId: TenantId, event: object) => unknown
}

export type JournalDeps = {
  readonly sink: EventSink
  readonly exchangeId: string
  readonly now: () => number
  /** An event was lost: told with the reason, never with the event. */
  readonly onLost: (tenantId: string, fault: Fault) => void
}

export type Journalled = {
  /** The decision to obey: the one given, or a denial because it could not be written. */
  readonly decision: Decision
  readonly eventId: string
}

export type DecisionContext = {
  readonly flowId?: string | null
  readonly host: string
  readonly port?: number
  /** What belongs to the way to the internet: categories, whether it is looked into, and why not. */
  readonly web?: Readonly<Record<string, unknown>>
}

export type NamedFacts = {
  readonly query: NonNullable<EventFacts['dns']>
  readonly dns: Readonly<Record<string, unknown>>
}

export type ExchangeJournal = {
  readonly decided: (tenant: Tenant, access: Access, decision: Decision, context: DecisionContext) => Journalled
  /** A decided look-up of a name, with its answer. */
  readonly named: (tenant: Tenant, access: Access, decision: Decision, facts: NamedFacts) => Journalled
  /**
   * As `decided`, for one decision that stands for many requests which differ in their path only: each gets its event,
   * with the facts that the decision rested on.
   */
  readonly deciding: (
    tenant: Tenant,
    access: Access,
    decision: Decision,
    context: DecisionContext,
  ) => (path: string) => Journalled
  /** Something that was found out on the way after the decision: a verdict, a certificate. Written soon after. */
  readonly found: (tenant: Tenant, access: Access, facts: FoundFacts) => string
  /** Written soon after: a thousand flows that are cut at once must not wait for a thousand writes. */
  readonly closed: (tenant: Tenant | undefined, flow: Flow, reason: string) => void
  /** Writes what `closed` has put off. */
  readonly flush: () => void
  /** Somebody whom we know was turned away at a door, before there was anything to decide. */
  readonly refused: (tenant: Tenant, facts: Refusal) => string
}

export type FoundFacts = {
  readonly what: string
  readonly severity: 1 | 2 | 3 | 4
  readonly outcome: 'success' | 'failure'
  readonly web: Readonly<Record<string, unknown>>
}

const CLOSED_PER_TURN = 100

export type Refusal = {
  readonly reason: string
  readonly clientIp: string
  readonly host: string
  readonly deviceId?: string | null
  readonly connectorId?: string | null
}

const httpActivities: ReadonlyMap<string, 'delete' | 'get' | 'head' | 'options' | 'post' | 'put' | 'patch'> = new Map([
  ['DELETE', 'delete'],
  ['GET', 'get'],
  ['HEAD', 'head'],
  ['OPTIONS', 'options'],
  ['POST', 'post'],
  ['PUT', 'put'],
  ['PATCH', 'patch'],
])

export function createJournal({ sink, exchangeId, now, onLost }: JournalDeps): ExchangeJournal {
  type Closed = {
    readonly tenant: Tenant | undefined
    readonly flow: Flow
    readonly reason: string
    readonly atMs: number
  }
  let putOff: Closed[] = []

  return {
    decided(tenant, access, decision, context) {
      const uid = randomUUID()
      const event = decisionEvent({ uid, timeMs: now() }, tenant, access, decision, context)
      return obeyed(tenant, decision, uid, event)
    },
    deciding(tenant, access, decision, context) {
      const fill = repeatedEvent(({ uid, timeMs, path }) => {
        const http = access.http === null ? null : { ...access.http, path }
        return decisionEvent({ uid, timeMs }, tenant, { ...access, http }, decision, context)
      })
      return (path) => {
        const uid = randomUUID()
        return obeyed(tenant, decision, uid, fill({ uid, timeMs: Math.trunc(now()), path }))
      }
    },
    named(tenant, access, decision, { query, dns }) {
      const uid = randomUUID()
      const at = { uid, timeMs: now() }
      const { extra: _none, ...facts } = decisionFacts(at, tenant, access, decision, { host: query.host })
      return obeyed(tenant, decision, uid, journalEvent('dns', 'response', { ...facts, dns: query, extra: { dns } }))
    },
    found(tenant, access, { what, severity, outcome, web }) {
      const uid = randomUUID()
      const facts: EventFacts = {
        uid,
        timeMs: now(),
        tenantId: tenant.id,
        outcome,
        severity,
        ...whoAndWhat(tenant, access),
        exchangeId,
        ...(access.http !== null && {
          http: { method: access.http.method, path: access.http.path, host: access.http.host },
        }),
        message: what,
        extra: { web },
      }
      // A site that cannot be reached, or a person who goes on with a reason, is no finding.
      const event = severity < 3 ? journalEvent('http', 'other', facts) : journalEvent('finding', 'create', facts)
      write(tenant.id, event, sink.stage)
      return uid
    },
    closed(tenant, flow, reason) {
      if (putOff.length === 0) setImmediate(() => writeClosed(CLOSED_PER_TURN))
      putOff.push({ tenant, flow, reason, atMs: now() })
    },
    flush: () => writeClosed(Infinity),
    refused(tenant, { reason, clientIp, host, deviceId = null, connectorId = null }) {
      const uid = randomUUID()
      write(
        tenant.id,
        journalEvent('network', 'refuse', {
          uid,
          timeMs: now(),
          tenantId: tenant.id,
          outcome: 'failure',
          severity: 2,
          source: { ip: clientIp },
          destination: { host },
          deviceId,
          connectorId,
          exchangeId,
          decision: { kind: 'deny', reason, policies: [] },
        }),
      )
      return uid
    },
  }

  function obeyed(tenant: Tenant, decision: Decision, eventId: string, event: object): Journalled {
    const isWritten = write(tenant.id, event)
    const mustDeny = !isWritten && tenant.record.journalMandatory && decision.kind === 'allow'
    return { decision: mustDeny ? deny('journal-full') : decision, eventId }
  }

  function decisionEvent(
    at: Pick<EventFacts, 'uid' | 'timeMs'>,
    tenant: Tenant,
    access: Access,
    decision: Decision,
    context: DecisionContext,
  ): object {
    const facts = decisionFacts(at, tenant, access, decision, context)
    return access.http === null
      ? journalEvent('authorization', 'decide', facts)
      : journalEvent('http', httpActivities.get(access.http.method) ?? 'other', facts)
  }

  function writeClosed(most: number): void {
    const batch = putOff.slice(0, most)
    putOff = putOff.slice(batch.length)
    if (putOff.length > 0) setImmediate(() => writeClosed(most))
    for (const { tenant, flow, reason, atMs } of batch) {
      const { access, tenantId } = flow
      const bytes = flow.bytes()
      const event = journalEvent('network', 'close', {
        uid: randomUUID(),
        timeMs: atMs,
        tenantId,
        outcome: 'success',
        ...whoAndWhat(tenant, access),
        flowId: flow.id,
        exchangeId,
        connectorId: access.connectorId,
        traffic: { bytesIn: bytes.in, bytesOut: bytes.out, durationMs: Math.max(0, atMs - flow.openedAtMs) },
        message: reason,
        extra: { way: flow.way, close_reason: reason, ...(flow.hops !== undefined && { hops: flow.hops }) },
      })
      write(tenantId, event, sink.stage)
    }
  }

  function write(tenantId: string, event: object, put: EventSink['append'] = sink.append): boolean {
    try {
      if (!isId('tenant', tenantId)) throw new TypeError('tenant id')
      put(tenantId, event)
      return true
    } catch (error) {
      onLost(tenantId, asFault(error))
      return false
    }
  }

  function decisionFacts(
    at: Pick<EventFacts, 'uid' | 'timeMs'>,
    tenant: Tenant,
    access: Access,
    decision: Decision,
    { flowId, host, port, web }: DecisionContext,
  ): EventFacts {
    const inputs = factsOf(tenant, access, now())
    const isAllowed = decision.kind === 'allow'
    return {
      ...at,
      tenantId: tenant.id,
      outcome: isAllowed ? 'success' : 'failure',
      severity: isAllowed ? 1 : 2,
      ...whoAndWhat(tenant, access),
      destination: { host, ...(port !== undefined && { port }) },
      flowId: flowId ?? null,
      exchangeId,
      connectorId: access.connectorId,
      ...(access.http !== null && {
        http: { method: access.http.method, path: access.http.path, host: access.http.host },
      }),
      decision: {
        kind: decision.kind,
        policies: decision.policies,
        ...(decision.kind === 'deny' && {
          reason: decision.reason,
          missing: decision.missing.flatMap(({ conditions }) => conditions),
        }),
        ...(inputs !== undefined && { inputs }),
      },
      ...(web !== undefined && { extra: { web } }),
    }
  }
}

function whoAndWhat(tenant: Tenant | undefined, access: Access) {
  const user = tenant?.users.get(access.userId)
  const app = tenant?.apps.get(access.appId)
  const organisation = tenant?.organisations.get(user?.organisationId ?? '')
  return {
    user: {
      uid: access.userId,
      name: user?.name ?? '',
      org: organisation?.name ?? null,
    },
    sessionId: access.sessionId,
    deviceId: access.deviceId,
    source: { ip: access.clientIp },
    ...(app !== undefined && { app: { uid: app.id, name: app.name } }),
    ...(access.destination !== undefined && {
      destination: { host: access.destination.host, port: access.destination.port },
    }),
  }
}
