// Hot path. One decision in Cedar's terms: default deny, `forbid` wins, a policy that fails is dropped and reported.
// Must give the same decision, determining policies and failing policies as the official engine.
import type { EntityStore } from './entity.ts'
import { EvaluationError } from './evaluation-error.ts'
import type { Policy } from './policy.ts'
import type { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { asBool, type Scope, scopeOf } from './scope.ts'

export type PolicyError = { readonly policyId: string; readonly message: string }

export type Evaluation = {
  readonly decision: 'allow' | 'deny'
  /** The policies that determined it, in the order of the set. Empty when denied because nothing permits. */
  readonly determining: readonly Policy[]
  readonly errors: readonly PolicyError[]
}

export type Answer = {
  readonly decision: 'allow' | 'deny'
  readonly reasons: readonly string[]
  readonly errors: readonly PolicyError[]
}

const noErrors: readonly PolicyError[] = []

export function evaluatePolicies(policies: PolicySet, request: Request, entities: EntityStore): Evaluation {
  const scope = scopeOf(request, entities)
  const actionNode = entities.get(request.action.key)
  const candidates = policies.matchingNodes(request, actionNode, scope.principalNode, scope.resourceNode)
  const permits: Policy[] = []
  const forbids: Policy[] = []
  let errors: PolicyError[] | null = null
  for (const policy of candidates) {
    const outcome = applies(policy, scope)
    if (outcome === true) (policy.effect === 'permit' ? permits : forbids).push(policy)
    else if (outcome !== false) (errors ??= []).push({ policyId: policy.id, message: outcome.message })
  }
  const isAllowed = permits.length > 0 && forbids.length === 0
  return {
    decision: isAllowed ? 'allow' : 'deny',
    determining: isAllowed ? permits : forbids,
    errors: errors ?? noErrors,
  }
}

export function evaluate(policies: PolicySet, request: Request, entities: EntityStore): Answer {
  const { decision, determining, errors } = evaluatePolicies(policies, request, entities)
  return { decision, reasons: determining.map(({ id }) => id), errors }
}

function applies({ condition }: Policy, scope: Scope): boolean | EvaluationError {
  if (condition === null) return true
  try {
    return asBool(condition(scope))
  } catch (error) {
    if (error instanceof EvaluationError) return error
    throw error
  }
}
