// See and respond: containment, live flows, events, explanation; approvals and requests of third parties.
import { Fault } from '#core/fault.ts'
import type { Some } from '#control/api/call.ts'
import { mapPage, newestFirst, pageOf } from '#control/api/page.ts'
import { caps } from '#control/caps.ts'
import { isoTime, requestView } from '#control/directory/access-requests.ts'
import { containSubject, findSubject } from '#control/directory/contain.ts'
import { residualOf } from '#control/directory/residual.ts'
import { decideFor, rulesOfMirror } from '#control/directory/decide-for.ts'
import type { Row } from '#control/records/from-rows.ts'
import { nearestName } from '#control/directory/nearest-name.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { documentNames, explanationOf } from '#control/what-if/explanation.ts'

export const respondHandlers: Some<
  | 'listContainments'
  | 'contain'
  | 'releaseContainment'
  | 'containmentResidual'
  | 'listFlows'
  | 'listEvents'
  | 'explain'
  | 'listAccessRequests'
  | 'listApprovals'
  | 'deleteApproval'
> = {
  listContainments: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const rows = await tenant
      .selectFrom('containments')
      .selectAll()
      .where('containments.expiresAtMs', '>', context.nowMs())
      .execute()
    const page = pageOf(
      rows,
      query,
      ({ id }) => id,
      ({ subjectName, reason }) => `${subjectName} ${reason}`,
    )
    return mapPage(page, (row) => containmentView(row, mirror))
  },

  contain: async ({ context, tenant, tenantId, principal, body, ip, record, effect }) => {
    const mirror = await context.mirrors.current(tenantId)
    const subject = await findSubject(body.subject, tenant, mirror)
    const { row, sequence, endedSessions } = await containSubject(
      tenantId,
      {
        subject,
        reason: body.reason,
        ownerId: principal.userId,
        expiresAtMs: context.nowMs() + body.expiresInSeconds * 1000,
        acknowledgesLockout: body.acknowledgeLockout === true,
        answer: body.answer ?? 'contain',
        scope: body.scope ?? 'all',
        askedFrom: ip,
      },
      context,
    )
    const { answer, scope } = row
    const details = { id: row.id, reason: body.reason, answer, scope, endedSessions }
    await record({ target: subject.name, resourceKind: subject.kind, details })
    return { containment: containmentView(row, mirror), effect: await effect(sequence) }
  },

  containmentResidual: async ({ context, tenant, params }) => {
    const lease = await tenant
      .selectFrom('containments')
      .selectAll()
      .where('containments.id', '=', params['id'] ?? '')
      .executeTakeFirst()
    if (!lease) throw new Fault('not-found')
    return residualOf(lease, context)
  },

  releaseContainment: async ({ tenant, params, record, effect }) => {
    const id = params['id'] ?? ''
    const { row, sequence } = await tenant.transaction(async (tx) => {
      const found = await tx
        .deleteFrom('containments')
        .where('containments.id', '=', id)
        .returning(['containments.subjectKind', 'containments.subjectName'])
        .executeTakeFirst()
      if (!found) throw new Fault('not-found')
      return { row: found, sequence: await tx.appendChanges([{ op: 'remove', kind: 'containment', id }]) }
    })
    await record({ target: row.subjectName, resourceKind: row.subjectKind, details: { id } })
    return effect(sequence)
  },

  listFlows: async ({ context, tenantId, query }) => {
    const { feed } = context.links
    if (!feed) throw new Fault('closing')
    const flows = await feed.listFlows(tenantId, query.limit ?? 500, caps.flowsMs.default)
    return { items: [...flows.items], total: flows.total, missing: [...flows.missing] }
  },

  listEvents: async ({ context, tenantId, query }) => {
    const { limit, after, search, from, until, class: eventClass, user, app, outcome } = query
    const page = await context.journal.list(tenantId, {
      limit: limit ?? caps.pageItems.default,
      after,
      text: search,
      fromMs: from === undefined ? undefined : Date.parse(from),
      untilMs: until === undefined ? undefined : Date.parse(until),
      fields: {
        ...(eventClass !== undefined && { class_uid: eventClass }),
        ...(user !== undefined && { 'actor.user.name': user }),
        ...(app !== undefined && { app_name: app }),
        ...(outcome !== undefined && { status_id: outcome === 'success' ? 1 : 2 }),
      },
    })
    return {
      items: page.items.map(({ cursor, writer, event }) => ({ cursor, writer, event: { ...event } })),
      next: page.next,
    }
  },

  explain: async ({ context, tenant, tenantId, body }) => {
    const mirror = await context.mirrors.current(tenantId)
    const user = mirror.byName('user', body.user)
    const app = mirror.byName('app', body.app)
    if (!user) throw unknownName('user', body.user, mirror)
    if (!app) throw unknownName('app', body.app, mirror)
    const decision = decideFor(mirror, {
      user,
      app,
      door: body.posture === undefined ? 'browser' : 'agent',
      factors: body.factors ?? [],
      ageSeconds: 0,
      device: body.posture === undefined ? null : { id: 'explain', posture: body.posture, os: 'unknown' },
      ip: body.ip ?? '127.0.0.1',
      atMs: body.at === undefined ? context.nowMs() : Date.parse(body.at),
      http: { method: body.method ?? 'GET', path: body.path ?? '/', host: app.browserHost ?? app.name },
    })
    const records = rulesOfMirror(mirror).sources
    return explanationOf(decision, { records, documents: await documentNames(tenant) })
  },

  listAccessRequests: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const all = tenant.selectFrom('accessRequests').selectAll()
    const { status } = query
    const rows = await (status === undefined ? all : all.where('accessRequests.status', '=', status)).execute()
    const page = pageOf(
      rows,
      query,
      ({ createdAtMs, id }) => newestFirst(createdAtMs, id),
      ({ userId, appId }) => `${mirror.get('user', userId)?.name ?? ''} ${mirror.get('app', appId)?.name ?? ''}`,
    )
    return mapPage(page, (row) => requestView(row, mirror, context.nowMs()))
  },

  listApprovals: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const nameOf = (id: string) => mirror.get('user', id)?.name ?? id
    const rows = await tenant
      .selectFrom('approvals')
      .selectAll()
      .where('approvals.expiresAtMs', '>', context.nowMs())
      .execute()
    const views = rows.map((row) => ({
      id: row.id,
      user: nameOf(row.userId),
      app: mirror.get('app', row.appId)?.name ?? row.appId,
      approvedBy: nameOf(row.approvedBy),
      expiresAt: isoTime(row.expiresAtMs),
    }))
    return pageOf(
      views,
      query,
      ({ id }) => id,
      ({ user, app }) => `${user} ${app}`,
    )
  },

  deleteApproval: async ({ tenant, params, record, effect }) => {
    const id = params['id'] ?? ''
    const sequence = await tenant.transaction(async (tx) => {
      const row = await tx
        .deleteFrom('approvals')
        .where('approvals.id', '=', id)
        .returning(['approvals.requestId'])
        .executeTakeFirst()
      if (!row) throw new Fault('not-found')
      if (row.requestId !== null)
        await tx
          .updateTable('accessRequests')
          .set({ status: 'withdrawn' })
          .where('accessRequests.id', '=', row.requestId)
          .execute()
      return tx.appendChanges([{ op: 'remove', kind: 'approval', id }])
    })
    await record({ target: id, resourceKind: 'approval' })
    return effect(sequence)
  },
}

/** Auditors may list all names anyway; what they mistyped is told with the nearest one there is. */
function unknownName(kind: 'user' | 'app', name: string, mirror: TenantMirror): Fault {
  const near = nearestName(
    name,
    [...mirror.all(kind)].map((record) => record.name),
  )
  const question = near === undefined ? '' : ` Did you mean ${near}?`
  return new Fault('reference-unknown', { hint: `There is no ${kind} named ${name}.${question}` })
}

function containmentView(row: Row<'containments'>, mirror: TenantMirror) {
  return {
    id: row.id,
    subject: { kind: row.subjectKind, id: row.subjectId, name: row.subjectName },
    answer: row.answer,
    scope: row.scope,
    reason: row.reason,
    owner: mirror.get('user', row.ownerId)?.name ?? row.ownerId,
    createdAt: isoTime(row.createdAtMs),
    expiresAt: isoTime(row.expiresAtMs),
  }
}
