// Seals every sealed value of the store anew under the newest key-encryption key, while it is in use. Must never write
// over a value that was changed meanwhile, nor call a store done while anything in it needs an older key.
import type { SelectQueryBuilder, UpdateQueryBuilder, UpdateResult } from 'kysely'
import { caps } from '#control/caps.ts'
import type { Store } from '#control/store/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import type { Sealer } from './key-encryption.ts'
import { type SealedPlace, sealedPlaces } from './sealed-places.ts'

export type ResealReport = {
  readonly resealed: number
  /** Values that no key of ours opens: they were lost before. `table.column` → how many. */
  readonly unreadable: Readonly<Record<string, number>>
}

/** Goes over every tenant once. What is written under an older key meanwhile is found by the next call. */
export async function resealStore(store: Store, sealer: Sealer, signal: AbortSignal): Promise<ResealReport> {
  const tenants = await store.provider.selectFrom('tenants').select('tenants.id').execute()
  let resealed = 0
  const unreadable: Record<string, number> = {}
  for (const { id } of tenants)
    for (const place of Object.values(sealedPlaces) as readonly SealedPlace[]) {
      signal.throwIfAborted()
      const done = await resealPlace(store.forTenant(id), place, sealer)
      resealed += done.resealed
      const name = `${place.table}.${place.column}`
      if (done.unreadable > 0) unreadable[name] = (unreadable[name] ?? 0) + done.unreadable
    }
  return { resealed, unreadable }
}

type AnyRow = Record<string, string | null>
type AnySelect = SelectQueryBuilder<Record<string, AnyRow>, string, AnyRow>
type AnyUpdate = UpdateQueryBuilder<Record<string, AnyRow>, string, string, UpdateResult>

async function resealPlace(handle: TenantHandle, place: SealedPlace, sealer: Sealer) {
  const { table, column, of } = place
  // Kysely's builders do not narrow through a table that is only known when it runs.
  const select = () => handle.selectFrom(table) as unknown as AnySelect
  const update = () => handle.updateTable(table) as unknown as AnyUpdate
  let resealed = 0
  let passed = 0
  for (;;) {
    const rows = await select()
      .select([...of, column])
      .where(column, 'is not', null)
      .where(column, 'not like', `${sealer.currentPrefix}%`)
      .orderBy(column)
      .limit(caps.insertRows.default)
      .offset(passed)
      .execute()
    for (const row of rows) {
      const old = row[column]
      const context = place.context(row as never)
      const next = typeof old === 'string' ? sealAnew(old, context, sealer) : undefined
      if (typeof old !== 'string' || next === undefined) {
        passed++
        continue
      }
      let query = update()
        .set({ [column]: next })
        .where(column, '=', old)
      for (const key of of) query = query.where(key, '=', row[key] ?? '')
      const { numUpdatedRows } = await query.executeTakeFirstOrThrow()
      resealed += Number(numUpdatedRows)
    }
    if (rows.length < caps.insertRows.default) return { resealed, unreadable: passed }
  }
}

function sealAnew(old: string, context: string, sealer: Sealer): string | undefined {
  try {
    return sealer.seal(sealer.open(old, context), context)
  } catch {
    return undefined
  }
}
