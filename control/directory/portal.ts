// What the portal shows one person: apps, requests, and the keys that apps verify assertions with.
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { ControlContext } from '#control/context.ts'
import type { DecisionView, Portal } from '#control/sign-in-seam.ts'
import { accessRequestsOf, decideAccessRequest, requestAccess } from './access-requests.ts'
import { decideFor, decisionForPerson, isApproved } from './decide-for.ts'
import { liveRow } from './sessions.ts'
import { takeStory } from '#control/stories/take-story.ts'

export type MyApp = { readonly app: AppRecord; readonly url: string | null; readonly decision: DecisionView }

/** Every app of the tenant that the person may know of, with the decision as things are now. */
export async function myApps(
  tenantId: string,
  who: { readonly userId: string; readonly sessionId: string | null },
  context: ControlContext,
): Promise<MyApp[]> {
  const mirror = await context.mirrors.current(tenantId)
  const user = mirror.get('user', who.userId)
  const tenant = mirror.get('tenant', tenantId)
  if (!user || !tenant) throw new Fault('not-found')
  const nowMs = context.nowMs()
  const session =
    who.sessionId === null ? undefined : await liveRow(context.store.forTenant(tenantId), who.sessionId, nowMs)
  const device = session?.deviceId ? mirror.get('device', session.deviceId) : undefined
  const contract = user.organisationId === null ? undefined : mirror.get('organisation', user.organisationId)
  return (
    [...mirror.all('app')]
      // A third party is not told the names of apps that its contract leaves out and nobody opened to it.
      .filter(
        (app) =>
          app.enabled &&
          (user.organisationId === null ||
            contract?.appIds.includes(app.id) ||
            isApproved(mirror, { user, app, atMs: nowMs })),
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((app) => {
        const decision = decideFor(mirror, {
          user,
          app,
          door: session?.door === 'agent' ? 'agent' : 'browser',
          factors: session ? JSON.parse(session.factors) : [],
          ageSeconds: session ? Math.max(0, Math.floor((nowMs - session.createdAtMs) / 1000)) : 0,
          device: device?.status === 'active' ? { id: device.id, posture: device.posture, os: device.os } : null,
          ip: session?.ip ?? '127.0.0.1',
          atMs: nowMs,
          http: { method: 'GET', path: '/', host: app.browserHost ?? app.name },
        })
        return { app, url: urlOf(app, context), decision: decisionForPerson(decision, tenant.explain) }
      })
  )
}

function urlOf(app: AppRecord, { config }: ControlContext): string | null {
  if (app.browserHost === null) return null
  return `https://${app.browserHost}${config.publicPort === 443 ? '' : `:${config.publicPort}`}/`
}

export function createPortal(context: ControlContext): Portal {
  return {
    myApps: async (tenantId, sessionId) => {
      const session = await liveRow(context.store.forTenant(tenantId), sessionId, context.nowMs())
      if (!session) throw new Fault('not-signed-in')
      const apps = await myApps(tenantId, { userId: session.userId, sessionId }, context)
      return apps.map(({ app, url, decision }) => ({
        name: app.name,
        displayName: app.displayName,
        kind: app.appKind,
        url,
        decision,
      }))
    },
    requestAccess: (tenantId, userId, app, reason) => requestAccess(tenantId, userId, app, reason, context),
    accessRequests: (tenantId, userId) => accessRequestsOf(tenantId, userId, context),
    decideAccessRequest: async (tenantId, userId, requestId, decision) =>
      (await decideAccessRequest(tenantId, userId, requestId, decision, context)).view,
    reportStranger: (tenantId, userId, { ip }) => {
      const nowMs = context.nowMs()
      return takeStory(
        tenantId,
        {
          subject: userId,
          kind: 'not-me',
          // Answered, where the tenant wants it so, by asking for proof: the person themselves gets through.
          level: 'step-up',
          score: 80,
          firstMs: nowMs,
          noticedMs: nowMs,
          sentence: `${userId} was asked whether it was them and said no, from ${ip}; all their sessions were ended.`,
          events: [],
        },
        context,
      )
    },
    assertionKeys: async (tenantId) => {
      const rows = await context.store.provider
        .selectFrom('exchanges')
        .select(['exchanges.assertionKey', 'exchanges.tenantIds'])
        .where('exchanges.status', '=', 'active')
        .execute()
      return rows
        .filter(({ tenantIds }) => tenantIds === null || JSON.parse(tenantIds).includes(tenantId))
        .map(({ assertionKey }) => (assertionKey === null ? null : JSON.parse(assertionKey)))
        .filter((key) => key !== null)
    },
  }
}
