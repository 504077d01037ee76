// The entities that policies speak of: an immutable store with ancestors worked out in advance. A change makes a new
// store that shares everything it does not touch. Must never contain a cycle, nor two records of one entity.
import { Fault } from '#core/fault.ts'
import { maxAncestors } from './caps.ts'
import { CedarRecord, type EntityUid, sameValue, type Value } from './value.ts'

export type Entity = {
  readonly uid: EntityUid
  readonly attrs: CedarRecord
  readonly parents: readonly EntityUid[]
  readonly tags: ReadonlyMap<string, Value>
}

/** All keys above some set of parents. Entities with equal parents share one. */
export type Ancestors = { readonly keys: readonly string[]; readonly set: ReadonlySet<string> }

export type EntityNode = Entity & { readonly ancestors: Ancestors }

const noTags: ReadonlyMap<string, Value> = new Map()
const noAncestors: Ancestors = { keys: [], set: new Set() }

export function entity(
  uid: EntityUid,
  attrs: CedarRecord = CedarRecord.empty,
  parents: readonly EntityUid[] = [],
  tags: ReadonlyMap<string, Value> = noTags,
): Entity {
  return { uid, attrs, parents, tags }
}

type Nodes = ReadonlyMap<string, EntityNode>
/** null: removed. */
type Changes = ReadonlyMap<string, EntityNode | null>

export class EntityStore {
  static readonly empty: EntityStore = new EntityStore(new Map(), new Map())
  readonly #base: Nodes
  /** What changed since `base` was made; small, so that a change does not copy every entity. */
  readonly #changes: Changes
  /** One that is there for a single request. */
  readonly #guest: EntityNode | undefined

  private constructor(base: Nodes, changes: Changes, guest?: EntityNode) {
    this.#base = base
    this.#changes = changes
    this.#guest = guest
  }

  static of(entities: Iterable<Entity>): EntityStore {
    return EntityStore.empty.with(entities)
  }

  /** This store and one entity more, whose parents have none themselves: costs the same however large the store is. */
  beside(guest: Entity): EntityStore {
    const keys = guest.parents.map(({ key }) => key)
    return new EntityStore(this.#base, this.#changes, { ...guest, ancestors: { keys, set: new Set(keys) } })
  }

  get(key: string): EntityNode | undefined {
    if (this.#guest?.uid.key === key) return this.#guest
    if (this.#changes.size > 0) {
      const changed = this.#changes.get(key)
      if (changed !== undefined) return changed ?? undefined
    }
    return this.#base.get(key)
  }

  *[Symbol.iterator](): Generator<EntityNode> {
    for (const [key, node] of this.#base) if (!this.#changes.has(key)) yield node
    for (const node of this.#changes.values()) if (node !== null) yield node
  }

  /** Adds entities and replaces those of the same name. Throws `document-invalid` on a cycle or a contradiction. */
  with(entities: Iterable<Entity>): EntityStore {
    const incoming = new Map<string, Entity>()
    for (const each of entities) {
      const earlier = incoming.get(each.uid.key)
      if (earlier !== undefined && !sameEntity(earlier, each))
        throw invalid(`${each.uid} is listed twice, differently.`)
      incoming.set(each.uid.key, each)
    }
    return this.#changed(incoming, new Set())
  }

  without(uids: Iterable<EntityUid>): EntityStore {
    return this.#changed(new Map(), new Set(Array.from(uids, (uid) => uid.key)))
  }

  #changed(incoming: ReadonlyMap<string, Entity>, removed: ReadonlySet<string>): EntityStore {
    const touched = this.#touchedBy(incoming, removed)
    const parentsOf = (key: string): Entity | undefined =>
      incoming.get(key) ?? (removed.has(key) ? undefined : this.get(key))
    const ancestorsOf = closure(parentsOf, (key) =>
      touched.has(key) || removed.has(key) ? undefined : this.get(key)?.ancestors,
    )
    const written = new Map(this.#changes)
    for (const key of removed) written.set(key, null)
    for (const key of touched) {
      const each = parentsOf(key)
      if (each !== undefined) written.set(key, { ...plain(each), ancestors: ancestorsOf(key) })
    }
    // Folding the changes in costs one copy of the whole; doing it now and then keeps both reads and changes cheap
    if (written.size <= 64 + this.#base.size / 16) return new EntityStore(this.#base, written)
    const base = new Map(this.#base)
    for (const [key, node] of written) {
      if (node === null) base.delete(key)
      else base.set(key, node)
    }
    return new EntityStore(base, new Map())
  }

  /** The changed entities, and those below one whose place in the hierarchy changed. */
  #touchedBy(incoming: ReadonlyMap<string, Entity>, removed: ReadonlySet<string>): ReadonlySet<string> {
    const moved = new Set<string>(removed)
    for (const [key, each] of incoming) {
      const before = this.get(key)
      if (before === undefined || !sameParents(before, each)) moved.add(key)
    }
    const touched = new Set(incoming.keys())
    if (moved.size === 0 || this.#base.size + this.#changes.size === 0) return touched
    for (const node of this) {
      const { uid, ancestors } = node
      if (removed.has(uid.key) || touched.has(uid.key)) continue
      if (
        ancestors.keys.length < moved.size ? ancestors.keys.some((key) => moved.has(key)) : anyIn(moved, ancestors.set)
      )
        touched.add(uid.key)
    }
    return touched
  }
}

function anyIn(keys: ReadonlySet<string>, set: ReadonlySet<string>): boolean {
  for (const key of keys) if (set.has(key)) return true
  return false
}

function plain(from: Entity): Entity {
  return { uid: from.uid, attrs: from.attrs, parents: from.parents, tags: from.tags }
}

/** Ancestors by key, each worked out once and shared between equal parent lists; without recursion, so that depth costs no stack. */
function closure(
  entityOf: (key: string) => Entity | undefined,
  known: (key: string) => Ancestors | undefined,
): (key: string) => Ancestors {
  const done = new Map<string, Ancestors>()
  const open = new Set<string>()
  const shared = new Map<string, Ancestors>()
  const lookUp = (key: string): Ancestors | undefined => known(key) ?? done.get(key)
  return (start) => {
    const stack = [start]
    for (let key = stack.at(-1); key !== undefined; key = stack.at(-1)) {
      const parents = entityOf(key)?.parents ?? []
      const waiting = lookUp(key) === undefined ? parents.filter((parent) => lookUp(parent.key) === undefined) : []
      if (waiting.length === 0) {
        stack.pop()
        open.delete(key)
        if (lookUp(key) === undefined) done.set(key, union(parents, lookUp, shared))
        continue
      }
      open.add(key)
      for (const parent of waiting) {
        if (open.has(parent.key)) throw invalid(`The hierarchy has a cycle through ${parent}.`)
        stack.push(parent.key)
      }
    }
    return lookUp(start) ?? noAncestors
  }
}

function union(
  parents: readonly EntityUid[],
  lookUp: (key: string) => Ancestors | undefined,
  shared: Map<string, Ancestors>,
): Ancestors {
  if (parents.length === 0) return noAncestors
  const name = parents.map((parent) => `${parent.key.length}:${parent.key}`).join('')
  const known = shared.get(name)
  if (known !== undefined) return known
  const set = new Set<string>()
  for (const parent of parents) {
    set.add(parent.key)
    for (const key of lookUp(parent.key)?.keys ?? []) set.add(key)
  }
  if (set.size > maxAncestors) throw invalid(`${parents[0]} and others: more than ${maxAncestors} entities above one.`)
  const made = { keys: [...set], set }
  shared.set(name, made)
  return made
}

function sameParents(left: Entity, right: Entity): boolean {
  if (left.parents.length !== right.parents.length) return false
  return left.parents.every((parent, at) => parent.key === right.parents[at]?.key)
}

function sameEntity(left: Entity, right: Entity): boolean {
  const keys = new Set(left.parents.map((parent) => parent.key))
  if (keys.size !== new Set(right.parents.map((parent) => parent.key)).size) return false
  if (!right.parents.every((parent) => keys.has(parent.key))) return false
  return sameValue(left.attrs, right.attrs) && sameValue(new CedarRecord(left.tags), new CedarRecord(right.tags))
}

function invalid(hint: string): Fault {
  return new Fault('document-invalid', { hint })
}
