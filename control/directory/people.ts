// Look-ups of tenants, users, apps and identity providers for sign-in, and what sign-in may change about a user.
// Must never find a user by an e-mail address: an identity is (issuer, subject).
import { Fault } from '#core/fault.ts'
import type { ControlContext } from '#control/context.ts'
import { specOf, type Row } from '#control/records/from-rows.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import { applyResources } from '#control/resources/apply.ts'
import type { Directory, SignInProvider, SignInTenant, SignInUser } from '#control/sign-in-seam.ts'
import { isUniqueViolation } from '#control/store/store.ts'
import type { RoleName } from '#control/store/schema.ts'
import { userContainedUntil } from './containment.ts'
import { userRow } from './sessions.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export function createDirectory(context: ControlContext): Directory {
  const { store } = context

  async function tenantFrom(row: Row<'tenants'> | undefined): Promise<SignInTenant | undefined> {
    if (!row) return undefined
    const { id, name, displayName, status } = row
    const { sessionSeconds } = await readTenantSettings(store.forTenant(id))
    return { id, name, displayName, status, isProvider: row.isProvider === 1, sessionSeconds }
  }

  async function userFrom(tenantId: string, row: Row<'resources'> | undefined): Promise<SignInUser | undefined> {
    if (!row) return undefined
    const spec = specOf('User', row)
    const handle = store.forTenant(tenantId)
    const isContained = (await userContainedUntil(handle, row, context.nowMs())) !== undefined
    const identities = await handle
      .selectFrom('identities')
      .select(['identities.issuer', 'identities.subject'])
      .where('identities.userId', '=', row.id)
      .execute()
    return {
      id: row.id,
      name: row.name,
      displayName: spec.displayName ?? row.name,
      email: spec.email ?? null,
      status: spec.status === 'disabled' ? 'disabled' : isContained ? 'contained' : 'active',
      identities,
    }
  }

  const tenants = () => store.provider.selectFrom('tenants').selectAll()
  const directory: Directory = {
    tenantByName: async (name) => tenantFrom(await tenants().where('tenants.name', '=', name).executeTakeFirst()),
    tenantById: async (id) => tenantFrom(await tenants().where('tenants.id', '=', id).executeTakeFirst()),
    appByHost: async (host) => {
      const tenantId = await tenantOfHost(host, context)
      if (tenantId === undefined) return undefined
      const mirror = await context.mirrors.current(tenantId)
      for (const app of mirror.all('app')) if (app.browserHost === host && app.enabled) return { tenantId, app }
      return undefined
    },
    userByName: async (tenantId, name) =>
      userFrom(
        tenantId,
        await store
          .forTenant(tenantId)
          .selectFrom('resources')
          .selectAll()
          .where('resources.kind', '=', 'User')
          .where('resources.name', '=', name)
          .executeTakeFirst(),
      ),
    userById: async (tenantId, userId) => userFrom(tenantId, await userRow(store.forTenant(tenantId), userId)),
    userByIdentity: async (tenantId, issuer, subject) => {
      const identity = await store
        .forTenant(tenantId)
        .selectFrom('identities')
        .select('identities.userId')
        .where('identities.issuer', '=', issuer)
        .where('identities.subject', '=', subject)
        .executeTakeFirst()
      return identity && directory.userById(tenantId, identity.userId)
    },
    linkIdentity: async (tenantId, userId, issuer, subject) => {
      if (!(await userRow(store.forTenant(tenantId), userId))) throw new Fault('not-found')
      try {
        await store
          .forTenant(tenantId)
          .insertInto('identities', { issuer, subject, userId, source: 'linked' })
          .execute()
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        const holder = await directory.userByIdentity(tenantId, issuer, subject)
        if (holder?.id !== userId) throw new Fault('name-taken')
      }
    },
    createUser: async (tenantId, { name, displayName, email, issuer, subject }) => {
      const spec = { ...(displayName && { displayName }), ...(email && { email }) }
      await applyResources(
        tenantId,
        { documents: [{ at: 'user', value: { kind: 'User', name, spec } }], version: 0 },
        context,
        async (tx, plan) => {
          const [put] = plan.puts
          // Someone else's name is not taken over by whoever comes first from an identity provider.
          if (!put || put.before) throw new Fault('name-taken')
          await tx.insertInto('identities', { issuer, subject, userId: put.after.id, source: 'linked' }).execute()
        },
      ).catch((error: unknown) => {
        throw error instanceof Fault && error.code === 'version-conflict' ? new Fault('name-taken') : error
      })
      const user = await directory.userByIdentity(tenantId, issuer, subject)
      if (!user) throw new Fault('internal')
      return user
    },
    setMappedGroups: async (tenantId, userId, mapped, memberOf) => {
      const row = await userRow(store.forTenant(tenantId), userId)
      if (!row) throw new Fault('not-found')
      const spec = specOf('User', row)
      const kept = (spec.groups ?? []).filter((group) => !mapped.includes(group))
      const groups = [...new Set([...kept, ...memberOf.filter((group) => mapped.includes(group))])].sort()
      if (JSON.stringify(groups) === JSON.stringify([...(spec.groups ?? [])].sort())) return
      await applyResources(
        tenantId,
        { documents: [{ at: 'user', value: { kind: 'User', name: row.name, spec: { ...spec, groups } } }] },
        context,
      )
    },
    identityProviders: async (tenantId) => {
      const rows = await store
        .forTenant(tenantId)
        .selectFrom('resources')
        .selectAll()
        .where('resources.kind', '=', 'IdentityProvider')
        .orderBy('resources.name')
        .execute()
      return rows.map((row) => providerFrom(tenantId, row, context)).filter((provider) => provider.enabled !== false)
    },
    rolesOf: (tenantId, userId) => rolesOf(tenantId, userId, context),
  }
  return directory
}

function providerFrom(tenantId: string, row: Row<'resources'>, { sealer }: ControlContext): SignInProvider {
  const clientSecret =
    row.sealed === null
      ? undefined
      : sealer.open(row.sealed, sealedPlaces.resourceSecret.context({ tenantId, id: row.id })).toString()
  return {
    ...specOf('IdentityProvider', row),
    ...(clientSecret !== undefined && { clientSecret }),
    id: row.id,
    name: row.name,
  }
}

/** In the provider's tenant a provider administrator also administers that tenant; in no other. */
export async function rolesOf(tenantId: string, userId: string, { store }: ControlContext): Promise<RoleName[]> {
  const rows = await store
    .forTenant(tenantId)
    .selectFrom('roles')
    .select('roles.role')
    .where('roles.userId', '=', userId)
    .execute()
  return rows.map(({ role }) => role)
}

async function tenantOfHost(host: string, { store, config }: ControlContext): Promise<string | undefined> {
  const suffix = `.${config.appsDomain}`
  if (!host.endsWith(suffix)) {
    const own = await store.provider
      .selectFrom('hosts')
      .select('hosts.tenantId')
      .where('hosts.host', '=', host)
      .executeTakeFirst()
    return own?.tenantId
  }
  const [, tenantName, ...rest] = host.slice(0, -suffix.length).split('.')
  if (tenantName === undefined || rest.length > 0) return undefined
  const tenant = await store.provider
    .selectFrom('tenants')
    .select('tenants.id')
    .where('tenants.name', '=', tenantName)
    .executeTakeFirst()
  return tenant?.id
}
