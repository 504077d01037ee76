// Sessions of people: made by sign-in and device enrolment, ended by anyone entitled. Must never make a session for a
// user, device or tenant that is not active, nor tell that an ended session lives.
import { newId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import { journalEvent } from '#core/events/event.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { sessionRecord, specOf, type Row } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import { readTenantSettings } from '#control/records/tenant-settings.ts'
import type { EndReason, LiveSession, NewSession, Sessions } from '#control/sign-in-seam.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { endSessions } from './cascade.ts'
import {
  containedUntil,
  requireUncontained,
  requireUncontainedNetwork,
  subjectsOfUser,
  userContainedUntil,
  type Subject,
} from './containment.ts'

export function createSessions(context: ControlContext): Sessions {
  const { store, nowMs } = context
  return {
    create: (session) => createSession(session, context),
    get: async (tenantId, sessionId) => {
      const handle = store.forTenant(tenantId)
      const row = await liveRow(handle, sessionId, nowMs())
      if (!row || !(await isUserActive(handle, row.userId, nowMs()))) return undefined
      if ((await containedUntil(handle, ownSubjects(row), nowMs())) !== undefined) return undefined
      const tenant = await readTenant(handle).catch(() => undefined)
      if (tenant?.status !== 'active') return undefined
      context.links.lastSeen?.saw(tenantId, 'session', sessionId)
      return liveSession(row)
    },
    list: async (tenantId, userId) => {
      const rows = await store
        .forTenant(tenantId)
        .selectFrom('sessions')
        .selectAll()
        .where('sessions.userId', '=', userId)
        .where('sessions.endedAtMs', 'is', null)
        .where('sessions.expiresAtMs', '>', nowMs())
        .orderBy('sessions.createdAtMs')
        .execute()
      return rows.map(liveSession)
    },
    end: async (tenantId, sessionId, reason) => {
      const ended = await store.forTenant(tenantId).transaction(async (tx) => {
        const row = await liveRow(tx, sessionId, nowMs())
        if (!row) return undefined
        const changes = await endSessions(tx, [row], reason, nowMs())
        return { row, sequence: await tx.appendChanges(changes) }
      })
      if (!ended) return null
      await recordEnd(context, tenantId, ended.row, reason)
      return ended.sequence
    },
    endOfUser: async (tenantId, userId, reason) => {
      const { ended, sequence } = await store.forTenant(tenantId).transaction(async (tx) => {
        const live = await tx
          .selectFrom('sessions')
          .selectAll()
          .where('sessions.userId', '=', userId)
          .where('sessions.endedAtMs', 'is', null)
          .execute()
        const changes = await endSessions(tx, live, reason, nowMs())
        return { ended: live, sequence: await tx.appendChanges(changes) }
      })
      for (const row of ended) await recordEnd(context, tenantId, row, reason)
      return sequence
    },
    confirm: (tenantId, sessionId, proof) => confirmSession(tenantId, sessionId, proof, context),
  }
}

async function createSession(session: NewSession, context: ControlContext): Promise<LiveSession> {
  const { tenantId, userId, deviceId } = session
  const nowMs = context.nowMs()
  const { row, name } = await context.store.forTenant(tenantId).transaction(async (tx) => {
    const tenant = await readTenant(tx)
    const user = await userRow(tx, userId)
    if (!user || tenant.status !== 'active' || specOf('User', user).status === 'disabled') throw new Fault('not-found')
    const device: readonly Subject[] = deviceId === null ? [] : [{ kind: 'device', id: deviceId }]
    await requireUncontained(tx, [...(await subjectsOfUser(tx, user)), ...device], nowMs)
    await requireUncontainedNetwork(tx, session.ip, nowMs)
    if (deviceId !== null && !(await isDeviceActive(tx, deviceId, userId))) throw new Fault('not-found')
    const { sessionSeconds } = await readTenantSettings(tx)
    const latest = nowMs + sessionSeconds * 1000
    const made: Row<'sessions'> = {
      tenantId,
      id: newId('session'),
      userId,
      deviceId,
      door: session.door,
      factors: JSON.stringify(session.factors),
      ip: session.ip,
      createdAtMs: nowMs,
      expiresAtMs: Math.min(session.expiresAtMs ?? latest, latest),
      lastSeenAtMs: nowMs,
      endedAtMs: null,
      endReason: null,
      statementAtMs: null,
      statementUntilMs: null,
      confirmedAtMs: null,
    }
    const changes = await endSurplus(tx, userId, nowMs)
    await tx.insertInto('sessions', made).execute()
    const record = sessionRecord(made)
    if (record) changes.push({ op: 'put', record })
    await tx.appendChanges(changes)
    return { row: made, name: user.name }
  })
  await context.journal.record(
    tenantId,
    journalEvent('authentication', 'signIn', {
      uid: newId('event'),
      timeMs: nowMs,
      tenantId,
      outcome: 'success',
      user: { uid: userId, name },
      sessionId: row.id,
      deviceId,
      source: { ip: session.ip },
      factors: session.factors,
      extra: { door: session.door },
    }),
  )
  return liveSession(row)
}

async function confirmSession(
  tenantId: string,
  sessionId: string,
  { userId, factors, ip }: Parameters<Sessions['confirm']>[2],
  context: ControlContext,
): Promise<void> {
  const nowMs = context.nowMs()
  const { user, deviceId } = await context.store.forTenant(tenantId).transaction(async (tx) => {
    const row = await liveRow(tx, sessionId, nowMs)
    const user = await userRow(tx, userId)
    if (row?.userId !== userId || !user || specOf('User', user).status === 'disabled') throw new Fault('not-found')
    await requireUncontained(tx, [...(await subjectsOfUser(tx, user)), ...ownSubjects(row)], nowMs)
    await requireUncontainedNetwork(tx, ip, nowMs)
    await tx.updateTable('sessions').set({ confirmedAtMs: nowMs }).where('sessions.id', '=', sessionId).execute()
    const record = sessionRecord({ ...row, confirmedAtMs: nowMs })
    // A session of the console opens no app, so that nothing asks for it.
    if (!record) throw new Fault('not-found')
    await tx.appendChanges([{ op: 'put', record }])
    return { user, deviceId: row.deviceId }
  })
  await context.journal.record(
    tenantId,
    journalEvent('authentication', 'other', {
      uid: newId('event'),
      timeMs: nowMs,
      tenantId,
      outcome: 'success',
      user: { uid: userId, name: user.name },
      sessionId,
      deviceId,
      source: { ip },
      factors,
      message: 'confirmed with another factor',
    }),
  )
}

/** A person with very many sessions loses the oldest: a table that only grows is a way to fill the disk. */
async function endSurplus(tx: TenantHandle, userId: string, nowMs: number) {
  const live = await tx
    .selectFrom('sessions')
    .selectAll()
    .where('sessions.userId', '=', userId)
    .where('sessions.endedAtMs', 'is', null)
    .where('sessions.expiresAtMs', '>', nowMs)
    .orderBy('sessions.createdAtMs')
    .execute()
  return endSessions(tx, live.slice(0, Math.max(0, live.length + 1 - caps.sessionsPerUser.default)), 'replaced', nowMs)
}

export async function recordEnd(context: ControlContext, tenantId: string, row: Row<'sessions'>, reason: EndReason) {
  const user = await userRow(context.store.forTenant(tenantId), row.userId)
  await context.journal.record(
    tenantId,
    journalEvent('authentication', 'signOut', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId,
      outcome: 'success',
      user: { uid: row.userId, name: user?.name ?? '' },
      sessionId: row.id,
      deviceId: row.deviceId,
      extra: { reason },
    }),
  )
}

export async function liveRow(
  handle: TenantHandle,
  sessionId: string,
  nowMs: number,
): Promise<Row<'sessions'> | undefined> {
  return handle
    .selectFrom('sessions')
    .selectAll()
    .where('sessions.id', '=', sessionId)
    .where('sessions.endedAtMs', 'is', null)
    .where('sessions.expiresAtMs', '>', nowMs)
    .executeTakeFirst()
}

export async function userRow(handle: TenantHandle, userId: string): Promise<Row<'resources'> | undefined> {
  return handle
    .selectFrom('resources')
    .selectAll()
    .where('resources.id', '=', userId)
    .where('resources.kind', '=', 'User')
    .executeTakeFirst()
}

/** Exists, is not disabled and not contained. */
async function isUserActive(handle: TenantHandle, userId: string, nowMs: number): Promise<boolean> {
  const user = await userRow(handle, userId)
  if (!user || specOf('User', user).status === 'disabled') return false
  return (await userContainedUntil(handle, user, nowMs)) === undefined
}

function ownSubjects({ id, deviceId }: Row<'sessions'>): Subject[] {
  return [{ kind: 'session', id }, ...(deviceId === null ? [] : [{ kind: 'device' as const, id: deviceId }])]
}

async function isDeviceActive(tx: TenantHandle, deviceId: string, userId: string): Promise<boolean> {
  const device = await tx
    .selectFrom('devices')
    .select(['devices.status', 'devices.userId'])
    .where('devices.id', '=', deviceId)
    .executeTakeFirst()
  return device?.status === 'active' && device.userId === userId
}

function liveSession(row: Row<'sessions'>): LiveSession {
  const { id, tenantId, userId, deviceId, door, factors, ip, createdAtMs, expiresAtMs, lastSeenAtMs } = row
  return {
    id,
    tenantId,
    userId,
    deviceId,
    door,
    factors: JSON.parse(factors),
    ip,
    createdAtMs,
    expiresAtMs,
    lastSeenAtMs,
  }
}
