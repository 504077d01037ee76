// A decision with everything that is known of why: the policies with their documents, lines and words, and what the
// nearest ones still need. For administrators; how much a person sees of it is the tenant's choice (decide-for.ts).
import type { Explanation } from '#core/api/policy-views.ts'
import { adviceFor, describe } from '#core/policy/advice.ts'
import type { Decision, PolicyRef } from '#core/policy/decide.ts'
import type { PolicyRecord } from '#core/records/records.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'

/** What the policies were made of, by id, and the names of their documents, by the part of the id before the dot. */
export type PolicySources = {
  readonly records: ReadonlyMap<string, PolicyRecord>
  readonly documents: ReadonlyMap<string, string>
}

/** UTF-16 units of a policy's words in an explanation. */
const maxTextLength = 4_000

export async function documentNames(handle: TenantHandle): Promise<ReadonlyMap<string, string>> {
  const rows = await handle
    .selectFrom('resources')
    .select(['resources.id', 'resources.name'])
    .where('resources.kind', '=', 'Policy')
    .execute()
  return new Map(rows.map(({ id, name }) => [id, name]))
}

export function explanationOf(decision: Decision, sources: PolicySources): Explanation {
  return {
    decision: decision.kind,
    reason: decision.kind === 'deny' ? decision.reason : null,
    message: describe(decision),
    advice: adviceFor(decision),
    policies: decision.policies.map((policy) => placeOf(policy, sources)),
    missing:
      decision.kind === 'deny'
        ? decision.missing.map(({ policy, conditions }) => ({
            policy: policy.name,
            conditions: [...conditions],
            place: placeOf(policy, sources),
          }))
        : [],
    errors: decision.errors.map(({ policyId, message }) => ({
      policy: sources.records.get(policyId)?.name ?? policyId,
      message,
    })),
  }
}

function placeOf(
  { id, name, line }: PolicyRef,
  { records, documents }: PolicySources,
): Explanation['policies'][number] {
  const text = records.get(id)?.text
  return {
    id,
    name,
    line,
    document: documents.get(id.split('.')[0] ?? '') ?? null,
    text: text === undefined || text === '' ? null : text.slice(0, maxTextLength),
  }
}
