// One condition that did not hold, in plain words: what is needed and what was there. Must never evaluate anything that
// costs more than the policy itself, nor fail: what it cannot phrase is shown as Cedar text.
import { compileExpression } from './compile.ts'
import { EvaluationError } from './evaluation-error.ts'
import type { BinaryOperator, Expression } from './expression.ts'
import { writePattern } from './like.ts'
import { postureNames } from './schema.ts'
import type { Scope } from './scope.ts'
import { CedarSet, EntityUid, type Value } from './value.ts'
import { writeExpression, writeValue } from './write-cedar.ts'

const phrases: ReadonlyMap<string, string> = new Map([
  ['context.device', 'a known device'],
  ['context.device.posture', 'device posture'],
  ['context.device.os', 'device operating system'],
  ['context.device.id', 'device'],
  ['context.session.factors', 'sign-in factor'],
  ['context.session.ageSeconds', 'session age in seconds'],
  ['context.session.door', 'way in'],
  ['context.network.ip', 'network address'],
  ['context.time.now', 'time'],
  ['context.time.hour', 'hour of day'],
  ['context.time.weekday', 'day of week (1 is Monday)'],
  ['context.risk', 'risk score'],
  ['context.approved', 'an approved access request'],
  ['context.http.method', 'HTTP method'],
  ['context.http.path', 'path'],
  ['context.http.host', 'host'],
  ['principal', 'user'],
  ['principal.outside', 'a user of an outside organisation'],
  ['principal.email', 'e-mail address'],
  ['principal.name', 'user name'],
  ['resource', 'app'],
  ['resource.kind', 'app kind'],
  ['resource.name', 'app name'],
])

const opposites: ReadonlyMap<BinaryOperator, BinaryOperator> = new Map<BinaryOperator, BinaryOperator>([
  ['==', '!='],
  ['!=', '=='],
  ['<', '>='],
  ['>=', '<'],
  ['>', '<='],
  ['<=', '>'],
])
const mirrored: ReadonlyMap<BinaryOperator, BinaryOperator> = new Map<BinaryOperator, BinaryOperator>([
  ['==', '=='],
  ['!=', '!='],
  ['<', '>'],
  ['>', '<'],
  ['<=', '>='],
  ['>=', '<='],
])

/** What would make `expression` be `wanted`. Begins with "needs". */
export function phraseNeed(expression: Expression, wanted: boolean, scope: Scope): string {
  return `needs ${need(expression, wanted, scope)}`
}

function need(expression: Expression, wanted: boolean, scope: Scope): string {
  switch (expression.kind) {
    case 'unary':
      if (expression.operator === '!') return need(expression.arg, !wanted, scope)
      return asText(expression, wanted)
    case 'and':
    case 'or': {
      const joint = (expression.kind === 'and') === wanted ? ' and ' : ' or '
      return expression.parts.map((part) => need(part, wanted, scope)).join(joint)
    }
    case 'binary':
      return needOfBinary(expression, wanted, scope)
    case 'has': {
      const path = pathOf(expression.left)
      const phrase = path === null ? undefined : phrases.get(`${path}.${expression.path.join('.')}`)
      return phrase === undefined ? asText(expression, wanted) : wanted ? `${phrase}; yours: none` : `not ${phrase}`
    }
    case 'attribute': {
      const phrase = phrases.get(pathOf(expression) ?? '')
      return phrase === undefined ? asText(expression, wanted) : `${wanted ? '' : 'not '}${phrase}`
    }
    case 'like': {
      const pattern = `"${writePattern(expression.pattern)}"`
      return `${phraseOf(expression.left)} ${wanted ? '' : 'not '}like ${pattern}; yours: ${actual(expression.left, scope)}`
    }
    case 'call': {
      const [subject, range] = expression.args
      if (expression.fn.name !== 'isInRange' || subject === undefined || range === undefined)
        return asText(expression, wanted)
      const target = actual(range, scope)
      return `${phraseOf(subject)} ${wanted ? '' : 'not '}in ${target}; yours: ${actual(subject, scope)}`
    }
    case 'is':
      return `${phraseOf(expression.left)} ${wanted ? '' : 'not '}of type ${expression.type}`
    case 'value':
    case 'variable':
    case 'if':
    case 'set':
    case 'record':
      return asText(expression, wanted)
  }
}

function needOfBinary(expression: Extract<Expression, { kind: 'binary' }>, wanted: boolean, scope: Scope): string {
  const { operator, left, right } = expression
  const not = wanted ? '' : 'not '
  switch (operator) {
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const isMirrored = left.kind === 'value' && right.kind !== 'value'
      const [subject, target] = isMirrored ? [right, left] : [left, right]
      const shown = isMirrored ? mirrored.get(operator) : operator
      const needed = wanted || shown === undefined ? shown : opposites.get(shown)
      const sign = needed === '==' ? 'to be' : needed === '!=' ? 'other than' : needed
      const path = pathOf(subject)
      return `${phraseOf(subject)} ${sign} ${actual(target, scope, path)}; yours: ${actual(subject, scope, path)}`
    }
    case 'in':
      return needOfMembership(left, right, not, scope)
    case 'contains':
      if (left.kind === 'set' || left.kind === 'value') {
        return `${phraseOf(right)} ${not}one of ${actual(left, scope)}; yours: ${actual(right, scope)}`
      }
      return `${not}${phraseOf(left)} ${actual(right, scope)}; yours: ${actual(left, scope)}`
    case 'containsAll':
    case 'containsAny': {
      const how = operator === 'containsAll' ? 'all of' : 'any of'
      return `${not}${phraseOf(left)} ${how} ${actual(right, scope)}; yours: ${actual(left, scope)}`
    }
    case 'getTag':
    case 'hasTag':
    case '+':
    case '-':
    case '*':
      return asText(expression, wanted)
  }
}

function needOfMembership(left: Expression, right: Expression, not: string, scope: Scope): string {
  const target = valueOf(right, scope)
  const subject = pathOf(left) === 'principal' ? '' : `${phraseOf(left)} `
  if (target instanceof EntityUid) return `${subject}${not}${membershipIn(target)}`
  if (target instanceof CedarSet) {
    const groups = [...target].map((each) => (each instanceof EntityUid ? membershipIn(each) : writeValue(each)))
    return `${subject}${not}${groups.join(' or ')}`
  }
  return `${subject}${not}in ${writeExpression(right)}`
}

export function membershipIn(target: EntityUid): string {
  return target.type === 'User' ? `to be ${target}` : `membership of ${target.type} ${JSON.stringify(target.id)}`
}

function asText(expression: Expression, wanted: boolean): string {
  return wanted ? `\`${writeExpression(expression)}\`` : `not \`${writeExpression(expression)}\``
}

/** `context.device.posture` for such a chain of attributes, else null. */
function pathOf(expression: Expression): string | null {
  if (expression.kind === 'variable') return expression.name
  if (expression.kind !== 'attribute') return null
  const left = pathOf(expression.left)
  return left === null ? null : `${left}.${expression.name}`
}

function phraseOf(expression: Expression): string {
  return phrases.get(pathOf(expression) ?? '') ?? `\`${writeExpression(expression)}\``
}

function actual(expression: Expression, scope: Scope, path: string | null = null): string {
  const value = valueOf(expression, scope)
  if (value === null) return 'unknown'
  if (path === 'context.device.posture') {
    const name = typeof value === 'number' ? postureNames[value] : undefined
    return name === undefined ? writeValue(value) : `${writeValue(value)} (${name})`
  }
  if (!(value instanceof CedarSet)) return writeValue(value)
  return value.size === 0 ? 'none' : Array.from(value, writeValue).join(', ').slice(0, 300)
}

/** null when it cannot be worked out, most often because a fact is missing. */
function valueOf(expression: Expression, scope: Scope): Value | null {
  try {
    return compileExpression(expression)(scope)
  } catch (error) {
    if (error instanceof EvaluationError) return null
    throw error
  }
}
