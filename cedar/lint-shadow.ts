// Finds policies that another one makes pointless: whenever they apply the other applies too, so that taking them out
// changes no decision and no duty. Must only speak when that is sure; the hierarchy that it goes by is that of now.
import { obligationNames } from '#core/policy/schema.ts'
import type { Policy, Target } from '#core/policy/policy.ts'
import { readPolicy } from '#core/policy/policy-form.ts'
import { readJson } from '#core/policy/policy.ts'
import { implies, type Part, partsOf } from './lint-conditions.ts'

/** Keys of everything that an entity is in, through others too: `Group staff` for `User ada`. */
export type Above = (key: string) => ReadonlySet<string>

export type Shadow = { readonly policy: Policy; readonly over: Policy }

/** Pairs compared, at most: a bound on time for very large sets. What is beyond it is passed over. */
const maxPairs = 2_000_000

export function shadows(policies: readonly Policy[], above: Above): readonly Shadow[] {
  const order = new Map(policies.map((policy, at) => [policy, at]))
  const covers = coverageOf(above)
  const index = indexOf(policies)
  const found: Shadow[] = []
  let left = maxPairs
  for (const policy of policies) {
    const over = candidates(index, policy, above).find((other) => {
      if (other === policy || --left < 0) return false
      const isSame = other.effect === policy.effect
      if (!isSame && other.effect !== 'forbid') return false
      if (isSame && !keepsDuties(other, policy)) return false
      if (!covers(other, policy)) return false
      // Of two that cover each other only the later is told of.
      return (
        !isSame ||
        !covers(policy, other) ||
        !keepsDuties(policy, other) ||
        (order.get(other) ?? 0) < (order.get(policy) ?? 0)
      )
    })
    if (over !== undefined) found.push({ policy, over })
  }
  return found
}

/** Whether a policy surely applies whenever another one does. */
export function coverageOf(above: Above): (wide: Policy, narrow: Policy) => boolean {
  // By source: a policy that was narrowed to one app keeps its conditions.
  const parts = new Map<string, readonly Part[]>()
  const partsFor = ({ condition, source }: Policy): readonly Part[] =>
    condition === null ? [] : parts.getOrInsertComputed(source, () => partsOf(readPolicy(readJson(source)).conditions))
  return (wide, narrow) =>
    coversTarget(wide.principal, narrow.principal, above) &&
    coversTarget(wide.resource, narrow.resource, above) &&
    coversAction(wide, narrow) &&
    implies(partsFor(narrow), partsFor(wide))
}

/** The duties that `narrow` puts on an access, `wide` puts on it too. */
function keepsDuties(wide: Policy, narrow: Policy): boolean {
  if (narrow.effect === 'forbid') return true
  return obligationNames.every((name) => {
    const duty = narrow.annotations.get(name)
    return duty === undefined || duty === wide.annotations.get(name)
  })
}

/** Whether everything that `narrow` matches is matched by `wide`. */
export function coversTarget(wide: Target, narrow: Target, above: Above): boolean {
  if (wide.type !== null && wide.type !== narrow.type && !(narrow.isExact && narrow.uid?.type === wide.type))
    return false
  if (wide.uid === null) return true
  if (narrow.uid === null) return false
  if (wide.isExact) return narrow.isExact && narrow.uid.key === wide.uid.key
  return narrow.uid.key === wide.uid.key || above(narrow.uid.key).has(wide.uid.key)
}

function coversAction({ action: wide }: Policy, { action: narrow }: Policy): boolean {
  if (wide.kind === 'any') return true
  if (narrow.kind === 'any') return false
  const covered = new Set(wide.kind === 'exact' ? [wide.action.key] : wide.actions.map(({ key }) => key))
  const asked = narrow.kind === 'exact' ? [narrow.action] : narrow.actions
  // The product's actions have no groups, so `in` and `==` mean the same
  return asked.length > 0 && asked.every(({ key }) => covered.has(key))
}

type Index = ReadonlyMap<string, ReadonlyMap<string, readonly Policy[]>>

const ANY = '*'
const keyOf = (target: Target): string => target.uid?.key ?? ANY

function indexOf(policies: readonly Policy[]): Index {
  const index = new Map<string, Map<string, Policy[]>>()
  for (const policy of policies)
    index
      .getOrInsertComputed(keyOf(policy.resource), () => new Map<string, Policy[]>())
      .getOrInsertComputed(keyOf(policy.principal), () => [])
      .push(policy)
  return index
}

/** Those whose scope could be as wide. */
function candidates(index: Index, { principal, resource }: Policy, above: Above): readonly Policy[] {
  const keys = (target: Target) => (target.uid === null ? [ANY] : [ANY, target.uid.key, ...above(target.uid.key)])
  return keys(resource).flatMap((of) => {
    const byPrincipal = index.get(of)
    return byPrincipal === undefined ? [] : keys(principal).flatMap((who) => byPrincipal.get(who) ?? [])
  })
}
