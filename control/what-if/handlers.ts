// Handlers of the routes about policies in question. Must never write what is only proposed.
import { Fault } from '#core/fault.ts'
import type { TenantRecords } from '#core/records/records.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import type { RecordNames } from '#control/records/from-rows.ts'
import { readTenant, resolver } from '#control/records/load.ts'
import { applyResources } from '#control/resources/apply.ts'
import type { Document } from '#control/resources/document.ts'
import { requireReadable } from '#control/resources/check-policies.ts'
import type { Placed } from '#control/resources/document-faults.ts'
import { policyWarnings } from '#control/resources/policy-warnings.ts'
import type { ResourceRow } from '#control/resources/plan.ts'
import type { TenantStore } from '#control/store/store.ts'
import { explainEvent } from './explain-event.ts'
import { documentNames, explanationOf } from './explanation.ts'
import { openingsOf } from './hold-back.ts'
import { findJob, startJob, stopJob } from './jobs.ts'
import { runPolicyTests } from './policy-tests.ts'
import { recordsOfRows, rulesBeforeAndAfter } from './proposed.ts'
import { openRequest, sealApproval, viewsOfOpenings } from './widening-approval.ts'

export const policyHandlers: Some<
  | 'testPolicies'
  | 'explainEvent'
  | 'startPolicyJob'
  | 'getPolicyJob'
  | 'stopPolicyJob'
  | 'readWideningRequest'
  | 'approveWidening'
> = {
  testPolicies: async ({ context, tenant, tenantId, body }) => {
    const proposal = await propose(tenantId, body, tenant, context)
    const change = rulesBeforeAndAfter(proposal.before, proposal.after)
    const { after } = change
    const documents = new Map([...(await documentNames(tenant)), ...policyDocuments(proposal.rows)])
    const results = runPolicyTests(proposal.rows, proposal.documents, after, context.nowMs()).map(
      ({ document, at, result }) => ({
        document,
        at,
        title: result.title,
        ok: result.kind === 'passed',
        message: result.kind === 'passed' ? null : result.message,
        explanation:
          result.kind === 'passed' || result.decision === null
            ? null
            : explanationOf(result.decision, { records: after.sources, documents }),
      }),
    )
    return {
      results,
      failed: results.filter(({ ok }) => !ok).length,
      warnings: policyWarnings(proposal.rows, proposal.documents),
      openings:
        body.documents === undefined
          ? []
          : viewsOfOpenings(openingsOf(change, proposal.rowsBefore, proposal.rows, context.nowMs())),
    }
  },

  explainEvent: ({ context, tenant, tenantId, params }) => explainEvent(tenantId, params['id'] ?? '', tenant, context),

  startPolicyJob: async ({ context, tenant, tenantId, body }) => {
    const nowMs = context.nowMs()
    if (context.whatIf === null) throw new Fault('what-if-unavailable')
    if (body.kind === 'propose') {
      const { sinceSeconds, holdOutSeconds } = body
      if (holdOutSeconds >= sinceSeconds)
        throw new Fault('request-malformed', { hint: 'holdOutSeconds has to be less than sinceSeconds.' })
      const { before } = await propose(tenantId, {}, tenant, context)
      return startJob(
        tenantId,
        {
          kind: 'propose',
          tenantId,
          records: before,
          sinceMs: nowMs - sinceSeconds * 1000,
          heldOutFromMs: nowMs - holdOutSeconds * 1000,
          untilMs: nowMs,
        },
        context,
      )
    }
    const { before, after } = await propose(tenantId, body, tenant, context)
    if (body.kind === 'reach') {
      const proposed = body.documents === undefined ? null : after
      return startJob(tenantId, { kind: 'reach', before, after: proposed, context: body.context ?? {}, nowMs }, context)
    }
    const sinceMs = nowMs - body.sinceSeconds * 1000
    return startJob(tenantId, { kind: 'replay', tenantId, before, after, sinceMs, untilMs: nowMs }, context)
  },

  getPolicyJob: async ({ context, tenantId, params }) => findJob(tenantId, params['id'] ?? '', context),

  stopPolicyJob: async ({ context, tenantId, params }) => {
    stopJob(tenantId, params['id'] ?? '', context)
    return {}
  },

  readWideningRequest: async ({ context, tenantId, body }) => {
    const { requestedByName, openings, total, untilMs } = openRequest(tenantId, body.request, context)
    return { requestedBy: requestedByName, openings, total, until: new Date(untilMs).toISOString() }
  },

  approveWidening: async ({ context, tenantId, principal, body, record }) => {
    const asked = openRequest(tenantId, body.request, context)
    const approval = sealApproval(tenantId, asked, principal, context)
    await record({
      target: asked.requestedByName,
      resourceKind: 'widening',
      details: { opens: asked.openings.slice(0, 50).map(({ who, app }) => `${app} to ${who}`), total: asked.total },
    })
    return { approval, openings: asked.openings }
  },
}

type Proposal = {
  readonly before: readonly TenantRecords[]
  readonly after: readonly TenantRecords[]
  readonly rowsBefore: readonly ResourceRow[]
  /** As they would be. */
  readonly rows: readonly ResourceRow[]
  readonly documents: readonly Placed<Document>[]
}

/** What applying would make, checked as it would be, nothing written. Throws DocumentsFault. */
async function propose(
  tenantId: string,
  body: { readonly documents?: readonly unknown[] | undefined; readonly prune?: boolean | undefined },
  tenant: TenantStore,
  context: ApiContext,
): Promise<Proposal> {
  const documents = await requireReadable(body.documents ?? [], context.checkPolicies)
  const before = await tenant.selectFrom('resources').selectAll().execute()
  const tenantName = (await readTenant(tenant)).name
  const namesOf = (rows: readonly ResourceRow[]): RecordNames => ({
    tenantName,
    appsDomain: context.config.appsDomain,
    resolve: resolver(rows),
  })
  const records = recordsOfRows(before, namesOf(before))
  if (body.documents === undefined)
    return { before: records, after: records, rowsBefore: before, rows: before, documents }
  const { rows } = await applyResources(tenantId, { documents, dryRun: true, prune: body.prune ?? false }, context)
  return { before: records, after: recordsOfRows(rows, namesOf(rows)), rowsBefore: before, rows, documents }
}

function policyDocuments(rows: readonly ResourceRow[]): (readonly [string, string])[] {
  return rows.filter(({ kind }) => kind === 'Policy').map(({ id, name }) => [id, name] as const)
}
