// Nobody may lock a tenant: at least one active user keeps the highest role. Checked inside the same transaction as
// the change, after it.
import { Fault } from '#core/fault.ts'
import { specOf } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Throws Fault `last-administrator` when no active user has a role that may administer, though somebody has had one. */
export async function requireAdministrator(tx: TenantHandle): Promise<void> {
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
      .select('resources.spec')
      .where('resources.id', '=', userId)
      .where('resources.kind', '=', 'User')
      .executeTakeFirst()
    if (row && (specOf('User', row).status ?? 'active') === 'active') return
  }
  throw new Fault('last-administrator')
}
