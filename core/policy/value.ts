// The values that Cedar expressions have. Immutable; attribute names live in maps, never in object properties, so
// that `__proto__` and `constructor` are ordinary names. Equality is Cedar's: sets ignore order and repetition.
import type { Datetime, Duration } from './datetime.ts'
import type { Decimal } from './decimal.ts'
import { type Ipaddr, sameIpaddr } from './ipaddr.ts'
import type { Long } from './long.ts'

export type Extension = Decimal | Ipaddr | Datetime | Duration
export type Value = boolean | Long | string | EntityUid | CedarSet | CedarRecord | Extension

export class EntityUid {
  readonly kind = 'entity'
  readonly type: string
  readonly id: string
  /** `type`, a space, `id`: one key per entity, because a type name never contains a space. */
  readonly key: string

  constructor(type: string, id: string) {
    this.type = type
    this.id = id
    this.key = `${type} ${id}`
  }

  toString(): string {
    return `${this.type}::${JSON.stringify(this.id)}`
  }
}

export class CedarRecord {
  static readonly empty: CedarRecord = new CedarRecord(new Map())
  readonly kind = 'record'
  readonly fields: ReadonlyMap<string, Value>

  constructor(fields: ReadonlyMap<string, Value>) {
    this.fields = fields
  }

  /** For records whose names are ours, not the outside's. */
  static of(fields: Readonly<Record<string, Value>>): CedarRecord {
    return new CedarRecord(new Map(Object.entries(fields)))
  }
}

export class CedarSet {
  static readonly empty: CedarSet = new CedarSet([])
  readonly kind = 'set'
  /** Booleans, integers and strings: JavaScript's Set keeps these apart by type, and compares bigint by value. */
  readonly #plain = new Set<Value>()
  readonly #others = new Map<string, Value>()

  constructor(elements: Iterable<Value>) {
    for (const element of elements) {
      if (typeof element === 'object') this.#others.set(valueKey(element), element)
      else this.#plain.add(element)
    }
  }

  get size(): number {
    return this.#plain.size + this.#others.size
  }

  has(value: Value): boolean {
    if (typeof value !== 'object') return this.#plain.has(value)
    return this.#others.size > 0 && this.#others.has(valueKey(value))
  }

  *[Symbol.iterator](): Generator<Value> {
    yield* this.#plain
    yield* this.#others.values()
  }

  includesAll(other: CedarSet): boolean {
    if (other.size > this.size) return false
    for (const value of other.#plain) if (!this.#plain.has(value)) return false
    for (const key of other.#others.keys()) if (!this.#others.has(key)) return false
    return true
  }

  includesAny(other: CedarSet): boolean {
    const [small, large] = this.size < other.size ? [this, other] : [other, this]
    for (const value of small.#plain) if (large.#plain.has(value)) return true
    for (const key of small.#others.keys()) if (large.#others.has(key)) return true
    return false
  }

  /** Equal sets have equal keys, whatever their order. */
  key(): string {
    const parts = [...Array.from(this.#plain, valueKey), ...this.#others.keys()]
    return `[${parts.toSorted().map(framed).join('')}]`
  }
}

export function sameValue(left: Value, right: Value): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object') return false
  switch (left.kind) {
    case 'entity':
      return right.kind === 'entity' && left.key === right.key
    case 'set':
      return right.kind === 'set' && left.size === right.size && left.includesAll(right)
    case 'record':
      return right.kind === 'record' && sameRecord(left, right)
    case 'ipaddr':
      return right.kind === 'ipaddr' && sameIpaddr(left, right)
    case 'decimal':
      return right.kind === 'decimal' && left.units === right.units
    case 'datetime':
      return right.kind === 'datetime' && left.epochMs === right.epochMs
    case 'duration':
      return right.kind === 'duration' && left.ms === right.ms
  }
}

function sameRecord(left: CedarRecord, right: CedarRecord): boolean {
  if (left.fields.size !== right.fields.size) return false
  for (const [name, value] of left.fields) {
    const other = right.fields.get(name)
    if (other === undefined || !sameValue(value, other)) return false
  }
  return true
}

/** A text that is equal for equal values and different for different ones. */
function valueKey(value: Value): string {
  if (typeof value === 'string') return `s${value}`
  if (typeof value !== 'object') return `${typeof value === 'boolean' ? 'b' : 'n'}${value}`
  switch (value.kind) {
    case 'entity':
      return `e${value.key}`
    case 'set':
      return value.key()
    case 'record': {
      const fields = [...value.fields].toSorted(([left], [right]) => (left < right ? -1 : 1))
      return `{${fields.map(([name, field]) => framed(name) + framed(valueKey(field))).join('')}}`
    }
    case 'ipaddr':
      return `i${value.version} ${value.words.join(' ')}/${value.prefix}`
    case 'decimal':
      return `d${value.units}`
    case 'datetime':
      return `t${value.epochMs}`
    case 'duration':
      return `u${value.ms}`
  }
}

/** Cedar's name of a value's type, for messages. */
export function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (typeof value !== 'object') return 'long'
  return value.kind === 'entity' ? `entity of type ${value.type}` : value.kind
}

/** Length first, so that no text can pretend to be the end of another. */
function framed(text: string): string {
  return `${text.length}:${text}`
}
