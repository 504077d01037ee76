// What an administrator's change must pass before it is written: the policy tests hold, and what it opens to outsiders or
// to everybody was said yes to. Runs inside the transaction of apply, so that nothing changes between asking and doing.
// Must never let a change through because the rules could not be worked out: then apply fails.
import { maxWidenings } from '#core/policy/caps.ts'
import { type ClaimMapping, claimWidenings } from '#core/policy/claim-widening.ts'
import { wideningsOf, type Widening } from '#core/policy/widening.ts'
import type { ControlContext } from '#control/context.ts'
import { specOf, type RecordNames } from '#control/records/from-rows.ts'
import type { Document } from '#control/resources/document.ts'
import { DocumentsFault, type DocumentFault, type Placed } from '#control/resources/document-faults.ts'
import type { Plan, ResourceKey, ResourceRow } from '#control/resources/plan.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import { Fault } from '#core/fault.ts'
import { runPolicyTests, testFaults } from './policy-tests.ts'
import { isAboutAccess, recordsOfRows, rulesBeforeAndAfter, type RuleChange } from './proposed.ts'
import { approverOf, digestOf, sealRequest } from './widening-approval.ts'

/** Who asks, and how they stand to what the change opens. */
export type Asker = {
  readonly userId: string
  readonly userName: string
  /** They have seen, or do not need to see, what it opens. */
  readonly allowWidening: boolean
  readonly wideningApproval?: string | undefined
}

export type HoldBack = {
  readonly tenantId: string
  readonly plan: Plan
  readonly before: readonly ResourceRow[]
  readonly after: readonly ResourceRow[]
  readonly documents: readonly Placed<Document>[]
  readonly deletes: readonly ResourceKey[]
  readonly prune: boolean
  readonly dryRun: boolean
  readonly names: (rows: readonly ResourceRow[]) => RecordNames
  readonly asker: Asker
}

export type Passed = { readonly openings: readonly Widening[]; readonly approvedBy: string | null }

/** A change that opens something, and the request with which another administrator can approve it. */
export class WideningFault extends DocumentsFault {
  readonly approvalRequest: string

  constructor(faults: readonly DocumentFault[], approvalRequest: string) {
    super(faults)
    this.approvalRequest = approvalRequest
  }
}

/** Throws DocumentsFault (`policy-test-failed`), WideningFault, `token-invalid`. */
export async function requirePassing(
  { tenantId, plan, before, after, documents, deletes, prune, dryRun, names, asker }: HoldBack,
  tx: TenantHandle,
  context: ControlContext,
): Promise<Passed> {
  const touched = [...plan.puts.map((put) => put.after), ...plan.deletes]
  if (!isAboutAccess(touched) && !touched.some(({ kind }) => kind === 'IdentityProvider'))
    return { openings: [], approvedBy: null }
  const nowMs = context.nowMs()
  const rules = rulesBeforeAndAfter(recordsOfRows(before, names(before)), recordsOfRows(after, names(after)))
  const failures = testFaults(runPolicyTests(after, documents, rules.after, nowMs))
  if (failures.length > 0) throw new DocumentsFault(failures)
  const openings = openingsOf(rules, before, after, nowMs)
  if (openings.length === 0 || asker.allowWidening || dryRun) return { openings, approvedBy: null }
  const digest = digestOf([documents.map(({ value }) => value), deletes, prune], openings)
  if (asker.wideningApproval !== undefined) {
    const approvedBy = approverOf(tenantId, asker.wideningApproval, digest, asker, context)
    await requireAdministratorRole(tx, approvedBy)
    return { openings, approvedBy }
  }
  throw new WideningFault(
    openings.map(({ who, app, circumstances, cause }) => ({
      at: `App ${app}`,
      message: `opens to ${who} ${circumstances}: ${cause}`,
      code: 'widening-unconfirmed',
    })),
    sealRequest(tenantId, digest, openings, asker, context),
  )
}

/** By policies, groups, contracts and apps, and by what identity providers may say. */
export function openingsOf(
  rules: RuleChange,
  before: readonly ResourceRow[],
  after: readonly ResourceRow[],
  nowMs: number,
): readonly Widening[] {
  const claims = claimWidenings(
    { rules: rules.before, mappings: mappingsOf(before) },
    { rules: rules.after, mappings: mappingsOf(after) },
    nowMs,
  )
  return [...wideningsOf(rules.before, rules.after, nowMs), ...claims].slice(0, maxWidenings)
}

function mappingsOf(rows: readonly ResourceRow[]): ClaimMapping[] {
  return rows
    .filter(({ kind }) => kind === 'IdentityProvider')
    .flatMap((row) => {
      const spec = specOf('IdentityProvider', row)
      if (spec.enabled === false) return []
      const own = { provider: row.name, source: `${spec.issuer} ${spec.groupsClaim ?? 'groups'}` }
      const mapped = Object.entries(spec.groups ?? {}).map(([theirs, ours]) => ({ ...own, theirs, ours }))
      return spec.createUsers === true ? [...mapped, { ...own, theirs: null, ours: null }] : mapped
    })
}

/** Whoever approved must still be one who may. Throws Fault `token-invalid`. */
async function requireAdministratorRole(tx: TenantHandle, userId: string): Promise<void> {
  const roles = await tx.selectFrom('roles').select('roles.role').where('roles.userId', '=', userId).execute()
  const row = await tx
    .selectFrom('resources')
    .selectAll()
    .where('resources.id', '=', userId)
    .where('resources.kind', '=', 'User')
    .executeTakeFirst()
  const isActive = row !== undefined && (specOf('User', row).status ?? 'active') === 'active'
  if (!isActive || !roles.some(({ role }) => role === 'tenant-admin' || role === 'provider-admin'))
    throw new Fault('token-invalid', { hint: 'Whoever approved it is no administrator any more.' })
}
