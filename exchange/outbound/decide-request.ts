// HOT PATH. Decides one request to a site and writes it down: walls, policy, and words that the person has to answer
// first. Must never be passed by: what is sent on, sent up or handed down was decided here.
import { deny, type Decision, type Obligation } from '#core/policy/decide.ts'
import { factsOf, isStale, type Access, type DestinationAccess } from '#exchange/decide.ts'
import { canonicalPath } from '#transport/path.ts'
import type { DecisionContext, ExchangeJournal } from '#exchange/journal.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { caps } from './caps.ts'
import type { OutboundParts } from './parts.ts'
import { topicOf, type Stop } from './stop.ts'
import { AI_CHAT, wantedInspections, wantsPages } from './web-access.ts'
import { authorityOf, pathOf, type WebRequest } from './web-request.ts'

export type Decided = {
  readonly access: Access
  /** In origin form, as it was decided on and is sent. */
  readonly target: string
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

/** An allowance that stands for the same question until its second is over or the tenant's snapshot is another. */
type Standing = Pick<Decided, 'access' | 'wants' | 'masks' | 'judgesPages' | 'promptService'> & {
  readonly tenant: Tenant
  readonly position: Tenant['position']
  readonly untilMs: number
  readonly writeDown: ReturnType<ExchangeJournal['deciding']>
}

export type DecideRequest = (
  wanted: WebRequest,
  method: string,
  action: DestinationAccess['action'],
  /** A WebSocket is asked for. */
  isUpgrade?: true,
) => Decided

const SECOND_MS = 1000

export function createDecideRequest(parts: OutboundParts): DecideRequest {
  const { context, access: web, goOns } = parts
  // Deciding and making its event were 40 % of all that a request allocated. What is kept is an allowance and nothing
  // else, for one second of the clock, so that facts of time are those of the same second.
  const standings = new Map<string, Standing>()

  return (wanted, method, action, isUpgrade) => {
    const { tenant, session, host, port, clientIp, target, scheme } = wanted
    // As for private apps: what is decided on is one reading of the path, and that reading is what the site gets.
    const isRead = tenant.policy.readsRequests
    const read = isRead || target.includes('%') ? canonicalPath(target) : undefined
    const path = read?.ok === true ? read.canonicalPath : pathOf(target)
    const sent = isRead && read?.ok === true ? `${path}${read.query}` : target
    const authority = authorityOf(wanted)
    const promptService =
      parts.prompts?.serviceAt({ url: `${scheme}://${authority}${path}`, method, direction: 'upload' }) ?? null
    const isByPath = isRead || tenant.contained.has('url')
    const asked = `${isUpgrade === true ? 'upgrade ' : ''}${isByPath ? path : ''}`
    const key = `${tenant.id} ${session.id} ${clientIp} ${host} ${port} ${scheme} ${action} ${method} ${promptService ?? ''} ${asked}`
    const known = standings.get(key)
    if (known !== undefined && isInForce(known, tenant)) return again(known, path, sent)
    const http = { method, path, host: authority }
    const plain = web.accessTo(wanted, wanted, action, http, promptService === null ? [] : [AI_CHAT])
    const access: Access = isUpgrade === true ? { ...plain, isUpgrade } : plain
    const first =
      isRead && read?.ok === false && isByPathAt(tenant, access) ? deny('path-not-allowed') : web.decide(tenant, access)
    const coach = first.kind === 'allow' ? coachIn(first.obligations) : undefined
    const isCoached = coach !== undefined && !goOns.isAllowed(session.id, host, topicOf(coach) ?? '')
    const effective = isCoached ? deny('reason-needed') : first
    const obligations = effective.kind === 'allow' ? effective.obligations : []
    const wants = wantedInspections(obligations)
    const masks = obligations.some(({ name }) => name === 'redact')
    const judgesPages = wantsPages(obligations)
    const scan = [...wants, ...(masks ? ['redact'] : []), ...(judgesPages ? ['phishing'] : [])]
    const noted: DecisionContext = {
      host,
      port,
      web: {
        action,
        categories: access.destination?.categories ?? [],
        inspected: true,
        scan,
        ...(promptService !== null && { prompt: { service: promptService } }),
      },
    }
    const found = { access, wants, masks, judgesPages, promptService }
    if (effective.kind === 'allow' && coach === undefined) {
      const writeDown = context.journal.deciding(tenant, access, effective, noted)
      const standing = { ...found, tenant, position: tenant.position, untilMs: endOf(wanted), writeDown }
      standings.delete(key)
      standings.set(key, standing)
      const [oldest] = standings.keys()
      if (standings.size > caps.standingDecisions.default && oldest !== undefined) standings.delete(oldest)
      return again(standing, path, sent)
    }
    const { decision, eventId } = context.journal.decided(tenant, access, effective, noted)
    return { ...found, target: sent, decision, eventId, stop: stopOf(decision, isCoached ? coach : undefined) }
  }

  function isInForce({ tenant, position, untilMs }: Standing, now: Tenant): boolean {
    return tenant === now && position === now.position && context.now() < untilMs
  }

  /** A path that a site could read otherwise than we do is refused where a policy for that site looks at paths. */
  function isByPathAt(tenant: Tenant, access: Access): boolean {
    const facts = factsOf(tenant, access, context.now())
    return facts === undefined || tenant.policy.readsRequestsTo(facts)
  }

  function again(standing: Standing, path: string, target: string): Decided {
    const { access, wants, masks, judgesPages, promptService } = standing
    const { decision, eventId } = standing.writeDown(path)
    const http = access.http === null ? null : { ...access.http, path }
    return {
      access: { ...access, http },
      target,
      decision,
      eventId,
      stop: stopOf(decision),
      wants,
      masks,
      judgesPages,
      promptService,
    }
  }

  /** The end of this second, or of what the decision rested on. */
  function endOf({ tenant, session }: WebRequest): number {
    const nowMs = context.now()
    const endMs = (Math.floor(nowMs / SECOND_MS) + 1) * SECOND_MS
    return isStale(tenant, endMs) ? nowMs : Math.min(endMs, session.expiresAtMs)
  }

  function stopOf(decision: Decision, coach?: Stop): Stop | undefined {
    if (decision.kind === 'allow') return undefined
    context.count('denied')
    const { reason } = decision
    return coach !== undefined && reason === 'reason-needed' ? coach : { kind: 'denied', reason }
  }
}

function coachIn(obligations: readonly Obligation[]): Extract<Stop, { kind: 'coach' }> | undefined {
  const coach = obligations.find(({ name }) => name === 'coach')
  return coach === undefined ? undefined : { kind: 'coach', text: coach.value, policy: coach.policy.id }
}
