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
    }),
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
      proof: z.object({ identities: z.number().int(), realApps: z.number().int(), policies: z.number().int() }),
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
    body: z.strictObject({}),
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
