// The act of containing: the lease, and in the same transaction the end of every session that it touches. Must never
// leave a tenant without an administrator unless somebody said so twice.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { canonicalName, networkCovers } from '#core/records/contained-names.ts'
import {
  namedSubjects,
  type ContainmentAnswer,
  type ContainmentScope,
  type NamedSubject,
} from '#core/records/containment.ts'
import { parseIpaddr } from '#core/policy/ipaddr.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { containmentRecord, type Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { inParts } from '#control/store/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { endSessions } from './cascade.ts'
import type { Subject } from './containment.ts'
import { requireUncontainedAdministrator } from './last-administrator.ts'
import { recordEnd } from './sessions.ts'

const MAX_NAME_CHARACTERS = 200

export type Lease = {
  readonly subject: Subject & { readonly name: string }
  readonly reason: string
  readonly ownerId: string
  readonly expiresAtMs: number
  readonly acknowledgesLockout: boolean
  /** Default `contain`. */
  readonly answer?: ContainmentAnswer
  /** Default `all`. */
  readonly scope?: ContainmentScope
  /** The address of whoever contains; without it no person does. */
  /** Where the person who asks sits; null: nobody asks, a program does. */
  readonly askedFrom: string | null
}

/** Throws Fault `last-administrator`, `at-capacity`. `sequence` is that of the lease itself: whoever has it has cut everything. */
export async function containSubject(
  tenantId: string,
  lease: Lease,
  context: ControlContext,
): Promise<{ readonly row: Row<'containments'>; readonly sequence: number; readonly endedSessions: number }> {
  const { store, mirrors, nowMs } = context
  const { kind, id, name } = lease.subject
  const mirror = await mirrors.current(tenantId)
  // Milder answers are the exchanges' alone: the sign-in stays, or nobody could prove anything.
  const { answer = 'contain', scope = 'all' } = lease
  const isWhole = answer === 'contain' && scope === 'all'
  const userIds = isWhole ? usersOf(lease.subject, mirror) : []
  const row: Row<'containments'> = {
    tenantId,
    id: newId('containment'),
    subjectKind: kind,
    subjectId: id,
    subjectName: name.slice(0, MAX_NAME_CHARACTERS),
    answer: answer === 'contain' && !isWhole ? 'cut' : answer,
    scope,
    reason: lease.reason,
    ownerId: lease.ownerId,
    createdAtMs: nowMs(),
    expiresAtMs: lease.expiresAtMs,
  }
  const { sequence, sessions } = await store.forTenant(tenantId).transaction(async (tx) => {
    await requireRoom(tx, nowMs())
    await tx.insertInto('containments', row).execute()
    if (isWhole && !lease.acknowledgesLockout) refuseOwnNetwork(lease)
    if (userIds.length > 0 && !lease.acknowledgesLockout) await requireUncontainedAdministrator(tx, nowMs())
    const leased = await tx.appendChanges([{ op: 'put', record: containmentRecord(row) }])
    const touched = isWhole ? await sessionsOf(tx, lease.subject, userIds) : []
    await tx.appendChanges(await endSessions(tx, touched, 'contained', nowMs()))
    return { sequence: leased, sessions: touched }
  })
  // What the sign-ins behind them could still open is refused by the lease already; after it, they are gone.
  const { signIn } = context.links
  for (const userId of userIds) await signIn?.endUserSessions(tenantId, userId)
  if (userIds.length === 0) for (const session of sessions) await signIn?.endSession(tenantId, session.id, 'contained')
  for (const part of inParts(sessions))
    await Promise.all(part.map((session) => recordEnd(context, tenantId, session, 'contained')))
  return { row, sequence, endedSessions: sessions.length }
}

/** The people whom a lease stops as persons; a device or a session stops nobody elsewhere. */
export function usersOf({ kind, id }: Subject, mirror: TenantMirror): string[] {
  if (kind === 'user') return [id]
  if (kind !== 'organisation') return []
  return [...mirror.all('user')].filter(({ organisationId }) => organisationId === id).map((user) => user.id)
}

/** A list that a person can still read, and that every exchange holds in memory. */
async function requireRoom(tx: TenantHandle, nowMs: number): Promise<void> {
  const { total } = await tx
    .selectFrom('containments')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('containments.expiresAtMs', '>', nowMs)
    .executeTakeFirstOrThrow()
  if (Number(total) >= caps.containments.default)
    throw new Fault('at-capacity', { hint: 'There are too many containments; release some first.' })
}

/** Whoever contains the network they sit in could not undo it from there. */
function refuseOwnNetwork({ subject, askedFrom }: Lease): void {
  const range = subject.kind === 'network' ? parseIpaddr(subject.id) : null
  if (range === null || askedFrom === null || !networkCovers(range, askedFrom)) return
  throw new Fault('last-administrator', {
    hint: 'You are in this network yourself. To contain it all the same, acknowledge the lockout.',
  })
}

export async function sessionsOf(
  tx: TenantHandle,
  { kind, id }: Subject,
  userIds: readonly string[],
): Promise<Row<'sessions'>[]> {
  const live = () => tx.selectFrom('sessions').selectAll().where('sessions.endedAtMs', 'is', null)
  if (kind === 'session') return live().where('sessions.id', '=', id).execute()
  if (kind === 'device') return live().where('sessions.deviceId', '=', id).execute()
  if (kind === 'network') {
    const range = parseIpaddr(id)
    return range === null ? [] : (await live().execute()).filter(({ ip }) => networkCovers(range, ip))
  }
  const found: Row<'sessions'>[] = []
  for (const part of inParts(userIds)) found.push(...(await live().where('sessions.userId', 'in', part).execute()))
  return found
}

/** By id or by name, of this tenant only. Throws Fault `not-found`. */
export async function findSubject(
  { kind, name }: { readonly kind: Subject['kind']; readonly name: string },
  handle: TenantHandle,
  mirror: TenantMirror,
): Promise<Subject & { readonly name: string }> {
  if (kind === 'session') {
    // Sessions of the console are in no mirror: exchanges never see them.
    const row = await handle
      .selectFrom('sessions')
      .select('sessions.id')
      .where('sessions.id', '=', name)
      .where('sessions.endedAtMs', 'is', null)
      .executeTakeFirst()
    if (!row) throw new Fault('not-found')
    return { kind, id: row.id, name: row.id }
  }
  if (isNamed(kind)) {
    const known = canonicalName(kind, name)
    if (known !== null) return { kind, id: known, name: known }
    throw new Fault('request-malformed', { hint: `This is no ${kind}: ${forms[kind]}.` })
  }
  const known = mirror.get(kind, name)
  if (known) return { kind, id: known.id, name: known.name }
  const named = [...mirror.all(kind)].filter((record) => record.name === name)
  const [only] = named
  if (!only) throw new Fault('not-found')
  if (named.length > 1) throw new Fault('request-malformed', { hint: `Several have the name ${name}; use the id.` })
  return { kind, id: only.id, name: only.name }
}

function isNamed(kind: Subject['kind']): kind is NamedSubject {
  return namedSubjects.some((each) => each === kind)
}

const forms: Readonly<Record<NamedSubject, string>> = {
  network: 'use an address or a range such as 192.0.2.0/24, at least /8 (IPv6: /19)',
  host: 'use a host name or an address',
  url: 'use an address such as https://host.example/path, without user or password',
  hash: 'use the SHA-256 in 64 hexadecimal digits',
  category: 'use the name of a category',
}
