// A tenant's records as they are and as a plan would have them, as rules that can be asked. Must never write anything.
import type { TenantRecords } from '#core/records/records.ts'
import { rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import { resourceRecords, type RecordNames } from '#control/records/from-rows.ts'
import type { ResourceRow } from '#control/resources/plan.ts'

/** The kinds by which somebody could come to reach more, or a test could come to fail. */
const kindsOfAccess: ReadonlySet<string> = new Set([
  'Group',
  'User',
  'Organisation',
  'AppGroup',
  'App',
  'Policy',
  'PolicyTest',
])

export function isAboutAccess(rows: readonly Pick<ResourceRow, 'kind'>[]): boolean {
  return rows.some(({ kind }) => kindsOfAccess.has(kind))
}

export function recordsOfRows(rows: readonly ResourceRow[], names: RecordNames): TenantRecords[] {
  return rows.filter(({ kind }) => kindsOfAccess.has(kind)).flatMap((row) => resourceRecords(row, names))
}

export type RuleChange = { readonly before: TenantRules; readonly after: TenantRules }

export function rulesBeforeAndAfter(before: readonly TenantRecords[], after: readonly TenantRecords[]): RuleChange {
  const rules = rulesOf(before)
  return { before: rules, after: rulesOf(after, rules) }
}
