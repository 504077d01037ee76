// Why nothing permitted a request: of the permits for this action and resource the nearest, with each condition that
// failed in plain words. Must never be worked out on the way of an allowed request, and never change a decision.
import { maxExplainedPolicies, maxRecentExplanations, maxReportedPolicies } from './caps.ts'
import { compileExpression } from './compile.ts'
import type { EntityStore } from './entity.ts'
import { EvaluationError } from './evaluation-error.ts'
import type { Expression } from './expression.ts'
import { readPolicy } from './policy-form.ts'
import { type Policy, readJson, type Target } from './policy.ts'
import type { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { type Code, type Scope, scopeOf } from './scope.ts'
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
  const candidates: { readonly policy: Policy; readonly who: string | null; readonly failing: readonly Part[] }[] = []
  for (const policy of policies.forResource(request, entities, maxExplainedPolicies)) {
    if (policy.effect !== 'permit') continue
    const who = failingTarget(policy.principal, scope)
    const failing = partsOf(policy).filter((part) => !isHolding(part, scope))
    if (who !== null || failing.length > 0) candidates.push({ policy, who, failing })
  }
  const distance = ({ who, failing }: (typeof candidates)[number]): number => failing.length + (who === null ? 0 : 1)
  const isForOthers = ({ who }: (typeof candidates)[number]): number => (who === null ? 0 : 1)
  // What a person can meet comes before being somebody else. A stable sort: among equals the order of the set decides.
  // Words are only found for those that are shown
  const nearest = candidates
    .sort((left, right) => distance(left) - distance(right) || isForOthers(left) - isForOthers(right))
    .slice(0, maxReportedPolicies)
  return nearest.map(({ policy, who, failing }) => ({
    policy: refOf(policy),
    conditions: [
      ...(who === null ? [] : [who]),
      ...failing.map(({ expression, wanted }) => phraseNeed(expression, wanted, scope)),
    ],
  }))
}

/** One thing that must hold, or must not. */
type Part = { readonly expression: Expression; readonly wanted: boolean; readonly code: Code }

/** Parts of policies explained lately: denials come in crowds, and reading a policy costs more than evaluating it. */
const recentParts = new Map<Policy, readonly Part[]>()

function partsOf(policy: Policy): readonly Part[] {
  const known = recentParts.get(policy)
  if (known !== undefined) return known
  const parts = readPolicy(readJson(policy.source)).conditions.flatMap(({ kind, body }) => {
    const wanted = kind === 'when'
    return split(body, wanted).map((expression) => ({ expression, wanted, code: compileExpression(expression) }))
  })
  const [oldest] = recentParts.keys()
  if (recentParts.size >= maxRecentExplanations && oldest !== undefined) recentParts.delete(oldest)
  recentParts.set(policy, parts)
  return parts
}

/** What must each hold: the parts of an `&&`, or of an `||` that must be false. */
function split(expression: Expression, wanted: boolean): readonly Expression[] {
  const splits = wanted ? 'and' : 'or'
  if (expression.kind !== 'and' && expression.kind !== 'or') return [expression]
  return expression.kind === splits ? expression.parts.flatMap((part) => split(part, wanted)) : [expression]
}

function isHolding({ wanted, code }: Part, scope: Scope): boolean {
  try {
    return code(scope) === wanted
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
