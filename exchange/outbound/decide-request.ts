// Decides one request to a site and writes it down: walls, policy, and words that the person has to answer first. Must
// never be passed by: what is sent on, sent up or handed down was decided here.
import { deny, type Decision, type Obligation } from '#core/policy/decide.ts'
import type { Access, DestinationAccess } from '#exchange/decide.ts'
import type { OutboundParts } from './parts.ts'
import { topicOf, type Stop } from './stop.ts'
import { AI_CHAT, wantedInspections, wantsPages } from './web-access.ts'
import { authorityOf, pathOf, type WebRequest } from './web-request.ts'

export type Decided = {
  readonly access: Access
  readonly decision: Decision
  readonly eventId: string
  /** Set: it goes no further. */
  readonly stop: Stop | undefined
  readonly wants: readonly ('dlp' | 'malware')[]
  /** Sensitive values of what is sent are masked. */
  readonly masks: boolean
  /** Pages are judged for phishing. */
  readonly judgesPages: boolean
  /** The chat service that takes prompts at this address. */
  readonly promptService: string | null
}

export function decideRequest(
  { context, access: web, goOns, prompts }: OutboundParts,
  wanted: WebRequest,
  method: string,
  action: DestinationAccess['action'],
): Decided {
  const { tenant, session, host, port, target } = wanted
  const http = { method, path: pathOf(target), host: authorityOf(wanted) }
  const url = `${wanted.scheme}://${http.host}${http.path}`
  const promptService = prompts?.serviceAt({ url, method, direction: 'upload' }) ?? null
  const access = web.accessTo(wanted, wanted, action, http, promptService === null ? [] : [AI_CHAT])
  const first = web.decide(tenant, access)
  const coach = first.kind === 'allow' ? coachIn(first.obligations) : undefined
  const isCoached = coach !== undefined && !goOns.isAllowed(session.id, host, topicOf(coach) ?? '')
  const effective = isCoached ? deny('reason-needed') : first
  const obligations = effective.kind === 'allow' ? effective.obligations : []
  const wants = wantedInspections(obligations)
  const masks = obligations.some(({ name }) => name === 'redact')
  const judgesPages = wantsPages(obligations)
  const scan = [...wants, ...(masks ? ['redact'] : []), ...(judgesPages ? ['phishing'] : [])]
  const asked = promptService === null ? {} : { prompt: { service: promptService } }
  const { decision, eventId } = context.journal.decided(tenant, access, effective, {
    host,
    port,
    web: { action, categories: access.destination?.categories ?? [], inspected: true, scan, ...asked },
  })
  if (decision.kind === 'deny') context.count('denied')
  const stop: Stop | undefined =
    decision.kind === 'allow'
      ? undefined
      : isCoached && decision.reason === 'reason-needed'
        ? coach
        : denied(decision.reason)
  return { access, decision, eventId, stop, wants, masks, judgesPages, promptService }
}

function denied(reason: Extract<Decision, { kind: 'deny' }>['reason']): Stop {
  return { kind: 'denied', reason }
}

function coachIn(obligations: readonly Obligation[]): Extract<Stop, { kind: 'coach' }> | undefined {
  const coach = obligations.find(({ name }) => name === 'coach')
  return coach === undefined ? undefined : { kind: 'coach', text: coach.value, policy: coach.policy.id }
}
