// Nobody may lock a tenant: at least one active user keeps the highest role. Checked inside the same transaction as
// the change, after it.
import { Fault } from '#core/fault.ts'
import { specOf, type Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { userContainedUntil } from './containment.ts'

/** Throws Fault `last-administrator` when no active user has a role that may administer, though somebody has had one. */
export async function requireAdministrator(tx: TenantHandle): Promise<void> {
  if (!(await hasAdministrator(tx, async () => true))) throw new Fault('last-administrator')
}

/** The same, where one who is contained does not count: for the time of the lease nobody could undo it. */
export async function requireUncontainedAdministrator(tx: TenantHandle, nowMs: number): Promise<void> {
  const isFree = async (user: Row<'resources'>) => (await userContainedUntil(tx, user, nowMs)) === undefined
  if (await hasAdministrator(tx, isFree)) return
  throw new Fault('last-administrator', {
    hint: 'Every administrator would be contained until the lease ends. To do so all the same, acknowledge the lockout.',
  })
}

async function hasAdministrator(
  tx: TenantHandle,
  counts: (user: Row<'resources'>) => Promise<boolean>,
): Promise<boolean> {
  const tenant = await tx.provider
    .selectFrom('tenants')
    .select('tenants.isProvider')
    .where('tenants.id', '=', tx.tenantId)
    .executeTakeFirst()
  const role = tenant?.isProvider === 1 ? 'provider-admin' : 'tenant-admin'
  const holders = await tx.selectFrom('roles').select('roles.userId').where('roles.role', '=', role).execute()
  for (const { userId } of holders) {
    const row = await tx
      .selectFrom('resources')
      .selectAll()
      .where('resources.id', '=', userId)
      .where('resources.kind', '=', 'User')
      .executeTakeFirst()
    if (row && specOf('User', row).status !== 'disabled' && (await counts(row))) return true
  }
  return false
}
