// Handlers for the way to the internet: what happened on it, and a person's own credentials for the explicit proxy. Must
// never read events without end: what was not counted is said.
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { caps } from '#control/caps.ts'
import { WebCount, type WebOverview } from '#control/web/overview.ts'
import { readWebEvent } from '#control/web/read-web-event.ts'
import { createWebCredential, endWebCredential, liveWebCredentials } from '#control/directory/web-credentials.ts'

const HOUR_MS = 3_600_000
const PAGE_EVENTS = 1000
const STOP_DAYS = 30

export const webHandlers: Some<
  'webOverview' | 'webStop' | 'myWebCredentials' | 'createMyWebCredential' | 'deleteMyWebCredential'
> = {
  webOverview: async ({ context, tenantId, query, signal }) => {
    const untilMs = context.nowMs()
    const fromMs = untilMs - (query.hours ?? 24) * HOUR_MS
    const count = new WebCount()
    let after: string | undefined
    let seen = 0
    do {
      const page = await context.journal.list(tenantId, { limit: PAGE_EVENTS, after, fromMs, untilMs, fields: {} })
      for (const { event } of page.items) {
        const read = readWebEvent(event)
        if (read !== undefined) count.add(read)
      }
      seen += page.items.length
      after = page.next ?? undefined
    } while (after !== undefined && seen < caps.webOverviewEvents.default && !signal.aborted)
    return mutable(count.result(fromMs, untilMs, after === undefined))
  },

  webStop: async ({ context, tenantId, params }) => {
    const uid = params['id'] ?? ''
    const untilMs = context.nowMs()
    const within = { fromMs: untilMs - STOP_DAYS * 24 * HOUR_MS, untilMs, limit: 20 }
    const found = async (field: string, value: string) =>
      (await context.journal.list(tenantId, { ...within, fields: { [field]: value } })).items.map(({ event }) => event)
    const [event] = await found('metadata.uid', uid)
    const web = event === undefined ? undefined : readWebEvent(event)
    if (event === undefined || web === undefined) throw new Fault('not-found')
    // The request is one event, what was found in it others that name it.
    const request = web.requestEvent ?? uid
    const all = [...(await found('metadata.uid', request)), ...(await found('unmapped.web.requestEvent', request))]
    const related = all.filter((one) => uidOf(one) !== uid)
    return { event: { ...event }, related: related.map((one) => ({ ...one })) }
  },

  myWebCredentials: async ({ context, tenant, principal }) => {
    const held = await liveWebCredentials(tenant, principal.userId, context.nowMs())
    return {
      items: held.map(({ credential: { id, name }, session }) => ({
        id,
        name,
        createdAt: isoTime(session.createdAtMs),
        expiresAt: isoTime(session.expiresAtMs),
      })),
    }
  },

  createMyWebCredential: async ({ context, tenantId, principal, body, ip, record, effect }) => {
    const { name, expiresInSeconds } = body
    // A token that leaked must not outlive itself in another form.
    const leftMs = principal.expiresAtMs === null ? Infinity : principal.expiresAtMs - context.nowMs()
    const seconds =
      principal.door === 'api-token' ? Math.min(expiresInSeconds, Math.floor(leftMs / 1000)) : expiresInSeconds
    const made = await createWebCredential(tenantId, principal.userId, { name, expiresInSeconds: seconds, ip }, context)
    await record({ target: name, resourceKind: 'webCredential', details: { id: made.id } })
    await effect(made.sequence)
    const { domain, publicPort } = context.config
    return {
      id: made.id,
      name,
      secret: made.secret,
      user: principal.userName,
      proxy: `https://${principal.tenantName}.web.${domain}:${publicPort}`,
      createdAt: isoTime(made.createdAtMs),
      expiresAt: isoTime(made.expiresAtMs),
    }
  },

  deleteMyWebCredential: async ({ context, tenantId, principal, params, record, effect }) => {
    const { name, sequence } = await endWebCredential(tenantId, principal.userId, params['id'] ?? '', context)
    await record({ target: name, resourceKind: 'webCredential', details: { id: params['id'] ?? '' } })
    return effect(sequence)
  },
}

function uidOf(event: Readonly<Record<string, unknown>>): unknown {
  const { metadata } = event
  return typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'uid') : undefined
}

/** The form of replies has lists that could be changed. */
function mutable(overview: WebOverview) {
  const { uninspected, people, destinations, categories, denied, risks, stops } = overview
  return {
    ...overview,
    uninspected: [...uninspected],
    people: [...people],
    destinations: [...destinations],
    categories: [...categories],
    denied: [...denied],
    risks: [...risks],
    stops: [...stops],
  }
}
