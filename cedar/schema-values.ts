// Reads entities and contexts by a schema: a plain text where the schema says `ipaddr` is an address, `{type, id}` where
// it says an entity is one, and actions come with their groups. The official package reads so too but hands nothing out.
// Strict: a value that is not of its type is refused with its place.
import { type Entity, entity } from '#core/policy/entity.ts'
import {
  type Budget,
  invalidAt,
  isObject,
  type JsonObject,
  newBudget,
  own,
  readEntities,
  readExtension,
  readRecord,
  readUid,
  readValue,
} from '#core/policy/value-json.ts'
import { maxValueDepth } from '#core/policy/caps.ts'
import { CedarRecord, CedarSet, EntityUid, type Value } from '#core/policy/value.ts'

type Namespaces = JsonObject
type Type = JsonObject

const constructors: Readonly<Record<string, string>> = {
  ipaddr: 'ip',
  decimal: 'decimal',
  datetime: 'datetime',
  duration: 'duration',
}

export class SchemaValues {
  readonly #commonTypes = new Map<string, Type>()
  readonly #entityTypes = new Map<string, JsonObject>()
  readonly #actions = new Map<string, JsonObject>()
  readonly #actionEntities: Entity[] = []

  /** `json` is Cedar's JSON form of the schema with names resolved (checker.schemaJson). */
  constructor(json: unknown) {
    const namespaces: Namespaces = isObject(json) ? json : {}
    for (const [namespace, definition] of Object.entries(namespaces)) {
      const prefix = namespace === '' ? '' : `${namespace}::`
      for (const [name, type] of entriesOf(definition, 'commonTypes')) this.#commonTypes.set(prefix + name, type)
      for (const [name, type] of entriesOf(definition, 'entityTypes')) this.#entityTypes.set(prefix + name, type)
      for (const [id, action] of entriesOf(definition, 'actions')) {
        const uid = new EntityUid(`${prefix}Action`, id)
        const memberOf = own(action, 'memberOf')
        const parents = (Array.isArray(memberOf) ? memberOf : []).map((parent: unknown) => {
          return readUid({ type: uid.type, ...(isObject(parent) ? parent : {}) }, `action ${uid}`)
        })
        this.#actions.set(uid.key, action)
        this.#actionEntities.push(entity(uid, CedarRecord.empty, parents))
      }
    }
  }

  /** Throws `document-invalid`. The schema's actions are among the result. */
  readEntities(json: unknown): Entity[] {
    if (!Array.isArray(json)) throw invalidAt('entities', 'not a list')
    const read = json.flatMap((each, at) => this.#readEntity(each, `entities[${at}]`))
    return [...this.#actionEntities, ...read]
  }

  /** Throws `document-invalid`. */
  readContext(json: unknown, action: EntityUid): CedarRecord {
    const appliesTo = own(this.#actions.get(action.key) ?? {}, 'appliesTo')
    const type = isObject(appliesTo) ? own(appliesTo, 'context') : undefined
    if (!isObject(type)) return readRecord(json, 'context')
    const value = this.#read(json, type, 'context', newBudget(), 0)
    return value instanceof CedarRecord ? value : readRecord(json, 'context')
  }

  #readEntity(json: unknown, path: string): Entity[] {
    const uid = readUid(isObject(json) ? own(json, 'uid') : undefined, `${path}.uid`)
    if (this.#actions.has(uid.key)) return []
    const type = this.#entityTypes.get(uid.type)
    if (type === undefined || !isObject(json)) throw invalidAt(path, `the schema has no entity type ${uid.type}`)
    // Parents and shape as without a schema, then attributes and tags by their types
    const [plain] = readEntities([{ ...json, attrs: {}, tags: {} }])
    const shape = own(type, 'shape')
    const tagType = own(type, 'tags')
    const attrs = this.#read(
      own(json, 'attrs'),
      isObject(shape) ? shape : { type: 'Record', attributes: {} },
      `${path}.attrs`,
      newBudget(),
      0,
    )
    const tags = new Map<string, Value>()
    const tagsJson = Object.hasOwn(json, 'tags') ? own(json, 'tags') : {}
    for (const [name, value] of Object.entries(isObject(tagsJson) ? tagsJson : {})) {
      if (!isObject(tagType)) throw invalidAt(`${path}.tags`, `${uid.type} has no tags`)
      tags.set(name, this.#read(value, tagType, `${path}.tags.${name}`, newBudget(), 0))
    }
    return [entity(uid, attrs instanceof CedarRecord ? attrs : CedarRecord.empty, plain?.parents ?? [], tags)]
  }

  #read(json: unknown, type: Type, path: string, budget: Budget, depth: number): Value {
    if (depth > maxValueDepth) throw invalidAt(path, `nested deeper than ${maxValueDepth} levels`)
    const name = own(type, 'type')
    if (typeof name !== 'string') throw invalidAt(path, 'the schema has no type for it')
    const common = name === 'EntityOrCommon' ? own(type, 'name') : name
    const named = typeof common === 'string' ? this.#commonTypes.get(common) : undefined
    if (named !== undefined) return this.#read(json, named, path, budget, depth + 1)
    switch (name) {
      case 'Record':
        return this.#readRecord(json, type, path, budget, depth)
      case 'Set': {
        const element = own(type, 'element')
        if (!Array.isArray(json) || !isObject(element)) throw invalidAt(path, 'not a set')
        return new CedarSet(json.map((each, at) => this.#read(each, element, `${path}[${at}]`, budget, depth + 1)))
      }
      case 'Entity':
      case 'EntityOrCommon': {
        const builtIn = name === 'Entity' ? undefined : primitive(own(type, 'name'))
        if (builtIn !== undefined) return readPrimitive(json, builtIn, path, budget, depth)
        const uid = readUid(json, path)
        if (uid.type !== own(type, 'name')) throw invalidAt(path, `not of type ${String(own(type, 'name'))}`)
        return uid
      }
      default: {
        const builtIn = primitive(name === 'Extension' ? own(type, 'name') : name)
        if (builtIn === undefined) throw invalidAt(path, `the schema has no type ${name}`)
        return readPrimitive(json, builtIn, path, budget, depth)
      }
    }
  }

  #readRecord(json: unknown, type: Type, path: string, budget: Budget, depth: number): CedarRecord {
    const attributes = own(type, 'attributes')
    if (!isObject(json) || !isObject(attributes)) throw invalidAt(path, 'not a record')
    for (const [name, attribute] of Object.entries(attributes)) {
      const isRequired = !isObject(attribute) || own(attribute, 'required') !== false
      if (isRequired && !Object.hasOwn(json, name)) throw invalidAt(path, `lacks "${name}"`)
    }
    const fields = new Map<string, Value>()
    for (const name of Object.keys(json)) {
      const attribute = own(attributes, name)
      if (!isObject(attribute)) throw invalidAt(path, `the schema has no "${name}"`)
      fields.set(name, this.#read(json[name], attribute, `${path}.${name}`, budget, depth + 1))
    }
    return new CedarRecord(fields)
  }
}

function entriesOf(definition: unknown, part: string): [string, JsonObject][] {
  const found = isObject(definition) ? own(definition, part) : undefined
  return Object.entries(isObject(found) ? found : {}).map(([name, value]) => [name, isObject(value) ? value : {}])
}

function primitive(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined
  const plain = name.startsWith('__cedar::') ? name.slice('__cedar::'.length) : name
  return ['String', 'Long', 'Bool', 'Boolean', ...Object.keys(constructors)].includes(plain) ? plain : undefined
}

function readPrimitive(json: unknown, type: string, path: string, budget: Budget, depth: number): Value {
  const fn = Object.hasOwn(constructors, type) ? constructors[type] : undefined
  if (fn !== undefined) {
    if (typeof json === 'string') return readExtension({ fn, arg: json }, path, budget, depth)
    const value =
      isObject(json) && Object.hasOwn(json, 'fn')
        ? readExtension(json, path, budget, depth)
        : readValue(json, path, budget, depth)
    return typeof value === 'object' && value.kind === type ? value : refuseType(type, path)
  }
  const value = readValue(json, path, budget, depth)
  const isRight =
    type === 'String'
      ? typeof value === 'string'
      : type === 'Long'
        ? ['number', 'bigint'].includes(typeof value)
        : typeof value === 'boolean'
  return isRight ? value : refuseType(type, path)
}

function refuseType(type: string, path: string): never {
  throw invalidAt(path, `not a ${type}`)
}
