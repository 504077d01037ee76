// Evaluates a policy when some facts are not known: what is sure is said, everything else is *maybe*. Must never call
// sure what some value of the unknown facts would make otherwise: reach, the widening guard and replay rest on it.
import { compileExpression } from './compile.ts'
import { EvaluationError } from './evaluation-error.ts'
import type { Expression } from './expression.ts'
import { readPolicy } from './policy-form.ts'
import { type Policy, readJson } from './policy.ts'
import type { Code, Scope } from './scope.ts'

export type Verdict = 'applies' | 'never' | 'maybe'

/** Paths that are not known: `context` is all of the context, `context.device` all of the device, `principal` who asks. */
export type UnknownPaths = ReadonlySet<string>

/** What an expression may come to. `untrue`: false or an error, surely not true. `any`: not known, an error included. */
type Outcome = 'true' | 'false' | 'error' | 'untrue' | 'any'

type Part = {
  readonly expression: Expression
  readonly wanted: boolean
  readonly code: Code
  /** Every path from a variable that it reads, with the longest names. */
  readonly paths: readonly string[]
}

const partsOf = new WeakMap<Policy, readonly Part[]>()

/** Whether the policy's conditions hold; its scope is the caller's to match. */
export function judgePolicy(policy: Policy, scope: Scope, unknown: UnknownPaths): Verdict {
  if (policy.condition === null) return 'applies'
  let isSure = true
  for (const part of conditionsOf(policy)) {
    const outcome = outcomeOf(part, scope, unknown)
    const isMet = part.wanted ? outcome === 'true' : outcome === 'false'
    if (isMet) continue
    if (outcome === 'error') return 'never'
    if (part.wanted ? outcome === 'false' || outcome === 'untrue' : outcome === 'true') return 'never'
    isSure = false
  }
  return isSure ? 'applies' : 'maybe'
}

/** Every path that the policy's conditions read, such as `context.device.posture` or `principal`. */
export function pathsRead(policy: Policy): readonly string[] {
  return policy.condition === null ? [] : conditionsOf(policy).flatMap(({ paths }) => paths)
}

export function conditionsOf(policy: Policy): readonly Part[] {
  const known = partsOf.get(policy)
  if (known !== undefined) return known
  const parts = readPolicy(readJson(policy.source)).conditions.map(({ kind, body }) => partOf(body, kind === 'when'))
  partsOf.set(policy, parts)
  return parts
}

function partOf(expression: Expression, wanted: boolean): Part {
  const paths = new Set<string>()
  collectPaths(expression, paths)
  return { expression, wanted, code: compileExpression(expression), paths: [...paths] }
}

function outcomeOf({ expression, code, paths }: Part, scope: Scope, unknown: UnknownPaths): Outcome {
  return paths.some((path) => touches(path, unknown)) ? guess(expression, scope, unknown) : run(code, scope)
}

/** True when the path is unknown, is inside something unknown, or has something unknown inside. */
function touches(path: string, unknown: UnknownPaths): boolean {
  // An entity is its name: what is not known of its attributes does not matter to who it is.
  const isEntity = path === 'principal' || path === 'resource'
  for (const each of unknown) {
    if (isEntity && path !== each) continue
    if (path === each || path.startsWith(`${each}.`) || each.startsWith(`${path}.`)) return true
  }
  return false
}

function run(code: Code, scope: Scope): Outcome {
  try {
    const value = code(scope)
    return value === true ? 'true' : value === false ? 'false' : 'error'
  } catch (error) {
    if (error instanceof EvaluationError) return 'error'
    throw error
  }
}

const codes = new WeakMap<Expression, Part>()

function guess(expression: Expression, scope: Scope, unknown: UnknownPaths): Outcome {
  const part = codes.getOrInsertComputed(expression, () => partOf(expression, true))
  if (!part.paths.some((path) => touches(path, unknown))) return run(part.code, scope)
  switch (expression.kind) {
    case 'unary':
      return expression.operator === '!' ? negated(guess(expression.arg, scope, unknown)) : 'any'
    case 'and':
      return guessAnd(expression.parts, scope, unknown)
    case 'or':
      return guessOr(expression.parts, scope, unknown)
    case 'if': {
      const test = guess(expression.test, scope, unknown)
      if (test === 'error') return 'error'
      if (test === 'true') return guess(expression.then, scope, unknown)
      const otherwise = guess(expression.otherwise, scope, unknown)
      if (test === 'false') return otherwise
      const then = test === 'untrue' ? 'untrue' : guess(expression.then, scope, unknown)
      return isUntrue(then) && isUntrue(otherwise) ? 'untrue' : 'any'
    }
    case 'value':
    case 'variable':
    case 'binary':
    case 'set':
    case 'record':
    case 'attribute':
    case 'has':
    case 'like':
    case 'is':
    case 'call':
      return 'any'
  }
}

function negated(outcome: Outcome): Outcome {
  if (outcome === 'true') return 'false'
  if (outcome === 'false') return 'true'
  return outcome === 'error' ? 'error' : 'any'
}

function isUntrue(outcome: Outcome): boolean {
  return outcome === 'false' || outcome === 'error' || outcome === 'untrue'
}

/** Once something before is not known, a later part may never be reached; all of them must hold all the same. */
function guessAnd(parts: readonly Expression[], scope: Scope, unknown: UnknownPaths): Outcome {
  let isSure = true
  for (const part of parts) {
    const outcome = guess(part, scope, unknown)
    if (outcome === 'true') continue
    if (isUntrue(outcome)) return isSure ? outcome : 'untrue'
    isSure = false
  }
  return isSure ? 'true' : 'any'
}

function guessOr(parts: readonly Expression[], scope: Scope, unknown: UnknownPaths): Outcome {
  let before: 'false' | 'untrue' | 'any' = 'false'
  for (const part of parts) {
    const outcome = guess(part, scope, unknown)
    if (outcome === 'true') return before === 'false' ? 'true' : 'any'
    if (outcome === 'any') before = 'any'
    else if (outcome === 'error') return before === 'false' ? 'error' : before
    else if (outcome === 'untrue' && before === 'false') before = 'untrue'
  }
  return before
}

/** `context.device.posture` for such a chain, else null. */
export function pathOf(expression: Expression): string | null {
  if (expression.kind === 'variable') return expression.name
  if (expression.kind !== 'attribute') return null
  const left = pathOf(expression.left)
  return left === null ? null : `${left}.${expression.name}`
}

function collectPaths(expression: Expression, paths: Set<string>): void {
  const path = pathOf(expression)
  if (path !== null) {
    paths.add(path)
    return
  }
  if (expression.kind === 'has') {
    const left = pathOf(expression.left)
    if (left !== null) {
      // Whether `context.device` is there is asked of the device, not of its posture.
      paths.add(`${left}.${expression.path.join('.')}`)
      return
    }
  }
  for (const child of childrenOf(expression)) collectPaths(child, paths)
}

export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'value':
    case 'variable':
      return []
    case 'unary':
      return [expression.arg]
    case 'binary':
      return [expression.left, expression.right]
    case 'and':
    case 'or':
      return expression.parts
    case 'if':
      return [expression.test, expression.then, expression.otherwise]
    case 'set':
      return expression.elements
    case 'record':
      return [...expression.fields.values()]
    case 'attribute':
    case 'has':
    case 'like':
      return [expression.left]
    case 'is':
      return expression.within === null ? [expression.left] : [expression.left, expression.within]
    case 'call':
      return expression.args
  }
}
