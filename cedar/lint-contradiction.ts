// Finds conditions that cannot all hold: a constant false, or bounds on one integer that leave nothing. Must only speak
// when it is sure; what it does not understand it passes over.
import type { Expression } from '#core/policy/expression.ts'
import type { Condition } from '#core/policy/policy-form.ts'
import { writeExpression } from '#core/policy/write-cedar.ts'

type Bounds = { low: bigint; high: bigint }

const opposites: ReadonlyMap<string, string> = new Map([
  ['<', '>='],
  ['>=', '<'],
  ['>', '<='],
  ['<=', '>'],
])
const mirrored: ReadonlyMap<string, string> = new Map([
  ['<', '>'],
  ['>', '<'],
  ['<=', '>='],
  ['>=', '<='],
  ['==', '=='],
])

/** Why it cannot apply, or null. */
export function contradictionIn(conditions: readonly Condition[]): string | null {
  const bounds = new Map<string, Bounds>()
  for (const { kind, body } of conditions) {
    for (const part of conjuncts(body, kind === 'when')) {
      const { expression, wanted } = part
      if (expression.kind === 'value' && expression.value === !wanted) return 'its conditions are never true'
      const contradiction = narrow(bounds, expression, wanted)
      if (contradiction !== null) return contradiction
    }
  }
  return null
}

type Part = { readonly expression: Expression; readonly wanted: boolean }

function conjuncts(expression: Expression, wanted: boolean): Part[] {
  if (expression.kind === 'unary' && expression.operator === '!') return conjuncts(expression.arg, !wanted)
  if (expression.kind === (wanted ? 'and' : 'or')) return expression.parts.flatMap((part) => conjuncts(part, wanted))
  return [{ expression, wanted }]
}

function narrow(bounds: Map<string, Bounds>, expression: Expression, wanted: boolean): string | null {
  if (expression.kind !== 'binary') return null
  const { left, right } = expression
  const isMirrored = left.kind === 'value'
  const [subject, limit] = isMirrored ? [right, left] : [left, right]
  if (subject.kind !== 'attribute' || limit.kind !== 'value') return null
  const { value } = limit
  if (typeof value !== 'number' && typeof value !== 'bigint') return null
  const shown = isMirrored ? mirrored.get(expression.operator) : expression.operator
  const operator = wanted ? shown : opposites.get(shown ?? '')
  const name = writeExpression(subject)
  const found = bounds.getOrInsertComputed(name, () => ({ low: -(2n ** 63n), high: 2n ** 63n - 1n }))
  const n = BigInt(value)
  if (operator === '<' || operator === '<=' || operator === '==')
    found.high = least(found.high, operator === '<' ? n - 1n : n)
  if (operator === '>' || operator === '>=' || operator === '==')
    found.low = most(found.low, operator === '>' ? n + 1n : n)
  return found.low > found.high ? `no value of ${name} fits its conditions` : null
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}
function most(left: bigint, right: bigint): bigint {
  return left > right ? left : right
}
