// Administrators, API tokens, enrolment tokens and invitations. Secrets are shown once and kept as hashes.
import { Fault } from '#core/fault.ts'
import { newSecret } from '#transport/secret.ts'
import { caps } from '#control/caps.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { addApiToken, addEnrolmentToken, dropApiToken, dropEnrolmentToken } from '#control/directory/tokens.ts'
import { requireAdministrator } from '#control/directory/last-administrator.ts'
import type { Some } from '#control/api/call.ts'
import { mapPage, pageOf } from '#control/api/page.ts'
import { API_TOKEN_PREFIX, hashSecret, lesserRole, type Principal } from '#control/api/principal.ts'
import type { RoleName } from '#control/store/schema.ts'

const DEFAULT_TOKEN_SECONDS = 3600
const DEFAULT_INVITATION_SECONDS = 7 * 86_400
export const ENROLMENT_TOKEN_PREFIX = 'sp_enr'

/** `sp_…` as `newSecret` makes it, with our two-part prefix. */
export function newToken(prefix: string): string {
  return newSecret('sp').replace(/^sp_/, `${prefix}_`)
}

/** The pin lets a part enrol before it trusts anything: it names the authority that the API host must have. */
export function withPin(secret: string, pin: string | null): string {
  return pin === null ? secret : `${secret}~${pin}`
}

export const administrationHandlers: Some<
  | 'inviteUser'
  | 'createEnrolmentToken'
  | 'listEnrolmentTokens'
  | 'deleteEnrolmentToken'
  | 'listAdministrators'
  | 'putAdministrator'
  | 'deleteAdministrator'
  | 'listApiTokens'
  | 'createApiToken'
  | 'deleteApiToken'
> = {
  inviteUser: async ({ context, tenantId, tenant, params, body, record }) => {
    const user = await findUser(tenant, params['name'] ?? '')
    const { signIn } = context.links
    if (!signIn) throw new Fault('closing')
    const seconds = body.expiresInSeconds ?? DEFAULT_INVITATION_SECONDS
    // The link lets its holder become this user: it is on record before anyone has it.
    await record({ target: user.name, resourceKind: 'User', details: { expiresInSeconds: seconds } })
    const { url, expiresAtMs } = await signIn.makeInvitation(tenantId, user.id, seconds)
    return { url, expiresAt: isoTime(expiresAtMs) }
  },

  createEnrolmentToken: async ({ context, tenant, principal, body, record }) => {
    const nowMs = context.nowMs()
    const secret = newToken(ENROLMENT_TOKEN_PREFIX)
    const expiresAtMs = nowMs + (body.expiresInSeconds ?? DEFAULT_TOKEN_SECONDS) * 1000
    const id = await tenant.transaction(async (tx) => {
      const group = await tx
        .selectFrom('resources')
        .select('resources.id')
        .where('resources.kind', '=', 'ConnectorGroup')
        .where('resources.name', '=', body.connectorGroup)
        .executeTakeFirst()
      if (!group)
        throw new Fault('reference-unknown', { hint: `There is no ConnectorGroup named ${body.connectorGroup}.` })
      const unused = await tx
        .selectFrom('enrolmentTokens')
        .select('enrolmentTokens.id')
        .where('enrolmentTokens.usedAtMs', 'is', null)
        .where('enrolmentTokens.expiresAtMs', '>', nowMs)
        .execute()
      if (unused.length >= caps.enrolmentTokens.default) throw new Fault('at-capacity')
      return addEnrolmentToken(tx, {
        hash: hashSecret(secret),
        use: 'connector',
        target: body.connectorGroup,
        targetId: group.id,
        createdBy: principal.userId,
        createdAtMs: nowMs,
        expiresAtMs,
      })
    })
    await record({ target: id, resourceKind: 'enrolmentToken', details: { connectorGroup: body.connectorGroup } })
    const token = withPin(secret, context.enrolmentPin)
    const { domain, publicPort } = context.config
    const api = `https://api.${domain}${publicPort === 443 ? '' : `:${publicPort}`}`
    return {
      token,
      expiresAt: isoTime(expiresAtMs),
      command: `./sallyport connector --control ${api} --token ${token} --data connector-data`,
    }
  },

  listEnrolmentTokens: async ({ context, tenantId, tenant, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const rows = await tenant.selectFrom('enrolmentTokens').selectAll().execute()
    return mapPage(
      pageOf(
        rows,
        query,
        ({ id }) => id,
        ({ target }) => target,
      ),
      (row) => ({
        id: row.id,
        use: row.use,
        target: row.target,
        createdBy: mirror.get('user', row.createdBy)?.name ?? row.createdBy,
        createdAt: isoTime(row.createdAtMs),
        expiresAt: isoTime(row.expiresAtMs),
        usedAt: row.usedAtMs === null ? null : isoTime(row.usedAtMs),
      }),
    )
  },

  deleteEnrolmentToken: async ({ tenant, params, record }) => {
    const id = params['id'] ?? ''
    await tenant.transaction((tx) => dropEnrolmentToken(tx, id))
    await record({ target: id, resourceKind: 'enrolmentToken' })
    return {}
  },

  listAdministrators: async ({ context, tenantId, tenant }) => {
    const mirror = await context.mirrors.current(tenantId)
    const nameOf = (id: string) => mirror.get('user', id)?.name ?? id
    const rows = await tenant.selectFrom('roles').selectAll().execute()
    return {
      items: rows
        .map((row) => ({
          user: nameOf(row.userId),
          role: row.role,
          grantedBy: nameOf(row.grantedBy),
          createdAt: isoTime(row.createdAtMs),
        }))
        .toSorted((a, b) => (a.user < b.user ? -1 : 1)),
    }
  },

  putAdministrator: async ({ context, tenant, principal, params, body, record }) => {
    const user = await findUser(tenant, params['user'] ?? '')
    const { role } = body
    requireRoleOf(principal, role)
    if (role === 'provider-admin' && !principal.roles.has('provider-admin')) throw new Fault('not-permitted')
    const nowMs = context.nowMs()
    const before = await tenant.transaction(async (tx) => {
      const held = await tx
        .selectFrom('roles')
        .select('roles.role')
        .where('roles.userId', '=', user.id)
        .executeTakeFirst()
      // One who is not a provider administrator cannot take that role away either.
      if (held?.role === 'provider-admin' && !principal.roles.has('provider-admin')) throw new Fault('not-permitted')
      const row = { role, grantedBy: principal.userId, createdAtMs: nowMs }
      await tx
        .insertInto('roles', { userId: user.id, ...row })
        .onConflict((conflict) => conflict.columns(['tenantId', 'userId']).doUpdateSet(row))
        .execute()
      await requireAdministrator(tx)
      return held?.role ?? null
    })
    await record({ target: user.name, resourceKind: 'role', details: { before, after: role } })
    return { user: user.name, role, grantedBy: principal.userName, createdAt: isoTime(nowMs) }
  },

  deleteAdministrator: async ({ tenant, principal, params, record }) => {
    const user = await findUser(tenant, params['user'] ?? '')
    const before = await tenant.transaction(async (tx) => {
      const held = await tx
        .selectFrom('roles')
        .select('roles.role')
        .where('roles.userId', '=', user.id)
        .executeTakeFirst()
      if (!held) throw new Fault('not-found')
      if (held.role === 'provider-admin' && !principal.roles.has('provider-admin')) throw new Fault('not-permitted')
      await tx.deleteFrom('roles').where('roles.userId', '=', user.id).execute()
      await requireAdministrator(tx)
      return held.role
    })
    await record({ target: user.name, resourceKind: 'role', details: { before, after: null } })
    return {}
  },

  listApiTokens: async ({ context, tenantId, tenant, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const rows = await tenant.selectFrom('apiTokens').selectAll().execute()
    return mapPage(
      pageOf(
        rows,
        query,
        ({ id }) => id,
        ({ name }) => name,
      ),
      (row) => ({
        id: row.id,
        name: row.name,
        role: row.role,
        createdBy: mirror.get('user', row.createdBy)?.name ?? row.createdBy,
        createdAt: isoTime(row.createdAtMs),
        expiresAt: isoTime(row.expiresAtMs),
        lastUsedAt: row.lastUsedAtMs === null ? null : isoTime(row.lastUsedAtMs),
      }),
    )
  },

  createApiToken: async ({ context, tenant, principal, body, record }) => {
    if (lesserRole(body.role, [...principal.roles]) !== body.role) throw new Fault('not-permitted')
    requireRoleOf(principal, body.role)
    const nowMs = context.nowMs()
    const token = newToken(API_TOKEN_PREFIX)
    const wantedMs = nowMs + body.expiresInSeconds * 1000
    // A token that leaked must not renew itself: what it makes ends with it.
    const isByToken = principal.door === 'api-token' && principal.expiresAtMs !== null
    const expiresAtMs = isByToken ? Math.min(wantedMs, principal.expiresAtMs ?? wantedMs) : wantedMs
    const id = await tenant.transaction(async (tx) => {
      const held = await tx.selectFrom('apiTokens').select('apiTokens.id').execute()
      if (held.length >= caps.apiTokens.default) throw new Fault('at-capacity')
      return addApiToken(tx, {
        hash: hashSecret(token),
        name: body.name,
        role: body.role,
        createdBy: principal.userId,
        createdAtMs: nowMs,
        expiresAtMs,
      })
    })
    await record({ target: body.name, resourceKind: 'apiToken', details: { id, role: body.role } })
    return { token, id, expiresAt: isoTime(expiresAtMs) }
  },

  deleteApiToken: async ({ tenant, params, record }) => {
    const id = params['id'] ?? ''
    const name = await tenant.transaction((tx) => dropApiToken(tx, id))
    await record({ target: name, resourceKind: 'apiToken', details: { id } })
    return {}
  },
}

/**
 * In the provider's tenant there are provider administrators and auditors only: whoever may write users there could
 * make themselves one of the others, by an invitation or an identity.
 */
function requireRoleOf(principal: Principal, role: RoleName): void {
  if (principal.isProvider && role === 'tenant-admin')
    throw new Fault('not-permitted', { hint: 'The provider has provider administrators and auditors only.' })
}

type Handle = Parameters<Some<'inviteUser'>['inviteUser']>[0]['tenant']

async function findUser(tenant: Handle, name: string): Promise<{ readonly id: string; readonly name: string }> {
  const row = await tenant
    .selectFrom('resources')
    .selectAll()
    .where('resources.kind', '=', 'User')
    .where('resources.name', '=', name)
    .executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}
