// A tenant's changes in order: the numbers are given out inside the transaction that makes the change, so that no
// number is ever seen before its change, and none is skipped or used twice.
import type { Change } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import { changeText } from '#control/snapshot/record-size.ts'
import type { TenantHandle } from './tenant-handle.ts'

/**
 * Appends and returns the last sequence; with no changes, the sequence as it stands. Throws Fault `request-too-large`
 * for a change that no exchange could be sent.
 */
export async function appendChanges(tx: TenantHandle, changes: readonly Change[], atMs: number): Promise<number> {
  const row = await tx
    .updateTable('sequences')
    .set((eb) => ({ lastSequence: eb('lastSequence', '+', changes.length) }))
    .returning('lastSequence')
    .executeTakeFirst()
  const last = row?.lastSequence ?? changes.length
  if (!row) await tx.insertInto('sequences', { lastSequence: changes.length }).execute()
  const rows = changes.map((change, index) => ({
    sequence: last - changes.length + 1 + index,
    atMs,
    change: changeText(change),
  }))
  for (let at = 0; at < rows.length; at += caps.insertRows.default)
    await tx.insertInto('changes', rows.slice(at, at + caps.insertRows.default)).execute()
  return last
}

/** The last sequence given out; 0 before the first change. */
export async function lastSequence(handle: TenantHandle): Promise<number> {
  const row = await handle.selectFrom('sequences').select('sequences.lastSequence').executeTakeFirst()
  return row?.lastSequence ?? 0
}

export type StoredChange = { readonly sequence: number; readonly change: Change }

/** Up to `limit` changes after `from`, in order. Empty also when `from + 1` is no longer kept: the caller compares. */
export async function changesAfter(handle: TenantHandle, from: number, limit: number): Promise<StoredChange[]> {
  const rows = await handle
    .selectFrom('changes')
    .select(['changes.sequence', 'changes.change'])
    .where('changes.sequence', '>', from)
    .orderBy('changes.sequence')
    .limit(limit)
    .execute()
  return rows.map(({ sequence, change }) => ({ sequence, change: JSON.parse(change) }))
}

/** Forgets changes older than the newest `keep`; an exchange that is further behind gets a snapshot. */
export async function forgetOldChanges(handle: TenantHandle, keep: number = caps.changesKept.default): Promise<void> {
  const last = await lastSequence(handle)
  await handle
    .deleteFrom('changes')
    .where('changes.sequence', '<=', last - keep)
    .execute()
}
