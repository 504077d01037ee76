// What a change opens to those who are not trusted by default: outside organisations, their people, and everybody. Must
// never miss an app that becomes possible for them, however it came about: by a policy, a group, a contract or an app.
import { Bits } from './bits.ts'
import { maxWidenings } from './caps.ts'
import type { Policy } from './policy.ts'
import { type Circumstances, type Deciding, decidingOf, reachOf, type Subject } from './reach.ts'
import type { TenantRules } from './tenant-rules.ts'

export type Widening = {
  /** In words: *organisation partner*, *user bob of partner*, *everyone*. */
  readonly who: string
  readonly app: string
  readonly circumstances: string
  /** The policies by which it is open now, and was not before. */
  readonly policies: readonly string[]
  /** How it came about, in words. */
  readonly cause: string
}

/**
 * What an approved request opens, somebody entitled has said yes to, person by person: that is no opening. Each is asked
 * apart: an app may have been open before, but never without a device.
 */
export const plainCircumstances: readonly [Circumstances, ...Circumstances[]] = [
  { name: 'without an approved request', context: { approved: false } },
  { name: 'without a known device', context: { approved: false, device: false } },
]

/** A group of nearly all of ours is a group of everybody; below this many people nothing is. */
const leastPeople = 3
const nearlyAll = 0.9

/** Empty for a tenant that had no app before: its first set-up widens nothing that anybody relied on. */
export function wideningsOf(before: TenantRules, after: TenantRules, nowMs: number): readonly Widening[] {
  if (before.apps.size === 0) return []
  const subjects = guarded(before, after, after)
  const subjectsBefore = guarded(before, after, before)
  const found: Widening[] = []
  const told = new Set<string>()
  for (const each of plainCircumstances) {
    const had = reachOf(before, subjectsBefore, each, nowMs)
    const causeOf = causes(() => [
      decidingOf(before, subjectsBefore, each, nowMs),
      decidingOf(after, subjects, each, nowMs),
    ])
    for (const [app, bits] of reachOf(after, subjects, each, nowMs)) {
      const gained = had.has(app) ? bits.without(had.get(app) ?? new Bits(subjects.length)) : bits
      gained.each((at) => {
        const subject = subjects[at]
        if (subject === undefined || isExcused(subject, app, { before, after, had, subjects })) return
        const who = inWords(subject, after)
        if (told.has(`${who} ${app}`) || found.length >= maxWidenings) return
        told.add(`${who} ${app}`)
        found.push({ who, app, circumstances: each.name, ...causeOf(at, app) })
      })
    }
  }
  // A person who has it as everybody of the organisation has it need not be told of apart.
  const wide = new Set(found.map(({ who, app }) => `${who} ${app}`))
  return found.filter(({ who, app }) => {
    const organisation = / of (\S+)$/.exec(who)?.[1]
    return organisation === undefined || !wide.has(`organisation ${organisation} ${app}`)
  })
}

type Asked = (at: number, appName: string) => Deciding

function causes(
  start: () => readonly [Asked, Asked],
): (at: number, app: string) => Pick<Widening, 'policies' | 'cause'> {
  let asked: readonly [Asked, Asked] | undefined
  return (at, app) => {
    const [before, after] = (asked ??= start())
    const [then, now] = [before(at, app), after(at, app)]
    const isIn = (policies: readonly Policy[]) => (one: Policy) =>
      policies.some(({ id, source }) => id === one.id && source === one.source)
    const fresh = now.permits.filter((permit) => !isIn(then.permits)(permit))
    if (fresh.length > 0) return { policies: namesOf(fresh), cause: `by ${quoted(fresh)}` }
    const policies = namesOf(now.permits)
    const gone = then.forbids.filter((forbid) => !isIn(now.forbids)(forbid))
    if (gone.length > 0) return { policies, cause: `${quoted(gone)} no longer stops ${quoted(now.permits)}` }
    return { policies, cause: `${quoted(now.permits)} applies, and the app or the contract lets them now` }
  }
}

/** Names in words: more than anybody reads are counted. */
const shownNames = 3
function quoted(policies: readonly Policy[]): string {
  const names = namesOf(policies)
  const shown = names.slice(0, shownNames).map((name) => JSON.stringify(name))
  return names.length > shownNames ? `${shown.join(', ')} and ${names.length - shownNames} more` : shown.join(', ')
}

function namesOf(policies: readonly Policy[]): string[] {
  return [...new Set(policies.map(({ name }) => name))].slice(0, 20)
}

/** Everybody is in the groups that hold everybody in the version that is asked; all else is the same in both. */
function guarded(before: TenantRules, after: TenantRules, asked: TenantRules): readonly Subject[] {
  const organisations = new Set([...before.organisations.keys(), ...after.organisations.keys()])
  const outsiders = Array.from(after.users.values()).filter(({ organisationId }) => organisationId !== null)
  return [
    { kind: 'anyone' },
    { kind: 'groups', names: groupsOfEverybody(asked, before, after) },
    ...Array.from(organisations, (name) => ({ kind: 'organisation' as const, name })),
    ...outsiders.map(({ name }) => ({ kind: 'user' as const, name })),
  ]
}

/**
 * Groups that hold nearly all of our own people, through other groups too. Only people who are there before and after
 * count: nobody who was there gets anything because somebody comes or goes.
 */
function groupsOfEverybody(rules: TenantRules, before: TenantRules, after: TenantRules): readonly string[] {
  const own = Array.from(rules.users.values()).filter(({ name }) => isOwn(before, name) && isOwn(after, name))
  if (own.length < leastPeople) return []
  const counts = new Map<string, number>()
  for (const { name } of own) {
    for (const key of rules.entities.get(`User ${name}`)?.ancestors.keys ?? [])
      if (key.startsWith('Group ')) counts.set(key.slice(6), (counts.get(key.slice(6)) ?? 0) + 1)
  }
  const names: string[] = []
  for (const [name, count] of counts) if (count >= own.length * nearlyAll && rules.groups.has(name)) names.push(name)
  return names.toSorted()
}

function isOwn(rules: TenantRules, name: string): boolean {
  const user = rules.users.get(name)
  return user?.organisationId === null && user.status === 'active'
}

type Had = {
  readonly before: TenantRules
  readonly after: TenantRules
  readonly had: ReadonlyMap<string, Bits>
  readonly subjects: readonly Subject[]
}

/** A new person of an organisation gets what somebody else of it had: that is not new for the organisation. */
function isExcused(subject: Subject, app: string, { before, after, had, subjects }: Had): boolean {
  if (subject.kind !== 'user' || before.users.has(subject.name)) return false
  const own = organisationOf(subject.name, after)
  const bits = had.get(app)
  if (own === undefined || bits === undefined) return false
  return subjects.some((other, at) => {
    if (!bits.has(at)) return false
    return other.kind === 'organisation'
      ? other.name === own
      : other.kind === 'user' && organisationOf(other.name, before) === own
  })
}

function organisationOf(userName: string, rules: TenantRules): string | undefined {
  const user = rules.users.get(userName)
  return user === undefined ? undefined : rules.organisationOf(user)?.name
}

function inWords(subject: Subject, rules: TenantRules): string {
  if (subject.kind === 'anyone') return 'everyone'
  if (subject.kind === 'groups')
    return subject.names.length === 0 ? 'everyone' : `everyone (${subject.names.join(', ')})`
  if (subject.kind !== 'user') return `${subject.kind} ${subject.name}`
  return `user ${subject.name} of ${organisationOf(subject.name, rules) ?? 'an unknown organisation'}`
}
