// Who is contained now, read from the rows: for sign-in, sessions, tokens and certificates at control itself. Must never
// go by a copy: a lease that began a moment ago counts.
import { Fault } from '#core/fault.ts'
import { parseIpaddr } from '#core/policy/ipaddr.ts'
import { networkCovers } from '#core/records/contained-names.ts'
import { specOf, type Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

type SubjectKind = Row<'containments'>['subjectKind']
export type Subject = { readonly kind: SubjectKind; readonly id: string }

/** The latest end of a lease on any of the subjects; undefined: none of them is contained. */
export async function containedUntil(
  handle: TenantHandle,
  subjects: readonly Subject[],
  nowMs: number,
): Promise<number | undefined> {
  const ids = subjects.map(({ id }) => id)
  if (ids.length === 0) return undefined
  const rows = await handle
    .selectFrom('containments')
    .select(['containments.subjectKind', 'containments.subjectId', 'containments.expiresAtMs'])
    .where('containments.subjectId', 'in', ids)
    // Milder answers are kept by the exchanges; with them a person may still sign in.
    .where('containments.answer', '=', 'contain')
    .where('containments.expiresAtMs', '>', nowMs)
    .execute()
  const ends = rows
    .filter((row) => subjects.some(({ kind, id }) => kind === row.subjectKind && id === row.subjectId))
    .map(({ expiresAtMs }) => expiresAtMs)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** What a lease on a person may be on: the user, and the organisation that the user belongs to. */
export async function subjectsOfUser(handle: TenantHandle, user: Row<'resources'>): Promise<Subject[]> {
  const { organisation } = specOf('User', user)
  const own: Subject = { kind: 'user', id: user.id }
  if (organisation === undefined) return [own]
  const row = await handle
    .selectFrom('resources')
    .select('resources.id')
    .where('resources.kind', '=', 'Organisation')
    .where('resources.name', '=', organisation)
    .executeTakeFirst()
  return row ? [own, { kind: 'organisation', id: row.id }] : [own]
}

export async function userContainedUntil(
  handle: TenantHandle,
  user: Row<'resources'>,
  nowMs: number,
): Promise<number | undefined> {
  return containedUntil(handle, await subjectsOfUser(handle, user), nowMs)
}

/** Throws Fault `contained`. */
export async function requireUncontained(
  handle: TenantHandle,
  subjects: readonly Subject[],
  nowMs: number,
): Promise<void> {
  if ((await containedUntil(handle, subjects, nowMs)) !== undefined) throw new Fault('contained')
}

/** Throws Fault `contained`: from a contained network nobody signs in. */
export async function requireUncontainedNetwork(handle: TenantHandle, ip: string, nowMs: number): Promise<void> {
  const rows = await handle
    .selectFrom('containments')
    .select('containments.subjectId')
    .where('containments.subjectKind', '=', 'network')
    .where('containments.answer', '=', 'contain')
    .where('containments.expiresAtMs', '>', nowMs)
    .execute()
  for (const { subjectId } of rows) {
    const range = parseIpaddr(subjectId)
    if (range !== null && networkCovers(range, ip)) throw new Fault('contained')
  }
}
