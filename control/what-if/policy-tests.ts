// The policy tests of a tenant against its rules: the same for `apply`, which refuses a set whose tests fail, and for
// whoever asks first. Each result names the document and the place of its test.
import { performance } from 'node:perf_hooks'
import { Fault } from '#core/fault.ts'
import type { TestResult } from '#core/policy/run-tests.ts'
import { runTest } from '#core/policy/run-tests.ts'
import type { TenantRules } from '#core/policy/tenant-rules.ts'
import { caps } from '#control/caps.ts'
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
  const all = rows
    .filter(({ kind }) => kind === 'PolicyTest')
    .map((row) => ({ document: row.name, tests: specOf('PolicyTest', row).tests }))
  const count = all.reduce((sum, { tests }) => sum + tests.length, 0)
  if (count > caps.policyTests.default)
    throw new Fault('at-capacity', { hint: `${count} policy tests; a tenant has at most ${caps.policyTests.default}.` })
  const until = performance.now() + caps.policyTestMs.default
  return all.flatMap(({ document, tests }) => {
    const place = places.get(`PolicyTest ${document}`) ?? `PolicyTest ${document}`
    return tests.map((test, index) => {
      if (performance.now() > until)
        throw new Fault('at-capacity', { hint: 'The policy tests take too long; have fewer, or fewer policies.' })
      return { document, at: `${place}.spec.tests[${index}]`, result: runTest(test, rules, nowMs) }
    })
  })
}

export function testFaults(results: readonly PlacedResult[]): DocumentFault[] {
  return results.flatMap(({ at, result }) =>
    result.kind === 'passed'
      ? []
      : [{ at, message: `${result.title}: ${result.message}`, code: 'policy-test-failed' as const }],
  )
}
