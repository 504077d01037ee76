// What control gives the lake: which tenants there are and how long their events are kept, whose signatures count, and
// the removal of segments under control's own signature. Must never hand out a key that signs.
import { join } from 'node:path'
import type { TenantId } from '#core/ids.ts'
import { isId } from '#core/ids.ts'
import { listTenants } from '#journal/layout.ts'
import { caps } from './caps.ts'
import type { RunningJournal } from './journal-port.ts'
import type { LakeHooks } from './lake-port.ts'
import { readTenantSettings } from './records/tenant-settings.ts'
import type { Store } from './store/store.ts'

export function lakeHooks(
  dataFolder: string,
  deps: { readonly journal: RunningJournal; readonly store: Store } & Pick<LakeHooks, 'nowMs' | 'log'>,
): LakeHooks {
  const { journal, store, nowMs, log } = deps
  return {
    journalRoot: journal.root,
    folder: join(dataFolder, 'lake'),
    keys: journal.keys,
    removeSegments: journal.removeSegments,
    tenants: () => keptTenants(journal.root, store),
    nowMs,
    log,
  }
}

async function keptTenants(
  root: string,
  store: Store,
): Promise<{ readonly tenant: TenantId; readonly retentionDays: number | null }[]> {
  const rows = await store.provider.selectFrom('tenants').select('tenants.id').execute()
  const known = new Set(rows.map(({ id }) => id))
  const kept: { tenant: TenantId; retentionDays: number | null }[] = []
  for (const id of known) {
    if (!isId('tenant', id)) continue
    const { retentionDays } = await readTenantSettings(store.forTenant(id))
    kept.push({ tenant: id, retentionDays })
  }
  // Of a tenant that was removed nobody is left to say how long.
  for (const tenant of await listTenants(root))
    if (!known.has(tenant)) kept.push({ tenant, retentionDays: caps.removedTenantDays.default })
  return kept
}
