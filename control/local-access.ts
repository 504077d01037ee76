// The way in for whoever runs the machine: API and enrolment tokens made beside a running control, as an
// administrator who exists. Must never skip the journal, nor give more than that administrator has.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { PROVIDER_TENANT } from '#core/names.ts'
import { journalEvent } from '#core/events/event.ts'
import { administrationHandlers } from './api/handlers/administration.ts'
import { providerHandlers } from './api/handlers/provider.ts'
import type { ApiContext, Recorded } from './api/call.ts'
import type { Principal } from './api/principal.ts'
import { createDirectory, rolesOf } from './directory/people.ts'
import type { RoleName } from './store/schema.ts'

export type LocalAccess = {
  /** An API token of `userName`, with the user's own highest role at most. */
  readonly apiToken: (
    tenantName: string,
    userName: string,
    role: RoleName,
    seconds: number,
  ) => Promise<{ readonly token: string; readonly expiresAt: string }>
  /** A one-time token that enrols an exchange. */
  readonly exchangeToken: (userName: string, exchangeName: string) => Promise<{ readonly token: string }>
}

export function createLocalAccess(context: ApiContext): LocalAccess {
  async function callAs(tenantName: string, userName: string, operation: string) {
    const directory = createDirectory(context)
    const tenant = await directory.tenantByName(tenantName)
    const user = tenant && (await directory.userByName(tenant.id, userName))
    if (!tenant || !user) throw new Fault('not-found', { hint: `No user ${userName} in ${tenantName}.` })
    const principal: Principal = {
      tenantId: tenant.id,
      tenantName,
      tenantDisplayName: tenant.displayName,
      isProvider: tenant.isProvider,
      userId: user.id,
      userName,
      displayName: user.displayName,
      roles: new Set(await rolesOf(tenant.id, user.id, context)),
      door: 'local',
      sessionId: null,
      expiresAtMs: null,
    }
    return {
      context,
      params: {},
      query: undefined,
      ip: '127.0.0.1',
      signal: AbortSignal.timeout(10_000),
      principal,
      tenantId: tenant.id,
      tenant: context.store.forTenant(tenant.id),
      record: (what: Recorded) => recordLocal(context, principal, operation, what),
      effect: async () => ({ sequence: 0, receipts: [], missing: [] }),
    }
  }
  return {
    async apiToken(tenantName, userName, role, seconds) {
      const call = await callAs(tenantName, userName, 'createApiToken')
      const body = { name: 'local', role, expiresInSeconds: seconds }
      return await administrationHandlers.createApiToken({ ...call, body })
    },
    async exchangeToken(userName, exchangeName) {
      const call = await callAs(PROVIDER_TENANT, userName, 'createExchangeToken')
      if (!call.principal.roles.has('provider-admin')) throw new Fault('not-permitted')
      return await providerHandlers.createExchangeToken({ ...call, body: { name: exchangeName } })
    },
  }
}

async function recordLocal(context: ApiContext, principal: Principal, operation: string, what: Recorded) {
  await context.journal.record(
    principal.tenantId,
    journalEvent('apiActivity', 'create', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: principal.tenantId,
      outcome: 'success',
      severity: 3,
      user: { uid: principal.userId, name: principal.userName },
      source: { ip: '127.0.0.1' },
      api: { operation, target: what.target, ...(what.resourceKind && { resourceKind: what.resourceKind }) },
      message: 'made on the machine of the control plane, without signing in',
    }),
  )
}
