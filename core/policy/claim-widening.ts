// What a change of identity providers opens: whoever a provider says is in a group of theirs becomes a member of ours, and
// nobody here sees who that is. Must never miss a mapping that works after the change and did not before.
import { decidingOf, reachOf, type Subject } from './reach.ts'
import type { TenantRules } from './tenant-rules.ts'
import { plainCircumstances, type Widening } from './widening.ts'

/** One thing that a provider may say of people, and what becomes of them here. */
export type ClaimMapping = {
  readonly provider: string
  /** Whose word it is, and where in it: another issuer or claim makes it another mapping. */
  readonly source: string
  /** A group of theirs; null: anybody at all whom they sign in is made a user. */
  readonly theirs: string | null
  /** null: in no group. */
  readonly ours: string | null
}

type Side = { readonly rules: TenantRules; readonly mappings: readonly ClaimMapping[] }

/** Empty for a tenant that had no app before, as for all openings. */
export function claimWidenings(before: Side, after: Side, nowMs: number): readonly Widening[] {
  if (before.rules.apps.size === 0) return []
  const key = ({ provider, source, theirs, ours }: ClaimMapping) => JSON.stringify([provider, source, theirs, ours])
  const known = new Set(before.mappings.map(key))
  const fresh = after.mappings.filter((mapping) => !known.has(key(mapping)))
  if (fresh.length === 0) return []
  const groups = new Set(
    [...before.mappings, ...after.mappings].map(({ ours }) => ours).filter((name) => name !== null),
  )
  const subjects: readonly Subject[] = [
    { kind: 'anyone' },
    ...Array.from(groups, (name) => ({ kind: 'group' as const, name })),
  ]
  const at = new Map<string | null, number>([
    [null, 0],
    ...Array.from(groups, (name, index) => [name, index + 1] as const),
  ])
  const [circumstances] = plainCircumstances
  const had = reachOf(before.rules, subjects, circumstances, nowMs)
  const reach = reachOf(after.rules, subjects, circumstances, nowMs)
  const deciding = decidingOf(after.rules, subjects, circumstances, nowMs)
  const found: Widening[] = []
  for (const { provider, source, theirs, ours } of fresh) {
    const own = at.get(ours) ?? 0
    // What the same people had by other mappings, or by being anybody's user at all, is not new for them.
    const others = before.mappings
      .filter(
        (one) => one.provider === provider && one.source === source && (one.theirs === theirs || one.theirs === null),
      )
      .map((one) => at.get(one.ours) ?? 0)
    for (const [app, bits] of reach) {
      if (!bits.has(own)) continue
      const before_ = had.get(app)
      if (others.some((other) => before_?.has(other) === true) || (ours !== null && before_?.has(0) === true)) continue
      const who =
        theirs === null
          ? `whoever identity provider ${provider} signs in`
          : `whoever identity provider ${provider} puts into ${JSON.stringify(theirs)}`
      const policies = [...new Set(deciding(own, app).permits.map(({ name }) => name))].slice(0, 20)
      const cause = ours === null ? 'they become users' : `they become members of group ${ours}`
      found.push({ who, app, circumstances: circumstances.name, policies, cause })
    }
  }
  return found
}
