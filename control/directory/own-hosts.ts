// A tenant's own host names for apps. The web authority vouches for each of them towards everybody who trusts it, so
// only the provider gives them. Must never give out a name of another tenant, of this installation or of no domain.
import { Fault } from '#core/fault.ts'
import type { ControlContext } from '#control/context.ts'
import { tenantRecord, type Row } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import { readTenantSettings, writeTenantSettings } from '#control/records/tenant-settings.ts'
import { isUniqueViolation } from '#control/store/store.ts'
import type { TenantTransaction } from '#control/store/tenant-handle.ts'

type Given = { readonly before: readonly string[]; readonly after: readonly string[]; readonly sequence: number }

/** Throws Fault `name-reserved`, `name-taken`, `still-referenced`. The answer never says whose a taken name is. */
export async function giveHosts(
  tenant: Row<'tenants'>,
  wanted: readonly string[],
  { store, authority, config }: ControlContext,
): Promise<Given> {
  const after = [...new Set(wanted)]
  for (const host of after) requireForeign(host, config)
  const identityCaPem = await authority.identityCaPem(tenant.id)
  try {
    return await store.forTenant(tenant.id).transaction(async (tx) => {
      const settings = await readTenantSettings(tx)
      const before = settings.ownHosts
      await release(
        tx,
        before.filter((host) => !after.includes(host)),
      )
      await claim(
        tx,
        after.filter((host) => !before.includes(host)),
      )
      const next = { ...settings, ownHosts: after }
      await writeTenantSettings(tx, next)
      const record = tenantRecord(await readTenant(tx), next, identityCaPem)
      return { before, after, sequence: await tx.appendChanges([{ op: 'put', record }]) }
    })
  } catch (error) {
    throw isUniqueViolation(error) ? new Fault('name-taken') : error
  }
}

function requireForeign(
  host: string,
  { domain, appsDomain }: { readonly domain: string; readonly appsDomain: string },
): void {
  const isOurs = [domain, appsDomain].some((own) => host === own || host.endsWith(`.${own}`))
  // A single label (`localhost`, `intranet`) is a name of every network, so of no tenant.
  if (isOurs || !host.includes('.')) throw new Fault('name-reserved', { hint: host })
}

async function release(tx: TenantTransaction, hosts: readonly string[]): Promise<void> {
  if (hosts.length === 0) return
  const apps = await tx.selectFrom('resources').select('resources.spec').where('resources.kind', '=', 'App').execute()
  const used = new Set(apps.map(({ spec }) => JSON.parse(spec).browser?.host))
  for (const host of hosts) {
    // Not which app: what is inside a tenant is not the provider's to see.
    if (used.has(host)) throw new Fault('still-referenced', { hint: `An app uses ${host}.` })
    await tx.provider
      .deleteFrom('hosts')
      .where('hosts.host', '=', host)
      .where('hosts.tenantId', '=', tx.tenantId)
      .execute()
  }
}

async function claim(tx: TenantTransaction, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    const taken = await tx.provider
      .selectFrom('hosts')
      .select('hosts.host')
      .where('hosts.host', '=', host)
      .executeTakeFirst()
    if (taken) throw new Fault('name-taken', { hint: host })
    await tx.provider.insertInto('hosts', { host, tenantId: tx.tenantId, appId: '' }).execute()
  }
}
