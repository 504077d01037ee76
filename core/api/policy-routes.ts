// Routes about policies before they are applied and after they decided: tests, explanations, replay, reach, proposals,
// and the approval of what a change opens. None of them but the approval changes anything.
import * as z from 'zod'
import { statedContext } from '#core/resources/policy-test.ts'
import { opening, pastExplanation, policyJob, policyTestResult, policyWarning } from './policy-views.ts'
import { defineRoutes } from './route.ts'
import { empty } from './views.ts'

const P = '/v1/tenants/:tenant/policy'

/** Documents as for `apply`; nothing of them is written. */
const proposed = {
  documents: z.array(z.unknown()).max(5000).optional().describe('as for apply; none: what is in force'),
  prune: z.boolean().optional().describe('as for apply'),
}
const since = z
  .number()
  .int()
  .min(60)
  .max(366 * 86_400)
const widening = z.strictObject({ request: z.string().max(60_000).describe('from the refusal of apply') })

export const policyRoutes = defineRoutes({
  testPolicies: {
    method: 'POST',
    path: `${P}/tests`,
    access: 'auditor',
    summary: 'Run the policy tests against what is in force or against what is proposed',
    isQuestion: true,
    body: z.strictObject(proposed),
    reply: z.object({
      results: z.array(policyTestResult),
      failed: z.number().int(),
      warnings: z.array(policyWarning),
      openings: z.array(opening).describe('what the proposed change opens to outsiders or to everybody'),
    }),
  },
  explainEvent: {
    method: 'GET',
    path: `${P}/events/:id`,
    access: 'auditor',
    summary: 'Why a past decision was made, on its recorded inputs',
    reply: pastExplanation,
  },
  startPolicyJob: {
    method: 'POST',
    path: `${P}/jobs`,
    access: 'auditor',
    summary: 'Start to work out what a change would do, who could reach what, or the least that is needed',
    isQuestion: true,
    status: 202,
    body: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('replay'), ...proposed, sinceSeconds: since }),
      z.strictObject({
        kind: z.literal('reach'),
        ...proposed,
        context: statedContext.optional().describe('what is left out is unknown, so that anything possible counts'),
      }),
      z.strictObject({ kind: z.literal('propose'), sinceSeconds: since, holdOutSeconds: since }),
    ]),
    reply: policyJob,
  },
  getPolicyJob: {
    method: 'GET',
    path: `${P}/jobs/:id`,
    access: 'auditor',
    summary: 'How far it is, and the answer when it is done',
    reply: policyJob,
  },
  stopPolicyJob: {
    method: 'DELETE',
    path: `${P}/jobs/:id`,
    access: 'auditor',
    summary: 'Stop working it out, and forget the answer',
    isQuestion: true,
    reply: empty,
  },
  readWideningRequest: {
    method: 'POST',
    path: `${P}/widening-requests`,
    access: 'auditor',
    summary: 'What another administrator asks to be approved',
    isQuestion: true,
    body: widening,
    reply: z.object({
      requestedBy: z.string(),
      openings: z.array(opening),
      total: z.number().int(),
      until: z.iso.datetime(),
    }),
  },
  approveWidening: {
    method: 'POST',
    path: `${P}/widening-approvals`,
    access: 'tenant-admin',
    summary: "Approve what another administrator's change opens; never one's own",
    status: 201,
    body: widening,
    reply: z.object({ approval: z.string(), openings: z.array(opening) }),
  },
})
