// What can be done to an incident, by a person or by a playbook: each act is one row of its history, and one event of
// the journal. Must never change or remove what the history says.
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { incidentEvent } from '#core/events/incident-event.ts'
import type { IncidentView } from '#core/api/incident-routes.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

export type Doer = { readonly id: string; readonly name: string }
export type Incident = Row<'incidents'>
export type Link = Pick<Row<'incidentLinks'>, 'kind' | 'refId' | 'name'>
export type ActKind =
  | 'opened'
  | 'triaged'
  | 'taken'
  | 'comment'
  | 'linked'
  | 'contained'
  | 'released'
  | 'closed'
  | 'reopened'
  | 'playbook'

const HOUR_MS = 3_600_000
const severityOf = {
  note: 'low',
  ask: 'low',
  'step-up': 'medium',
  restrict: 'medium',
  cut: 'high',
  contain: 'critical',
} as const
const verdictOf = {
  attack: 'true',
  misuse: 'true',
  mistake: 'odd',
  expected: 'expected',
  'false-alarm': 'odd',
  drill: 'drill',
  unknown: 'odd',
} as const

/** Throws Fault `not-found`. */
export async function incidentRow(handle: TenantHandle, id: string): Promise<Incident> {
  const row = await handle.selectFrom('incidents').selectAll().where('incidents.id', '=', id).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

export type Opening = {
  readonly story?: Row<'stories'> | undefined
  readonly title?: string | undefined
  readonly severity?: Incident['severity'] | undefined
  readonly links: readonly Link[]
  readonly comment?: string | undefined
  /** The story is left for a person to take. */
  readonly leavesStory?: boolean
}

/** Within the caller's transaction; `tell` afterwards. Throws Fault `at-capacity`. */
export async function openIncident(
  tx: TenantHandle,
  { story, title, severity, links, comment, leavesStory = false }: Opening,
  by: Doer,
  nowMs: number,
): Promise<Incident> {
  await makeRoom(tx)
  const row: Incident = {
    tenantId: tx.tenantId,
    id: newId('incident'),
    title: (title ?? story?.sentence ?? '').slice(0, 200),
    severity: severity ?? (story ? severityOf[story.level] : 'medium'),
    state: 'open',
    openedBy: by.name,
    openedAtMs: nowMs,
    fromMs: story ? story.firstMs - HOUR_MS : nowMs - 24 * HOUR_MS,
    takenBy: null,
    closedAtMs: null,
    cause: null,
    causeText: '',
  }
  await tx.insertInto('incidents', row).execute()
  await addEntry(tx, row.id, 'opened', row.title, by, nowMs)
  for (const link of story ? [...linksOfStory(story), ...links] : links) await addLink(tx, row.id, link, nowMs)
  if (story?.state === 'open' && !leavesStory)
    await tx.updateTable('stories').set({ state: 'taken', takenBy: by.id }).where('stories.id', '=', story.id).execute()
  if (comment !== undefined) await addEntry(tx, row.id, 'comment', comment, by, nowMs)
  return row
}

export function linksOfStory(story: Row<'stories'>): Link[] {
  return [
    { kind: 'story', refId: story.id, name: story.kind },
    ...(story.subjectKind === 'user'
      ? [{ kind: 'user' as const, refId: story.subjectId, name: story.subjectName }]
      : []),
    ...(story.containmentId === null
      ? []
      : [{ kind: 'containment' as const, refId: story.containmentId, name: story.subjectName }]),
  ]
}

async function makeRoom(tx: TenantHandle): Promise<void> {
  const { count } = await tx
    .selectFrom('incidents')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) < caps.incidentsKept.default) return
  const oldest = await tx
    .selectFrom('incidents')
    .select('incidents.id')
    .where('incidents.state', '=', 'closed')
    .orderBy('incidents.openedAtMs')
    .executeTakeFirst()
  if (!oldest) throw new Fault('at-capacity', { hint: 'Close incidents first.' })
  await tx.deleteFrom('incidentEntries').where('incidentEntries.incidentId', '=', oldest.id).execute()
  await tx.deleteFrom('incidentLinks').where('incidentLinks.incidentId', '=', oldest.id).execute()
  await tx.deleteFrom('incidents').where('incidents.id', '=', oldest.id).execute()
}

/** Throws Fault `at-capacity`. */
export async function addEntry(
  tx: TenantHandle,
  incidentId: string,
  kind: ActKind,
  text: string,
  by: Doer,
  nowMs: number,
): Promise<void> {
  const { count } = await tx
    .selectFrom('incidentEntries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('incidentEntries.incidentId', '=', incidentId)
    .executeTakeFirstOrThrow()
  if (Number(count) >= caps.incidentEntries.default) throw new Fault('at-capacity')
  await tx
    .insertInto('incidentEntries', {
      id: newId('incidentEntry'),
      incidentId,
      atMs: nowMs,
      by: by.name,
      kind,
      text: text.slice(0, 4000),
    })
    .execute()
}

/** A thing that is linked already stays as it is. Throws Fault `at-capacity`. */
export async function addLink(tx: TenantHandle, incidentId: string, link: Link, nowMs: number): Promise<void> {
  const known = await linksOf(tx, incidentId)
  if (known.some(({ kind, refId }) => kind === link.kind && refId === link.refId)) return
  if (known.length >= caps.incidentLinks.default) throw new Fault('at-capacity')
  await tx.insertInto('incidentLinks', { incidentId, ...link, atMs: nowMs }).execute()
}

export async function linksOf(handle: TenantHandle, incidentId: string): Promise<Row<'incidentLinks'>[]> {
  return handle
    .selectFrom('incidentLinks')
    .selectAll()
    .where('incidentLinks.incidentId', '=', incidentId)
    .orderBy('incidentLinks.atMs')
    .execute()
}

/** An incident moves on only: what was contained stays so in its state until it is recovered or closed. */
export function stateAfter(state: Incident['state'], act: 'taken' | 'contained' | 'recovered'): Incident['state'] {
  const order = ['open', 'taken', 'contained', 'recovered'] as const
  if (state === 'closed') throw new Fault('version-conflict', { hint: 'The incident is closed; open it again first.' })
  if (act === 'contained') return 'contained'
  return order.indexOf(state) >= order.indexOf(act) ? state : act
}

/** Closes the stories with it, and teaches nothing that nobody said. */
export async function closeIncident(
  tx: TenantHandle,
  row: Incident,
  { cause, text }: { readonly cause: NonNullable<Incident['cause']>; readonly text: string },
  by: Doer,
  nowMs: number,
): Promise<Incident> {
  if (row.state === 'closed') throw new Fault('version-conflict', { hint: 'The incident is closed already.' })
  const next = { state: 'closed' as const, cause, causeText: text, closedAtMs: nowMs }
  await tx.updateTable('incidents').set(next).where('incidents.id', '=', row.id).execute()
  await addEntry(tx, row.id, 'closed', text === '' ? cause : `${cause}: ${text}`, by, nowMs)
  const stories = (await linksOf(tx, row.id)).filter(({ kind }) => kind === 'story').map(({ refId }) => refId)
  if (stories.length > 0)
    await tx
      .updateTable('stories')
      .set({ state: 'closed', verdict: verdictOf[cause] })
      .where('stories.id', 'in', stories)
      .where('stories.state', '<>', 'closed')
      .execute()
  return { ...row, ...next }
}

/** Class 2005 in the journal, so that whoever reads it elsewhere sees the case move. */
export async function tellIncident(
  activity: 'create' | 'update' | 'close',
  row: Incident,
  by: Doer,
  context: ControlContext,
): Promise<void> {
  const handle = context.store.forTenant(row.tenantId)
  const links = await linksOf(handle, row.id)
  const mirror = await context.mirrors.current(row.tenantId)
  const assignee = row.takenBy === null ? null : mirror.get('user', row.takenBy)
  await context.journal.record(
    row.tenantId,
    incidentEvent(activity, {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: row.tenantId,
      incidentId: row.id,
      title: row.title,
      severity: row.severity,
      state: row.state,
      cause: row.cause,
      openedAtMs: row.openedAtMs,
      closedAtMs: row.closedAtMs,
      assignee: assignee ? { uid: assignee.id, name: assignee.name } : null,
      findings: links
        .filter(({ kind }) => kind === 'story')
        .map(({ refId, name }) => ({ uid: refId, title: name, types: [name] })),
      by: { uid: by.id, name: by.name },
    }),
  )
}

export function incidentViewOf(row: Incident, nameOf: (userId: string) => string): IncidentView {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    id: row.id,
    title: row.title,
    severity: row.severity,
    state: row.state,
    openedBy: row.openedBy,
    openedAt: iso(row.openedAtMs),
    takenBy: row.takenBy === null ? null : nameOf(row.takenBy),
    closedAt: row.closedAtMs === null ? null : iso(row.closedAtMs),
    cause: row.cause,
    causeText: row.causeText,
  }
}
