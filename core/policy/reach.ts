// Who could reach which app at all, under stated circumstances, whether anybody ever did: the cross product of people,
// groups and organisations with apps, as bitmaps. What is not stated counts as unknown: an app is out of reach only when
// nothing unknown could open it, so that the answer never says *impossible* of what is possible.
import type { AppRecord } from '#core/records/app.ts'
import type { UserRecord } from '#core/records/records.ts'
import type { StatedContext } from '#core/resources/policy-test.ts'
import { Bits } from './bits.ts'
import { userEntity } from './directory.ts'
import type { EntityStore } from './entity.ts'
import { judgePolicy, pathsRead, type Verdict } from './partial.ts'
import type { Policy, Target } from './policy.ts'
import { requestOf } from './request-facts.ts'
import { type Scope, scopeOf } from './scope.ts'
import { factsFrom } from './stated-facts.ts'
import type { TenantRules } from './tenant-rules.ts'
import { EntityUid } from './value.ts'

/** `anyone`: somebody of ours in no group. A group or organisation stands for somebody who is in it and in nothing else. */
export type Subject =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'organisation'; readonly name: string }
  | { readonly kind: 'groups'; readonly names: readonly string[] }
  | { readonly kind: 'anyone' }

export type Circumstances = {
  readonly name: string
  /** What is stated; everything else is unknown. `device: false` states that there is no device. */
  readonly context: StatedContext & { readonly device?: false | undefined }
}

/** Nothing stated: under some circumstances, at least. */
export const anyCircumstances: Circumstances = { name: 'under some circumstances', context: {} }

/** App → who could reach it, a bit for each subject. */
export type Reach = ReadonlyMap<string, Bits>

/** The same subjects for two sets of rules: a bit means the same one in both. */
export function subjectsOf(...versions: readonly TenantRules[]): readonly Subject[] {
  const names = (of: (rules: TenantRules) => Iterable<string>) =>
    [...new Set(versions.flatMap((rules) => [...of(rules)]))].toSorted()
  return [
    { kind: 'anyone' },
    ...names((rules) => rules.organisations.keys()).map((name) => ({ kind: 'organisation' as const, name })),
    ...names((rules) => rules.groups.keys()).map((name) => ({ kind: 'group' as const, name })),
    ...names((rules) => rules.users.keys()).map((name) => ({ kind: 'user' as const, name })),
  ]
}

export function reachOf(
  rules: TenantRules,
  subjects: readonly Subject[],
  circumstances: Circumstances,
  nowMs: number,
): Reach {
  const people = peopleOf(rules, subjects)
  const asking = {
    rules,
    people,
    circumstances,
    nowMs,
    masks: new Map<string, Bits>(),
    sure: new Map<Policy, Verdict>(),
  }
  return new Map(Array.from(rules.apps.values(), (app) => [app.name, reachOfApp(app, asking)]))
}

/** Policies that let somebody reach an app, and those that surely stop them. */
export type Deciding = { readonly permits: readonly Policy[]; readonly forbids: readonly Policy[] }

/** As `reachOf`, for one of the subjects and one app at a time: which policies it is. */
export function decidingOf(
  rules: TenantRules,
  subjects: readonly Subject[],
  circumstances: Circumstances,
  nowMs: number,
): (at: number, appName: string) => Deciding {
  const people = peopleOf(rules, subjects)
  const asking = { rules, people, circumstances, nowMs, masks: new Map<string, Bits>(), sure: new Map() }
  return (at, appName) => {
    const app = rules.apps.get(appName)
    const person = people.users[at]
    if (app === undefined || !person) return { permits: [], forbids: [] }
    const request = requestOf(factsOf(app, '', asking))
    const node = people.entities.get(person.uid.key)
    const scope: Scope = { ...scopeOf(request, people.entities), principal: person.uid, principalNode: node }
    const unknown = unknownOf(asking, person.isMadeUp)
    const counting = rules.policies.forResource(request, rules.entities, Infinity).filter((policy) => {
      if (!maskOf(policy.principal, asking).has(at)) return false
      const verdict = judgePolicy(policy, scope, unknown)
      return verdict === 'applies' || (verdict === 'maybe' && policy.effect === 'permit')
    })
    return {
      permits: counting.filter(({ effect }) => effect === 'permit'),
      forbids: counting.filter(({ effect }) => effect === 'forbid'),
    }
  }
}

type People = {
  readonly entities: EntityStore
  /** null: not there in these rules. */
  readonly users: readonly (Person | null)[]
}
type Person = {
  readonly uid: EntityUid
  readonly record: UserRecord
  readonly isMadeUp: boolean
  /** Those of one class are the same to a policy that asks for groups, organisation and `outside` only. */
  readonly class: number
}
type Asking = {
  readonly rules: TenantRules
  readonly people: People
  readonly circumstances: Circumstances
  readonly nowMs: number
  readonly masks: Map<string, Bits>
  /** Verdicts of policies that ask for neither person nor app. */
  readonly sure: Map<Policy, Verdict>
}

function peopleOf(rules: TenantRules, subjects: readonly Subject[]): People {
  const groupNames = new Map(Array.from(rules.groups.values(), ({ id, name }) => [id, name]))
  const records = subjects.map((subject, at) => recordOf(subject, rules, at))
  const madeUp = records.flatMap((record, at) => {
    if (record === null || subjects[at]?.kind === 'user') return []
    const groups = record.groupIds.map((id) => groupNames.get(id)).filter((name) => name !== undefined)
    return [userEntity({ ...record, groups, organisation: rules.organisationOf(record)?.name ?? null })]
  })
  const entities = rules.entities.with(madeUp)
  const classes = new Map<unknown, number>()
  const users = records.map((record, at): Person | null => {
    if (record === null) return null
    const uid = new EntityUid('User', record.name)
    // Equal parents share one set of ancestors, organisation included.
    const ancestors = entities.get(uid.key)?.ancestors ?? null
    const number = classes.getOrInsertComputed(ancestors, () => classes.size)
    return { uid, record, isMadeUp: subjects[at]?.kind !== 'user', class: number }
  })
  return { entities, users }
}

function recordOf(subject: Subject, rules: TenantRules, at: number): UserRecord | null {
  if (subject.kind === 'user') return rules.users.get(subject.name) ?? null
  const groups = subject.kind === 'group' ? [subject.name] : subject.kind === 'groups' ? subject.names : []
  const groupIds = groups.map((name) => rules.groups.get(name)?.id)
  const organisation = subject.kind === 'organisation' ? rules.organisations.get(subject.name) : null
  if (organisation === undefined || groupIds.includes(undefined)) return null
  return {
    kind: 'user',
    id: `subject ${at}`,
    // No user can have such a name: it has a space.
    name: `subject ${at}`,
    displayName: '',
    email: null,
    groupIds: groupIds.filter((id) => id !== undefined),
    organisationId: organisation?.id ?? null,
    status: 'active',
  }
}

function reachOfApp(app: AppRecord, asking: Asking): Bits {
  const { people, rules } = asking
  const none = new Bits(people.users.length)
  if (!app.enabled) return none
  const permitted = new Bits(people.users.length)
  const forbidden = new Bits(people.users.length)
  const request = requestOf(factsOf(app, '', asking))
  const scope = scopeOf(request, people.entities)
  for (const policy of rules.policies.forResource(request, rules.entities, Infinity)) {
    const mask = maskOf(policy.principal, asking)
    if (mask.isEmpty()) continue
    const into = policy.effect === 'permit' ? permitted : forbidden
    const counts = (verdict: Verdict) => verdict === 'applies' || (verdict === 'maybe' && policy.effect === 'permit')
    const paths = pathsRead(policy)
    const isAboutPerson = paths.some((path) => path === 'principal' || path.startsWith('principal.'))
    if (!isAboutPerson) {
      const isAboutApp = paths.some((path) => /^(?:resource|action|context$|context\.http)/.test(path))
      const verdict = isAboutApp
        ? judgePolicy(policy, scope, unknownOf(asking, false))
        : asking.sure.getOrInsertComputed(policy, () => judgePolicy(policy, scope, unknownOf(asking, false)))
      if (counts(verdict)) into.add(mask)
      continue
    }
    addEach(policy, mask, into, counts, paths, scope, asking)
  }
  permitted.remove(forbidden)
  permitted.keep((at) => hasStanding(people.users[at] ?? null, app, asking))
  return permitted
}

/** Asks about each person in the mask; once for all of a class where the policy cannot tell them apart. */
function addEach(
  policy: Policy,
  mask: Bits,
  into: Bits,
  counts: (verdict: Verdict) => boolean,
  paths: readonly string[],
  scope: Scope,
  asking: Asking,
): void {
  const { people } = asking
  const tellsApart = paths.some((path) => path === 'principal.name' || path === 'principal.email') || namesUsers(policy)
  const known = new Map<number, boolean>()
  mask.each((at) => {
    const person = people.users[at]
    if (person === undefined || person === null) return
    const answer = () => {
      const node = people.entities.get(person.uid.key)
      const own: Scope = { ...scope, principal: person.uid, principalNode: node }
      return counts(judgePolicy(policy, own, unknownOf(asking, person.isMadeUp)))
    }
    if (tellsApart ? answer() : known.getOrInsertComputed(person.class, answer)) into.set(at)
  })
}

/** Whether the conditions could name a user: cheap and on the safe side. */
function namesUsers(policy: Policy): boolean {
  return policy.source.includes('"User"')
}

function maskOf(target: Target, { people, masks }: Asking): Bits {
  const { type, uid, isExact } = target
  return masks.getOrInsertComputed(`${type ?? ''} ${isExact} ${uid?.key ?? ''}`, () => {
    const mask = new Bits(people.users.length)
    if (type !== null && type !== 'User') return mask
    for (const [at, person] of people.users.entries()) {
      if (person === null) continue
      const isIn = (key: string) => people.entities.get(person.uid.key)?.ancestors.set.has(key) === true
      if (uid === null || uid.key === person.uid.key || (!isExact && isIn(uid.key))) mask.set(at)
    }
    return mask
  })
}

function hasStanding(person: Person | null, app: AppRecord, { rules, circumstances, nowMs }: Asking): boolean {
  if (person === null || person.record.status !== 'active') return false
  if (person.record.organisationId === null) return true
  const contract = rules.organisationOf(person.record)
  const atMs = circumstances.context.at === undefined ? nowMs : Date.parse(circumstances.context.at)
  // A contract that begins later opens its apps all the same.
  if (contract === undefined || contract.untilMs <= atMs) return false
  return contract.appIds.includes(app.id) || circumstances.context.approved === true
}

function factsOf(app: AppRecord, user: string, { circumstances, nowMs }: Asking) {
  const action = app.appKind === 'http' ? 'request' : 'connect'
  const { device: _device, ...context } = circumstances.context
  const resource = { kind: 'app', name: app.name } as const
  return factsFrom({ user, action, resource, context, host: app.browserHost ?? app.name }, nowMs)
}

const pathsOfStated: readonly (readonly [keyof StatedContext, readonly string[]])[] = [
  ['door', ['context.session.door']],
  ['factors', ['context.session.factors']],
  ['ageSeconds', ['context.session.ageSeconds']],
  ['posture', ['context.device']],
  ['ip', ['context.network']],
  ['at', ['context.time']],
  ['risk', ['context.risk']],
  ['approved', ['context.approved']],
  ['method', ['context.http.method']],
  ['path', ['context.http.path']],
]

function unknownOf({ circumstances: { context } }: Asking, isMadeUp: boolean): ReadonlySet<string> {
  const unknown = new Set<string>(isMadeUp ? ['principal.name', 'principal.email'] : [])
  for (const [key, paths] of pathsOfStated) {
    if (context[key] !== undefined || (key === 'posture' && context.device === false)) continue
    for (const path of paths) unknown.add(path)
  }
  if (context.posture !== undefined) {
    unknown.add('context.device.id')
    if (context.os === undefined) unknown.add('context.device.os')
  }
  if (context.path === undefined && context.method === undefined) unknown.add('context.http.host')
  return unknown
}
