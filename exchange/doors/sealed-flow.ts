// The sealed flow door: an agent asks, gets a ticket, and comes back with it on a connection that is never terminated
// here. Must never read a byte of it, nor let a ticket open anything but the one flow it was made for.
import type { DeviceRecord, SessionRecord } from '#core/records/records.ts'
import type { FlowAnswer, OpenFlow } from '#core/wire/flow.ts'
import { deny, type Decision } from '#core/policy/decide.ts'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { refuseTls } from '#transport/tls-alert.ts'
import type { Incoming } from '#exchange/accept.ts'
import { caps } from '#exchange/caps.ts'
import { logFault, portalOrigin, type ExchangeContext } from '#exchange/context.ts'
import { decide, type Access } from '#exchange/decide.ts'
import { Hops } from '#exchange/hops.ts'
import { policyNames, wayOf } from '#exchange/inspect.ts'
import { TcpFlow } from '#exchange/flows/tcp-flow.ts'
import { createTickets } from '#exchange/flows/tickets.ts'
import { denialOf } from '#exchange/pages/denial.ts'
import { browserHostDenial } from '#exchange/pages/browser-host.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type Asker = {
  readonly tenant: Tenant
  readonly device: DeviceRecord
  readonly session: SessionRecord
  readonly clientIp: string
}

export type SealedFlows = {
  /** Answers `POST /v1/flows`. Throws Faults that are nobody's denial: `at-capacity`, `control-unreachable`. */
  readonly open: (asker: Asker, wanted: OpenFlow) => Promise<FlowAnswer>
  /** A connection that names a ticket. */
  readonly enter: (label: string, incoming: Incoming) => void
  readonly close: () => void
}

export function createSealedFlows(context: ExchangeContext): SealedFlows {
  const tickets = createTickets<TcpFlow>((flow) => flow.cut('ticket-expired'))

  return {
    async open(asker, { host, port }) {
      const { tenant, device, session, clientIp } = asker
      if (context.isDraining()) throw new Fault('closing')
      const hops = new Hops()
      const app = tenant.appOfName(host, port)
      // What is no app is the internet, where the tenant has a way to it: decided and looked into behind CONNECT.
      if (app === undefined) {
        const elsewhere = browserHostDenial(context, tenant, host)
        if (elsewhere !== undefined) return { kind: 'denied', denial: elsewhere }
        return { kind: tenant.webSettings === undefined ? 'unknown' : 'inspected' }
      }
      // Decided request by request, and therefore never sealed.
      if (app.appKind === 'http') {
        const isHere = context.links.choose(tenant, app, new Set(), context.now()) !== undefined
        return isHere ? { kind: 'inspected' } : { kind: 'inspected', connected: false }
      }
      const access: Access = {
        userId: session.userId,
        sessionId: session.id,
        deviceId: device.id,
        appId: app.id,
        connectorId: null,
        clientIp,
        http: null,
      }
      const first = decide(tenant, access, { nowMs: context.now() })
      // The CONNECT that follows is decided and journalled by itself.
      if (first.kind === 'allow' && wayOf(app, first) === 'inspected') return { kind: 'inspected' }
      const { decision, eventId } = context.journal.decided(tenant, access, first, { host, port })
      if (decision.kind === 'deny') return denied(tenant, app, decision, eventId)
      hops.lap('decide')
      context.flows.refuseOverLimit(tenant.id, session.id)
      try {
        const accepted = await context.forward.offerSealed({ tenant, access, app, port, hops }, device.keyThumbprint)
        const facts = { tenant, access, way: 'sealed' as const, policies: policyNames(decision), eventId, hops }
        const flow = new TcpFlow(context, facts, accepted, accepted.parked.socket)
        // What rested on the decision may have changed while the connector was asked.
        if (flow.reconsider() > 0) return denied(tenant, app, again(tenant, flow.access), eventId)
        const ticketHost = `${ticketFor(flow)}.flow.${context.directory.domains.domain}`
        const { connectorUri, flowId } = accepted
        return { kind: 'sealed', flowId, ticketHost, connectorUri, expiresInMs: caps.ticketLifeMs.default }
      } catch (error) {
        const fault = asFault(error)
        logFault(context.log, 'a sealed flow could not be opened', fault)
        if (!isFault(fault, 'no-connector') && !isFault(fault, 'grant-refused')) throw fault
        const { eventId: uid } = context.journal.decided(tenant, access, deny('no-connector'), { host, port })
        return denied(tenant, app, deny('no-connector'), uid)
      }
    },
    enter(label, incoming) {
      const flow = tickets.redeem(label)
      if (flow === undefined) {
        context.count('refused')
        return refuseTls(incoming.socket, 'unrecognizedName')
      }
      // The relay starts with what was read: the hello is the agent's first message to the connector.
      incoming.socket.unshift(incoming.bytes)
      flow.join(incoming.socket)
    },
    close: () => tickets.close(),
  }

  function ticketFor(flow: TcpFlow): string {
    try {
      return tickets.issue(flow)
    } catch (error) {
      flow.cut('at-capacity')
      throw error
    }
  }

  function denied(tenant: Tenant, app: { name: string; displayName: string }, decision: Decision, eventId: string) {
    context.count('denied')
    const refusal = decision.kind === 'deny' ? decision : deny('session-ended')
    const origin = portalOrigin(context, tenant.record.name)
    return {
      kind: 'denied' as const,
      denial: denialOf({ tenant: tenant.record, decision: refusal, app, eventId, portalOrigin: origin }),
    }
  }

  function again(tenant: Tenant, access: Access): Decision {
    return decide(context.directory.get(tenant.id), access, { nowMs: context.now() })
  }
}
