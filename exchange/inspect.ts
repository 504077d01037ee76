// Step 4 of 6, inspect: whether a flow may stay sealed, and whether this exchange can do what the deciding policies ask
// for. Must never let an obligation pass that it does not meet: what cannot be met is denied, and says which policy.
import { type Decision, type Deny, type Obligation } from '#core/policy/decide.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { SessionRecord } from '#core/records/records.ts'
import type { Access } from '#exchange/decide.ts'
import { isConfirmed, isReading, isSeen, isSteppedUp, stepUpFactor } from '#exchange/graded-answers.ts'

/** How the bytes of an allowed flow are carried. */
export function wayOf(app: AppRecord, decision: Decision): 'sealed' | 'inspected' {
  // An http app is decided request by request, which nobody can do from outside of TLS.
  const isAsked = decision.kind === 'allow' && decision.obligations.some(({ name }) => name === 'inspect')
  return app.appKind === 'http' || app.inspect || isAsked ? 'inspected' : 'sealed'
}

/** What an obligation is held against. */
export type ObligationFacts = {
  readonly access: Access
  readonly session: SessionRecord | undefined
  readonly nowMs: number
}

/** The decision, or a denial by the first policy that allows only on a condition that is not met here. */
export function withObligations(decision: Decision, facts: ObligationFacts): Decision {
  if (decision.kind === 'deny') return decision
  const unmet = decision.obligations.find((obligation) => !isMet(obligation, facts))
  return unmet === undefined ? decision : denialBy(unmet)
}

function isMet(obligation: Obligation, { access, session, nowMs }: ObligationFacts): boolean {
  switch (obligation.name) {
    case 'inspect':
      // Met by the way the flow is carried.
      return true
    case 'redact':
      // Values are masked on the way to the internet, and nowhere else yet.
      return access.destination !== undefined
    case 'coach':
      // Words for the person; nothing depends on them.
      return true
    case 'stepUp':
      return isSteppedUp(obligation, session)
    case 'ask':
      return isConfirmed(obligation, session, nowMs)
    case 'readOnly':
      return isReading(access)
    case 'noDownload':
      // Whoever forwards the answer holds it to a page's worth.
      return isSeen(access) && access.destination?.action !== 'download'
    case 'recordSession':
      // This exchange keeps no recordings.
      return false
  }
}

function denialBy({ policy, name, value }: Obligation): Deny {
  const { reason, condition } = unmetWords(name, value)
  return { kind: 'deny', reason, policies: [policy], missing: [{ policy, conditions: [condition] }], errors: [] }
}

function unmetWords(name: Obligation['name'], value: string): { reason: Deny['reason']; condition: string } {
  switch (name) {
    case 'stepUp':
      return { reason: 'proof-needed', condition: `needs sign-in with ${stepUpFactor(value)}` }
    case 'ask':
      return { reason: 'proof-needed', condition: 'needs a confirmation with another factor' }
    case 'readOnly':
    case 'noDownload':
      return { reason: 'restricted', condition: 'needs reading only, where the exchange can see it' }
    case 'coach':
    case 'inspect':
    case 'recordSession':
    case 'redact':
      return { reason: 'forbidden', condition: `needs ${name}, which is not available here` }
  }
}

export function policyNames(decision: Decision): readonly string[] {
  return decision.policies.map(({ name }) => name)
}
