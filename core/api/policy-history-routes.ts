// Routes of the history of policies: versions, what differs between two, and bringing an earlier one back. What is
// brought back passes the same tests and questions as any other change.
import * as z from 'zod'
import { consent, opening, policyWarning, why } from './policy-views.ts'
import { defineRoutes } from './route.ts'
import { applyChange, effect, page, pageOf, time } from './views.ts'

const P = '/v1/tenants/:tenant/policy'

const versionNumber = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const versionInQuery = z.coerce.number().pipe(versionNumber)

export const policyVersion = z.object({
  version: versionNumber,
  at: time,
  by: z.string().describe('name of who asked; `sallyport` for what it did by itself'),
  why: z.string().nullable(),
  approvedBy: z.string().nullable().describe('second administrator, where the change opened something'),
  restores: versionNumber.nullable().describe('the version whose policies it brought back'),
  changes: z
    .array(z.object({ kind: z.string(), name: z.string(), action: z.enum(['create', 'update', 'delete']) }))
    .describe('the first 20 at most'),
  total: z.number().int().describe('of changes'),
})
export type PolicyVersion = z.infer<typeof policyVersion>

const spec = z.record(z.string(), z.unknown()).nullable()
export const policyDifference = z.object({
  kind: z.string(),
  name: z.string(),
  before: spec.describe('null: not there'),
  after: spec.describe('null: not there'),
})
export type PolicyDifference = z.infer<typeof policyDifference>

export const policyHistoryRoutes = defineRoutes({
  listPolicyVersions: {
    method: 'GET',
    path: `${P}/versions`,
    access: 'auditor',
    summary: 'Versions of the policies and their tests, newest first',
    query: page,
    reply: pageOf(policyVersion),
  },
  comparePolicyVersions: {
    method: 'GET',
    path: `${P}/differences`,
    access: 'auditor',
    summary: 'Which policies and tests differ between two versions',
    query: z.object({
      from: versionInQuery.optional().describe('0: before the first one; none: the one before `to`'),
      to: versionInQuery.optional().describe('none: what is in force'),
    }),
    reply: z.object({
      from: versionNumber,
      to: versionNumber,
      differences: z.array(policyDifference),
      total: z.number().int().describe('of documents that differ'),
    }),
  },
  restorePolicyVersion: {
    method: 'POST',
    path: `${P}/versions/:version/restore`,
    access: 'tenant-admin',
    summary: 'Make the policies and their tests as they were then; a new version, and none is lost',
    body: z.strictObject({
      ...consent,
      why,
      dryRun: z.boolean().optional(),
      newest: versionNumber.optional().describe('refuse when there is a newer version than this'),
    }),
    reply: z.object({
      changes: z.array(applyChange),
      warnings: z.array(policyWarning),
      openings: z.array(opening).describe('apps that it opens to outsiders or to everybody'),
      effect: effect.nullable(),
    }),
  },
})
