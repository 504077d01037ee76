// Routes to see and to respond: live flows, events, explanation, containment.
import * as z from 'zod'
import { containmentAnswers, containmentScopes, containmentSubjects } from '#core/records/containment.ts'
import { labelName, looseName } from '#core/names.ts'
import { liveFlow } from '#core/wire/feed.ts'
import { explanation } from './policy-views.ts'
import { defineRoutes } from './route.ts'
import { containment, effect, id, page, pageOf, seconds, storedEvent } from './views.ts'

const T = '/v1/tenants/:tenant'
/** One position for each writer that the reading came to; it must fit in an address. */
const eventCursor = z.string().max(8000)

export const respondRoutes = defineRoutes({
  // respond
  listContainments: {
    method: 'GET',
    path: `${T}/containments`,
    access: 'auditor',
    summary: 'Containments in force',
    query: page,
    reply: pageOf(containment),
  },
  contain: {
    method: 'POST',
    path: `${T}/containments`,
    access: 'tenant-admin',
    summary: 'Contain a subject everywhere; waits for the receipts',
    status: 201,
    body: z.strictObject({
      subject: z.strictObject({
        kind: z.enum(containmentSubjects),
        name: z
          .string()
          .min(1)
          .max(2048)
          .describe('name or id; of what has no record: CIDR, host, URL, SHA-256 in hex, category'),
      }),
      answer: z
        .enum(containmentAnswers)
        .optional()
        .describe(
          'ask, step-up, restrict (read only, no downloads), cut (nothing passes), contain (default: all of it)',
        ),
      scope: z.enum(containmentScopes).optional().describe('to apps, to the internet, or all (default)'),
      reason: z.string().min(1).max(500),
      expiresInSeconds: seconds.max(366 * 86_400),
      acknowledgeLockout: z
        .boolean()
        .optional()
        .describe('true: go on although no administrator of the tenant is left until the lease ends'),
    }),
    reply: z.object({ containment, effect }),
  },
  containmentResidual: {
    method: 'GET',
    path: `${T}/containments/:id/residual`,
    access: 'auditor',
    summary: 'What the subject of a containment still has: none, or exactly what',
    reply: z.object({
      isNone: z.boolean().describe('nothing is left, and every exchange was asked'),
      flows: z.array(liveFlow).describe('live flows that a cut should have ended'),
      sessions: z.array(id).describe('live sessions of a subject that was contained whole'),
      missing: z.array(id).describe('exchanges that did not answer: what is there is not known'),
    }),
  },
  releaseContainment: {
    method: 'DELETE',
    path: `${T}/containments/:id`,
    access: 'tenant-admin',
    summary: 'Undo a containment',
    reply: effect,
  },

  // see
  listFlows: {
    method: 'GET',
    path: `${T}/flows`,
    access: 'auditor',
    summary: 'Live flows at every exchange',
    query: z.object({ limit: z.coerce.number().int().min(1).max(2000).optional() }),
    reply: z.object({
      items: z.array(liveFlow),
      total: z.number().int(),
      missing: z.array(id).describe('exchanges that did not answer'),
    }),
  },
  listEvents: {
    method: 'GET',
    path: `${T}/events`,
    access: 'auditor',
    summary: 'Events, newest first',
    query: page.extend({
      after: eventCursor.optional().describe('cursor of the previous page'),
      from: z.iso.datetime().optional(),
      until: z.iso.datetime().optional(),
      class: z.coerce.number().int().optional(),
      user: z.string().max(127).optional(),
      app: z.string().max(127).optional(),
      outcome: z.enum(['success', 'failure']).optional(),
    }),
    reply: z.object({ items: z.array(storedEvent), next: z.string().nullable() }),
  },
  countEvents: {
    method: 'GET',
    path: `${T}/events/summary`,
    access: 'auditor',
    summary:
      'How many events when, and of which kinds, people, apps and reasons; of the newest, as many as are looked at',
    query: z.object({
      search: z.string().max(200).optional(),
      from: z.iso.datetime().optional(),
      until: z.iso.datetime().optional(),
      class: z.coerce.number().int().optional(),
      user: z.string().max(127).optional(),
      app: z.string().max(127).optional(),
      outcome: z.enum(['success', 'failure']).optional(),
    }),
    reply: z.object({
      total: z.number().int().describe('of those looked at'),
      isPartial: z.boolean().describe('there are older ones that were not looked at'),
      buckets: z.array(z.object({ atMs: z.number(), ok: z.number().int(), failed: z.number().int() })).max(120),
      bucketMs: z.number(),
      classes: z.array(z.object({ value: z.string(), count: z.number().int() })).max(20),
      users: z.array(z.object({ value: z.string(), count: z.number().int() })).max(20),
      apps: z.array(z.object({ value: z.string(), count: z.number().int() })).max(20),
      reasons: z.array(z.object({ value: z.string(), count: z.number().int() })).max(20),
    }),
  },
  followEvents: {
    method: 'GET',
    path: `${T}/events/stream`,
    access: 'auditor',
    summary: 'Events as they happen',
    query: z.object({ after: eventCursor.optional() }),
    reply: storedEvent,
    stream: true,
  },
  explain: {
    method: 'POST',
    path: `${T}/explain`,
    access: 'auditor',
    summary: 'What policy would decide, and why',
    body: z.strictObject({
      user: looseName,
      app: labelName,
      posture: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
      factors: z.array(z.string().max(32)).max(16).optional(),
      ip: z.string().max(64).optional(),
      at: z.iso.datetime().optional(),
      method: z.string().max(20).optional(),
      path: z.string().max(2000).optional(),
    }),
    reply: explanation,
  },
})
