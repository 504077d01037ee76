// Making and removing tenants. Must never show the provider anything inside one, nor leave a row of one behind.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { tenantRecord, type Row } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import { applyResources } from '#control/resources/apply.ts'
import { tenantTables, type RoleName, type TenantTable } from '#control/store/schema.ts'
import { isUniqueViolation } from '#control/store/store.ts'

export type NewTenant = {
  readonly name: string
  readonly displayName?: string | undefined
  readonly isProvider?: boolean
  readonly administrator: {
    readonly name: string
    readonly displayName?: string | undefined
    readonly email?: string | undefined
  }
}

/** The tenant is suspended until its first administrator exists: half a tenant serves nobody. */
export async function makeTenant(
  request: NewTenant,
  context: ControlContext,
): Promise<{ readonly tenant: Row<'tenants'>; readonly administratorId: string }> {
  const { store, nowMs } = context
  const isProvider = request.isProvider ?? false
  const row: Row<'tenants'> = {
    id: newId('tenant'),
    name: request.name,
    displayName: request.displayName ?? request.name,
    parentId: isProvider ? null : context.config.providerId,
    status: 'suspended',
    isProvider: isProvider ? 1 : 0,
    createdAtMs: nowMs(),
  }
  const known = await store.provider.selectFrom('tenants').select('tenants.id').execute()
  if (known.length >= caps.tenants.default) throw new Fault('at-capacity')
  try {
    await store.provider.insertInto('tenants', row).execute()
  } catch (error) {
    throw isUniqueViolation(error) ? new Fault('name-taken') : error
  }
  return openTenant({ ...row, status: 'active' }, request, context)
}

/** Gives an empty tenant its keys and its first administrator, and makes it active. */
export async function openTenant(
  row: Row<'tenants'>,
  { administrator }: Pick<NewTenant, 'administrator'>,
  context: ControlContext,
): Promise<{ readonly tenant: Row<'tenants'>; readonly administratorId: string }> {
  await context.authority.ensureTenant(row.id)
  const identityCaPem = await context.authority.identityCaPem(row.id)
  const { displayName, email } = administrator
  const spec = { ...(displayName && { displayName }), ...(email && { email }) }
  const role: RoleName = row.isProvider === 1 ? 'provider-admin' : 'tenant-admin'
  let administratorId = ''
  await applyResources(
    row.id,
    { documents: [{ at: 'administrator', value: { kind: 'User', name: administrator.name, spec } }] },
    context,
    async (tx, plan) => {
      administratorId = plan.puts[0]?.after.id ?? ''
      await tx
        .insertInto('roles', {
          userId: administratorId,
          role,
          grantedBy: administratorId,
          createdAtMs: context.nowMs(),
        })
        .execute()
      await tx.provider.updateTable('tenants').set({ status: 'active' }).where('tenants.id', '=', row.id).execute()
      await tx.appendChanges([{ op: 'put', record: tenantRecord(row, await readTenantSettings(tx), identityCaPem) }])
    },
  )
  context.links.feed?.tenantsChanged()
  return { tenant: row, administratorId }
}

/** Removes a suspended tenant with every row of it. Its journal stays verifiable until retention ends. */
export async function removeTenant(row: Row<'tenants'>, context: ControlContext): Promise<void> {
  if (row.isProvider === 1) throw new Fault('not-permitted')
  if (row.status !== 'suspended') throw new Fault('version-conflict', { hint: 'Suspend the tenant first.' })
  await context.store.forTenant(row.id).transaction(async (tx) => {
    if ((await readTenant(tx)).status !== 'suspended') throw new Fault('version-conflict')
    // The list names every tenant table there is; the type cannot.
    for (const table of tenantTables) await tx.deleteFrom(table as TenantTable).execute()
    await tx.provider.deleteFrom('secretIndex').where('secretIndex.tenantId', '=', row.id).execute()
    await tx.provider.deleteFrom('hosts').where('hosts.tenantId', '=', row.id).execute()
    await tx.provider.deleteFrom('tenants').where('tenants.id', '=', row.id).execute()
  })
  context.authority.forgetTenant(row.id)
  context.mirrors.forget(row.id)
  context.links.feed?.dropTenant(row.id)
}
