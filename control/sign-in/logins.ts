// Acts of signing in and what was built on them: provider session, grants, sessions of ours. Must never treat a
// login as live once any session that it opened in this browser was ended, by whoever ended it.
import { newSecret } from '#transport/secret.ts'
import type { EndReason, SignInDeps } from '#control/sign-in-seam.ts'
import type { OidcModels } from './oidc-adapter.ts'
import type { GrantRow, LoginRow } from './schema.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'

export type Login = Omit<LoginRow, 'tenantId' | 'factors'> & { readonly factors: readonly string[] }
export type Grant = Omit<GrantRow, 'tenantId'>
export type NewLogin = {
  readonly userId: string
  readonly providerId: string | null
  readonly issuer: string
  readonly subject: string
  readonly upstreamSid: string | null
  readonly upstreamToken: string | null
  readonly factors: readonly string[]
  readonly ip: string
  readonly lifeMs: number
}

export type Logins = {
  readonly add: (tenantId: string, login: NewLogin) => Promise<string>
  readonly bindHubSession: (tenantId: string, loginId: string, hubSessionUid: string) => Promise<void>
  readonly liveOfHubSession: (tenantId: string, hubSessionUid: string) => Promise<Login | undefined>
  readonly addGrant: (tenantId: string, grant: Omit<Grant, 'createdAtMs' | 'sessionId'>) => Promise<void>
  readonly bindSession: (tenantId: string, grantId: string, sessionId: string) => Promise<void>
  /** The grant with its login, when both are live. */
  readonly liveGrant: (tenantId: string, grantId: string) => Promise<{ login: Login; grant: Grant } | undefined>
  readonly loginOfSession: (tenantId: string, sessionId: string) => Promise<Login | undefined>
  /** Ends one session of ours with the login that it rests on, or only its grant when a device holds it. */
  readonly endSession: (tenantId: string, sessionId: string, reason: EndReason) => Promise<void>
  /** Ends a login: provider session, grants, and the sessions opened by them. */
  readonly endLogin: (tenantId: string, login: Login, reason: EndReason) => Promise<void>
  readonly ofUpstream: (
    tenantId: string,
    issuer: string,
    who: { readonly subject?: string; readonly sid?: string },
  ) => Promise<readonly Login[]>
  readonly endOfUser: (tenantId: string, userId: string) => Promise<void>
  /** All logins and grants of the user apart from those of this login's provider session. */
  readonly endOthersOfUser: (tenantId: string, userId: string, kept: Login) => Promise<void>
  readonly dueForGroups: (tenantId: string, beforeMs: number, limit: number) => Promise<readonly Login[]>
  readonly setUpstream: (
    tenantId: string,
    loginId: string,
    change: { readonly token?: string | null; readonly checkedAtMs?: number },
  ) => Promise<void>
  readonly upstreamToken: (tenantId: string, login: Login) => string | null
  readonly sweep: (tenantId: string) => Promise<void>
}

type Deps = Pick<SignInDeps, 'store' | 'sessions' | 'sealSecret' | 'openSecret' | 'nowMs'>

/** Clients whose session lives on a device of its own, apart from the browser that signed in. */
const deviceClients: ReadonlySet<string> = new Set(['agent', 'cli'])

export function createLogins(deps: Deps, modelsOf: (tenantId: string) => OidcModels): Logins {
  const { store, sessions, nowMs } = deps
  const contextOf = (tenantId: string, loginId: string) => sealedPlaces.upstreamToken.context({ tenantId, id: loginId })
  const read = (row: LoginRow): Login => ({ ...row, factors: JSON.parse(row.factors) as string[] })

  const logins = (tenantId: string) => store.forTenant(tenantId).selectFrom('signInLogins').selectAll('signInLogins')
  const grants = (tenantId: string) => store.forTenant(tenantId).selectFrom('signInGrants').selectAll('signInGrants')
  const isLive = (login: Login) => login.endedAtMs === null && login.expiresAtMs > nowMs()

  async function byId(tenantId: string, id: string): Promise<Login | undefined> {
    const row = await logins(tenantId).where('signInLogins.id', '=', id).executeTakeFirst()
    return row && read(row)
  }

  async function dropGrant(tenantId: string, grantId: string): Promise<void> {
    await modelsOf(tenantId).revokeGrant(grantId)
    await store.forTenant(tenantId).deleteFrom('signInGrants').where('signInGrants.grantId', '=', grantId).execute()
  }

  async function endLogin(tenantId: string, login: Login, reason: EndReason, spareDevices = false): Promise<void> {
    await store
      .forTenant(tenantId)
      .updateTable('signInLogins')
      .set({ endedAtMs: nowMs(), upstreamTokenSealed: null })
      .where('signInLogins.id', '=', login.id)
      .execute()
    if (login.hubSessionUid !== null) await modelsOf(tenantId).removeSession(login.hubSessionUid)
    for (const grant of await grants(tenantId).where('signInGrants.loginId', '=', login.id).execute()) {
      if (spareDevices && deviceClients.has(grant.clientId)) continue
      await dropGrant(tenantId, grant.grantId)
      if (grant.sessionId !== null) await sessions.end(tenantId, grant.sessionId, reason)
    }
  }

  /** A browser session ended elsewhere (an administrator, an app host) takes its login with it. */
  async function isStillBacked(tenantId: string, login: Login): Promise<boolean> {
    const used = await grants(tenantId)
      .where('signInGrants.loginId', '=', login.id)
      .where('signInGrants.sessionId', 'is not', null)
      .execute()
    for (const grant of used) {
      if (deviceClients.has(grant.clientId) || grant.sessionId === null) continue
      if (!(await sessions.get(tenantId, grant.sessionId))) return false
    }
    return true
  }

  return {
    add: async (tenantId, login) => {
      const id = newSecret('lgn', 16)
      const now = nowMs()
      await store
        .forTenant(tenantId)
        .insertInto('signInLogins', {
          id,
          userId: login.userId,
          hubSessionUid: null,
          providerId: login.providerId,
          issuer: login.issuer,
          subject: login.subject,
          upstreamSid: login.upstreamSid,
          factors: JSON.stringify(login.factors),
          ip: login.ip,
          upstreamTokenSealed:
            login.upstreamToken === null
              ? null
              : deps.sealSecret(Buffer.from(login.upstreamToken), contextOf(tenantId, id)),
          groupsCheckedAtMs: now,
          createdAtMs: now,
          expiresAtMs: now + login.lifeMs,
          endedAtMs: null,
        })
        .execute()
      return id
    },
    bindHubSession: async (tenantId, loginId, hubSessionUid) => {
      await store
        .forTenant(tenantId)
        .updateTable('signInLogins')
        .set({ hubSessionUid })
        .where('signInLogins.id', '=', loginId)
        .where('signInLogins.hubSessionUid', 'is', null)
        .execute()
    },
    liveOfHubSession: async (tenantId, hubSessionUid) => {
      const rows = await logins(tenantId)
        .where('signInLogins.hubSessionUid', '=', hubSessionUid)
        .orderBy('signInLogins.createdAtMs', 'desc')
        .execute()
      const all = rows.map(read)
      const [newest] = all
      if (!newest || !all.every((login) => login.endedAtMs === null) || !isLive(newest)) return undefined
      for (const login of all) {
        if (await isStillBacked(tenantId, login)) continue
        for (const ended of all) await endLogin(tenantId, ended, 'signed-out', true)
        return undefined
      }
      return newest
    },
    addGrant: async (tenantId, grant) => {
      await store
        .forTenant(tenantId)
        .insertInto('signInGrants', { ...grant, sessionId: null, createdAtMs: nowMs() })
        .execute()
    },
    bindSession: async (tenantId, grantId, sessionId) => {
      await store
        .forTenant(tenantId)
        .updateTable('signInGrants')
        .set({ sessionId })
        .where('signInGrants.grantId', '=', grantId)
        .execute()
    },
    liveGrant: async (tenantId, grantId) => {
      const grant = await grants(tenantId).where('signInGrants.grantId', '=', grantId).executeTakeFirst()
      if (!grant || grant.expiresAtMs <= nowMs()) return undefined
      const login = await byId(tenantId, grant.loginId)
      if (!login || login.expiresAtMs <= nowMs()) return undefined
      if (grant.sessionId !== null && !(await sessions.get(tenantId, grant.sessionId))) {
        await dropGrant(tenantId, grant.grantId)
        return undefined
      }
      // A device's grant outlives the browser's sign-out, as its session does; ended logins of others do not.
      if (login.endedAtMs !== null && !deviceClients.has(grant.clientId)) return undefined
      return { login, grant }
    },
    loginOfSession: async (tenantId, sessionId) => {
      const grant = await grants(tenantId).where('signInGrants.sessionId', '=', sessionId).executeTakeFirst()
      return grant && byId(tenantId, grant.loginId)
    },
    endSession: async (tenantId, sessionId, reason) => {
      await sessions.end(tenantId, sessionId, reason)
      for (const grant of await grants(tenantId).where('signInGrants.sessionId', '=', sessionId).execute()) {
        await dropGrant(tenantId, grant.grantId)
        const login = await byId(tenantId, grant.loginId)
        if (!login || deviceClients.has(grant.clientId)) continue
        const same = login.hubSessionUid === null ? [login] : await ofHubSession(tenantId, login.hubSessionUid)
        for (const each of same) await endLogin(tenantId, each, reason, true)
      }
    },
    endLogin: (tenantId, login, reason) => endLogin(tenantId, login, reason),
    ofUpstream: async (tenantId, issuer, { subject, sid }) => {
      if (subject === undefined && sid === undefined) return []
      let query = logins(tenantId)
        .where('signInLogins.issuer', '=', issuer)
        .where('signInLogins.providerId', 'is not', null)
        .where('signInLogins.expiresAtMs', '>', nowMs())
      if (subject !== undefined) query = query.where('signInLogins.subject', '=', subject)
      if (sid !== undefined) query = query.where('signInLogins.upstreamSid', '=', sid)
      return (await query.execute()).map(read)
    },
    endOfUser: async (tenantId, userId) => {
      const models = modelsOf(tenantId)
      for (const grant of await grants(tenantId).where('signInGrants.userId', '=', userId).execute()) {
        await dropGrant(tenantId, grant.grantId)
      }
      await store
        .forTenant(tenantId)
        .updateTable('signInLogins')
        .set({ endedAtMs: nowMs(), upstreamTokenSealed: null })
        .where('signInLogins.userId', '=', userId)
        .where('signInLogins.endedAtMs', 'is', null)
        .execute()
      await models.removeOfAccount(userId)
    },
    endOthersOfUser: async (tenantId, userId, keptLogin) => {
      const rows = await logins(tenantId)
        .where('signInLogins.userId', '=', userId)
        .where('signInLogins.endedAtMs', 'is', null)
        .execute()
      for (const login of rows.map(read)) {
        if (login.id === keptLogin.id) continue
        if (login.hubSessionUid !== null && login.hubSessionUid === keptLogin.hubSessionUid) continue
        await endLogin(tenantId, login, 'credential-changed')
      }
    },
    dueForGroups: async (tenantId, beforeMs, limit) => {
      const rows = await logins(tenantId)
        .where('signInLogins.upstreamTokenSealed', 'is not', null)
        .where('signInLogins.endedAtMs', 'is', null)
        .where('signInLogins.expiresAtMs', '>', nowMs())
        .where('signInLogins.groupsCheckedAtMs', '<=', beforeMs)
        .orderBy('signInLogins.groupsCheckedAtMs')
        .limit(limit)
        .execute()
      return rows.map(read)
    },
    setUpstream: async (tenantId, loginId, { token, checkedAtMs }) => {
      await store
        .forTenant(tenantId)
        .updateTable('signInLogins')
        .set({
          ...(checkedAtMs !== undefined && { groupsCheckedAtMs: checkedAtMs }),
          ...(token !== undefined && {
            upstreamTokenSealed:
              token === null ? null : deps.sealSecret(Buffer.from(token), contextOf(tenantId, loginId)),
          }),
        })
        .where('signInLogins.id', '=', loginId)
        .execute()
    },
    upstreamToken: (tenantId, login) =>
      login.upstreamTokenSealed === null
        ? null
        : Buffer.from(deps.openSecret(login.upstreamTokenSealed, contextOf(tenantId, login.id))).toString('utf8'),
    sweep: async (tenantId) => {
      const handle = store.forTenant(tenantId)
      await handle.deleteFrom('signInGrants').where('signInGrants.expiresAtMs', '<=', nowMs()).execute()
      await handle.deleteFrom('signInLogins').where('signInLogins.expiresAtMs', '<=', nowMs()).execute()
    },
  }

  async function ofHubSession(tenantId: string, uid: string): Promise<readonly Login[]> {
    return (await logins(tenantId).where('signInLogins.hubSessionUid', '=', uid).execute()).map(read)
  }
}
