// An expression as one text that says everything: equal texts are the same expression. Must never take two different ones
// for one: compiled conditions are shared by it, and the lint rests on it.
import type { Expression } from './expression.ts'
import type { Value } from './value.ts'

/** Says everything: two expressions of one key are the same. */
export function keyOf(expression: Expression): string {
  switch (expression.kind) {
    case 'value':
      return `value ${valueKey(expression.value)}`
    case 'variable':
      return expression.name
    case 'unary':
      return list(expression.operator, [expression.arg])
    case 'binary':
      return list(expression.operator, [expression.left, expression.right])
    case 'and':
    case 'or':
      return list(expression.kind, expression.parts)
    case 'if':
      return list('if', [expression.test, expression.then, expression.otherwise])
    case 'set':
      return list('set', expression.elements)
    case 'record':
      return `record${JSON.stringify([...expression.fields].map(([name, field]) => [name, keyOf(field)]))}`
    case 'attribute':
      return `attribute${JSON.stringify([keyOf(expression.left), expression.name])}`
    case 'has':
      return `has${JSON.stringify([keyOf(expression.left), expression.path])}`
    case 'like':
      return `like${JSON.stringify([keyOf(expression.left), expression.pattern])}`
    case 'is':
      return `is${JSON.stringify([keyOf(expression.left), expression.type, expression.within && keyOf(expression.within)])}`
    case 'call':
      return list(`call ${expression.fn.name}`, expression.args)
  }
}

function list(name: string, parts: readonly Expression[]): string {
  return `${name}${JSON.stringify(parts.map(keyOf))}`
}

function valueKey(value: Value): string {
  if (typeof value !== 'object') return `${typeof value} ${typeof value === 'string' ? JSON.stringify(value) : value}`
  switch (value.kind) {
    case 'entity':
      return `entity ${JSON.stringify([value.type, value.id])}`
    case 'set':
      return `set${JSON.stringify([...value].map(valueKey).toSorted())}`
    case 'record':
      return `record${JSON.stringify([...value.fields].map(([name, field]) => JSON.stringify([name, valueKey(field)])).toSorted())}`
    case 'ipaddr':
    case 'decimal':
    case 'datetime':
    case 'duration':
      return `${value.kind} ${value.toString()}`
  }
}
