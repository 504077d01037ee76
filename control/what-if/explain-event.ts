// Why a past decision was made: what the event recorded, and the same inputs asked again under the rules in force then
// and now. Must never present an answer that does not agree with the record as the reason of then.
import type { pastExplanation } from '#core/api/policy-views.ts'
import type * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { AuthorizationFacts } from '#core/policy/decide.ts'
import { readRecordedFacts } from '#core/policy/recorded-facts.ts'
import { decideAccess, rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import type { Explanation } from '#core/api/policy-views.ts'
import type { ControlContext, EventPage } from '#control/context.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { documentNames, explanationOf } from './explanation.ts'
import { recordsAt } from './rules-then.ts'

type PastExplanation = z.infer<typeof pastExplanation>

/** Reasons that rest on the rules alone, so that asking again means something. */
const ofRules: ReadonlySet<string | null> = new Set([
  null,
  'no-policy',
  'forbidden',
  'outside-contract',
  'app-not-in-contract',
  'app-disabled',
  'path-not-allowed',
])

/** Throws `not-found` when there is no such decision of this tenant. */
export async function explainEvent(
  tenantId: string,
  uid: string,
  handle: TenantHandle,
  context: Pick<ControlContext, 'journal' | 'mirrors'>,
): Promise<PastExplanation> {
  const page = await context.journal.list(tenantId, { limit: 1, fields: { 'metadata.uid': uid } })
  const event = page.items[0]?.event
  if (event === undefined || (event['action_id'] !== 1 && event['action_id'] !== 2)) throw new Fault('not-found')
  const recorded = recordedOf(event)
  const facts = readRecordedFacts(recorded.inputs)
  const atMs = typeof event['time'] === 'number' ? event['time'] : 0
  const mirror = await context.mirrors.current(tenantId)
  const documents = await documentNames(handle)
  const ask = (rules: TenantRules, asked: AuthorizationFacts): Explanation =>
    explanationOf(decideAccess(rules, asked), { records: rules.sources, documents })
  return {
    event: uid,
    at: new Date(atMs).toISOString(),
    user: text(record(record(event['actor'])['user'])['name']),
    app: text(event['app_name']),
    recorded,
    then: await explainThen({ recorded, facts, atMs, mirror, handle, ask }),
    now: facts === null ? null : ask(rulesOf(mirror.records()), facts),
  }
}

type Then = {
  readonly recorded: PastExplanation['recorded']
  readonly facts: AuthorizationFacts | null
  readonly atMs: number
  readonly mirror: TenantMirror
  readonly handle: TenantHandle
  readonly ask: (rules: TenantRules, facts: AuthorizationFacts) => Explanation
}

async function explainThen({ recorded, facts, atMs, mirror, handle, ask }: Then): Promise<PastExplanation['then']> {
  const unknown = (why: string) => ({ known: false as const, why })
  if (!ofRules.has(recorded.reason)) return unknown(`It was not decided by policy: ${recorded.reason}.`)
  if (facts === null) return unknown('The event did not record its inputs in a form that is known here.')
  const then = await recordsAt(atMs, mirror, handle)
  if (then.kind === 'forgotten') return unknown('The policies that were in force then are not kept any more.')
  const explanation = ask(rulesOf(then.records), facts)
  const isSame =
    explanation.decision === recorded.decision &&
    explanation.reason === recorded.reason &&
    names(explanation.policies) === names(recorded.policies.map((name) => ({ name })))
  if (!isSame)
    return unknown(
      'Asked again it comes out otherwise: the exchange had not yet, or no longer, the rules of that moment.',
    )
  return { known: true, sequence: then.sequence, explanation }
}

function names(policies: readonly { readonly name: string }[]): string {
  return JSON.stringify(policies.map(({ name }) => name).toSorted())
}

function recordedOf(event: EventPage['items'][number]['event']): PastExplanation['recorded'] {
  const own = record(event['unmapped'])
  return {
    decision: event['action_id'] === 1 ? 'allow' : 'deny',
    reason: text(event['status_code']),
    policies: list(event['authorizations'])
      .map((each) => text(record(record(each)['policy'])['name']))
      .filter((name) => name !== null),
    missing: list(own['missing'])
      .map(text)
      .filter((line) => line !== null),
    inputs: own['inputs'] === undefined ? null : { ...record(own['inputs']) },
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
