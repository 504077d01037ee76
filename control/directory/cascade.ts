// What ends with a user, a device, an app or a session: rows are removed or ended, and the changes say so. Must never
// leave a session, device or approval of something that is gone: a later resource could inherit it.
import type { Change } from '#core/records/records.ts'
import { sessionRecord, type Row } from '#control/records/from-rows.ts'
import { inParts } from '#control/store/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** Ends live sessions; rows stay for a while, because connectors must hear of them. */
export async function endSessions(
  tx: TenantHandle,
  sessions: readonly Row<'sessions'>[],
  reason: string,
  nowMs: number,
): Promise<Change[]> {
  const live = sessions.filter(({ endedAtMs }) => endedAtMs === null)
  for (const part of inParts(live))
    await tx
      .updateTable('sessions')
      .set({ endedAtMs: nowMs, endReason: reason })
      .where(
        'sessions.id',
        'in',
        part.map(({ id }) => id),
      )
      .execute()
  return live.filter((session) => sessionRecord(session)).map(({ id }) => ({ op: 'remove', kind: 'session', id }))
}

export async function endSessionsOf(
  tx: TenantHandle,
  of: { readonly userId: string } | { readonly deviceId: string },
  reason: string,
  nowMs: number,
): Promise<Change[]> {
  const live = tx.selectFrom('sessions').selectAll().where('sessions.endedAtMs', 'is', null)
  const sessions = await (
    'userId' in of ? live.where('sessions.userId', '=', of.userId) : live.where('sessions.deviceId', '=', of.deviceId)
  ).execute()
  return endSessions(tx, sessions, reason, nowMs)
}

/** Everything of a user who is being deleted. */
export async function removeUser(tx: TenantHandle, userId: string, nowMs: number): Promise<Change[]> {
  const changes = await endSessionsOf(tx, { userId }, 'user-deleted', nowMs)
  const devices = await tx.selectFrom('devices').select('devices.id').where('devices.userId', '=', userId).execute()
  for (const { id } of devices) changes.push({ op: 'remove', kind: 'device', id })
  await tx.deleteFrom('devices').where('devices.userId', '=', userId).execute()
  changes.push(...(await removeApprovals(tx, 'userId', userId)))
  changes.push(...(await removeContainments(tx, 'user', userId)))
  await tx.deleteFrom('accessRequests').where('accessRequests.userId', '=', userId).execute()
  await tx.deleteFrom('identities').where('identities.userId', '=', userId).execute()
  await tx.deleteFrom('roles').where('roles.userId', '=', userId).execute()
  const tokens = await tx.selectFrom('apiTokens').selectAll().where('apiTokens.createdBy', '=', userId).execute()
  for (const { hash } of tokens)
    await tx.provider.deleteFrom('secretIndex').where('secretIndex.hash', '=', hash).execute()
  await tx.deleteFrom('apiTokens').where('apiTokens.createdBy', '=', userId).execute()
  return changes
}

export async function removeApp(tx: TenantHandle, appId: string): Promise<Change[]> {
  await tx.deleteFrom('accessRequests').where('accessRequests.appId', '=', appId).execute()
  return [...(await removeApprovals(tx, 'appId', appId)), ...(await removeContainments(tx, 'app', appId))]
}

async function removeApprovals(tx: TenantHandle, by: 'userId' | 'appId', id: string): Promise<Change[]> {
  const rows = await tx.selectFrom('approvals').select('approvals.id').where(`approvals.${by}`, '=', id).execute()
  await tx.deleteFrom('approvals').where(`approvals.${by}`, '=', id).execute()
  return rows.map((row) => ({ op: 'remove', kind: 'approval', id: row.id }))
}

async function removeContainments(tx: TenantHandle, kind: 'user' | 'app', id: string): Promise<Change[]> {
  const rows = await tx
    .selectFrom('containments')
    .select('containments.id')
    .where('containments.subjectKind', '=', kind)
    .where('containments.subjectId', '=', id)
    .execute()
  for (const row of rows) await tx.deleteFrom('containments').where('containments.id', '=', row.id).execute()
  return rows.map((row) => ({ op: 'remove', kind: 'containment', id: row.id }))
}
