// Credentials for the explicit proxy: a secret that is shown once, and a session that it speaks in. Must never keep the
// secret, nor make one for somebody who is not active or is contained.
import { newId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import { newSecret, sha256 } from '#transport/secret.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { sessionRecord, specOf, webCredentialRecord, type Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { endSessions } from './cascade.ts'
import { requireUncontained, subjectsOfUser } from './containment.ts'
import { userRow } from './sessions.ts'

export type MadeWebCredential = {
  readonly id: string
  readonly secret: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly sequence: number
}

const SECRET_PREFIX = 'spweb'
const FACTOR = 'app-password'

/** Throws Faults `not-found`, `contained`, `at-capacity`. */
export async function createWebCredential(
  tenantId: string,
  userId: string,
  { name, expiresInSeconds, ip }: { readonly name: string; readonly expiresInSeconds: number; readonly ip: string },
  context: ControlContext,
): Promise<MadeWebCredential> {
  const nowMs = context.nowMs()
  const secret = newSecret(SECRET_PREFIX)
  return context.store.forTenant(tenantId).transaction(async (tx) => {
    const user = await userRow(tx, userId)
    if (!user || specOf('User', user).status === 'disabled') throw new Fault('not-found')
    await requireUncontained(tx, await subjectsOfUser(tx, user), nowMs)
    const held = await liveWebCredentials(tx, userId, nowMs)
    if (held.length >= caps.webCredentials.default) throw new Fault('at-capacity')
    const session: Row<'sessions'> = {
      tenantId,
      id: newId('session'),
      userId,
      deviceId: null,
      door: 'web',
      factors: JSON.stringify([FACTOR]),
      ip,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + expiresInSeconds * 1000,
      lastSeenAtMs: nowMs,
      endedAtMs: null,
      endReason: null,
      statementAtMs: null,
      statementUntilMs: null,
      confirmedAtMs: null,
    }
    const hash = sha256(secret).toString('base64url')
    const row: Row<'webCredentials'> = { tenantId, id: newId('webCredential'), sessionId: session.id, hash, name }
    await tx.insertInto('sessions', session).execute()
    await tx.insertInto('webCredentials', row).execute()
    const record = sessionRecord(session)
    if (record === null) throw new Fault('internal')
    const sequence = await tx.appendChanges([
      { op: 'put', record },
      { op: 'put', record: webCredentialRecord(row) },
    ])
    return { id: row.id, secret, createdAtMs: nowMs, expiresAtMs: session.expiresAtMs, sequence }
  })
}

/** Throws Fault `not-found`, also for those of others. */
export async function endWebCredential(
  tenantId: string,
  userId: string,
  id: string,
  context: ControlContext,
): Promise<{ readonly name: string; readonly sequence: number }> {
  const nowMs = context.nowMs()
  return context.store.forTenant(tenantId).transaction(async (tx) => {
    const held = await liveWebCredentials(tx, userId, nowMs)
    const found = held.find(({ credential }) => credential.id === id)
    if (found === undefined) throw new Fault('not-found')
    const changes = await endSessions(tx, [found.session], 'signed-out', nowMs)
    await tx.deleteFrom('webCredentials').where('webCredentials.id', '=', id).execute()
    const sequence = await tx.appendChanges([...changes, { op: 'remove', kind: 'webCredential', id }])
    return { name: found.credential.name, sequence }
  })
}

export async function liveWebCredentials(
  handle: TenantHandle,
  userId: string,
  nowMs: number,
): Promise<{ readonly credential: Row<'webCredentials'>; readonly session: Row<'sessions'> }[]> {
  const sessions = await handle
    .selectFrom('sessions')
    .selectAll()
    .where('sessions.userId', '=', userId)
    .where('sessions.door', '=', 'web')
    .where('sessions.endedAtMs', 'is', null)
    .where('sessions.expiresAtMs', '>', nowMs)
    .execute()
  if (sessions.length === 0) return []
  const byId = new Map(sessions.map((session) => [session.id, session]))
  const rows = await handle
    .selectFrom('webCredentials')
    .selectAll()
    .where('webCredentials.sessionId', 'in', [...byId.keys()])
    .execute()
  return rows.flatMap((credential) => {
    const session = byId.get(credential.sessionId)
    return session === undefined ? [] : [{ credential, session }]
  })
}
