// Decides one request to a site and writes it down: walls, policy, and words that the person has to answer first. Must
// never be passed by: what is sent on, sent up or handed down was decided here.
import { deny, type Decision, type Obligation } from '#core/policy/decide.ts'
import type { Access, DestinationAccess } from '#exchange/decide.ts'
import type { OutboundParts } from './parts.ts'
import { topicOf, type Stop } from './stop.ts'
import { wantedInspections } from './web-access.ts'
import { authorityOf, pathOf, type WebRequest } from './web-request.ts'

export type Decided = {
  readonly access: Access
  readonly decision: Decision
  readonly eventId: string
  /** Set: it goes no further. */
  readonly stop: Stop | undefined
  readonly wants: readonly ('dlp' | 'malware')[]
}

export function decideRequest(
  { context, access: web, goOns }: OutboundParts,
  wanted: WebRequest,
  method: string,
  action: DestinationAccess['action'],
): Decided {
  const { tenant, session, host, port, target } = wanted
  const http = { method, path: pathOf(target), host: authorityOf(wanted) }
  const access = web.accessTo(wanted, wanted, action, http)
  const first = web.decide(tenant, access)
  const coach = first.kind === 'allow' ? coachIn(first.obligations) : undefined
  const isCoached = coach !== undefined && !goOns.isAllowed(session.id, host, topicOf(coach) ?? '')
  const effective = isCoached ? deny('reason-needed') : first
  const wants = effective.kind === 'allow' ? wantedInspections(effective.obligations) : []
  const { decision, eventId } = context.journal.decided(tenant, access, effective, {
    host,
    port,
    web: { action, categories: access.destination?.categories ?? [], inspected: true, scan: wants },
  })
  if (decision.kind === 'deny') context.count('denied')
  const stop: Stop | undefined =
    decision.kind === 'allow'
      ? undefined
      : isCoached && decision.reason === 'reason-needed'
        ? coach
        : denied(decision.reason)
  return { access, decision, eventId, stop, wants }
}

function denied(reason: Extract<Decision, { kind: 'deny' }>['reason']): Stop {
  return { kind: 'denied', reason }
}

function coachIn(obligations: readonly Obligation[]): Extract<Stop, { kind: 'coach' }> | undefined {
  const coach = obligations.find(({ name }) => name === 'coach')
  return coach === undefined ? undefined : { kind: 'coach', text: coach.value, policy: coach.policy.id }
}
