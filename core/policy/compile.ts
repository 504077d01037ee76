// Hot path. Turns expressions into closures, one per node, chosen once so that evaluating asks as little as possible.
// Must never make code from strings, and must agree with the official engine in every value and every error
// (cedar/differential.test.ts).
import { EvaluationError, failEvaluation } from './evaluation-error.ts'
import type { Expression, Variable } from './expression.ts'
import { keyOf } from './expression-key.ts'
import { matchesPattern } from './like.ts'
import { binaryCode, binaryConstantCode, entityCode, unaryCode } from './operators.ts'
import { asBool, type Code, nodeOf, type Scope, wrongType } from './scope.ts'
import { CedarRecord, CedarSet, EntityUid, type Value } from './value.ts'

/** A value known at compile time, or null. */
type Compiled = { readonly code: Code; readonly constant: Value | null }

export function compileExpression(expression: Expression): Code {
  return compile(expression).code
}

/** Code by what it says: thousands of policies ask the same few questions, and closures are most of their memory. */
export type CodePool = Map<string, Code>

/** As `compileExpression`; the parts of a chain on top are shared with whatever else was compiled with this pool. */
export function compileShared(expression: Expression, pool: CodePool): Code {
  const shared = (part: Expression): Compiled => {
    if (part.kind === 'value' || part.kind === 'variable') return compile(part)
    return { code: pool.getOrInsertComputed(keyOf(part), () => compile(part).code), constant: null }
  }
  if (expression.kind !== 'and' && expression.kind !== 'or') return shared(expression).code
  return pool.getOrInsertComputed(keyOf(expression), () =>
    chainCode(expression.kind === 'or', expression.parts.map(shared)),
  )
}

function constant(value: Value): Compiled {
  return { code: () => value, constant: value }
}

/** Works the code out now when everything it needs is known; an error stays an error of the evaluation. */
function fold(parts: readonly Compiled[], code: Code): Compiled {
  if (parts.some((part) => part.constant === null)) return { code, constant: null }
  try {
    return constant(code(nothing))
  } catch (error) {
    if (error instanceof EvaluationError) return { code, constant: null }
    throw error
  }
}

function compile(expression: Expression): Compiled {
  switch (expression.kind) {
    case 'value':
      return constant(expression.value)
    case 'variable':
      return { code: variableCodes[expression.name], constant: null }
    case 'unary': {
      const arg = compile(expression.arg)
      return fold([arg], unaryCode(expression.operator, arg.code))
    }
    case 'binary': {
      const left = compile(expression.left)
      const right = compile(expression.right)
      const { operator } = expression
      if (operator === 'in' || operator === 'getTag' || operator === 'hasTag') {
        return { code: entityCode(operator, left.code, right.code, right.constant), constant: null }
      }
      if (right.constant !== null && left.constant === null) {
        return { code: binaryConstantCode(operator, left.code, right.constant), constant: null }
      }
      return fold([left, right], binaryCode(operator, left.code, right.code))
    }
    case 'and':
    case 'or': {
      const parts = expression.parts.map(compile)
      return fold(parts, chainCode(expression.kind === 'or', parts))
    }
    case 'if': {
      const [test, then, otherwise] = [
        compile(expression.test),
        compile(expression.then),
        compile(expression.otherwise),
      ]
      const code: Code = (scope) => (asBool(test.code(scope)) ? then.code(scope) : otherwise.code(scope))
      return fold([test, then, otherwise], code)
    }
    case 'set': {
      const elements = expression.elements.map(compile)
      return fold(elements, (scope) => new CedarSet(elements.map((element) => element.code(scope))))
    }
    case 'record': {
      const fields = [...expression.fields].map(([name, field]) => [name, compile(field)] as const)
      return fold(
        fields.map(([, field]) => field),
        (scope) => new CedarRecord(new Map(fields.map(([name, field]) => [name, field.code(scope)]))),
      )
    }
    case 'attribute':
      return { code: attributeCode(expression), constant: null }
    case 'has':
      return { code: hasCode(expression), constant: null }
    case 'like': {
      const { left, pattern } = { left: compile(expression.left), pattern: expression.pattern }
      const code: Code = (scope) => {
        const value = left.code(scope)
        return typeof value === 'string' ? matchesPattern(value, pattern) : wrongType('string', value)
      }
      return fold([left], code)
    }
    case 'is':
      return { code: isCode(expression), constant: null }
    case 'call':
      return compileCall(expression)
  }
}

/** Shared by all policies: a closure for each use would be a third of their memory. */
const variableCodes: Readonly<Record<Variable, Code>> = {
  principal: (scope) => scope.principal,
  action: (scope) => scope.action,
  resource: (scope) => scope.resource,
  context: (scope) => scope.context,
}

/** `stopsAt` is the value that decides the chain: false for `&&`, true for `||`. */
function chainCode(stopsAt: boolean, parts: readonly Compiled[]): Code {
  const [first, second] = parts
  if (parts.length === 2 && first !== undefined && second !== undefined)
    return pairCode(stopsAt, first.code, second.code)
  return listCode(
    stopsAt,
    parts.map(({ code }) => code),
  )
}

function pairCode(stopsAt: boolean, first: Code, second: Code): Code {
  return (scope) => (asBool(first(scope)) === stopsAt ? stopsAt : asBool(second(scope)))
}

function listCode(stopsAt: boolean, codes: readonly Code[]): Code {
  return (scope) => {
    for (const code of codes) if (asBool(code(scope)) === stopsAt) return stopsAt
    return !stopsAt
  }
}

/** `context.device.posture` is one closure that walks, not three. */
function attributeCode(expression: Extract<Expression, { kind: 'attribute' }>): Code {
  const names = [expression.name]
  let root = expression.left
  for (; root.kind === 'attribute'; root = root.left) names.unshift(root.name)
  const [first, second, third] = names
  if (root.kind !== 'variable' || root.name !== 'context' || first === undefined || third !== undefined) {
    return pathCode(compile(root).code, names)
  }
  if (second === undefined) return contextCode(first)
  return (scope) => attributeOf(scope, attributeOf(scope, scope.context, first), second)
}

function pathCode(root: Code, names: readonly string[]): Code {
  return (scope) => {
    let value = root(scope)
    for (const name of names) value = attributeOf(scope, value, name)
    return value
  }
}

function contextCode(name: string): Code {
  return (scope) => scope.context.fields.get(name) ?? attributeOf(scope, scope.context, name)
}

function attributeOf(scope: Scope, value: Value, name: string): Value {
  if (value instanceof CedarRecord) {
    return value.fields.get(name) ?? failEvaluation(`record does not have the attribute ${JSON.stringify(name)}`)
  }
  if (!(value instanceof EntityUid)) return wrongType('record or entity', value)
  const node = nodeOf(scope, value) ?? failEvaluation(`entity ${value} does not exist`)
  return node.attrs.fields.get(name) ?? failEvaluation(`${value} does not have the attribute ${JSON.stringify(name)}`)
}

function hasCode({ left, path }: Extract<Expression, { kind: 'has' }>): Code {
  const [name] = path
  if (left.kind === 'variable' && left.name === 'context' && path.length === 1 && name !== undefined)
    return contextHasCode(name)
  return hasPathCode(compile(left).code, path)
}

function contextHasCode(name: string): Code {
  return (scope) => scope.context.fields.has(name)
}

/** `a has b.c` is `a has b && a.b has c`. */
function hasPathCode(left: Code, path: readonly string[]): Code {
  return (scope) => {
    let value = left(scope)
    for (const name of path) {
      let next: Value | undefined
      if (value instanceof CedarRecord) next = value.fields.get(name)
      else if (value instanceof EntityUid) next = nodeOf(scope, value)?.attrs.fields.get(name)
      else return wrongType('record or entity', value)
      if (next === undefined) return false
      value = next
    }
    return true
  }
}

function isCode({ left, type, within }: Extract<Expression, { kind: 'is' }>): Code {
  const subject = compile(left).code
  const isType: Code = (scope) => {
    const value = subject(scope)
    return value instanceof EntityUid ? value.type === type : wrongType('entity', value)
  }
  if (within === null) return isType
  const target = compile(within)
  const isWithin = entityCode('in', subject, target.code, target.constant)
  return (scope) => isType(scope) === true && isWithin(scope)
}

function compileCall({ fn, args }: Extract<Expression, { kind: 'call' }>): Compiled {
  const parts = args.map(compile)
  const [first, second] = parts.map((part) => part.code)
  if (parts.length !== fn.arity || first === undefined) {
    const codes = parts.map((part) => part.code)
    const code: Code = (scope) => {
      for (const each of codes) each(scope)
      return failEvaluation(`${fn.name} takes ${fn.arity} arguments, not ${codes.length}`)
    }
    return { code, constant: null }
  }
  const { call } = fn
  if (second === undefined) return fold(parts, (scope) => call(first(scope), false))
  return fold(parts, (scope) => call(first(scope), second(scope)))
}

/** Folding evaluates only what looks at no variable and no entity. */
const nothing: Scope = {
  get principal(): never {
    throw new TypeError('a constant looked at the request')
  },
  get action(): never {
    throw new TypeError('a constant looked at the request')
  },
  get resource(): never {
    throw new TypeError('a constant looked at the request')
  },
  get context(): never {
    throw new TypeError('a constant looked at the request')
  },
  get entities(): never {
    throw new TypeError('a constant looked at the entities')
  },
  principalNode: undefined,
  resourceNode: undefined,
}
