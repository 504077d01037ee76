// Risk and what is expected: lists, one subject with its sentences, the end of an exception.
import type { RiskView } from '#core/api/risk-routes.ts'
import { Fault } from '#core/fault.ts'
import { riskSubjects, type RiskSubjectKind } from '#core/records/risk.ts'
import type { Some } from '#control/api/call.ts'
import { mapPage, pageOf } from '#control/api/page.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { faded, riskNow, type RiskNow } from '#control/directory/risk.ts'
import type { TenantMirror } from '#control/records/mirror.ts'

export const riskHandlers: Some<'listRisks' | 'getRisk' | 'listStoryExceptions' | 'endStoryException'> = {
  listRisks: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const nowMs = context.nowMs()
    const risky = (await tenant.selectFrom('risks').selectAll().execute())
      .map((row) => ({ row, now: faded(row, nowMs), name: nameOf(mirror, row.subjectKind, row.subjectId) }))
      .filter(({ now, name }) => now.points > 0 && name !== undefined)
    const page = pageOf(
      risky,
      query,
      ({ row, now }) => `${String(1000 - now.points).padStart(4, '0')} ${row.subjectKind} ${row.subjectId}`,
      ({ name }) => name ?? '',
    )
    return mapPage(page, ({ row, now, name }) => view(row.subjectKind, row.subjectId, name ?? row.subjectId, now))
  },

  getRisk: async ({ context, tenant, tenantId, params }) => {
    const mirror = await context.mirrors.current(tenantId)
    const id = params['id'] ?? ''
    const kind = riskSubjects.find((each) => nameOf(mirror, each, id) !== undefined)
    const name = kind && nameOf(mirror, kind, id)
    if (kind === undefined || name === undefined) throw new Fault('not-found')
    return view(kind, id, name, await riskNow(tenant, kind, id, context.nowMs()))
  },

  listStoryExceptions: async ({ context, tenant, query }) => {
    const rows = await tenant
      .selectFrom('storyExceptions')
      .selectAll()
      .where('storyExceptions.expiresAtMs', '>', context.nowMs())
      .execute()
    const page = pageOf(
      rows,
      query,
      ({ id }) => id,
      ({ subjectName, reason }) => `${subjectName} ${reason}`,
    )
    return mapPage(page, ({ id, subjectId, subjectName, kind, reason, createdBy, createdAtMs, expiresAtMs }) => ({
      id,
      subject: { id: subjectId, name: subjectName },
      kind,
      reason,
      createdBy,
      createdAt: isoTime(createdAtMs),
      expiresAt: isoTime(expiresAtMs),
    }))
  },

  endStoryException: async ({ context, tenant, tenantId, params, record }) => {
    const id = params['id'] ?? ''
    const ended = await tenant
      .deleteFrom('storyExceptions')
      .where('storyExceptions.id', '=', id)
      .returning('storyExceptions.subjectName')
      .executeTakeFirst()
    if (!ended) throw new Fault('not-found')
    await context.links.detection?.relearn(tenantId)
    await record({ target: ended.subjectName, resourceKind: 'storyException', details: { id } })
    return {}
  },
}

function nameOf(mirror: TenantMirror, kind: RiskSubjectKind, id: string): string | undefined {
  return mirror.get(kind, id)?.name
}

function view(kind: RiskSubjectKind, id: string, name: string, { points, parts }: RiskNow): RiskView {
  return {
    subject: { kind, id, name },
    points,
    level: points >= 80 ? 'critical' : points >= 50 ? 'high' : points >= 25 ? 'medium' : 'low',
    parts: parts.map((part) => ({
      points: part.points,
      sentence: part.sentence,
      at: isoTime(part.timeMs),
      event: part.eventId,
    })),
  }
}
