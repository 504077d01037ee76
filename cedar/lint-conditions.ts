// What must be true for a policy's conditions to hold, part by part, and whether that surely makes another policy's hold.
// Must never take two different parts for one: a key says everything that the expression says.
import type { Expression } from '#core/policy/expression.ts'
import { keyOf } from '#core/policy/expression-key.ts'
import type { Condition } from '#core/policy/policy-form.ts'

/** Something that must come to exactly `wanted` when the conditions hold. */
export type Part = { readonly expression: Expression; readonly wanted: boolean; readonly key: string }

/** A comparison of something with a whole number, both ends included. */
export type Range = { readonly subject: string; readonly low: bigint; readonly high: bigint }

export const LEAST = -(2n ** 63n)
export const MOST = 2n ** 63n - 1n

export function partsOf(conditions: readonly Condition[]): readonly Part[] {
  return conditions.flatMap(({ kind, body }) => conjuncts(body, kind === 'when'))
}

function conjuncts(expression: Expression, wanted: boolean): Part[] {
  if (expression.kind === 'unary' && expression.operator === '!') return conjuncts(expression.arg, !wanted)
  if (expression.kind === (wanted ? 'and' : 'or')) return expression.parts.flatMap((part) => conjuncts(part, wanted))
  return [{ expression, wanted, key: keyOf(expression) }]
}

/**
 * True when conditions of these `narrow` parts surely make those of the `wide` parts hold: each is among them, or is a
 * bound on a number that theirs lies within. What was true without an error is true again.
 */
export function implies(narrow: readonly Part[], wide: readonly Part[]): boolean {
  if (wide.length === 0) return true
  const keys = new Set(narrow.map(signed))
  let ranges: ReadonlyMap<string, Range> | undefined
  return wide.every((part) => {
    if (keys.has(signed(part))) return true
    const range = rangeOf(part)
    if (range === null) return false
    const known = (ranges ??= joined(narrow)).get(range.subject)
    return known !== undefined && known.low >= range.low && known.high <= range.high
  })
}

export const signed = ({ key, wanted }: Part): string => `${wanted ? '+' : '-'}${key}`

/** What all comparisons with whole numbers leave, by subject. */
export function joined(parts: readonly Part[]): ReadonlyMap<string, Range> {
  const ranges = new Map<string, Range>()
  for (const range of parts.map(rangeOf)) {
    if (range === null) continue
    const { subject, low, high } = range
    const known = ranges.get(subject) ?? { low: LEAST, high: MOST }
    ranges.set(subject, {
      subject,
      low: known.low > low ? known.low : low,
      high: known.high < high ? known.high : high,
    })
  }
  return ranges
}

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

function rangeOf({ expression, wanted }: Part): Range | null {
  if (expression.kind !== 'binary') return null
  const { left, right, operator } = expression
  const isMirrored = left.kind === 'value'
  const [subject, limit] = isMirrored ? [right, left] : [left, right]
  if (limit.kind !== 'value' || subject.kind === 'value') return null
  const { value } = limit
  if (typeof value !== 'number' && typeof value !== 'bigint') return null
  const shown = isMirrored ? mirrored.get(operator) : operator
  const n = BigInt(value)
  const of = keyOf(subject)
  switch ((wanted ? shown : opposites.get(shown ?? '')) ?? '') {
    case '<':
      return { subject: of, low: LEAST, high: n - 1n }
    case '<=':
      return { subject: of, low: LEAST, high: n }
    case '>':
      return { subject: of, low: n + 1n, high: MOST }
    case '>=':
      return { subject: of, low: n, high: MOST }
    case '==':
      return { subject: of, low: n, high: n }
    default:
      return null
  }
}
