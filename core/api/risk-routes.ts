// Routes of risk: who is risky and why, and what was said to be expected.
import * as z from 'zod'
import { riskSubjects } from '#core/records/risk.ts'
import { defineRoutes } from './route.ts'
import { empty, id, page, pageOf, time } from './views.ts'

const T = '/v1/tenants/:tenant'

const points = z.number().int().min(0).max(100)
const level = z.enum(['low', 'medium', 'high', 'critical'])

const riskView = z.object({
  subject: z.object({ kind: z.enum(riskSubjects), id: z.string(), name: z.string() }),
  points: points.describe('what policies read as `context.risk`: the sum of the parts, faded to now'),
  level,
  parts: z.array(
    z.object({
      points: z.number().int(),
      sentence: z.string(),
      at: time,
      event: z.string().describe('uid of the event'),
    }),
  ),
})
export type RiskView = z.infer<typeof riskView>

const storyException = z.object({
  id,
  subject: z.object({ id: z.string(), name: z.string() }),
  kind: z.string().describe('of stories; empty: every kind'),
  reason: z.string(),
  createdBy: z.string(),
  createdAt: time,
  expiresAt: time,
})

export const riskRoutes = defineRoutes({
  listRisks: {
    method: 'GET',
    path: `${T}/risks`,
    access: 'auditor',
    summary: 'People, devices and third parties with a risk, the greatest first',
    query: page,
    reply: pageOf(riskView),
  },
  getRisk: {
    method: 'GET',
    path: `${T}/risks/:id`,
    access: 'auditor',
    summary: 'The risk of a user, device or organisation by id, with the sentences that it is the sum of',
    reply: riskView,
  },
  listStoryExceptions: {
    method: 'GET',
    path: `${T}/story-exceptions`,
    access: 'auditor',
    summary: 'What was said to be expected, until when',
    query: page,
    reply: pageOf(storyException),
  },
  endStoryException: {
    method: 'DELETE',
    path: `${T}/story-exceptions/:id`,
    access: 'tenant-admin',
    summary: 'Expect it no longer',
    reply: empty,
  },
})
