// The rules of a tenant as they were at some moment, put together from the changes that are kept. Must never guess: where
// a record changed later and its earlier form was forgotten, the rules of then are not known.
import type { Change, RecordKind, TenantRecords } from '#core/records/records.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Kinds that rules are made of. */
const kinds: ReadonlySet<RecordKind> = new Set(['user', 'group', 'organisation', 'app', 'appGroup', 'policy'])
const changesPerPage = 500

export type RulesThen =
  | { readonly kind: 'known'; readonly records: readonly TenantRecords[]; readonly sequence: number }
  | { readonly kind: 'forgotten' }

export async function recordsAt(atMs: number, mirror: TenantMirror, handle: TenantHandle): Promise<RulesThen> {
  const then = new Map<string, Change>()
  const touchedLater = new Set<string>()
  let first: number | undefined
  let last = 0
  let sequence = 0
  for (;;) {
    const rows = await handle
      .selectFrom('changes')
      .select(['changes.sequence', 'changes.atMs', 'changes.change'])
      .where('changes.sequence', '>', last)
      .where('changes.sequence', '<=', mirror.sequence)
      .orderBy('changes.sequence')
      .limit(changesPerPage)
      .execute()
    for (const row of rows) {
      first ??= row.sequence
      last = row.sequence
      const change = JSON.parse(row.change) as Change
      const kind = change.op === 'put' ? change.record.kind : change.kind
      if (row.atMs <= atMs) sequence = row.sequence
      if (!kinds.has(kind)) continue
      const key = `${kind} ${change.op === 'put' ? change.record.id : change.id}`
      if (row.atMs > atMs) touchedLater.add(key)
      else then.set(key, change)
    }
    if (rows.length < changesPerPage) break
  }
  if (first === undefined && mirror.sequence > 0) return { kind: 'forgotten' }
  const isWhole = first === undefined || first === 1
  if (!isWhole && [...touchedLater].some((key) => !then.has(key))) return { kind: 'forgotten' }
  const records: TenantRecords[] = []
  for (const record of mirror.records())
    if (kinds.has(record.kind) && !touchedLater.has(`${record.kind} ${record.id}`)) records.push(record)
  for (const key of touchedLater) {
    const change = then.get(key)
    if (change?.op === 'put') records.push(change.record)
  }
  return { kind: 'known', records, sequence: isWhole || sequence > 0 ? sequence : (first ?? 1) - 1 }
}
