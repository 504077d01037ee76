// Routes of the provider: tenants and exchanges. Must never show what is inside a tenant.
import { Fault } from '#core/fault.ts'
import type { TenantView } from '#core/api/views.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import { mapPage, pageOf } from '#control/api/page.ts'
import { hashSecret } from '#control/api/principal.ts'
import { caps } from '#control/caps.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { giveHosts } from '#control/directory/own-hosts.ts'
import { addEnrolmentToken } from '#control/directory/tokens.ts'
import { makeTenant, removeTenant } from '#control/directory/tenants.ts'
import { tenantRecord, type Row } from '#control/records/from-rows.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import { ENROLMENT_TOKEN_PREFIX, newToken, withPin } from './administration.ts'

const INVITATION_SECONDS = 7 * 86_400
const EXCHANGE_TOKEN_SECONDS = 3600

export const providerHandlers: Some<
  | 'listTenants'
  | 'createTenant'
  | 'changeTenant'
  | 'deleteTenant'
  | 'getTenantHosts'
  | 'setTenantHosts'
  | 'listCertificates'
  | 'listExchanges'
  | 'createExchangeToken'
  | 'deleteExchange'
> = {
  listTenants: async ({ context, query }) => {
    const rows = await context.store.provider.selectFrom('tenants').selectAll().execute()
    const names = new Map(rows.map(({ id, name }) => [id, name]))
    const page = pageOf(
      rows,
      query,
      ({ name }) => name,
      ({ name, displayName }) => `${name} ${displayName}`,
    )
    return mapPage(page, (row) => tenantView(row, names))
  },

  createTenant: async ({ context, body, record }) => {
    const { signIn } = context.links
    if (!signIn) throw new Fault('closing')
    const { tenant, administratorId } = await makeTenant(body, context)
    await record({ target: tenant.name, resourceKind: 'tenant', details: { administrator: body.administrator.name } })
    const { url, expiresAtMs } = await signIn.makeInvitation(tenant.id, administratorId, INVITATION_SECONDS)
    return { tenant: await viewOf(tenant, context), invitation: { url, expiresAt: isoTime(expiresAtMs) } }
  },

  changeTenant: async ({ context, params, body, record }) => {
    const before = await findTenant(params['name'], context)
    if (before.isProvider === 1 && body.status === 'suspended')
      throw new Fault('last-administrator', { hint: 'The provider cannot suspend itself.' })
    const after: Row<'tenants'> = {
      ...before,
      status: body.status ?? before.status,
      displayName: body.displayName ?? before.displayName,
    }
    const identityCaPem = await context.authority.identityCaPem(before.id)
    const sequence = await context.store.forTenant(before.id).transaction(async (tx) => {
      const { status, displayName } = after
      await tx.provider
        .updateTable('tenants')
        .set({ status, displayName })
        .where('tenants.id', '=', before.id)
        .execute()
      return tx.appendChanges([{ op: 'put', record: tenantRecord(after, await readTenantSettings(tx), identityCaPem) }])
    })
    await record({
      target: before.name,
      resourceKind: 'tenant',
      details: { before: { status: before.status }, after: { status: after.status } },
    })
    context.links.feed?.tenantsChanged()
    // Waited for like any other change: live flows of a suspended tenant are cut.
    await context.links.feed?.awaitEffect(before.id, sequence, caps.effectMs.default)
    return viewOf(after, context)
  },

  deleteTenant: async ({ context, params, record }) => {
    const tenant = await findTenant(params['name'], context)
    await removeTenant(tenant, context)
    await record({ target: tenant.name, resourceKind: 'tenant', details: { id: tenant.id } })
    return {}
  },

  getTenantHosts: async ({ context, params }) => {
    const tenant = await findTenant(params['name'], context)
    const { ownHosts } = await readTenantSettings(context.store.forTenant(tenant.id))
    return { hosts: [...ownHosts] }
  },

  setTenantHosts: async ({ context, params, body, record }) => {
    const tenant = await findTenant(params['name'], context)
    const { before, after, sequence } = await giveHosts(tenant, body.hosts, context)
    await record({ target: tenant.name, resourceKind: 'tenant', details: { before, after } })
    await context.links.feed?.awaitEffect(tenant.id, sequence, caps.effectMs.default)
    return { hosts: [...after] }
  },

  listCertificates: async ({ context }) => ({
    items: (context.links.certificates?.() ?? []).map(({ notAfterMs, nextAttemptMs, ...rest }) => ({
      ...rest,
      until: notAfterMs === null ? null : isoTime(notAfterMs),
      nextAttempt: nextAttemptMs === null ? null : isoTime(nextAttemptMs),
    })),
  }),

  listExchanges: async ({ context }) => {
    const rows = await context.store.provider
      .selectFrom('exchanges')
      .selectAll()
      .where('exchanges.status', '=', 'active')
      .execute()
    return mapPage(
      pageOf(rows, { limit: 1000 }, ({ id }) => id),
      (row) => ({
        id: row.id,
        name: row.name,
        address: row.address,
        connected: context.links.feed?.isConnected(row.id) ?? false,
        lastSeenAt: row.lastSeenAtMs === null ? null : isoTime(row.lastSeenAtMs),
        software: row.software,
      }),
    )
  },

  createExchangeToken: async ({ context, tenant, principal, body, record }) => {
    const nowMs = context.nowMs()
    const secret = newToken(ENROLMENT_TOKEN_PREFIX)
    const expiresAtMs = nowMs + (body.expiresInSeconds ?? EXCHANGE_TOKEN_SECONDS) * 1000
    const id = await tenant.transaction((tx) =>
      addEnrolmentToken(tx, {
        hash: hashSecret(secret),
        use: 'exchange',
        target: body.name,
        targetId: null,
        createdBy: principal.userId,
        createdAtMs: nowMs,
        expiresAtMs,
      }),
    )
    await record({ target: body.name, resourceKind: 'exchange', details: { enrolmentToken: id } })
    return { token: withPin(secret, context.enrolmentPin), expiresAt: isoTime(expiresAtMs) }
  },

  deleteExchange: async ({ context, params, record }) => {
    const row = await context.store.provider
      .updateTable('exchanges')
      // Until then a certificate of it may be valid: connectors are told to take nothing from it.
      .set({ status: 'revoked', certificateUntilMs: context.nowMs() + caps.revokedExchangeMs.default })
      .where('exchanges.id', '=', params['id'] ?? '')
      .where('exchanges.status', '=', 'active')
      .returning('exchanges.name')
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    context.links.feed?.dropExchange(params['id'] ?? '')
    await record({ target: row.name, resourceKind: 'exchange', details: { id: params['id'] } })
    return {}
  },
}

async function findTenant(name: string | undefined, { store }: ApiContext): Promise<Row<'tenants'>> {
  const row = await store.provider
    .selectFrom('tenants')
    .selectAll()
    .where('tenants.name', '=', name ?? '')
    .executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

async function viewOf(row: Row<'tenants'>, { store }: ApiContext): Promise<TenantView> {
  const rows = await store.provider.selectFrom('tenants').select(['tenants.id', 'tenants.name']).execute()
  return tenantView(row, new Map(rows.map(({ id, name }) => [id, name])))
}

function tenantView(row: Row<'tenants'>, names: ReadonlyMap<string, string>): TenantView {
  const { id, name, displayName, parentId, status } = row
  const parent = parentId === null ? null : (names.get(parentId) ?? null)
  return { id, name, displayName, parent, status, createdAt: isoTime(row.createdAtMs) }
}
