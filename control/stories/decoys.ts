// The decoys of a tenant: apps that nobody has a reason to open. Known to detection alone: exchanges treat them as any app.
import { specOf } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Their names, as events have them. */
export async function decoysOf(handle: TenantHandle): Promise<readonly string[]> {
  const rows = await handle
    .selectFrom('resources')
    .selectAll()
    .where('resources.kind', '=', 'App')
    .where('resources.spec', 'like', '%"decoy":true%')
    .execute()
  return rows.filter((row) => specOf('App', row).decoy === true).map(({ name }) => name)
}
