// Requests for access: asked by a person, decided by the app's owner, the sponsor or an administrator, ending by
// themselves. Must never let anyone decide about themselves, nor approve beyond a third party's contract.
import { newId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import type { AccessRequestView } from '#core/api/views.ts'
import type { OrganisationRecord } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { approvalRecord, type Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { rolesOf } from './people.ts'

export type Decision =
  | { readonly decision: 'approve'; readonly accessSeconds: number }
  | { readonly decision: 'refuse' }
export type Decided = { readonly view: AccessRequestView; readonly sequence: number | null }

export async function requestAccess(
  tenantId: string,
  userId: string,
  appName: string,
  reason: string,
  context: ControlContext,
): Promise<AccessRequestView> {
  const mirror = await context.mirrors.current(tenantId)
  const app = mirror.byName('app', appName)
  const user = mirror.get('user', userId)
  if (!app || !user) throw new Fault('not-found')
  const row = await context.store.forTenant(tenantId).transaction(async (tx) => {
    const open = await tx
      .selectFrom('accessRequests')
      .selectAll()
      .where('accessRequests.userId', '=', userId)
      .where('accessRequests.status', '=', 'open')
      .execute()
    const same = open.find(({ appId }) => appId === app.id)
    if (same) return same
    if (open.length >= caps.openAccessRequests.default) throw new Fault('rate-limited')
    const made: Row<'accessRequests'> = {
      tenantId,
      id: newId('accessRequest'),
      userId,
      appId: app.id,
      reason,
      status: 'open',
      createdAtMs: context.nowMs(),
      decidedBy: null,
      decidedAtMs: null,
      accessUntilMs: null,
    }
    await tx.insertInto('accessRequests', made).execute()
    return made
  })
  return requestView(row, mirror, context.nowMs())
}

export async function accessRequestsOf(
  tenantId: string,
  userId: string,
  context: ControlContext,
): Promise<{ readonly mine: AccessRequestView[]; readonly toDecide: AccessRequestView[] }> {
  const mirror = await context.mirrors.current(tenantId)
  const isAdministrator = (await rolesOf(tenantId, userId, context)).some((role) => role !== 'auditor')
  const rows = await context.store
    .forTenant(tenantId)
    .selectFrom('accessRequests')
    .selectAll()
    .orderBy('accessRequests.createdAtMs', 'desc')
    .limit(1000)
    .execute()
  const view = (row: Row<'accessRequests'>) => requestView(row, mirror, context.nowMs())
  return {
    mine: rows.filter((row) => row.userId === userId).map(view),
    toDecide: rows.filter((row) => row.status === 'open' && mayDecide(row, userId, isAdministrator, mirror)).map(view),
  }
}

/** Throws Fault `not-found` also for requests that this person may not decide: they need not know of them. */
export async function decideAccessRequest(
  tenantId: string,
  userId: string,
  requestId: string,
  decision: Decision,
  context: ControlContext,
): Promise<Decided> {
  const mirror = await context.mirrors.current(tenantId)
  const isAdministrator = (await rolesOf(tenantId, userId, context)).some((role) => role !== 'auditor')
  const nowMs = context.nowMs()
  return context.store.forTenant(tenantId).transaction(async (tx) => {
    const row = await tx
      .selectFrom('accessRequests')
      .selectAll()
      .where('accessRequests.id', '=', requestId)
      .executeTakeFirst()
    if (!row || !mayDecide(row, userId, isAdministrator, mirror)) throw new Fault('not-found')
    if (row.status !== 'open') throw new Fault('version-conflict', { hint: whatHappened(row, mirror, nowMs) })
    if (decision.decision === 'approve' && !mayApprove(row, userId, isAdministrator, mirror))
      throw new Fault('not-permitted', {
        hint: "The contract leaves this app out: only the app's owner or an administrator may open it.",
      })
    const untilMs = decision.decision === 'approve' ? accessUntil(row, decision.accessSeconds, nowMs, mirror) : null
    const decided = {
      status: decision.decision === 'approve' ? ('approved' as const) : ('refused' as const),
      decidedBy: userId,
      decidedAtMs: nowMs,
      accessUntilMs: untilMs,
    }
    await tx.updateTable('accessRequests').set(decided).where('accessRequests.id', '=', requestId).execute()
    const view = requestView({ ...row, ...decided }, mirror, nowMs)
    if (untilMs === null) return { view, sequence: null }
    const approval: Row<'approvals'> = {
      tenantId,
      id: newId('approval'),
      userId: row.userId,
      appId: row.appId,
      approvedBy: userId,
      requestId,
      createdAtMs: nowMs,
      expiresAtMs: untilMs,
    }
    await tx.insertInto('approvals', approval).execute()
    return { view, sequence: await tx.appendChanges([{ op: 'put', record: approvalRecord(approval) }]) }
  })
}

/** Whoever decides a second time is told of the first. */
function whatHappened(row: Row<'accessRequests'>, mirror: TenantMirror, nowMs: number): string {
  const { user, app, status, decidedBy, decidedAt, accessUntil } = requestView(row, mirror, nowMs)
  const by = decidedBy === null ? '' : ` by ${decidedBy}`
  const until =
    accessUntil === null ? '' : status === 'expired' ? `; it ended at ${accessUntil}` : `, until ${accessUntil}`
  const what = row.status === 'approved' ? 'approved' : row.status
  return `The request of ${user} for ${app} was ${what}${by} at ${decidedAt ?? 'some time'}${until}.`
}

function mayDecide(
  row: Row<'accessRequests'>,
  userId: string,
  isAdministrator: boolean,
  mirror: TenantMirror,
): boolean {
  if (row.userId === userId) return false
  if (isAdministrator || mirror.get('app', row.appId)?.ownerId === userId) return true
  return contractOf(row, mirror)?.sponsorId === userId
}

/** A sponsor answers for people, not for apps: one that the contract leaves out is not theirs to open. */
function mayApprove(
  row: Row<'accessRequests'>,
  userId: string,
  isAdministrator: boolean,
  mirror: TenantMirror,
): boolean {
  if (isAdministrator || mirror.get('app', row.appId)?.ownerId === userId) return true
  return contractOf(row, mirror)?.appIds.includes(row.appId) ?? false
}

function contractOf(row: Row<'accessRequests'>, mirror: TenantMirror): OrganisationRecord | undefined {
  const organisationId = mirror.get('user', row.userId)?.organisationId
  return typeof organisationId === 'string' ? mirror.get('organisation', organisationId) : undefined
}

function accessUntil(row: Row<'accessRequests'>, seconds: number, nowMs: number, mirror: TenantMirror): number {
  const wanted = nowMs + seconds * 1000
  const contract = contractOf(row, mirror)
  return contract ? Math.min(wanted, contract.untilMs) : wanted
}

export function requestView(row: Row<'accessRequests'>, mirror: TenantMirror, nowMs: number): AccessRequestView {
  const nameOf = (id: string) => mirror.get('user', id)?.name ?? id
  const isOver = row.status === 'approved' && row.accessUntilMs !== null && row.accessUntilMs <= nowMs
  return {
    id: row.id,
    user: nameOf(row.userId),
    app: mirror.get('app', row.appId)?.name ?? row.appId,
    reason: row.reason,
    status: isOver ? 'expired' : row.status,
    createdAt: isoTime(row.createdAtMs),
    decidedBy: row.decidedBy === null ? null : nameOf(row.decidedBy),
    decidedAt: row.decidedAtMs === null ? null : isoTime(row.decidedAtMs),
    accessUntil: row.accessUntilMs === null ? null : isoTime(row.accessUntilMs),
  }
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
