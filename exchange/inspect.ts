// Step 4 of 6, inspect: whether a flow may stay sealed, and whether this exchange can do what the deciding policies ask
// for. Must never let an obligation pass that it does not meet: what cannot be met is denied, and says which policy.
import { type Decision, type Deny, type Obligation } from '#core/policy/decide.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { SessionRecord } from '#core/records/records.ts'

/** How the bytes of an allowed flow are carried. */
export function wayOf(app: AppRecord, decision: Decision): 'sealed' | 'inspected' {
  // An http app is decided request by request, which nobody can do from outside of TLS.
  const isAsked = decision.kind === 'allow' && decision.obligations.some(({ name }) => name === 'inspect')
  return app.appKind === 'http' || app.inspect || isAsked ? 'inspected' : 'sealed'
}

/** The decision, or a denial by the first policy that allows only on a condition that is not met here. */
export function withObligations(decision: Decision, session: SessionRecord | undefined, isWeb: boolean): Decision {
  if (decision.kind === 'deny') return decision
  const unmet = decision.obligations.find((obligation) => !isMet(obligation, session, isWeb))
  return unmet === undefined ? decision : denialBy(unmet)
}

function isMet({ name, value }: Obligation, session: SessionRecord | undefined, isWeb: boolean): boolean {
  switch (name) {
    case 'inspect':
      // Met by the way the flow is carried.
      return true
    case 'redact':
      // Values are masked on the way to the internet, and nowhere else yet.
      return isWeb
    case 'coach':
      // Words for the person; nothing depends on them.
      return true
    case 'stepUp':
      return session?.factors.includes(value) === true
    case 'recordSession':
      // This exchange keeps no recordings.
      return false
  }
}

function denialBy({ policy, name, value }: Obligation): Deny {
  const condition = name === 'stepUp' ? `needs sign-in with ${value}` : `needs ${name}, which is not available here`
  return {
    kind: 'deny',
    reason: 'forbidden',
    policies: [policy],
    missing: [{ policy, conditions: [condition] }],
    errors: [],
  }
}

export function policyNames(decision: Decision): readonly string[] {
  return decision.policies.map(({ name }) => name)
}
