// What detection knows of one user: at most 4 KB, plain data, so that a snapshot is one serialisation. Must never hold
// what grows with the number of the user's events.
import { caps } from '#intelligence/caps.ts'
import { type Channel, channels, oddities, type Oddity } from './kinds.ts'
import { METERS } from './meter-names.ts'
import { groupOf, keep, type Tenant } from './tenant.ts'

/** A first-ever edge from the user to an app. */
export type Edge = {
  readonly timeMs: number
  readonly app: number
  readonly weight: number
  /** Share of peers who use the app, as far as known. */
  readonly share: number
  readonly isDenied: boolean
  readonly eventId: string
}

/** A part of a risk score: decades of surprise, the sentence that says why, and the event it came from. */
export type Evidence = {
  readonly channel: Channel
  readonly about: string
  readonly decades: number
  readonly timeMs: number
  readonly eventId: string
  readonly sentence: string
}

export type Person = {
  readonly uid: string
  readonly firstDay: number
  day: number
  lastMs: number
  /** Whole, and decayed at 5 % a day of activity. */
  activeDays: number
  recentDays: number
  groups: readonly number[]
  groupKey: string
  groupsChangedDay: number
  organisation: string
  /** Indexes of apps, the day of last use, and 1 where the user ever got in. */
  apps: Uint32Array
  appDay: Uint16Array
  appUsed: Uint8Array
  appCount: number
  novelty: number
  /** What users known for as long brought on the same days. */
  noveltyOfAll: number
  noveltyToday: number
  edgesToday: number
  /** New apps, decayed like `recentDays`. */
  edges: number
  /** Leaky buckets of the weight of new edges: 20 minutes, 1 day, 14 days. */
  readonly buckets: Float64Array
  bucketAtMs: number
  expectedSlow: number
  trail: Edge[]
  networks: string[]
  networkMs: number[]
  network: string
  countries: string[]
  place: readonly [number, number] | null
  placeMs: number
  devices: string[]
  device: string
  readonly hours: Uint16Array
  readonly hits: Float32Array
  /** Bits: oddities seen today. */
  oddToday: number
  readonly scores: Float64Array
  scoresAtMs: number
  readonly peaks: Float32Array
  readonly meters: Float64Array
  leak: Float64Array
  failures: number
  prompts: number
  failuresAtMs: number
  failuresFromMs: number
  operations: string[]
  evidence: Evidence[]
  toldDay: number
}

export function findPerson(tenant: Tenant, uid: string): Person {
  const known = tenant.people.get(uid)
  if (known) {
    // Users are kept in the order of their last day, so that who goes first is who was away longest.
    if (known.day !== tenant.day) {
      tenant.people.delete(uid)
      tenant.people.set(uid, known)
    }
    return known
  }
  const person: Person = {
    uid,
    firstDay: tenant.day,
    day: tenant.day,
    lastMs: 0,
    activeDays: 1,
    recentDays: 1,
    groups: [],
    groupKey: '',
    groupsChangedDay: 0,
    organisation: '',
    apps: new Uint32Array(8),
    appDay: new Uint16Array(8),
    appUsed: new Uint8Array(8),
    appCount: 0,
    novelty: 0,
    noveltyOfAll: 0,
    noveltyToday: 0,
    edgesToday: 0,
    edges: 0,
    buckets: new Float64Array(3),
    bucketAtMs: tenant.nowMs,
    expectedSlow: 0,
    trail: [],
    networks: [],
    networkMs: [],
    network: '',
    countries: [],
    place: null,
    placeMs: 0,
    devices: [],
    device: '',
    hours: new Uint16Array(24),
    hits: new Float32Array(oddities.length),
    oddToday: 0,
    scores: new Float64Array(channels.length),
    scoresAtMs: tenant.nowMs,
    peaks: new Float32Array(channels.length),
    meters: new Float64Array(METERS * 4),
    leak: new Float64Array(2),
    failures: 0,
    prompts: 0,
    failuresAtMs: 0,
    failuresFromMs: 0,
    operations: [],
    evidence: [],
    toldDay: -1,
  }
  if (keep(tenant.people, uid, person, caps.people.default)) tenant.dropped.people++
  tenant.usersToday++
  return person
}

/** A user is judged against their own record only once there is one. */
export function isSettled(person: Person): boolean {
  return person.activeDays > 3
}

export function placeOfApp(person: Person, app: number): number {
  for (let at = 0; at < person.appCount; at++) if (person.apps[at] === app) return at
  return -1
}

/** Remembers that the user touched the app today; the app unused longest goes when there are too many. */
export function rememberApp(person: Person, app: number, day: number, isUsed: boolean): void {
  let at = placeOfApp(person, app)
  if (at < 0) {
    if (person.appCount < caps.appsPerPerson.default) {
      at = person.appCount++
      if (at >= person.apps.length) growApps(person)
    } else {
      at = 0
      for (let each = 1; each < person.appCount; each++)
        if ((person.appDay[each] ?? 0) < (person.appDay[at] ?? 0)) at = each
    }
    person.apps[at] = app
    person.appUsed[at] = 0
  }
  person.appDay[at] = day & 0xffff
  if (isUsed) person.appUsed[at] = 1
}

function growApps(person: Person): void {
  const length = Math.min(caps.appsPerPerson.default, person.apps.length * 2)
  const [apps, appDay, appUsed] = [new Uint32Array(length), new Uint16Array(length), new Uint8Array(length)]
  apps.set(person.apps)
  appDay.set(person.appDay)
  appUsed.set(person.appUsed)
  person.apps = apps
  person.appDay = appDay
  person.appUsed = appUsed
}

/** Takes up the groups of an event, and what the user already uses counts for new peers. */
export function learnGroups(tenant: Tenant, person: Person, names: readonly string[]): void {
  if (names.length === 0) return
  const key = names.join('\n')
  if (key === person.groupKey) return
  const sorted = names.toSorted().join('\n')
  if (sorted === person.groupKey) return
  const groups = names.map((name) => groupOf(tenant, name)).filter((group) => group >= 0)
  const now = [...new Set(groups)].slice(0, caps.groupsPerPerson.default)
  for (const group of person.groups) if (!now.includes(group)) count(tenant, person, group, -1)
  for (const group of now) if (!person.groups.includes(group)) count(tenant, person, group, 1)
  if (person.groupKey !== '') person.groupsChangedDay = tenant.day
  person.groups = now
  person.groupKey = sorted
}

function count(tenant: Tenant, person: Person, group: number, by: 1 | -1): void {
  tenant.groupSizes[group] = Math.max(0, (tenant.groupSizes[group] ?? 0) + by)
  const apps = tenant.groupApps[group]
  for (let at = 0; apps && at < person.appCount; at++) {
    const app = person.apps[at] ?? 0
    if (person.appUsed[at] === 1) apps.set(app, Math.max(0, (apps.get(app) ?? 0) + by))
  }
}

/** Newest last; the oldest goes. True when it was new. */
export function remember(list: string[], item: string, cap: number): boolean {
  const at = list.indexOf(item)
  if (at >= 0 && at === list.length - 1) return false
  if (at >= 0) list.splice(at, 1)
  list.push(item)
  if (list.length > cap) list.shift()
  return at < 0
}

export function hasToday(person: Person, oddity: Oddity): boolean {
  return (person.oddToday & (1 << oddities.indexOf(oddity))) !== 0
}
