// Routes of incidents: from the story or the suspicion to the closed case, with everything on one timeline.
import * as z from 'zod'
import { containmentSubjects } from '#core/records/containment.ts'
import { defineRoutes } from './route.ts'
import { effect, id, page, pageOf, seconds, time } from './views.ts'

const T = '/v1/tenants/:tenant'

export const incidentSeverity = z.enum(['low', 'medium', 'high', 'critical'])
export const incidentState = z.enum(['open', 'taken', 'contained', 'recovered', 'closed'])
export const incidentCause = z
  .enum(['attack', 'misuse', 'mistake', 'expected', 'false-alarm', 'drill', 'unknown'])
  .describe('what it turned out to be; closes the stories with it as well')
const linkKind = z.enum(['story', ...containmentSubjects, 'event', 'containment'])
const subjectKind = z.enum(containmentSubjects)

export const incidentView = z.object({
  id,
  title: z.string(),
  severity: incidentSeverity,
  state: incidentState,
  openedBy: z.string(),
  openedAt: time,
  takenBy: z.string().nullable(),
  closedAt: time.nullable(),
  cause: incidentCause.nullable(),
  causeText: z.string(),
})
export type IncidentView = z.infer<typeof incidentView>

export const incidentLink = z.object({ kind: linkKind, id: z.string(), name: z.string(), at: time })
export type IncidentLink = z.infer<typeof incidentLink>

/** One line of the timeline. `act`: what people and playbooks did; `story`: noticed; `event`: from the journal. */
export const timelineItem = z.object({
  at: time,
  kind: z.enum(['act', 'story', 'event']),
  what: z.string().describe('kind of act, of story, or class and activity of the event'),
  by: z.string().nullable(),
  text: z.string(),
  isRefused: z.boolean(),
  ref: z.string().nullable().describe('id of the story or uid of the event'),
})
export type TimelineItem = z.infer<typeof timelineItem>

export const incidentGraph = z.object({
  nodes: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['user', 'device', 'app', 'host']),
      name: z.string(),
      isLinked: z.boolean().describe('the incident is about it'),
    }),
  ),
  edges: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      count: z.number().int(),
      refused: z.number().int(),
      firstAt: time,
      lastAt: time,
    }),
  ),
  leftOut: z.number().int().describe('things beyond the cap, the rarest'),
})
export type IncidentGraph = z.infer<typeof incidentGraph>

const reachedApp = z.object({
  app: z.string(),
  could: z.boolean().describe('policy would let them in under some circumstances'),
  now: z.boolean().describe('and nothing stands in the way at this moment'),
  stopped: z.string().nullable().describe('what stands in the way now'),
  allowed: z.number().int().describe('times let in'),
  refused: z.number().int(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  firstAt: time.nullable(),
  lastAt: time.nullable(),
})

export const blastRadius = z.object({
  user: z.string(),
  userId: id,
  from: time,
  until: time,
  could: z.number().int(),
  did: z.number().int(),
  now: z.number().int(),
  liveSessions: z.number().int(),
  liveFlows: z.number().int(),
  missing: z.array(id).describe('exchanges that did not say which flows are live'),
  apps: z.array(reachedApp),
  hosts: z.array(
    z.object({ host: z.string(), allowed: z.number().int(), refused: z.number().int(), bytesOut: z.number() }),
  ),
  isPartial: z.boolean().describe('there were more events than are looked through'),
})
export type BlastRadius = z.infer<typeof blastRadius>

const since = z.iso.datetime().optional().describe('default 7 days ago; at most 31')

export const incidentRoutes = defineRoutes({
  listIncidents: {
    method: 'GET',
    path: `${T}/incidents`,
    access: 'auditor',
    summary: 'Incidents, newest first',
    query: page.extend({ state: incidentState.optional() }),
    reply: pageOf(incidentView),
  },
  openIncident: {
    method: 'POST',
    path: `${T}/incidents`,
    access: 'tenant-admin',
    summary: 'Open an incident, from a story or by hand',
    status: 201,
    body: z
      .strictObject({
        story: id.optional().describe('id of the story; its subject comes with it'),
        title: z.string().min(1).max(200).optional().describe("default the story's sentence"),
        severity: incidentSeverity.optional().describe("default by the story's level, else medium"),
        subjects: z
          .array(z.strictObject({ kind: subjectKind, name: z.string().max(127) }))
          .max(20)
          .optional(),
        comment: z.string().min(1).max(4000).optional(),
      })
      .refine((body) => body.story !== undefined || body.title !== undefined, 'name a story or give a title'),
    reply: incidentView,
  },
  getIncident: {
    method: 'GET',
    path: `${T}/incidents/:id`,
    access: 'auditor',
    summary: 'An incident with its things, its timeline and the graph of who reached what',
    reply: z.object({
      incident: incidentView,
      links: z.array(incidentLink),
      timeline: z.array(timelineItem).describe('oldest first'),
      graph: incidentGraph,
      isPartial: z.boolean().describe('there were more events than are looked through or shown'),
    }),
  },
  changeIncident: {
    method: 'PATCH',
    path: `${T}/incidents/:id`,
    access: 'tenant-admin',
    summary: 'Triage, take, comment, close with a cause, or open again',
    body: z
      .strictObject({
        title: z.string().min(1).max(200).optional(),
        severity: incidentSeverity.optional(),
        take: z.literal(true).optional(),
        comment: z.string().min(1).max(4000).optional(),
        close: z.strictObject({ cause: incidentCause, text: z.string().max(4000) }).optional(),
        reopen: z.literal(true).optional(),
      })
      .refine((body) => Object.keys(body).length > 0, 'say what to change')
      .refine((body) => !(body.close && body.reopen), 'close or reopen, not both'),
    reply: incidentView,
  },
  addToIncident: {
    method: 'POST',
    path: `${T}/incidents/:id/things`,
    access: 'tenant-admin',
    summary: 'Say that the incident is about one thing more',
    body: z.strictObject({ kind: linkKind.exclude(['containment']), name: z.string().min(1).max(127) }),
    reply: incidentLink,
  },
  containInIncident: {
    method: 'POST',
    path: `${T}/incidents/:id/contain`,
    access: 'tenant-admin',
    summary: 'Contain a subject of the incident everywhere; waits for the receipts',
    status: 201,
    body: z.strictObject({
      kind: subjectKind,
      name: z.string().min(1).max(127),
      expiresInSeconds: seconds.max(366 * 86_400),
      acknowledgeLockout: z.boolean().optional(),
    }),
    reply: z.object({ containment: id, effect }),
  },
  recoverIncident: {
    method: 'POST',
    path: `${T}/incidents/:id/recover`,
    access: 'tenant-admin',
    summary: 'Undo the containments of the incident that are still in force',
    body: z.strictObject({}),
    reply: z.object({ released: z.number().int(), effect }),
  },
  investigate: {
    method: 'GET',
    path: `${T}/investigate`,
    access: 'auditor',
    summary: 'Events by any field, and how often each value of another field occurs in them',
    query: z.object({
      field: z.string().max(100).optional().describe('dotted path, e.g. `src_endpoint.ip`'),
      value: z.string().max(300).optional(),
      by: z.string().max(100).optional().describe('dotted path to count by'),
      from: since,
      until: z.iso.datetime().optional(),
      limit: z.coerce.number().int().min(1).max(1000).optional().describe('events shown; default 100'),
    }),
    reply: z.object({
      items: z.array(z.record(z.string(), z.unknown())).describe('newest first'),
      counts: z.array(z.object({ value: z.string(), count: z.number().int(), firstAt: time, lastAt: time })),
      found: z.number().int(),
      isPartial: z.boolean(),
    }),
  },
  getBlastRadius: {
    method: 'GET',
    path: `${T}/blast-radius/:name`,
    access: 'auditor',
    summary: 'What a user could reach, did reach and can reach now',
    query: z.object({ from: since }),
    reply: blastRadius,
  },
  getIncidentReport: {
    method: 'GET',
    path: `${T}/incidents/:id/report`,
    access: 'auditor',
    summary: 'The report of an incident as a file',
    query: z.object({ format: z.enum(['html', 'pdf', 'ocsf']).optional().describe('default html') }),
    reply: z.object({
      fileName: z.string(),
      mediaType: z.string(),
      content: z.string().describe('base64'),
    }),
  },
})
