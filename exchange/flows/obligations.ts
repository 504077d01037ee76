// What an allowing decision asks of a flow. Must never read an obligation more loosely than it was written.
import type { Decision } from '#core/policy/decide.ts'

export function needsInspection(decision: Decision): boolean {
  return decision.kind === 'allow' && decision.obligations.some(({ name }) => name === 'inspect')
}

export function policyNames(decision: Decision): readonly string[] {
  return decision.policies.map(({ name }) => name)
}
