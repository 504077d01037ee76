// A tenant's settings with their defaults. Must never answer with a setting that the schema would refuse.
import { defaultTenantSettings, tenantSettings, type TenantSettings } from '#core/resources/kinds.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export async function readTenantSettings(handle: TenantHandle): Promise<TenantSettings> {
  const row = await handle.selectFrom('tenantSettings').select('tenantSettings.value').executeTakeFirst()
  return tenantSettings.parse({ ...defaultTenantSettings, ...(row ? JSON.parse(row.value) : {}) })
}

export async function writeTenantSettings(handle: TenantHandle, settings: TenantSettings): Promise<void> {
  const value = JSON.stringify(settings)
  await handle
    .insertInto('tenantSettings', { value })
    .onConflict((conflict) => conflict.column('tenantId').doUpdateSet({ value }))
    .execute()
}
