// Finds conditions that cannot all hold: a constant false, something wanted true and false, two texts for one thing,
// bounds on one number that leave nothing, the use of what is said not to be there. Must only speak when it is sure; what
// it does not understand it passes over.
import type { Expression } from '#core/policy/expression.ts'
import { keyOf } from '#core/policy/expression-key.ts'
import type { Condition } from '#core/policy/policy-form.ts'
import { pathOf } from '#core/policy/partial.ts'
import { writeExpression } from '#core/policy/write-cedar.ts'
import { joined, type Part, partsOf, signed } from './lint-conditions.ts'

/** Why it cannot apply, or null. */
export function contradictionIn(conditions: readonly Condition[]): string | null {
  const parts = partsOf(conditions)
  const keys = new Set(parts.map(signed))
  const texts = new Map<string, string>()
  const absent = new Set(parts.flatMap(absentPath))
  for (const part of parts) {
    const { expression, wanted } = part
    if (expression.kind === 'value' && expression.value === !wanted) return 'its conditions are never true'
    if (keys.has(signed({ ...part, wanted: !wanted })))
      return `it wants ${writeExpression(expression)} to be true and false`
    const equal = wanted ? equalText(expression) : null
    if (equal !== null) {
      const known = texts.get(equal.subject)
      if (known !== undefined && known !== equal.text) return `${equal.words} cannot be two texts`
      texts.set(equal.subject, equal.text)
    }
    const used = usedPaths(expression).find((path) =>
      [...absent].some((gone) => path === gone || path.startsWith(`${gone}.`)),
    )
    if (used !== undefined) return `it uses ${used}, and wants it not to be there`
  }
  for (const { subject, low, high } of joined(parts).values())
    if (low > high) return `no value of ${wordsOf(subject, parts)} fits its conditions`
  return null
}

/** The path that must not be there: `!(context has device)`. */
function absentPath({ expression, wanted }: Part): string[] {
  if (wanted || expression.kind !== 'has' || expression.path.length !== 1) return []
  const left = pathOf(expression.left)
  // Entities without attributes are another matter: only the context is one record that all conditions share.
  return left === 'context' ? [`${left}.${expression.path[0]}`] : []
}

/** Paths that are surely read when the expression is worked out. */
function usedPaths(expression: Expression): string[] {
  const path = pathOf(expression)
  if (path !== null) return [path]
  if (expression.kind === 'binary') return [expression.left, expression.right].flatMap(usedPaths)
  if (expression.kind === 'unary') return usedPaths(expression.arg)
  return expression.kind === 'like' ? usedPaths(expression.left) : []
}

function equalText(expression: Expression): { subject: string; text: string; words: string } | null {
  if (expression.kind !== 'binary' || expression.operator !== '==') return null
  for (const [subject, value] of [
    [expression.left, expression.right],
    [expression.right, expression.left],
  ] as const)
    if (value.kind === 'value' && typeof value.value === 'string' && subject.kind !== 'value')
      return { subject: keyOf(subject), text: value.value, words: writeExpression(subject) }
  return null
}

function wordsOf(subject: string, parts: readonly Part[]): string {
  for (const { expression } of parts) {
    if (expression.kind !== 'binary') continue
    for (const side of [expression.left, expression.right]) if (keyOf(side) === subject) return writeExpression(side)
  }
  return 'a number'
}
