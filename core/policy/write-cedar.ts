// Expressions and values as Cedar text, for messages. Must never be parsed again: it is for people.
import type { Expression } from './expression.ts'
import { writePattern } from './like.ts'
import type { Value } from './value.ts'

const maxShown = 300

export function writeValue(value: Value): string {
  if (typeof value === 'string') return shortened(JSON.stringify(value))
  if (typeof value !== 'object') return String(value)
  switch (value.kind) {
    case 'set':
      return shortened(`[${[...value].map(writeValue).join(', ')}]`)
    case 'record':
      return shortened(
        `{${[...value.fields].map(([name, field]) => `${JSON.stringify(name)}: ${writeValue(field)}`).join(', ')}}`,
      )
    case 'entity':
      return shortened(value.toString())
    case 'ipaddr':
    case 'decimal':
    case 'datetime':
    case 'duration':
      return value.toString()
  }
}

export function writeExpression(expression: Expression): string {
  return shortened(write(expression))
}

function write(expression: Expression): string {
  switch (expression.kind) {
    case 'value':
      return writeValue(expression.value)
    case 'variable':
      return expression.name
    case 'unary':
      if (expression.operator === 'isEmpty') return `${nested(expression.arg)}.isEmpty()`
      return `${expression.operator === '!' ? '!' : '-'}${nested(expression.arg)}`
    case 'binary': {
      const { operator, left, right } = expression
      if (/^[a-z]/i.test(operator) && operator !== 'in') return `${nested(left)}.${operator}(${write(right)})`
      return `${nested(left)} ${operator} ${nested(right)}`
    }
    case 'and':
    case 'or':
      return expression.parts.map(nested).join(expression.kind === 'and' ? ' && ' : ' || ')
    case 'if':
      return `if ${write(expression.test)} then ${write(expression.then)} else ${write(expression.otherwise)}`
    case 'set':
      return `[${expression.elements.map(write).join(', ')}]`
    case 'record':
      return `{${[...expression.fields].map(([name, field]) => `${JSON.stringify(name)}: ${write(field)}`).join(', ')}}`
    case 'attribute':
      return isIdentifier(expression.name)
        ? `${nested(expression.left)}.${expression.name}`
        : `${nested(expression.left)}[${JSON.stringify(expression.name)}]`
    case 'has': {
      const [first, ...others] = expression.path
      const name =
        others.length === 0 && first !== undefined && !isIdentifier(first)
          ? JSON.stringify(first)
          : expression.path.join('.')
      return `${nested(expression.left)} has ${name}`
    }
    case 'like':
      return `${nested(expression.left)} like "${writePattern(expression.pattern)}"`
    case 'is': {
      const within = expression.within === null ? '' : ` in ${nested(expression.within)}`
      return `${nested(expression.left)} is ${expression.type}${within}`
    }
    case 'call': {
      const [first, ...others] = expression.args
      if (expression.fn.isConstructor || first === undefined)
        return `${expression.fn.name}(${expression.args.map(write).join(', ')})`
      return `${nested(first)}.${expression.fn.name}(${others.map(write).join(', ')})`
    }
  }
}

function nested(expression: Expression): string {
  const isOpen = ['binary', 'and', 'or', 'if', 'has', 'like', 'is'].includes(expression.kind)
  return isOpen ? `(${write(expression)})` : write(expression)
}

function isIdentifier(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)
}

function shortened(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}
