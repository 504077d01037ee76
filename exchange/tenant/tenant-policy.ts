// A tenant's policies, compiled, and its people, groups and apps as policies see them; kept in step with the records.
// Must never go on without a `forbid` that could not be read: then nothing is allowed until it can.
import type { AppRecord } from '#core/records/app.ts'
import type { Change, PolicyRecord, UserRecord } from '#core/records/records.ts'
import { decidePolicy, type AuthorizationFacts, type Decision } from '#core/policy/decide.ts'
import { appEntity, destinationEntity, groupEntity, organisationEntity, userEntity } from '#core/policy/directory.ts'
import { EntityStore, type Entity } from '#core/policy/entity.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { policyCompiler, type Policy } from '#core/policy/policy.ts'
import { requestOf } from '#core/policy/request-facts.ts'
import type { EntityUid } from '#core/policy/value.ts'
import type { Tenant } from './tenant.ts'

export type PolicyProblem = {
  readonly policyId: string
  readonly name: string
  readonly isForbid: boolean
  readonly cause: unknown
}

export class TenantPolicy {
  readonly #tenant: Tenant
  #policies: PolicySet
  #entities: EntityStore
  readonly #uids = new Map<string, EntityUid>()
  readonly #problems = new Map<string, PolicyProblem>()
  #readsRequests: boolean | undefined

  constructor(tenant: Tenant) {
    this.#tenant = tenant
    this.#policies = PolicySet.of(compiled(tenant.policies.values(), this.#problems))
    this.#entities = this.#allEntities()
  }

  get problems(): readonly PolicyProblem[] {
    return [...this.#problems.values()]
  }

  /** False while a `forbid` of the tenant could not be read. */
  get isWhole(): boolean {
    return ![...this.#problems.values()].some(({ isForbid }) => isForbid)
  }

  /** Whether any policy may look at more of a request than its method and its host. */
  get readsRequests(): boolean {
    return (this.#readsRequests ??= [...this.#policies].some(({ source }) => readsRequest(source)))
  }

  /** The same of the policies that can apply to this one thing. */
  readsRequestsTo(facts: AuthorizationFacts): boolean {
    const { resource } = facts
    const entities =
      resource.kind === 'app'
        ? this.#entities
        : this.#entities.beside(destinationEntity(resource.host, resource.categories ?? []))
    return this.#policies.matching(requestOf(facts), entities).some(({ source }) => readsRequest(source))
  }

  decide(facts: AuthorizationFacts): Decision {
    return decidePolicy(this.#policies, this.#entities, facts)
  }

  /** To be called after the tenant took the changes in. */
  apply(changes: readonly Change[]): void {
    let isRebuildNeeded = false
    const put: Entity[] = []
    const removed: EntityUid[] = []
    for (const change of changes) {
      const kind = change.op === 'put' ? change.record.kind : change.kind
      const id = change.op === 'put' ? change.record.id : change.id
      if (kind === 'policy') this.#putPolicy(id, this.#tenant.policies.get(id))
      else if (kind === 'group' || kind === 'organisation' || kind === 'appGroup') isRebuildNeeded = true
      else if (kind === 'user' || kind === 'app') {
        const old = this.#uids.get(id)
        const next = kind === 'user' ? this.#userEntity(id) : this.#appEntity(id)
        if (old !== undefined && old.key !== next?.uid.key) removed.push(old)
        if (next === undefined) this.#uids.delete(id)
        else {
          this.#uids.set(id, next.uid)
          put.push(next)
        }
      }
    }
    if (isRebuildNeeded) this.#entities = this.#allEntities()
    else {
      if (removed.length > 0) this.#entities = this.#entities.without(removed)
      if (put.length > 0) this.#entities = this.#entities.with(lastOfEach(put))
    }
  }

  #putPolicy(id: string, record: PolicyRecord | undefined): void {
    this.#problems.delete(id)
    this.#readsRequests = undefined
    this.#policies = this.#policies.withoutPolicy(id)
    if (record === undefined) return
    for (const policy of compiled([record], this.#problems)) this.#policies = this.#policies.withPolicy(policy)
  }

  #allEntities(): EntityStore {
    const entities: Entity[] = []
    this.#uids.clear()
    const { groups, organisations, users, apps } = this.#tenant
    for (const { name, parentIds } of groups.values()) {
      entities.push(groupEntity(name, namesOf(parentIds, groups)))
    }
    for (const { name } of organisations.values()) entities.push(organisationEntity(name))
    for (const [table, make] of [
      [users, (id: string) => this.#userEntity(id)],
      [apps, (id: string) => this.#appEntity(id)],
    ] as const) {
      for (const id of table.keys()) {
        const made = make(id)
        if (made === undefined) continue
        this.#uids.set(id, made.uid)
        entities.push(made)
      }
    }
    return EntityStore.of(entities)
  }

  #userEntity(id: string): Entity | undefined {
    const user: UserRecord | undefined = this.#tenant.users.get(id)
    if (user === undefined) return undefined
    const { organisations, groups } = this.#tenant
    const organisation = user.organisationId === null ? null : organisations.get(user.organisationId)
    return userEntity({
      ...user,
      groups: namesOf(user.groupIds, groups),
      // An outsider of an organisation that is gone is still an outsider.
      organisation: organisation === null ? null : (organisation?.name ?? 'unknown'),
    })
  }

  #appEntity(id: string): Entity | undefined {
    const app: AppRecord | undefined = this.#tenant.apps.get(id)
    if (app === undefined) return undefined
    return appEntity(app.name, app.displayName, app.appKind, namesOf(app.groupIds, this.#tenant.appGroups))
  }
}

/** In Cedar's JSON form `context` is followed by the attribute that is read; as a whole, it counts as everything. */
function readsRequest(source: string): boolean {
  for (const [, attribute] of source.matchAll(/"Var":"context"\}(?:,"attr":"(\w+)")?/g))
    if (attribute === undefined || attribute === 'http') return true
  return false
}

function compiled(records: Iterable<PolicyRecord>, problems: Map<string, PolicyProblem>): Policy[] {
  const policies: Policy[] = []
  const compile = policyCompiler()
  for (const { id, name, est, line } of records) {
    try {
      policies.push(compile({ id, name, est, line }))
    } catch (cause) {
      problems.set(id, { policyId: id, name, isForbid: !isPermit(est), cause })
    }
  }
  return policies
}

/** Leaving out a `permit` only denies more; anything that is not clearly one counts as a `forbid`. */
function isPermit(est: unknown): boolean {
  if (typeof est === 'string') return est.startsWith('{"effect":"permit"')
  return typeof est === 'object' && est !== null && 'effect' in est && est.effect === 'permit'
}

function namesOf(ids: readonly string[], table: ReadonlyMap<string, { readonly name: string }>): string[] {
  return ids.map((id) => table.get(id)?.name).filter((name) => name !== undefined)
}

/** One delta may put a record twice; the later one counts. */
function lastOfEach(entities: readonly Entity[]): Iterable<Entity> {
  return new Map(entities.map((each) => [each.uid.key, each])).values()
}
