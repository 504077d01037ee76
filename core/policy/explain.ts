// Why nothing permitted a request: of the permits for this action and resource the nearest, with each condition that
// failed in plain words. Must never be worked out on the way of an allowed request, and never change a decision.
import { maxExplainedPolicies, maxReportedPolicies } from './caps.ts'
import { compileExpression } from './compile.ts'
import type { EntityStore } from './entity.ts'
import { EvaluationError } from './evaluation-error.ts'
import type { Expression } from './expression.ts'
import { readPolicy } from './policy-form.ts'
import { type Policy, readJson, type Target } from './policy.ts'
import type { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { type Scope, scopeOf } from './scope.ts'
import { membershipIn, phraseNeed } from './wording.ts'

export type PolicyRef = { readonly id: string; readonly name: string; readonly line: number | null }

export type Missing = {
  readonly policy: PolicyRef
  /** In plain words, such as "needs device posture >= 2 (managed); yours: 0 (unknown)". */
  readonly conditions: readonly string[]
}

export function refOf({ id, name, line }: Policy): PolicyRef {
  return { id, name, line }
}

/** The nearest permits, fewest failing conditions first. */
export function explainDenial(policies: PolicySet, request: Request, entities: EntityStore): readonly Missing[] {
  const scope = scopeOf(request, entities)
  const permits = policies
    .forResource(request, entities, maxExplainedPolicies)
    .filter(({ effect }) => effect === 'permit')
  const missing: Missing[] = []
  for (const policy of permits) {
    const conditions = failingConditions(policy, scope)
    if (conditions.length > 0) missing.push({ policy: refOf(policy), conditions })
  }
  // A stable sort: among equals the order of the set decides
  return missing.sort((left, right) => left.conditions.length - right.conditions.length).slice(0, maxReportedPolicies)
}

function failingConditions(policy: Policy, scope: Scope): string[] {
  const failing: string[] = []
  const who = failingTarget(policy.principal, scope)
  if (who !== null) failing.push(who)
  for (const { kind, body } of readPolicy(readJson(policy.source)).conditions) {
    const wanted = kind === 'when'
    for (const part of partsOf(body, wanted))
      if (!isHolding(part, wanted, scope)) failing.push(phraseNeed(part, wanted, scope))
  }
  return failing
}

/** What must each hold: the parts of an `&&`, or of an `||` that must be false. */
function partsOf(expression: Expression, wanted: boolean): readonly Expression[] {
  const splits = wanted ? 'and' : 'or'
  if (expression.kind !== 'and' && expression.kind !== 'or') return [expression]
  return expression.kind === splits ? expression.parts.flatMap((part) => partsOf(part, wanted)) : [expression]
}

function isHolding(expression: Expression, wanted: boolean, scope: Scope): boolean {
  try {
    return compileExpression(expression)(scope) === wanted
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}

function failingTarget({ type, uid, isExact }: Target, { principal, principalNode }: Scope): string | null {
  if (type !== null && type !== principal.type) return `needs a ${type}`
  if (uid === null || uid.key === principal.key) return null
  if (!isExact && principalNode?.ancestors.set.has(uid.key) === true) return null
  return isExact ? `needs to be ${uid}` : `needs ${membershipIn(uid)}`
}
