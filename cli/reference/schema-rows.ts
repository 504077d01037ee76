// A JSON Schema as rows of a table: path, type, whether it must be there, what it means. Understands what our own
// schemas use; anything else is shown as "any", never left out.
import * as z from 'zod'

type Schema = {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly format?: string
}

export type SchemaRow = {
  readonly path: string
  readonly type: string
  readonly isRequired: boolean
  readonly meaning: string
}

const MAX_DEPTH = 8

/** The rows of `schema` in the order of its properties; nested objects follow their parent with a dotted path. */
export function schemaRows(schema: z.ZodType): readonly SchemaRow[] {
  return rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema, '', 0)
}

function rowsOf(schema: Schema, prefix: string, depth: number): readonly SchemaRow[] {
  if (depth > MAX_DEPTH) return []
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const isRequired = schema.required?.includes(name) ?? false
    return [
      { path, type: typeOf(property), isRequired, meaning: property.description ?? '' },
      ...rowsOf(property, path, depth + 1),
    ]
  })
  const items = schema.items ? rowsOf(schema.items, `${prefix}[]`, depth + 1) : []
  const named =
    typeof schema.additionalProperties === 'object'
      ? rowsOf(schema.additionalProperties, `${prefix}.NAME`, depth + 1)
      : []
  const alternatives = (schema.oneOf ?? schema.anyOf ?? []).flatMap((each) => rowsOf(each, prefix, depth + 1))
  return [...own, ...items, ...named, ...alternatives].filter(
    (row, at, all) => all.findIndex((other) => other.path === row.path && other.type === row.type) === at,
  )
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  const alternatives = schema.oneOf ?? schema.anyOf
  if (alternatives) return [...new Set(alternatives.map(typeOf))].join(' or ')
  if (schema.items)
    return `list of ${typeOf(schema.items)}${schema.maxItems === undefined ? '' : `, at most ${schema.maxItems}`}`
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any')
  return type + boundsOf(schema)
}

function boundsOf({ minimum, maximum, minLength, maxLength, format }: Schema): string {
  if (format === 'date-time') return ', date and time with offset'
  if (format === 'uri') return ', URL'
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return `, ${minimum} to ${maximum}`
  if (maxLength !== undefined)
    return `, ${minLength === undefined || minLength === 0 ? 'at most' : `${minLength} to`} ${maxLength} characters`
  return ''
}
