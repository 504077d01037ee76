// Incidents: opened, triaged, taken, contained, looked into, recovered, closed. What is done is in the incident's own history
// and in the journal. Must never do more than the same act would by itself: containment asks the same questions here.
import type { IncidentView } from '#core/api/incident-routes.ts'
import { Fault } from '#core/fault.ts'
import { htmlOf } from '#core/report/html.ts'
import type { Call, Some } from '#control/api/call.ts'
import type { routes } from '#core/api/routes.ts'
import { afterTime, containing, pageOfRows, rowsOfPage } from '#control/api/keyset.ts'
import type { Principal } from '#control/api/principal.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { containSubject, findSubject } from '#control/directory/contain.ts'
import {
  addEntry,
  addLink,
  closeIncident,
  incidentRow,
  incidentViewOf,
  linksOf,
  openIncident,
  stateAfter,
  tellIncident,
  type Doer,
  type Incident,
  type Link,
} from '#control/incidents/acts.ts'
import { blastRadiusOf } from '#control/incidents/blast-radius.ts'
import { graphOf } from '#control/incidents/graph.ts'
import { investigate } from '#control/incidents/investigate.ts'
import { lookAtEvents } from '#control/incidents/look.ts'
import { incidentDocument } from '#control/incidents/report.ts'
import { timelineOf } from '#control/incidents/timeline.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

type Names =
  | 'listIncidents'
  | 'openIncident'
  | 'getIncident'
  | 'changeIncident'
  | 'addToIncident'
  | 'containInIncident'
  | 'recoverIncident'
  | 'investigate'
  | 'getBlastRadius'
  | 'getIncidentReport'

export const incidentHandlers: Some<Names> = {
  listIncidents: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    let found = tenant.selectFrom('incidents')
    if (query.state !== undefined) found = found.where('incidents.state', '=', query.state)
    if (query.search !== undefined) found = found.where('incidents.title', 'like', containing(query.search))
    const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
    const after = afterTime(query)
    const shown =
      after === undefined
        ? found
        : found.where((eb) =>
            eb.or([
              eb('incidents.openedAtMs', '<', after[0]),
              eb.and([eb('incidents.openedAtMs', '=', after[0]), eb('incidents.id', '<', after[1])]),
            ]),
          )
    const rows = await shown
      .selectAll()
      .orderBy('incidents.openedAtMs', 'desc')
      .orderBy('incidents.id', 'desc')
      .limit(rowsOfPage(query))
      .execute()
    const page = pageOfRows(rows, Number(total), query, ({ openedAtMs, id }) => [openedAtMs, id] as const)
    return { ...page, items: page.items.map((row) => viewOf(row, mirror)) }
  },

  openIncident: async ({ context, tenant, tenantId, principal, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const links: Link[] = []
    for (const asked of body.subjects ?? []) {
      const { kind, id, name } = await findSubject(asked, tenant, mirror)
      links.push({ kind, refId: id, name })
    }
    const by = doerOf(principal, mirror)
    const row = await tenant.transaction(async (tx) => {
      const story = body.story === undefined ? undefined : await storyRow(tx, body.story)
      return openIncident(tx, { ...body, story, links }, by, context.nowMs())
    })
    await record({ target: row.id, resourceKind: 'incident', details: { story: body.story ?? null } })
    await tellIncident('create', row, by, context)
    return viewOf(row, mirror)
  },

  getIncident: async ({ context, tenant, tenantId, params }) => toldOf(tenant, tenantId, params['id'] ?? '', context),

  changeIncident: async ({ context, tenant, tenantId, principal, params, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const by = doerOf(principal, mirror)
    const nowMs = context.nowMs()
    const { title, severity, take, comment, close, reopen } = body
    const row = await tenant.transaction(async (tx) => {
      let row = await incidentRow(tx, params['id'] ?? '')
      const set = async (next: Partial<Omit<Incident, 'tenantId' | 'id'>>) => {
        await tx.updateTable('incidents').set(next).where('incidents.id', '=', row.id).execute()
        row = { ...row, ...next }
      }
      if (reopen) {
        if (row.state !== 'closed') throw new Fault('version-conflict', { hint: 'The incident is not closed.' })
        await set({ state: 'taken', takenBy: principal.userId, closedAtMs: null, cause: null, causeText: '' })
        await addEntry(tx, row.id, 'reopened', '', by, nowMs)
      }
      if (title !== undefined || severity !== undefined) {
        await set({ ...(title !== undefined && { title }), ...(severity !== undefined && { severity }) })
        await addEntry(tx, row.id, 'triaged', `${severity ?? row.severity}: ${title ?? row.title}`, by, nowMs)
      }
      if (take) {
        await set({ takenBy: principal.userId, state: stateAfter(row.state, 'taken') })
        await addEntry(tx, row.id, 'taken', '', by, nowMs)
      }
      if (comment !== undefined) await addEntry(tx, row.id, 'comment', comment, by, nowMs)
      if (close) row = await closeIncident(tx, row, close, by, nowMs)
      return row
    })
    await record({ target: row.id, resourceKind: 'incident', details: { did: Object.keys(body) } })
    if (Object.keys(body).some((key) => key !== 'comment'))
      await tellIncident(close ? 'close' : 'update', row, by, context)
    return viewOf(row, mirror)
  },

  addToIncident: async ({ context, tenant, tenantId, principal, params, body, record }) => {
    const mirror = await context.mirrors.current(tenantId)
    const nowMs = context.nowMs()
    const by = doerOf(principal, mirror)
    const { row, link } = await tenant.transaction(async (tx) => {
      const incident = await incidentRow(tx, params['id'] ?? '')
      const found = await findThing(body, tx, mirror, context)
      await addLink(tx, incident.id, found, nowMs)
      await addEntry(tx, incident.id, 'linked', `${found.kind} ${found.name}`, by, nowMs)
      return { row: incident, link: found }
    })
    await record({ target: row.id, resourceKind: 'incident', details: { kind: link.kind, id: link.refId } })
    return { kind: link.kind, id: link.refId, name: link.name, at: new Date(nowMs).toISOString() }
  },

  containInIncident: async ({ context, tenant, tenantId, principal, params, body, ip, record, effect }) => {
    const mirror = await context.mirrors.current(tenantId)
    const incident = await incidentRow(tenant, params['id'] ?? '')
    const nextState = stateAfter(incident.state, 'contained')
    const subject = await findSubject(body, tenant, mirror)
    const { row, sequence, endedSessions } = await containSubject(
      tenantId,
      {
        subject,
        reason: `${incident.id}: ${incident.title}`.slice(0, 500),
        ownerId: principal.userId,
        expiresAtMs: context.nowMs() + body.expiresInSeconds * 1000,
        acknowledgesLockout: body.acknowledgeLockout === true,
        askedFrom: ip,
      },
      context,
    )
    const by = doerOf(principal, mirror)
    const nowMs = context.nowMs()
    await tenant.transaction(async (tx) => {
      await tx.updateTable('incidents').set({ state: nextState }).where('incidents.id', '=', incident.id).execute()
      await addLink(tx, incident.id, { kind: subject.kind, refId: subject.id, name: subject.name }, nowMs)
      await addLink(tx, incident.id, { kind: 'containment', refId: row.id, name: subject.name }, nowMs)
      await addEntry(tx, incident.id, 'contained', `${subject.kind} ${subject.name}`, by, nowMs)
    })
    const details = { id: row.id, incident: incident.id, endedSessions }
    await record({ target: subject.name, resourceKind: subject.kind, operation: 'contain', details })
    await tellIncident('update', { ...incident, state: nextState }, by, context)
    return { containment: row.id, effect: await effect(sequence) }
  },

  recoverIncident: async ({ context, tenant, tenantId, principal, params, record, effect }) => {
    const mirror = await context.mirrors.current(tenantId)
    const by = doerOf(principal, mirror)
    const nowMs = context.nowMs()
    const done = await tenant.transaction(async (tx) => {
      const incident = await incidentRow(tx, params['id'] ?? '')
      const state = stateAfter(incident.state, 'recovered')
      const leases = (await linksOf(tx, incident.id)).filter(({ kind }) => kind === 'containment')
      let sequence: number | null = null
      const released: string[] = []
      for (const { refId } of leases) {
        const gone = await tx
          .deleteFrom('containments')
          .where('containments.id', '=', refId)
          .returning('containments.subjectName')
          .executeTakeFirst()
        if (!gone) continue
        released.push(gone.subjectName)
        sequence = await tx.appendChanges([{ op: 'remove', kind: 'containment', id: refId }])
      }
      await tx.updateTable('incidents').set({ state }).where('incidents.id', '=', incident.id).execute()
      await addEntry(tx, incident.id, 'released', released.join(', '), by, nowMs)
      return { row: { ...incident, state }, sequence, released }
    })
    await record({ target: done.row.id, resourceKind: 'incident', details: { released: done.released } })
    await tellIncident('update', done.row, by, context)
    return { released: done.released.length, effect: await effect(done.sequence) }
  },

  investigate: async ({ context, tenantId, query }) => investigate(tenantId, query, context),

  getBlastRadius: async ({ context, tenantId, params, query }) =>
    blastRadiusOf(tenantId, params['name'] ?? '', query.from, context),

  getIncidentReport: async ({ context, tenant, tenantId, params, query }) => {
    const told = await toldOf(tenant, tenantId, params['id'] ?? '', context)
    const { incident } = told
    if (query.format === 'ocsf') {
      const { items } = await context.journal.list(tenantId, {
        limit: caps.incidentEntries.default,
        fields: { class_uid: 2005, 'unmapped.incident_uid': incident.id },
      })
      const lines = items.toReversed().map(({ event }) => `${JSON.stringify(event)}\n`)
      return fileOf(`${incident.id}.ndjson`, 'application/x-ndjson', lines.join(''))
    }
    const radii = []
    for (const { id } of told.links.filter(({ kind }) => kind === 'user').slice(0, 5))
      radii.push(await blastRadiusOf(tenantId, id, undefined, context).catch(orGone))
    const document = incidentDocument({ ...told, radii: radii.filter((radius) => radius !== null) })
    if (query.format !== 'pdf') return fileOf(`${incident.id}.html`, 'text/html; charset=utf-8', htmlOf(document))
    const { pdfOf } = await import('#control/reports/pdf.ts')
    return fileOf(`${incident.id}.pdf`, 'application/pdf', await pdfOf(document, context.nowMs()))
  },
}

/** A person who is no more has no reach. */
function orGone(error: unknown): null {
  if (error instanceof Fault && error.code === 'not-found') return null
  throw error
}

export function fileOf(fileName: string, mediaType: string, content: string | Buffer) {
  return { fileName, mediaType, content: Buffer.from(content).toString('base64') }
}

function doerOf({ userId, userName }: Principal, mirror: TenantMirror): Doer {
  return { id: userId, name: mirror.get('user', userId)?.name ?? userName }
}

function viewOf(row: Incident, mirror: TenantMirror): IncidentView {
  return incidentViewOf(row, (id) => mirror.get('user', id)?.name ?? id)
}

async function storyRow(tx: TenantHandle, id: string) {
  const row = await tx.selectFrom('stories').selectAll().where('stories.id', '=', id).executeTakeFirst()
  if (!row) throw new Fault('not-found')
  return row
}

type AddCall = Call<(typeof routes)['addToIncident']>

async function findThing(
  { kind, name }: AddCall['body'],
  tx: TenantHandle,
  mirror: TenantMirror,
  context: ControlContext,
): Promise<Link> {
  if (kind === 'story') {
    const story = await storyRow(tx, name)
    return { kind, refId: story.id, name: story.kind }
  }
  if (kind === 'event') {
    const { items } = await context.journal.list(tx.tenantId, { limit: 1, fields: { 'metadata.uid': name } })
    if (items.length === 0) throw new Fault('not-found')
    return { kind, refId: name, name }
  }
  const found = await findSubject({ kind, name }, tx, mirror)
  return { kind, refId: found.id, name: found.name }
}

async function toldOf(tenant: TenantHandle, tenantId: string, id: string, context: ControlContext) {
  const mirror = await context.mirrors.current(tenantId)
  const row = await incidentRow(tenant, id)
  const links = await linksOf(tenant, id)
  const entries = await tenant
    .selectFrom('incidentEntries')
    .selectAll()
    .where('incidentEntries.incidentId', '=', id)
    .orderBy('incidentEntries.atMs')
    .execute()
  const storyIds = links.filter(({ kind }) => kind === 'story').map(({ refId }) => refId)
  const stories =
    storyIds.length === 0
      ? []
      : await tenant.selectFrom('stories').selectAll().where('stories.id', 'in', storyIds).execute()
  const looked = await lookAtEvents(row, links, context)
  const facts = looked.events.map((each) => each.facts)
  const { items, leftOut } = timelineOf(entries, stories, facts)
  return {
    incident: viewOf(row, mirror),
    links: links.map(({ kind, refId, name, atMs }) => ({ kind, id: refId, name, at: new Date(atMs).toISOString() })),
    timeline: items,
    graph: graphOf(
      facts,
      new Set(links.map(({ refId }) => refId)),
      (device) => mirror.get('device', device)?.name ?? device,
    ),
    isPartial: looked.isPartial || leftOut > 0,
  }
}
