// Policies indexed by action, resource and principal, so that a decision looks only at those that can apply. Immutable:
// a change makes a new set and copies only the maps on its way. Must never leave out a policy whose scope matches.
import { Fault } from '#core/fault.ts'
import { maxPolicies } from './caps.ts'
import type { EntityNode, EntityStore } from './entity.ts'
import type { Policy, Target } from './policy.ts'
import type { Request } from './request.ts'
import type { EntityUid } from './value.ts'

/** Index keys: an entity's key, a type name alone (it has no space), or this for any. */
const any = '*'

type Indexed = { readonly policy: Policy; readonly order: number }
type ByPrincipal = ReadonlyMap<string, readonly Indexed[]>
type ByResource = ReadonlyMap<string, ByPrincipal>
type ByAction = ReadonlyMap<string, ByResource>

export class PolicySet {
  static readonly empty: PolicySet = new PolicySet(new Map(), new Map(), 0)
  readonly #policies: ReadonlyMap<string, Indexed>
  readonly #index: ByAction
  readonly #nextOrder: number

  private constructor(policies: ReadonlyMap<string, Indexed>, index: ByAction, nextOrder: number) {
    this.#policies = policies
    this.#index = index
    this.#nextOrder = nextOrder
  }

  /** Throws `policy-invalid` when two have one id. */
  static of(policies: Iterable<Policy>): PolicySet {
    const byId = new Map<string, Indexed>()
    const index = new Map<string, Map<string, Map<string, Indexed[]>>>()
    for (const policy of policies) {
      if (byId.has(policy.id)) throw refused(`Two policies have the id ${JSON.stringify(policy.id)}.`)
      if (byId.size >= maxPolicies) throw refused(`A set has at most ${maxPolicies} policies.`)
      const indexed = { policy, order: byId.size }
      byId.set(policy.id, indexed)
      for (const action of actionKeys(policy)) {
        const byResource = index.getOrInsertComputed(action, () => new Map<string, Map<string, Indexed[]>>())
        const byPrincipal = byResource.getOrInsertComputed(
          targetKey(policy.resource),
          () => new Map<string, Indexed[]>(),
        )
        byPrincipal.getOrInsertComputed(targetKey(policy.principal), () => []).push(indexed)
      }
    }
    return new PolicySet(byId, index, byId.size)
  }

  get size(): number {
    return this.#policies.size
  }

  get(id: string): Policy | undefined {
    return this.#policies.get(id)?.policy
  }

  *[Symbol.iterator](): Generator<Policy> {
    for (const { policy } of this.#policies.values()) yield policy
  }

  /** Adds the policy, or replaces the one of the same id. */
  withPolicy(policy: Policy): PolicySet {
    const before = this.#policies.get(policy.id)
    const base = before === undefined ? this : this.withoutPolicy(policy.id)
    if (base.size >= maxPolicies) throw refused(`A set has at most ${maxPolicies} policies.`)
    const order = before?.order ?? this.#nextOrder
    const indexed = { policy, order }
    const policies = new Map(before === undefined ? base.#policies : this.#policies).set(policy.id, indexed)
    const index = base.#edited(policy, (list) => [...list, indexed])
    return new PolicySet(policies, index, Math.max(this.#nextOrder, order + 1))
  }

  withoutPolicy(id: string): PolicySet {
    const found = this.#policies.get(id)
    if (found === undefined) return this
    const policies = new Map(this.#policies)
    policies.delete(id)
    const index = this.#edited(found.policy, (list) => list.filter((each) => each !== found))
    return new PolicySet(policies, index, this.#nextOrder)
  }

  #edited(policy: Policy, edit: (list: readonly Indexed[]) => readonly Indexed[]): ByAction {
    const index = new Map(this.#index)
    for (const action of actionKeys(policy)) {
      const byResource = new Map(index.get(action))
      const byPrincipal = new Map(byResource.get(targetKey(policy.resource)))
      setOrDelete(byPrincipal, targetKey(policy.principal), edit(byPrincipal.get(targetKey(policy.principal)) ?? []))
      setOrDelete(byResource, targetKey(policy.resource), byPrincipal)
      setOrDelete(index, action, byResource)
    }
    return index
  }

  /** Policies whose scope matches the request, in the order of the set. */
  matching(request: Request, entities: EntityStore): Policy[] {
    const actionNode = entities.get(request.action.key)
    return this.matchingNodes(
      request,
      actionNode,
      entities.get(request.principal.key),
      entities.get(request.resource.key),
    )
  }

  /** Hot path. As `matching`, with the nodes already looked up. */
  matchingNodes(
    { principal, action, resource }: Request,
    actionNode: EntityNode | undefined,
    principalNode: EntityNode | undefined,
    resourceNode: EntityNode | undefined,
  ): Policy[] {
    const found: Indexed[] = []
    for (const byResource of this.#byAction(action, actionNode)) {
      const visit = (byPrincipal: ByPrincipal | undefined, isOwnResource: boolean): void => {
        if (byPrincipal === undefined) return
        collect(found, byPrincipal.get(any), false, principal, resource, isOwnResource)
        collect(found, byPrincipal.get(principal.type), false, principal, resource, isOwnResource)
        collect(found, byPrincipal.get(principal.key), true, principal, resource, isOwnResource)
        if (principalNode === undefined) return
        for (const key of principalNode.ancestors.keys) {
          collect(found, byPrincipal.get(key), false, principal, resource, isOwnResource)
        }
      }
      visit(byResource.get(any), false)
      visit(byResource.get(resource.type), false)
      visit(byResource.get(resource.key), true)
      if (resourceNode !== undefined) for (const key of resourceNode.ancestors.keys) visit(byResource.get(key), false)
    }
    return inOrder(found)
  }

  /** For explaining: policies for this action and resource, whoever the principal is. At most `limit`. */
  forResource({ action, resource }: Request, entities: EntityStore, limit: number): Policy[] {
    const found: Indexed[] = []
    const resourceKeys = [resource.key, ...(entities.get(resource.key)?.ancestors.keys ?? []), resource.type, any]
    for (const byResource of this.#byAction(action, entities.get(action.key))) {
      for (const key of resourceKeys) {
        for (const list of byResource.get(key)?.values() ?? []) {
          for (const indexed of list) {
            if (matches(indexed.policy.resource, resource, key === resource.key)) found.push(indexed)
            if (found.length >= limit) return inOrder(found)
          }
        }
      }
    }
    return inOrder(found)
  }

  #byAction(action: EntityUid, node: EntityNode | undefined): ByResource[] {
    const found: ByResource[] = []
    const anyAction = this.#index.get(any)
    if (anyAction !== undefined) found.push(anyAction)
    const exact = this.#index.get(`=${action.key}`)
    if (exact !== undefined) found.push(exact)
    const own = this.#index.get(action.key)
    if (own !== undefined) found.push(own)
    for (const key of node?.ancestors.keys ?? []) {
      const above = this.#index.get(key)
      if (above !== undefined) found.push(above)
    }
    return found
  }
}

function collect(
  found: Indexed[],
  list: readonly Indexed[] | undefined,
  isOwnPrincipal: boolean,
  principal: EntityUid,
  resource: EntityUid,
  isOwnResource: boolean,
): void {
  if (list === undefined) return
  for (const indexed of list) {
    const { policy } = indexed
    if (matches(policy.principal, principal, isOwnPrincipal) && matches(policy.resource, resource, isOwnResource)) {
      found.push(indexed)
    }
  }
}

/** What the index key does not say: `==` matches only the entity's own key, and `is T in G` has a type beside it. */
function matches(target: Target, uid: EntityUid, isOwnKey: boolean): boolean {
  return (!target.isExact || isOwnKey) && (target.type === null || target.type === uid.type)
}

/** A policy can be found through several actions; each counts once. */
function inOrder(found: Indexed[]): Policy[] {
  if (found.length > 1) found.sort((left, right) => left.order - right.order)
  const policies: Policy[] = []
  for (const { policy } of found) if (policies.at(-1) !== policy) policies.push(policy)
  return policies
}

function targetKey({ uid, type }: Target): string {
  return uid?.key ?? type ?? any
}

function actionKeys({ action }: Policy): Iterable<string> {
  switch (action.kind) {
    case 'any':
      return [any]
    case 'exact':
      return [`=${action.action.key}`]
    case 'within':
      return new Set(action.actions.map((each) => each.key))
  }
}

function setOrDelete<K, V extends { readonly size: number } | { readonly length: number }>(
  map: Map<K, V>,
  key: K,
  value: V,
): void {
  if (('size' in value ? value.size : value.length) === 0) map.delete(key)
  else map.set(key, value)
}

function refused(hint: string): Fault {
  return new Fault('policy-invalid', { hint })
}
