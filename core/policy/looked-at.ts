// Which facts of a decision a set of rules looks at, so that decisions that differ in nothing else can be asked about as
// one. Must never leave out a fact that some policy or wall reads: then one answer would stand for several.
import type { BinaryOperator, Expression } from './expression.ts'
import { compileExpression } from './compile.ts'
import { Datetime } from './datetime.ts'
import { EvaluationError } from './evaluation-error.ts'
import { childrenOf, conditionsOf, pathOf } from './partial.ts'
import { scopeOf } from './scope.ts'
import { EntityStore } from './entity.ts'
import type { TenantRules } from './tenant-rules.ts'
import { CedarRecord, EntityUid, type Value } from './value.ts'

const dimensions = new Map([
  ['context.session.factors', 'session.factors'],
  ['context.session.ageSeconds', 'session.ageSeconds'],
  ['context.session.door', 'session.door'],
  ['context.device.id', 'device.id'],
  ['context.device.posture', 'device.posture'],
  ['context.device.os', 'device.os'],
  ['context.network.ip', 'ip'],
  ['context.time.now', 'time.nowMs'],
  ['context.time.hour', 'time.hour'],
  ['context.time.weekday', 'time.weekday'],
  ['context.risk', 'risk'],
  ['context.approved', 'approved'],
  ['context.http.method', 'http.method'],
  ['context.http.path', 'http.path'],
  ['context.http.host', 'http.host'],
] as const)

export type Dimension = typeof dimensions extends Map<string, infer D> ? D : never
export type Ordered = 'session.ageSeconds' | 'time.nowMs' | 'risk'

export type LookedAt = {
  /** Facts whose every value may count. */
  readonly distinguish: ReadonlySet<Dimension>
  /** Facts that are only compared with these values; `b` stands for *below b* and *from b on*. */
  readonly breaks: ReadonlyMap<Ordered, readonly number[]>
  /** Some policy asks which category a destination is in; that was not recorded. */
  readonly asksCategory: boolean
}

const ordered: ReadonlyMap<string, Ordered> = new Map([
  ['context.session.ageSeconds', 'session.ageSeconds'],
  ['context.time.now', 'time.nowMs'],
  ['context.risk', 'risk'],
])

export function lookedAtBy(...versions: readonly TenantRules[]): LookedAt {
  const distinguish = new Set<Dimension>()
  const breaks = new Map<Ordered, Set<number>>()
  const seen: Seen = { distinguish, breaks }
  let asksCategory = false
  for (const rules of versions) {
    for (const policy of rules.policies) {
      for (const { expression } of conditionsOf(policy)) look(expression, seen)
      asksCategory ||= policy.source.includes('"Category"')
    }
    lookAtWalls(rules, seen)
  }
  const between = new Map<Ordered, readonly number[]>()
  for (const [name, values] of breaks)
    if (!distinguish.has(name))
      between.set(
        name,
        [...values].toSorted((left, right) => left - right),
      )
  return { distinguish, breaks: between, asksCategory }
}

type Seen = { readonly distinguish: Set<Dimension>; readonly breaks: Map<Ordered, Set<number>> }

function lookAtWalls({ apps, organisations }: TenantRules, seen: Seen): void {
  for (const { fromMs, untilMs } of organisations.values()) {
    seen.distinguish.add('approved')
    const times = seen.breaks.getOrInsertComputed('time.nowMs', () => new Set<number>())
    times.add(fromMs)
    times.add(untilMs)
  }
  for (const { http } of apps.values()) {
    if (http.rules.length === 0) continue
    seen.distinguish.add('http.path').add('http.method')
    break
  }
}

function look(expression: Expression, seen: Seen): void {
  if (expression.kind === 'binary' && lookAtComparison(expression, seen)) return
  // Whether there is a device or a request is told apart in any case; what is asked of them is not.
  if (expression.kind === 'has' && pathOf(expression.left) === 'context' && expression.path.length === 1) return
  const path = expression.kind === 'has' ? pathOfHas(expression) : pathOf(expression)
  if (path === null) {
    for (const child of childrenOf(expression)) look(child, seen)
    return
  }
  for (const [each, dimension] of dimensions)
    if (each === path || each.startsWith(`${path}.`)) seen.distinguish.add(dimension)
}

function pathOfHas({ left, path }: Extract<Expression, { kind: 'has' }>): string | null {
  const root = pathOf(left)
  return root === null ? null : `${root}.${path.join('.')}`
}

const comparisons: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(['<', '<=', '>', '>=', '==', '!='])
const mirrored = new Map<BinaryOperator, BinaryOperator>([
  ['<', '>'],
  ['>', '<'],
  ['<=', '>='],
  ['>=', '<='],
])

/** `context.risk < 50`: only on which side of 50 it is counts. True when that was all there was to see. */
function lookAtComparison(
  { operator, left, right }: Extract<Expression, { kind: 'binary' }>,
  { breaks }: Seen,
): boolean {
  if (!comparisons.has(operator)) return false
  const name = ordered.get(pathOf(left) ?? '') ?? ordered.get(pathOf(right) ?? '')
  if (name === undefined) return false
  const isMirrored = !ordered.has(pathOf(left) ?? '')
  const limit = numberOf(isMirrored ? left : right)
  if (limit === null) return false
  const values = breaks.getOrInsertComputed(name, () => new Set<number>())
  const shown = isMirrored ? (mirrored.get(operator) ?? operator) : operator
  if (shown === '<' || shown === '>=' || shown === '==' || shown === '!=') values.add(limit)
  if (shown === '<=' || shown === '>' || shown === '==' || shown === '!=') values.add(limit + 1)
  return true
}

const nobody = new EntityUid('User', '')
const nothing = scopeOf(
  { principal: nobody, action: nobody, resource: nobody, context: CedarRecord.empty },
  EntityStore.empty,
)

/** A constant as a number, or null. */
function numberOf(expression: Expression): number | null {
  if (readsVariable(expression)) return null
  let value: Value
  try {
    value = compileExpression(expression)(nothing)
  } catch (error) {
    if (error instanceof EvaluationError) return null
    throw error
  }
  const number = value instanceof Datetime ? value.epochMs : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}

function readsVariable(expression: Expression): boolean {
  return expression.kind === 'variable' || childrenOf(expression).some(readsVariable)
}
