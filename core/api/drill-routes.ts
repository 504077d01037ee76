// Routes of drills: start, keep alive, stop, finish; and what a drill made, for those who may know.
import * as z from 'zod'
import { labelName } from '#core/names.ts'
import { scenario } from '#core/drill/scenario.ts'
import { enrolmentRoutes } from './enrolment-routes.ts'
import { defineRoutes } from './route.ts'
import { id, page, pageOf, time } from './views.ts'

const T = '/v1/tenants/:tenant'
const port = z.number().int().min(1).max(65_535)

export const drillView = z.object({
  id,
  name: z.string(),
  version: z.number().int(),
  title: z.string(),
  level: z.enum(['tabletop', 'live', 'propagation']),
  state: z.enum(['running', 'ended']),
  startedBy: z.string(),
  startedAt: time,
  endsAt: time,
  endedAt: time.nullable(),
  endReason: z.string().nullable().describe('finished, stopped, out-of-time, silent, unsafe, alarm'),
  verdict: z.enum(['passed', 'failed']).nullable(),
  techniques: z.array(z.string()),
  detectMs: z.number().nullable(),
  containMs: z.number().nullable().describe('p99 over the paths'),
})
export type DrillView = z.infer<typeof drillView>

/** What one expectation came to; `measured` in words, with its unit. */
const outcome = z.strictObject({
  expectation: z.string().max(300),
  met: z.boolean(),
  measured: z.string().max(300),
})

export const drillReport = z.strictObject({
  verdict: z.enum(['passed', 'failed']),
  outcomes: z.array(outcome).max(60),
  timeline: z.array(z.strictObject({ atMs: z.number().int(), text: z.string().max(500) })).max(2000),
  detectMs: z.number().nullable().describe('first hostile act → first story that names the actor'),
  decideMs: z.number().nullable().optional().describe('that story → the call that contains'),
  hopsUntilSeen: z.number().int().nullable(),
  containMs: z
    .strictObject({ p50: z.number(), p99: z.number(), max: z.number(), paths: z.number().int() })
    .nullable()
    .describe('call → last byte, over the paths'),
  residual: z.array(z.string().max(200)).max(100).describe('ways back in that were found'),
  receipts: z.array(z.strictObject({ exchangeId: z.string().max(64), cutFlows: z.number().int() })).max(1000),
  missing: z.array(z.string().max(64)).max(1000).describe('exchanges that did not answer'),
})
export type DrillReport = z.infer<typeof drillReport>

/** What the conductor has seen so far: the live board. Times are those of its clock. */
export const drillProgress = z.strictObject({
  stage: z.enum(['preparing', 'attack', 'noticed', 'contained', 'proven']),
  firstHostileMs: z.number().int().nullable(),
  seenMs: z.number().int().nullable().describe('the first story that names an actor'),
  decidedMs: z.number().int().nullable().describe('the call that contained'),
  containedMs: z.number().nullable().describe('call → last byte of the slowest path'),
  visits: z
    .array(z.strictObject({ app: z.string().max(200), done: z.boolean(), hostile: z.boolean() }))
    .max(200)
    .describe('the latest ones'),
  held: z
    .array(z.strictObject({ app: z.string().max(200), open: z.boolean(), lastByteMs: z.number().nullable() }))
    .max(200)
    .describe('flows held open; after containment, when the last byte passed'),
  receipts: drillReport.shape.receipts,
  missing: drillReport.shape.missing,
  residual: drillReport.shape.residual.nullable().describe('null: not tried yet'),
  timeline: z.array(drillReport.shape.timeline.element).max(200).describe('the latest entries'),
})
export type DrillProgress = z.infer<typeof drillProgress>

const proof = z.object({ identities: z.number().int(), realApps: z.number().int(), policies: z.number().int() })

const schedule = {
  everySeconds: z.number().int().min(600).max(604_800).nullable().describe('between two drills; null: none'),
  scenarios: z.array(labelName).max(20).describe('of the library; one of them is chosen each time'),
}
export const drillSchedule = z.object({
  ...schedule,
  by: z.string().nullable().describe('with whose rights they are started'),
  nextAt: time.nullable(),
  failure: z.string().nullable().describe('why the last one was not played'),
})

/** An expectation that was not met, until a drill of the same scenario meets it. */
export const drillGap = z.object({
  id,
  scenario: z.string(),
  expectation: z.string(),
  measured: z.string(),
  owner: z.string(),
  state: z.enum(['open', 'closed']),
  openedAt: time,
  closedAt: time.nullable(),
  drill: id.describe('the last drill that tested it'),
  failures: z.number().int().describe('drills that did not meet it'),
})
export type DrillGap = z.infer<typeof drillGap>

/** A scenario of the library, without its steps. */
const libraryScenario = z.object({
  name: z.string(),
  version: z.number().int(),
  title: z.string(),
  about: z.string(),
  level: z.enum(['tabletop', 'live', 'propagation']),
  techniques: z.array(z.string()),
  lastVerdict: z.enum(['passed', 'failed']).nullable(),
  lastAt: time.nullable(),
})

/** `proven`: the last drill of it passed; `stale`: that was over 90 days ago. */
const technique = z.object({
  id: z.string(),
  state: z.enum(['proven', 'failed', 'untested', 'stale']),
  scenarios: z.array(z.string()),
  lastAt: time.nullable(),
  drill: id.nullable(),
})
export type TechniqueView = z.infer<typeof technique>

/** What somebody said to an inject; `inject` counts those of the scenario from 0. */
export const drillAnswer = z.object({ inject: z.number().int(), by: z.string(), at: time, text: z.string() })

export const drillRoutes = defineRoutes({
  getAttackView: {
    method: 'GET',
    path: `${T}/attack-techniques`,
    access: 'auditor',
    summary: 'The library of scenarios, and which ATT&CK techniques they have proven here',
    query: page,
    reply: z.object({ scenarios: z.array(libraryScenario), techniques: z.array(technique) }),
  },
  getDrillReport: {
    method: 'GET',
    path: `${T}/drills/:id/report`,
    access: 'tenant-admin',
    summary: 'The report of a drill as a file',
    query: z.object({ format: z.enum(['html', 'pdf', 'ocsf']).optional().describe('default html') }),
    reply: z.object({ fileName: z.string(), mediaType: z.string(), content: z.string().describe('base64') }),
  },
  answerDrill: {
    method: 'POST',
    path: `${T}/drills/:id/answers`,
    access: 'tenant-admin',
    summary: 'What the team does about an inject',
    body: z.strictObject({ inject: z.number().int().min(0).max(199), text: z.string().min(1).max(2000) }),
    reply: drillAnswer,
  },
  listDrills: {
    method: 'GET',
    path: `${T}/drills`,
    access: 'auditor',
    summary: 'Drills, newest first; of blind ones only those that have ended',
    query: page,
    reply: pageOf(drillView),
  },
  getDrill: {
    method: 'GET',
    path: `${T}/drills/:id`,
    access: 'tenant-admin',
    summary: 'A drill with its report',
    reply: z.object({
      drill: drillView,
      scenario,
      report: drillReport.nullable(),
      restored: z.boolean().nullable(),
      answers: z.array(drillAnswer),
      progress: drillProgress.nullable().describe('of a running drill, as its conductor tells it'),
      proof,
    }),
  },
  proveDrill: {
    method: 'POST',
    path: `${T}/drill-proof`,
    access: 'tenant-admin',
    summary: 'Whether a scenario of the library is provably safe now; makes nothing',
    isQuestion: true,
    body: z.strictObject({ scenario: labelName }),
    reply: proof,
  },
  playDrill: {
    method: 'POST',
    path: `${T}/drill-plays`,
    access: 'tenant-admin',
    summary: 'Have control play a scenario of the library, with the rights of who asks; replies when it has begun',
    status: 201,
    body: z.strictObject({ scenario: labelName }),
    reply: drillView,
  },
  getDrillSchedule: {
    method: 'GET',
    path: `${T}/drill-schedule`,
    access: 'tenant-admin',
    summary: 'The drills that control plays by itself',
    reply: drillSchedule,
  },
  setDrillSchedule: {
    method: 'PUT',
    path: `${T}/drill-schedule`,
    access: 'tenant-admin',
    summary: 'Play one of these scenarios again and again, at no fixed minute; with the rights of who sets it',
    body: z.strictObject(schedule),
    reply: drillSchedule,
  },
  listDrillGaps: {
    method: 'GET',
    path: `${T}/drill-gaps`,
    access: 'auditor',
    summary: 'Expectations that drills did not meet: open ones first, each with its owner',
    query: page,
    reply: pageOf(drillGap),
  },
  assignDrillGap: {
    method: 'PATCH',
    path: `${T}/drill-gaps/:id`,
    access: 'tenant-admin',
    summary: 'Give a gap to somebody',
    body: z.strictObject({ owner: z.string().min(1).max(120).describe('name of a user') }),
    reply: drillGap,
  },
  startDrill: {
    method: 'POST',
    path: `${T}/drills`,
    access: 'tenant-admin',
    summary: 'Prove that a scenario is safe, make its identities and apps, and start it',
    status: 201,
    body: z.strictObject({
      scenario,
      ports: z
        .record(z.string().max(40), port)
        .describe('app handle → loopback port of its canary, beside the connector'),
    }),
    reply: z.object({
      drill: drillView,
      connectorToken: z.string().describe('one-time token of the connector of the canaries'),
      actors: z.record(z.string(), z.object({ user: z.string(), userId: id })),
      apps: z.record(
        z.string(),
        z.object({ name: z.string(), appId: id, kind: z.enum(['http', 'tcp']), host: z.string(), port }),
      ),
      proof,
    }),
  },
  openDrillDevice: {
    method: 'POST',
    path: `${T}/drills/:id/devices`,
    access: 'tenant-admin',
    summary: 'A device and its session for an actor of a running drill',
    status: 201,
    body: z.strictObject({
      actor: labelName,
      csrPem: z.string().max(8192),
      name: z.string().min(1).max(120),
      os: z.string().max(64),
    }),
    reply: enrolmentRoutes.deviceSignIn.reply,
  },
  keepDrill: {
    method: 'POST',
    path: `${T}/drills/:id/heartbeat`,
    access: 'tenant-admin',
    summary: 'The conductor is alive; without this for a minute everything is undone',
    body: z.strictObject({ progress: drillProgress.optional() }),
    reply: drillView,
  },
  finishDrill: {
    method: 'POST',
    path: `${T}/drills/:id/finish`,
    access: 'tenant-admin',
    summary: 'Undo everything that the drill made and keep its report',
    body: drillReport,
    reply: z.object({ drill: drillView, restored: z.boolean().describe('everything else is exactly as it was') }),
  },
  stopDrill: {
    method: 'DELETE',
    path: `${T}/drills/:id`,
    access: 'tenant-admin',
    summary: 'Stop a drill now and undo everything that it made',
    reply: drillView,
  },
})
