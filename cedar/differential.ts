// Compares the compiled evaluator with the official engine on one generated case. For tests and nightly runs.
import { EntityStore } from '#core/policy/entity.ts'
import { type Answer, evaluate } from '#core/policy/evaluate.ts'
import { compilePolicy, compileTemplate, linkTemplate, type Policy } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { readEntities, readRecord, readUid } from '#core/policy/value-json.ts'
import type { DifferentialCase } from './differential-cases.ts'
import { withRawLongs } from './json-exact.ts'
import { askPrepared, prepareOfficial, type UidJson } from './official.ts'
import type { CedarEngine } from './wasm.ts'

export type Difference = { readonly request: unknown; readonly compiled: unknown; readonly official: unknown }

export type Tally = { compared: number; allowed: number; withErrors: number; refused: number }

/** `mutate` is applied to what the compiled engine gets, to seed a bug. */
export function compareCase(
  cedar: CedarEngine,
  each: DifferentialCase,
  tally: Tally,
  mutate: (est: unknown) => unknown = (est) => est,
): Difference | null {
  const links = each.links.map(({ templateId, newId, values }) => {
    return { templateId, newId, values: slotsOf(each.templates[templateId], values) }
  })
  const problem = prepareOfficial(cedar, 'differential', {
    staticPolicies: each.policies,
    templates: each.templates,
    templateLinks: links,
  })
  let set: PolicySet | null = null
  let refusal: unknown = null
  try {
    set = compileCase(each, links, mutate)
  } catch (error) {
    refusal = error
  }
  if (problem !== null || set === null) {
    tally.refused++
    return problem !== null && set === null ? null : { request: null, compiled: refusal, official: problem }
  }
  const entities = EntityStore.of(readEntities(each.entities))
  const officialEntities = withRawLongs(each.entities)
  for (const request of each.requests) {
    const official = askPrepared(cedar, 'differential', { ...request, entities: officialEntities })
    if ('failure' in official) return { request, compiled: null, official }
    const compiled = evaluate(
      set,
      {
        principal: readUid(request.principal, 'principal'),
        action: readUid(request.action, 'action'),
        resource: readUid(request.resource, 'resource'),
        context: readRecord(request.context, 'context'),
      },
      entities,
    )
    tally.compared++
    if (official.decision === 'allow') tally.allowed++
    if (official.errors.length > 0) tally.withErrors++
    if (comparable(official) !== comparable(compiled)) return { request, compiled, official }
  }
  return null
}

function compileCase(
  each: DifferentialCase,
  links: readonly { templateId: string; newId: string; values: Record<string, UidJson> }[],
  mutate: (est: unknown) => unknown,
): PolicySet {
  const policies: Policy[] = Object.entries(each.policies).map(([id, est]) => compilePolicy({ id, est: mutate(est) }))
  for (const { templateId, newId, values } of links) {
    const template = compileTemplate({ id: templateId, est: mutate(each.templates[templateId]) })
    const filled = Object.fromEntries(Object.entries(values).map(([slot, uid]) => [slot, readUid(uid, slot)]))
    policies.push(linkTemplate({ id: newId, template, values: filled }))
  }
  return PolicySet.of(policies)
}

/** Cedar wants exactly the slots that a template has. */
function slotsOf(template: unknown, values: Readonly<Record<string, UidJson>>): Record<string, UidJson> {
  const text = JSON.stringify(template, (_key, value: unknown) => (typeof value === 'bigint' ? 0 : value))
  return Object.fromEntries(Object.entries(values).filter(([slot]) => text.includes(`"slot":"${slot}"`)))
}

function comparable({ decision, reasons, errors }: Answer): string {
  return JSON.stringify([decision, reasons.toSorted(), errors.map(({ policyId }) => policyId).toSorted()])
}
