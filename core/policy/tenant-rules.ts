// A tenant's records as rules: its policies compiled, its people, groups and apps as entities, and the walls that stand
// before policy. For whoever asks what would be decided: explain, tests, replay, reach. Must never be what access rests
// on: the exchange decides by itself, from the same records with the same evaluator.
import type { AppRecord } from '#core/records/app.ts'
import type {
  AppGroupRecord,
  GroupRecord,
  OrganisationRecord,
  PolicyRecord,
  TenantRecords,
  UserRecord,
} from '#core/records/records.ts'
import { decidePolicy, decideRequest, deny, type AuthorizationFacts, type Decision, type DenyReason } from './decide.ts'
import { appEntity, groupEntity, organisationEntity, userEntity } from './directory.ts'
import { type Entity, EntityStore } from './entity.ts'
import { isPathAllowed } from './path-rules.ts'
import { compilePolicies, type Policy } from './policy.ts'
import { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'

export type TenantRules = {
  readonly policies: PolicySet
  readonly entities: EntityStore
  /** By name, as policies and recorded decisions have it. */
  readonly users: ReadonlyMap<string, UserRecord>
  readonly apps: ReadonlyMap<string, AppRecord>
  readonly groups: ReadonlyMap<string, GroupRecord>
  readonly organisations: ReadonlyMap<string, OrganisationRecord>
  readonly appGroups: ReadonlyMap<string, AppGroupRecord>
  readonly organisationOf: (user: UserRecord) => OrganisationRecord | undefined
  /** The records that the policies were made of, by policy id: their text and line. */
  readonly sources: ReadonlyMap<string, PolicyRecord>
}

type Named = { readonly name: string }

/** `reuse`: rules of another moment, whose compiled policies serve again where they are the same. Throws `policy-invalid`. */
export function rulesOf(records: Iterable<TenantRecords>, reuse?: TenantRules): TenantRules {
  const users = new Map<string, UserRecord>()
  const apps = new Map<string, AppRecord>()
  const groupsById = new Map<string, GroupRecord>()
  const appGroupsById = new Map<string, AppGroupRecord>()
  const organisationsById = new Map<string, OrganisationRecord>()
  const sources = new Map<string, PolicyRecord>()
  for (const record of records) {
    if (record.kind === 'user') users.set(record.name, record)
    else if (record.kind === 'app') apps.set(record.name, record)
    else if (record.kind === 'group') groupsById.set(record.id, record)
    else if (record.kind === 'appGroup') appGroupsById.set(record.id, record)
    else if (record.kind === 'organisation') organisationsById.set(record.id, record)
    else if (record.kind === 'policy') sources.set(record.id, record)
  }
  const entities: Entity[] = []
  for (const { name, parentIds } of groupsById.values())
    entities.push(groupEntity(name, namesOf(parentIds, groupsById)))
  for (const { name } of organisationsById.values()) entities.push(organisationEntity(name))
  for (const app of apps.values())
    entities.push(appEntity(app.name, app.displayName, app.appKind, namesOf(app.groupIds, appGroupsById)))
  for (const user of users.values()) {
    const { organisationId } = user
    // As the exchange has it: an outsider of an organisation that is gone is still an outsider.
    const organisation = organisationId === null ? null : (organisationsById.get(organisationId)?.name ?? 'unknown')
    entities.push(userEntity({ ...user, groups: namesOf(user.groupIds, groupsById), organisation }))
  }
  return {
    policies: PolicySet.of(policiesOf(sources.values(), reuse)),
    entities: EntityStore.of(entities),
    users,
    apps,
    groups: byName(groupsById.values()),
    organisations: byName(organisationsById.values()),
    appGroups: byName(appGroupsById.values()),
    organisationOf: ({ organisationId }) =>
      organisationId === null ? undefined : organisationsById.get(organisationId),
    sources,
  }
}

/** Records are never changed in place, so that the same record is the same policy. */
function policiesOf(records: Iterable<PolicyRecord>, reuse: TenantRules | undefined): Policy[] {
  const kept = new Map<string, Policy>()
  const fresh: PolicyRecord[] = []
  const all = [...records]
  for (const record of all) {
    const before = reuse?.sources.get(record.id)
    const policy = before !== undefined && isSame(before, record) ? reuse?.policies.get(record.id) : undefined
    if (policy === undefined) fresh.push(record)
    else kept.set(record.id, policy)
  }
  for (const policy of compilePolicies(fresh)) kept.set(policy.id, policy)
  return all.map(({ id }) => kept.get(id)).filter((policy) => policy !== undefined)
}

/** The text of a policy says all of it; records without their text are compared as what they were compiled from. */
function isSame(left: PolicyRecord, right: PolicyRecord): boolean {
  if (left === right) return true
  return left.text !== '' && left.text === right.text && left.name === right.name && left.line === right.line
}

/** What would be decided, walls first. Sessions, devices and containment are facts of their own time: not asked here. */
export function decideAccess(rules: TenantRules, facts: AuthorizationFacts, request?: Request): Decision {
  const wall = wallFor(rules, facts)
  if (wall !== undefined) return deny(wall)
  // Made once for several rules: it is half of what a decision costs.
  if (request !== undefined && facts.resource.kind === 'app')
    return decideRequest(rules.policies, rules.entities, request)
  return decidePolicy(rules.policies, rules.entities, facts)
}

export function wallFor(rules: TenantRules, facts: AuthorizationFacts): DenyReason | undefined {
  const user = rules.users.get(facts.user)
  if (user?.status !== 'active') return 'user-disabled'
  // The internet is in nobody's contract.
  if (facts.resource.kind === 'destination') return user.organisationId === null ? undefined : 'app-not-in-contract'
  const app = rules.apps.get(facts.resource.name)
  if (app === undefined) return 'app-unknown'
  if (user.organisationId !== null) {
    const contract = rules.organisationOf(user)
    const { nowMs } = facts.time
    if (contract === undefined || nowMs < contract.fromMs || nowMs >= contract.untilMs) return 'outside-contract'
    // An approved request adds one app for a time; it does not reach beyond the window.
    if (!contract.appIds.includes(app.id) && !facts.approved) return 'app-not-in-contract'
  }
  if (!app.enabled) return 'app-disabled'
  if (facts.http === null || facts.action !== 'request') return undefined
  return isPathAllowed(app.http.rules, facts.http) ? undefined : 'path-not-allowed'
}

function byName<T extends Named>(records: Iterable<T>): ReadonlyMap<string, T> {
  return new Map(Array.from(records, (record) => [record.name, record]))
}

function namesOf(ids: readonly string[], table: ReadonlyMap<string, Named>): string[] {
  return ids.map((id) => table.get(id)?.name).filter((name) => name !== undefined)
}
