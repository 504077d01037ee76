// The records of each tenant in memory, as exchanges see them: read once, then kept up by the same changes. Must never
// answer from before a change whose commit was acknowledged: every use compares the sequence with the store's.
import type { Change, RecordKind, TenantRecords } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import { changesAfter, lastSequence } from '#control/store/changes.ts'
import { loadTenant, type LoadDeps } from './load.ts'

export type RecordOf<K extends RecordKind> = Extract<TenantRecords, { kind: K }>

/** Facts of their own time: no policy and no entity is made of them. */
const ofTheMoment: ReadonlySet<RecordKind> = new Set(['session', 'approval', 'containment', 'connector', 'risk'])

export class TenantMirror {
  readonly tenantId: string
  sequence: number
  /** Grows whenever something that policies speak of changes; sessions and approvals leave it alone. */
  directoryVersion = 0
  readonly #records = new Map<string, Map<string, TenantRecords>>()

  constructor(tenantId: string, sequence: number, records: readonly TenantRecords[]) {
    this.tenantId = tenantId
    this.sequence = sequence
    for (const record of records) this.#put(record)
  }

  get<K extends RecordKind>(kind: K, id: string): RecordOf<K> | undefined {
    return this.#of(kind).get(id)
  }

  all<K extends RecordKind>(kind: K): IterableIterator<RecordOf<K>> {
    return this.#of(kind).values()
  }

  byName<K extends 'user' | 'app' | 'group' | 'appGroup' | 'organisation' | 'connectorGroup'>(
    kind: K,
    name: string,
  ): RecordOf<K> | undefined {
    for (const record of this.#of(kind).values()) if ('name' in record && record.name === name) return record
    return undefined
  }

  *records(): Generator<TenantRecords> {
    for (const records of this.#records.values()) yield* records.values()
  }

  apply(change: Change, sequence: number): void {
    const kind = change.op === 'put' ? change.record.kind : change.kind
    if (change.op === 'put') this.#put(change.record)
    else this.#records.get(kind)?.delete(change.id)
    if (!ofTheMoment.has(kind)) this.directoryVersion++
    this.sequence = sequence
  }

  #put(record: TenantRecords): void {
    const records = this.#records.getOrInsertComputed(record.kind, () => new Map<string, TenantRecords>())
    records.set(record.id, record)
  }

  #of<K extends RecordKind>(kind: K): Map<string, RecordOf<K>> {
    return (this.#records.get(kind) ?? new Map()) as Map<string, RecordOf<K>>
  }
}

const MAX_MIRRORS = 2_000

export class Mirrors {
  readonly #deps: LoadDeps
  readonly #mirrors = new Map<string, TenantMirror>()
  readonly #turns = new Map<string, Promise<TenantMirror>>()

  constructor(deps: LoadDeps) {
    this.#deps = deps
  }

  /** The mirror, up to at least the last change committed before the call. Throws Fault `not-found`. */
  current(tenantId: string): Promise<TenantMirror> {
    // One after the other: two refreshes at once would apply the same changes twice.
    const before = this.#turns.get(tenantId) ?? Promise.resolve(undefined)
    const turn = before.then(
      () => this.#refresh(tenantId),
      () => this.#refresh(tenantId),
    )
    this.#turns.set(tenantId, turn)
    turn.then(
      () => this.#turns.get(tenantId) === turn && this.#turns.delete(tenantId),
      () => this.#turns.get(tenantId) === turn && this.#turns.delete(tenantId),
    )
    return turn
  }

  forget(tenantId: string): void {
    this.#mirrors.delete(tenantId)
  }

  async #refresh(tenantId: string): Promise<TenantMirror> {
    const handle = this.#deps.store.forTenant(tenantId)
    const known = this.#mirrors.get(tenantId)
    if (!known) return this.#load(tenantId)
    const target = await lastSequence(handle)
    while (known.sequence < target) {
      const changes = await changesAfter(handle, known.sequence, caps.deltaChanges.default)
      if (changes[0]?.sequence !== known.sequence + 1) return this.#load(tenantId)
      for (const { change, sequence } of changes) known.apply(change, sequence)
    }
    return known
  }

  async #load(tenantId: string): Promise<TenantMirror> {
    const { sequence, records } = await loadTenant(tenantId, this.#deps)
    const mirror = new TenantMirror(tenantId, sequence, records)
    if (this.#mirrors.size >= MAX_MIRRORS) this.#mirrors.clear()
    this.#mirrors.set(tenantId, mirror)
    return mirror
  }
}
