// What a policy may say, read out of the product's Cedar schema, for completion in the editor. A help for writing: the
// server's validator is the one that counts. Pure.
import { actionNames, knownAnnotations, policySchema } from '#core/policy/schema.ts'

export type Attribute = { readonly name: string; readonly type: string }
type Shapes = ReadonlyMap<string, readonly Attribute[]>

/** `entity X {…}` and `type X = {…}`: names of types with their attributes; braces may nest once. */
function shapesOf(schema: string): Shapes {
  const shapes = new Map<string, readonly Attribute[]>()
  for (const [, entity, type, body] of schema.matchAll(
    /(?:entity (\w+)[^{;]*|type (\w+) = )(?:\{((?:[^{}]|\{[^{}]*\})*)\})?;/g,
  )) {
    const name = entity ?? type ?? ''
    const attributes: Attribute[] = []
    for (const [, attribute, inner, plain] of (body ?? '').matchAll(/(\w+)\??: (?:\{([^{}]*)\}|([\w<>]+))/g)) {
      const own = `${name}.${attribute ?? ''}`
      if (inner !== undefined) shapes.set(own, attributesOf(inner))
      attributes.push({ name: attribute ?? '', type: inner === undefined ? (plain ?? '') : own })
    }
    shapes.set(name, attributes)
  }
  return shapes
}

function attributesOf(body: string): readonly Attribute[] {
  return [...body.matchAll(/(\w+)\??: ([\w<>]+)/g)].map(([, name, type]) => ({ name: name ?? '', type: type ?? '' }))
}

const shapes = shapesOf(policySchema)
export const typeNames: readonly string[] = [...policySchema.matchAll(/entity (\w+)/g)].map(([, name]) => name ?? '')
const roots: Readonly<Record<string, readonly string[]>> = {
  principal: ['User'],
  resource: ['App', 'Destination'],
  context: ['HttpAccess', 'WebAccess'],
}
const methods: Readonly<Record<string, readonly string[]>> = {
  'Set<String>': ['contains', 'containsAll', 'containsAny', 'isEmpty'],
  ipaddr: ['isInRange', 'isIpv4', 'isIpv6', 'isLoopback'],
  datetime: ['offset', 'durationSince', 'toDate', 'toTime'],
}
export const words: readonly string[] = [
  'permit',
  'forbid',
  'when',
  'unless',
  'principal',
  'action',
  'resource',
  'context',
  'in',
  'is',
  'has',
  'like',
  'if',
  'then',
  'else',
  'true',
  'false',
]
export { actionNames as actions, knownAnnotations as annotations }

/** What may follow `context.session.`: attributes, and methods of the type that the path leads to. */
export function afterPath(path: readonly string[]): {
  readonly attributes: readonly Attribute[]
  readonly methods: readonly string[]
} {
  const [root = '', ...steps] = path
  let types: readonly string[] = roots[root] ?? []
  for (const step of steps)
    types = types.flatMap((type) =>
      (shapes.get(type) ?? []).flatMap((attribute) => (attribute.name === step ? [attribute.type] : [])),
    )
  const attributes = new Map(
    types.flatMap((type) => shapes.get(type) ?? []).map((attribute) => [attribute.name, attribute]),
  )
  return { attributes: [...attributes.values()], methods: [...new Set(types.flatMap((type) => methods[type] ?? []))] }
}

/** The list of the API with the names of a type of entity. */
export const pluralOf: Readonly<Record<string, string>> = {
  User: 'users',
  Group: 'groups',
  App: 'apps',
  AppGroup: 'app-groups',
  Organisation: 'organisations',
  Category: 'categories',
}
