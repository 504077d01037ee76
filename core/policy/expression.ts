// Cedar's expressions as the evaluator sees them, read from Cedar's JSON form. Everything unknown, malformed, too deep
// or too large is refused here as `policy-invalid`; what follows may trust the shape.
import { Fault } from '#core/fault.ts'
import { maxExpressionDepth, maxExpressionNodes, maxLiteralLength } from './caps.ts'
import { type ExtensionFunction, extensionFunction } from './extension.ts'
import { type Pattern, patternOf } from './like.ts'
import { parseLong } from './long.ts'
import { isObject, isTypeName, type JsonObject, own, readLong, readValue } from './value-json.ts'
import type { Value } from './value.ts'

export type Variable = 'principal' | 'action' | 'resource' | 'context'
export type UnaryOperator = '!' | 'neg' | 'isEmpty'
export type BinaryOperator = (typeof binaryOperators)[number]

export type Expression =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'variable'; readonly name: Variable }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly arg: Expression }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
    }
  /** `a && b && c`, flat, because such chains are long and deep nesting costs stack. */
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'if'; readonly test: Expression; readonly then: Expression; readonly otherwise: Expression }
  | { readonly kind: 'set'; readonly elements: readonly Expression[] }
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Expression> }
  | { readonly kind: 'attribute'; readonly left: Expression; readonly name: string }
  | { readonly kind: 'has'; readonly left: Expression; readonly path: readonly string[] }
  | { readonly kind: 'like'; readonly left: Expression; readonly pattern: Pattern }
  | { readonly kind: 'is'; readonly left: Expression; readonly type: string; readonly within: Expression | null }
  | { readonly kind: 'call'; readonly fn: ExtensionFunction; readonly args: readonly Expression[] }

const unaryOperators: readonly UnaryOperator[] = ['!', 'neg', 'isEmpty']
const binaryOperators = [
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  'in',
  'contains',
  'containsAll',
  'containsAny',
  'getTag',
  'hasTag',
] as const satisfies readonly string[]

type Reading = { nodes: number }

export function invalidPolicy(hint: string, cause?: unknown): Fault {
  return new Fault('policy-invalid', { hint, cause })
}

/** What is wrong, without the general words of the fault; an error of the language itself says nothing useful. */
export function hintOf(error: unknown): string {
  return error instanceof Fault && error.hint !== undefined ? error.hint : 'It is malformed.'
}

/** Throws `policy-invalid`. */
export function readExpression(json: unknown, reading: Reading = { nodes: maxExpressionNodes }): Expression {
  return read(json, reading, 0)
}

function read(json: unknown, reading: Reading, depth: number): Expression {
  if (--reading.nodes < 0) throw invalidPolicy(`It has more than ${maxExpressionNodes} parts.`)
  if (depth > maxExpressionDepth) throw invalidPolicy(`It is nested deeper than ${maxExpressionDepth} levels.`)
  const [name, body] = single(json)
  const down = (part: unknown): Expression => read(part, reading, depth + 1)
  switch (name) {
    case 'Value':
      return { kind: 'value', value: readLiteral(body) }
    case 'Var':
      return { kind: 'variable', name: readVariable(body) }
    case 'Slot':
      throw invalidPolicy('A template slot can only stand in the scope, not in a condition.')
    case '&&':
    case '||':
      return readChain(json, name, reading, depth)
    case 'if-then-else': {
      const parts = fieldsOf(name, body, ['if', 'then', 'else'])
      return { kind: 'if', test: down(parts['if']), then: down(parts['then']), otherwise: down(parts['else']) }
    }
    case 'Set':
      return { kind: 'set', elements: list(name, body).map(down) }
    case 'Record': {
      if (!isObject(body)) throw invalidPolicy('A record is not an object.')
      return { kind: 'record', fields: new Map(Object.keys(body).map((field) => [text(field), down(body[field])])) }
    }
    case '.': {
      const { left, attr } = fieldsOf(name, body, ['left', 'attr'])
      return { kind: 'attribute', left: down(left), name: text(attr) }
    }
    case 'has': {
      const { left, attr } = fieldsOf(name, body, ['left', 'attr'])
      const path = Array.isArray(attr) ? attr.map(text) : [text(attr)]
      if (path.length === 0) throw invalidPolicy('`has` names no attribute.')
      if ((reading.nodes -= path.length) < 0) throw invalidPolicy(`It has more than ${maxExpressionNodes} parts.`)
      return { kind: 'has', left: down(left), path }
    }
    case 'like': {
      const { left, pattern } = fieldsOf(name, body, ['left', 'pattern'])
      return { kind: 'like', left: down(left), pattern: readPattern(pattern) }
    }
    case 'is':
      return readIs(body, down)
    default:
      return readOperator(name, body, down)
  }
}

function readOperator(name: string, body: unknown, down: (part: unknown) => Expression): Expression {
  const unary = unaryOperators.find((each) => each === name)
  if (unary !== undefined) return { kind: 'unary', operator: unary, arg: down(fieldsOf(name, body, ['arg'])['arg']) }
  const binary = binaryOperators.find((each) => each === name)
  if (binary !== undefined) {
    const { left, right } = fieldsOf(name, body, ['left', 'right'])
    return { kind: 'binary', operator: binary, left: down(left), right: down(right) }
  }
  const fn = extensionFunction(name)
  if (fn === undefined) throw invalidPolicy(`"${name.slice(0, 50)}" is not an operator or function.`)
  // A wrong number of arguments is an evaluation error in Cedar, not a refusal
  return { kind: 'call', fn, args: list(name, body).map(down) }
}

/** Left-nested chains are walked, not recursed into: 3,000 `||` in a row are ordinary. */
function readChain(json: unknown, operator: '&&' | '||', reading: Reading, depth: number): Expression {
  const parts: Expression[] = []
  let rest = json
  for (;;) {
    const [name, body] = single(rest)
    if (name !== operator) break
    const { left, right } = fieldsOf(name, body, ['left', 'right'])
    parts.push(read(right, reading, depth + 1))
    if (--reading.nodes < 0) throw invalidPolicy(`It has more than ${maxExpressionNodes} parts.`)
    rest = left
  }
  parts.push(read(rest, reading, depth + 1))
  return { kind: operator === '&&' ? 'and' : 'or', parts: parts.toReversed() }
}

function readIs(body: unknown, down: (part: unknown) => Expression): Expression {
  const hasIn = isObject(body) && Object.hasOwn(body, 'in')
  const parts = fieldsOf('is', body, hasIn ? ['left', 'entity_type', 'in'] : ['left', 'entity_type'])
  const type = parts['entity_type']
  if (typeof type !== 'string' || !isTypeName(type)) throw invalidPolicy('`is` names no entity type.')
  return { kind: 'is', left: down(parts['left']), type, within: hasIn ? down(parts['in']) : null }
}

function readLiteral(json: unknown): Value {
  // Our own form of integers that a JSON number cannot carry through JavaScript
  if (isObject(json) && Object.hasOwn(json, '__long')) {
    const digits = own(json, '__long')
    const long = typeof digits === 'string' && Object.keys(json).length === 1 ? parseLong(digits) : null
    if (long === null) throw invalidPolicy('`__long` is not a 64-bit integer in digits.')
    return long
  }
  const long = readLong(json)
  if (long !== null) return long
  try {
    return readValue(json, 'literal')
  } catch (error) {
    throw invalidPolicy(hintOf(error), error)
  }
}

function readVariable(body: unknown): Variable {
  if (body === 'principal' || body === 'action' || body === 'resource' || body === 'context') return body
  throw invalidPolicy('There is no such variable.')
}

function readPattern(json: unknown): Pattern {
  const parts = list('like', json).map((part) => {
    if (part === 'Wildcard') return null
    const literal = isObject(part) && Object.keys(part).length === 1 ? own(part, 'Literal') : undefined
    return text(literal)
  })
  if (parts.length > maxLiteralLength) throw invalidPolicy(`A pattern is longer than ${maxLiteralLength}.`)
  return patternOf(parts)
}

/** The one key of an expression and what it holds. */
function single(json: unknown): readonly [string, unknown] {
  const keys = isObject(json) ? Object.keys(json) : []
  const name = keys[0]
  if (name === undefined || keys.length !== 1 || !isObject(json)) throw invalidPolicy('An expression has not one key.')
  return [name, json[name]]
}

/** Exactly these keys. */
export function fieldsOf(place: string, json: unknown, names: readonly string[]): JsonObject {
  if (!isObject(json)) throw invalidPolicy(`"${place}" does not hold an object.`)
  for (const name of names) if (!Object.hasOwn(json, name)) throw invalidPolicy(`"${place}" lacks "${name}".`)
  if (Object.keys(json).length !== names.length) throw invalidPolicy(`"${place}" has keys that it should not have.`)
  return json
}

function list(place: string, json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) throw invalidPolicy(`"${place}" does not hold a list.`)
  return json
}

/** A string of bounded length that is well-formed Unicode. */
export function text(json: unknown): string {
  if (typeof json !== 'string') throw invalidPolicy('A text is missing.')
  if (json.length > maxLiteralLength) throw invalidPolicy(`A text is longer than ${maxLiteralLength} characters.`)
  if (!json.isWellFormed()) throw invalidPolicy('A text is not well-formed Unicode.')
  return json
}
