// The policy tests of a tenant against its rules: the same for `apply`, which refuses a set whose tests fail, and for
// whoever asks first. Each result names the document and the place of its test.
import type { TestResult } from '#core/policy/run-tests.ts'
import { runTest } from '#core/policy/run-tests.ts'
import type { TenantRules } from '#core/policy/tenant-rules.ts'
import { specOf } from '#control/records/from-rows.ts'
import type { Document } from '#control/resources/document.ts'
import type { DocumentFault, Placed } from '#control/resources/document-faults.ts'
import type { ResourceRow } from '#control/resources/plan.ts'

export type PlacedResult = { readonly document: string; readonly at: string; readonly result: TestResult }

export function runPolicyTests(
  rows: readonly ResourceRow[],
  documents: readonly Placed<Document>[],
  rules: TenantRules,
  nowMs: number,
): PlacedResult[] {
  const places = new Map(documents.map(({ at, value }) => [`${value.kind} ${value.name}`, at]))
  return rows
    .filter(({ kind }) => kind === 'PolicyTest')
    .flatMap((row) => {
      const place = places.get(`PolicyTest ${row.name}`) ?? `PolicyTest ${row.name}`
      return specOf('PolicyTest', row).tests.map((test, index) => ({
        document: row.name,
        at: `${place}.spec.tests[${index}]`,
        result: runTest(test, rules, nowMs),
      }))
    })
}

export function testFaults(results: readonly PlacedResult[]): DocumentFault[] {
  return results.flatMap(({ at, result }) =>
    result.kind === 'passed'
      ? []
      : [{ at, message: `${result.title}: ${result.message}`, code: 'policy-test-failed' as const }],
  )
}
