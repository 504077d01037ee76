// Hot path. One closure per operator. Must agree with Cedar on which operand types are errors.
import { Datetime, Duration } from './datetime.ts'
import { failEvaluation } from './evaluation-error.ts'
import type { BinaryOperator, UnaryOperator } from './expression.ts'
import { addLong, isLong, type Long, multiplyLong, negateLong, subtractLong } from './long.ts'
import { asBool, type Code, nodeOf, type Scope, wrongType } from './scope.ts'
import { CedarSet, EntityUid, sameValue, type Value } from './value.ts'

export function unaryCode(operator: UnaryOperator, arg: Code): Code {
  switch (operator) {
    case '!':
      return (scope) => !asBool(arg(scope))
    case 'neg':
      return (scope) => negateLong(asLong(arg(scope)))
    case 'isEmpty':
      return (scope) => asSet(arg(scope)).size === 0
  }
}

type PureOperator = Exclude<BinaryOperator, 'in' | 'getTag' | 'hasTag'>

export function binaryCode(operator: PureOperator, left: Code, right: Code): Code {
  switch (operator) {
    case '==':
      return (scope) => sameValue(left(scope), right(scope))
    case '!=':
      return (scope) => !sameValue(left(scope), right(scope))
    case '<':
      return (scope) => isLess(left(scope), right(scope))
    case '>=':
      return (scope) => !isLess(left(scope), right(scope))
    case '<=':
      return (scope) => isAtMost(left(scope), right(scope))
    case '>':
      return (scope) => !isAtMost(left(scope), right(scope))
    case '+':
      return (scope) => addLong(asLong(left(scope)), asLong(right(scope)))
    case '-':
      return (scope) => subtractLong(asLong(left(scope)), asLong(right(scope)))
    case '*':
      return (scope) => multiplyLong(asLong(left(scope)), asLong(right(scope)))
    case 'contains':
      return (scope) => {
        const set = asSet(left(scope))
        return set.has(right(scope))
      }
    case 'containsAll':
      return (scope) => {
        const set = asSet(left(scope))
        return set.includesAll(asSet(right(scope)))
      }
    case 'containsAny':
      return (scope) => {
        const set = asSet(left(scope))
        return set.includesAny(asSet(right(scope)))
      }
  }
}

/** As `binaryCode` with a right side known in advance, which nearly all policies have: half the closures. */
export function binaryConstantCode(operator: PureOperator, left: Code, right: Value): Code {
  switch (operator) {
    case '==':
      return typeof right === 'object' ? (scope) => sameValue(left(scope), right) : (scope) => left(scope) === right
    case '!=':
      return (scope) => !sameValue(left(scope), right)
    case '<':
      return (scope) => isLess(left(scope), right)
    case '>=':
      return (scope) => !isLess(left(scope), right)
    case '<=':
      return (scope) => isAtMost(left(scope), right)
    case '>':
      return (scope) => !isAtMost(left(scope), right)
    case 'contains':
      return (scope) => asSet(left(scope)).has(right)
    case '+':
    case '-':
    case '*':
    case 'containsAll':
    case 'containsAny':
      return binaryCode(operator, left, () => right)
  }
}

export function entityCode(
  operator: 'in' | 'getTag' | 'hasTag',
  left: Code,
  right: Code,
  constant: Value | null,
): Code {
  switch (operator) {
    case 'in':
      if (constant instanceof EntityUid) return isInCode(left, constant)
      return (scope) => {
        const subject = asEntity(left(scope))
        const target = right(scope)
        if (target instanceof EntityUid) return isIn(scope, subject, target)
        return target instanceof CedarSet ? isInAny(scope, subject, target) : wrongType('set or entity', target)
      }
    case 'getTag':
      return (scope) => {
        const uid = asEntity(left(scope))
        const name = asString(right(scope))
        const node = nodeOf(scope, uid) ?? failEvaluation(`entity ${uid} does not exist`)
        return node.tags.get(name) ?? failEvaluation(`${uid} does not have the tag ${JSON.stringify(name)}`)
      }
    case 'hasTag':
      return (scope) => {
        const uid = asEntity(left(scope))
        const name = asString(right(scope))
        return nodeOf(scope, uid)?.tags.has(name) ?? false
      }
  }
}

function isInCode(left: Code, target: EntityUid): Code {
  return (scope) => isIn(scope, asEntity(left(scope)), target)
}

function isIn(scope: Scope, subject: EntityUid, target: EntityUid): boolean {
  if (subject.key === target.key) return true
  return nodeOf(scope, subject)?.ancestors.set.has(target.key) ?? false
}

/** Every element must be an entity, also after one that matches. */
function isInAny(scope: Scope, subject: EntityUid, targets: CedarSet): boolean {
  let isFound = false
  for (const target of targets) {
    if (isIn(scope, subject, asEntity(target))) isFound = true
  }
  return isFound
}

function isLess(left: Value, right: Value): boolean {
  if (isLong(left) && isLong(right)) return left < right
  if (left instanceof Datetime && right instanceof Datetime) return left.epochMs < right.epochMs
  if (left instanceof Duration && right instanceof Duration) return left.ms < right.ms
  return notComparable(left, right)
}

function isAtMost(left: Value, right: Value): boolean {
  if (isLong(left) && isLong(right)) return left <= right
  if (left instanceof Datetime && right instanceof Datetime) return left.epochMs <= right.epochMs
  if (left instanceof Duration && right instanceof Duration) return left.ms <= right.ms
  return notComparable(left, right)
}

function notComparable(left: Value, right: Value): never {
  const isComparable = isLong(left) || left instanceof Datetime || left instanceof Duration
  return wrongType(isComparable ? 'two values of one type' : 'long, datetime or duration', isComparable ? right : left)
}

function asLong(value: Value): Long {
  return isLong(value) ? value : wrongType('long', value)
}
function asString(value: Value): string {
  return typeof value === 'string' ? value : wrongType('string', value)
}
function asSet(value: Value): CedarSet {
  return value instanceof CedarSet ? value : wrongType('set', value)
}
function asEntity(value: Value): EntityUid {
  return value instanceof EntityUid ? value : wrongType('entity', value)
}
