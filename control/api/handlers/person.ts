// Routes for oneself, and the settings of the tenant.
import { Fault } from '#core/fault.ts'
import { tenantSettings } from '#core/resources/kinds.ts'
import type { Some } from '#control/api/call.ts'
import { accessRequestsOf, decideAccessRequest, isoTime, requestAccess } from '#control/directory/access-requests.ts'
import { myApps } from '#control/directory/portal.ts'
import { createSessions } from '#control/directory/sessions.ts'
import { tenantRecord } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import { readTenantSettings, writeTenantSettings } from '#control/records/tenant-settings.ts'
import { changedFields } from '#control/resources/difference.ts'
import { sessionView } from './members.ts'

export const personHandlers: Some<
  | 'me'
  | 'myApps'
  | 'mySessions'
  | 'endMySession'
  | 'requestAccess'
  | 'myAccessRequests'
  | 'decideAccessRequest'
  | 'getSettings'
  | 'changeSettings'
> = {
  me: async ({ context, principal }) => {
    const { domain, appsDomain, publicPort } = context.config
    return {
      tenant: principal.tenantName,
      tenantDisplayName: principal.tenantDisplayName,
      user: principal.userName,
      displayName: principal.displayName,
      roles: [...principal.roles],
      door: principal.door,
      expiresAt: principal.expiresAtMs === null ? null : isoTime(principal.expiresAtMs),
      domain,
      appsDomain,
      publicPort,
    }
  },

  myApps: async ({ context, tenantId, principal }) => {
    const apps = await myApps(tenantId, principal, context)
    return {
      items: apps.map(({ app, url, decision }) => ({
        name: app.name,
        displayName: app.displayName,
        kind: app.appKind,
        url,
        names: app.names,
        decision,
      })),
    }
  },

  mySessions: async ({ context, tenantId, tenant, principal }) => {
    const mirror = await context.mirrors.current(tenantId)
    const rows = await tenant
      .selectFrom('sessions')
      .selectAll()
      .where('sessions.userId', '=', principal.userId)
      .where('sessions.endedAtMs', 'is', null)
      .where('sessions.expiresAtMs', '>', context.nowMs())
      .orderBy('sessions.createdAtMs', 'desc')
      .execute()
    return { items: rows.map((row) => sessionView(row, mirror)) }
  },

  endMySession: async ({ context, tenantId, principal, params, record, effect }) => {
    const sessions = createSessions(context)
    const id = params['id'] ?? ''
    // A colleague's session is as unknown here as one that never was.
    if ((await sessions.get(tenantId, id))?.userId !== principal.userId) throw new Fault('not-found')
    const sequence = await sessions.end(tenantId, id, 'signed-out')
    if (sequence === null) throw new Fault('not-found')
    await record({ target: id, resourceKind: 'session' })
    await context.links.signIn?.endSession(tenantId, id, 'signed-out')
    return effect(sequence)
  },

  requestAccess: async ({ context, tenantId, principal, body, record }) => {
    const view = await requestAccess(tenantId, principal.userId, body.app, body.reason, context)
    await record({ target: body.app, resourceKind: 'accessRequest', details: { id: view.id } })
    return view
  },

  myAccessRequests: async ({ context, tenantId, principal }) => accessRequestsOf(tenantId, principal.userId, context),

  decideAccessRequest: async ({ context, tenantId, principal, params, body, record, effect }) => {
    const { view, sequence } = await decideAccessRequest(tenantId, principal.userId, params['id'] ?? '', body, context)
    await record({
      target: view.id,
      resourceKind: 'accessRequest',
      details: { user: view.user, app: view.app, after: view.status, accessUntil: view.accessUntil },
    })
    // The answer says that access is there: so it is, as far as exchanges can be reached.
    await effect(sequence)
    return view
  },

  getSettings: async ({ tenant }) => readTenantSettings(tenant),

  changeSettings: async ({ context, tenantId, tenant, body, record, effect }) => {
    // The web authority would vouch for any name that a tenant gave itself.
    if (body.ownHosts !== undefined)
      throw new Fault('not-permitted', { hint: 'Own host names are set by the provider; ask there.' })
    const identityCaPem = await context.authority.identityCaPem(tenantId)
    const { before, after, sequence } = await tenant.transaction(async (tx) => {
      const old = await readTenantSettings(tx)
      const next = tenantSettings.parse({ ...old, ...withoutUndefined(body) })
      await writeTenantSettings(tx, next)
      const record_ = tenantRecord(await readTenant(tx), next, identityCaPem)
      return { before: old, after: next, sequence: await tx.appendChanges([{ op: 'put', record: record_ }]) }
    })
    if (body.storyBudget !== undefined) await context.links.detection?.relearn(tenantId)
    await record({
      target: 'settings',
      resourceKind: 'settings',
      details: { fields: changedFields(before, after), before: ownChoices(before), after: ownChoices(after) },
    })
    await effect(sequence)
    return after
  },
}

function withoutUndefined(body: object): object {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))
}

function ownChoices(settings: object): object {
  return { ...settings, ownHosts: undefined }
}
