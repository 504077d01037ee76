// What a change would have done to the decisions of the last days: each class of equal inputs is asked once under the
// rules in force and once under the proposed ones. Must never guess: a decision whose inputs are missing, or whose person
// or app is gone, is *unknown*.
import type { ReplayReport } from '#core/api/policy-views.ts'
import type { AuthorizationFacts } from '#core/policy/decide.ts'
import { lookedAtBy, type LookedAt } from '#core/policy/looked-at.ts'
import { recordedRequest } from '#core/policy/recorded-facts.ts'
import { decideAccess, rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import type { WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'
import { isId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import type { DecisionClass, DecisionClassesQuery, DecisionSource } from '#lake/decisions.ts'
import { classesPerStep } from './caps.ts'
import { Tally } from './tally.ts'

export type ReplayQuestion = Extract<WhatIfJob, { kind: 'replay' }>

/** Refused by what is neither policy nor wall of the records: asking again under other policies says nothing. */
const apartReasons: ReadonlySet<string> = new Set([
  'tenant-suspended',
  'session-ended',
  'session-expired',
  'device-revoked',
  'device-required',
  'contained',
  'snapshot-stale',
  'journal-full',
  'no-connector',
  'destination-refused',
  'certificate-untrusted',
  'content-refused',
  'reason-needed',
])

export async function replay(
  question: ReplayQuestion,
  source: DecisionSource,
  onProgress: (progress: WhatIfProgress) => void,
  signal: AbortSignal,
): Promise<ReplayReport> {
  const { tenantId, sinceMs, untilMs } = question
  if (!isId('tenant', tenantId)) throw new Fault('not-found')
  const before = rulesOf(question.before)
  const after = rulesOf(question.after, before)
  const lookedAt = lookedAtBy(before, after)
  const query: DecisionClassesQuery = { tenant: tenantId, sinceMs, untilMs, ...asQuery(lookedAt) }
  const tally = new Tally(before, after)
  let done = 0
  let untilStep = classesPerStep
  onProgress({ done, words: 'reading the recorded decisions' })
  for await (const batch of source.decisionClasses(query, signal)) {
    for (const each of batch) {
      ask(each, before, after, lookedAt, tally)
      done += each.count
      if (--untilStep > 0) continue
      untilStep = classesPerStep
      signal.throwIfAborted()
      onProgress({ done, words: 'decisions asked again' })
    }
    signal.throwIfAborted()
    onProgress({ done, words: 'decisions asked again' })
  }
  return tally.report(sinceMs, untilMs)
}

function asQuery({ distinguish, breaks }: LookedAt): Pick<DecisionClassesQuery, 'distinguish' | 'breaks'> {
  return { distinguish: [...distinguish], breaks: Object.fromEntries(breaks) }
}

function ask(each: DecisionClass, before: TenantRules, after: TenantRules, lookedAt: LookedAt, tally: Tally): void {
  if (each.outcome === 'deny' && each.reason !== null && apartReasons.has(each.reason)) return tally.apart(each.count)
  const { inputs } = each
  if (inputs === null)
    return tally.unknown(each.isForeign ? 'the inputs were recorded in another form' : 'no inputs were recorded', each)
  const why = whyUnknown(inputs, before, after, lookedAt)
  if (why !== null) return tally.unknown(why, each)
  const request = recordedRequest(inputs)
  if (request === null) return tally.unknown('the inputs were recorded in another form', each)
  const now = decideAccess(before, inputs, request)
  const then = decideAccess(after, inputs, request)
  tally.add(each, inputs, { now, then, isDrifted: now.kind !== each.outcome })
}

function whyUnknown(
  { user, resource }: AuthorizationFacts,
  before: TenantRules,
  after: TenantRules,
  { asksCategory }: LookedAt,
): string | null {
  if (!before.users.has(user) && !after.users.has(user)) return 'the user is not there any more'
  if (resource.kind === 'destination')
    return asksCategory && resource.categories === undefined ? 'the category of the destination was not recorded' : null
  return before.apps.has(resource.name) || after.apps.has(resource.name) ? null : 'the app is not there any more'
}
