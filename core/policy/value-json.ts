// Reads Cedar's JSON form of values, entities and requests from outside. Strict and bounded: anything that Cedar
// would refuse is refused here with the place; must never guess a type (that needs a schema: cedar/schema-values.ts).
import { Fault } from '#core/fault.ts'
import { maxLiteralLength, maxValueDepth, maxValueNodes } from './caps.ts'
import { type Entity, entity } from './entity.ts'
import { EvaluationError } from './evaluation-error.ts'
import { extensionFunction } from './extension.ts'
import { parseLong } from './long.ts'
import { CedarRecord, CedarSet, EntityUid, type Value } from './value.ts'

export type Budget = { nodes: number }

export function newBudget(): Budget {
  return { nodes: maxValueNodes }
}

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** An own property only: a name such as `constructor` must not find what it inherits. */
export function own(json: JsonObject, name: string): unknown {
  return Object.hasOwn(json, name) ? json[name] : undefined
}

export function invalidAt(path: string, problem: string, cause?: unknown): Fault {
  return new Fault('document-invalid', { hint: `${path}: ${problem}.`, cause })
}

/** A JSON number as an exact integer. `bigint` is what our own JSON reader makes of long numbers. */
export function readLong(json: unknown): number | bigint | null {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? json + 0 : null
  return typeof json === 'bigint' ? parseLong(json.toString()) : null
}

export function readValue(json: unknown, path: string, budget: Budget = newBudget(), depth = 0): Value {
  if (--budget.nodes < 0) throw invalidAt(path, `more than ${maxValueNodes} values`)
  if (depth > maxValueDepth) throw invalidAt(path, `nested deeper than ${maxValueDepth} levels`)
  if (typeof json === 'boolean') return json
  if (typeof json === 'string') return readString(json, path)
  const long = readLong(json)
  if (long !== null) return long
  if (Array.isArray(json)) {
    return new CedarSet(json.map((element, at) => readValue(element, `${path}[${at}]`, budget, depth + 1)))
  }
  if (!isObject(json)) throw invalidAt(path, 'not a Cedar value (null and fractions are not)')
  if (Object.hasOwn(json, '__expr')) throw invalidAt(path, '`__expr` is not supported')
  const keys = Object.keys(json)
  if (keys.length === 1 && keys[0] === '__entity') return readUid(json, path)
  if (keys.length === 1 && keys[0] === '__extn') return readExtension(own(json, '__extn'), path, budget, depth)
  return readRecord(json, path, budget, depth)
}

export function readRecord(json: unknown, path: string, budget: Budget = newBudget(), depth = 0): CedarRecord {
  if (!isObject(json)) throw invalidAt(path, 'not a record')
  const fields = new Map<string, Value>()
  for (const name of Object.keys(json)) {
    fields.set(readString(name, path), readValue(json[name], `${path}.${name}`, budget, depth + 1))
  }
  return new CedarRecord(fields)
}

/** `{"type", "id"}` or `{"__entity": {"type", "id"}}`. */
export function readUid(json: unknown, path: string): EntityUid {
  const inner = isObject(json) && Object.hasOwn(json, '__entity') ? own(json, '__entity') : json
  if (!isObject(inner)) throw invalidAt(path, 'not an entity')
  const type = own(inner, 'type')
  const id = own(inner, 'id')
  if (typeof type !== 'string' || !isTypeName(type)) throw invalidAt(path, 'not the name of an entity type')
  if (typeof id !== 'string') throw invalidAt(path, 'the id is not a string')
  return new EntityUid(type, readString(id, path))
}

const typeNameForm = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/
const reserved = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'])

export function isTypeName(text: string): boolean {
  return text.length <= 1_024 && typeNameForm.test(text) && !text.split('::').some((part) => reserved.has(part))
}

/** A list of entities in Cedar's JSON form: `[{uid, attrs, parents, tags?}]`. */
export function readEntities(json: unknown): Entity[] {
  if (!Array.isArray(json)) throw invalidAt('entities', 'not a list')
  return json.map((each, at) => readEntity(each, `entities[${at}]`))
}

function readEntity(json: unknown, path: string): Entity {
  if (!isObject(json)) throw invalidAt(path, 'not an entity')
  for (const name of Object.keys(json)) {
    if (!['uid', 'attrs', 'parents', 'tags'].includes(name)) throw invalidAt(path, `unknown key "${name}"`)
  }
  const parents = own(json, 'parents')
  if (!Array.isArray(parents)) throw invalidAt(`${path}.parents`, 'not a list')
  const uid = readUid(own(json, 'uid'), `${path}.uid`)
  const above = parents.map((parent, at) => readUid(parent, `${path}.parents[${at}]`))
  if (isActionType(uid.type) && !above.every(({ type }) => isActionType(type))) {
    throw invalidAt(`${path}.parents`, 'only an action can be above an action')
  }
  const tags = Object.hasOwn(json, 'tags') ? readRecord(own(json, 'tags'), `${path}.tags`).fields : new Map()
  return entity(uid, readRecord(own(json, 'attrs'), `${path}.attrs`), above, tags)
}

/** `Action`, in any namespace. */
export function isActionType(type: string): boolean {
  return type === 'Action' || type.endsWith('::Action')
}

/** `{"fn", "arg"}` or `{"fn", "args"}`, as in `{"__extn": …}`. */
export function readExtension(json: unknown, path: string, budget: Budget = newBudget(), depth = 0): Value {
  if (!isObject(json)) throw invalidAt(path, 'not an extension value')
  const name = own(json, 'fn')
  const known = typeof name === 'string' ? extensionFunction(name) : undefined
  if (known === undefined) throw invalidAt(path, 'not a known extension function')
  const args = Object.hasOwn(json, 'arg') ? [own(json, 'arg')] : own(json, 'args')
  if (!Array.isArray(args) || args.length !== known.arity)
    throw invalidAt(path, `${known.name} has ${known.arity} arguments`)
  const [first, second] = args.map((each, at) => readValue(each, `${path}.args[${at}]`, budget, depth + 1))
  try {
    return known.call(first ?? false, second ?? false)
  } catch (error) {
    if (error instanceof EvaluationError) throw invalidAt(path, error.message)
    throw error
  }
}

function readString(text: string, path: string): string {
  if (text.length > maxLiteralLength) throw invalidAt(path, `longer than ${maxLiteralLength} characters`)
  // A lone surrogate is no Unicode text: other programs would read it as something else
  if (!text.isWellFormed()) throw invalidAt(path, 'not well-formed Unicode')
  return text
}
