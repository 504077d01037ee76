// The person who walks from car to car: leaky buckets of first-ever edges from a user to an app, each weighed by how few
// peers use that app, against how often this user and everyone go to something new. Must never count one edge twice, and
// never let a user's own edges speak for the next one on the same day.
import { countDecades, remains } from './chance.ts'
import { countBoth, usersOfBoth } from './co-use.ts'
import type { Channel } from './kinds.ts'
import type { Observation } from './observation.ts'
import { type Edge, type Person, placeOfApp, rememberApp } from './person.ts'
import { caps } from '#intelligence/caps.ts'
import { appOf, type Tenant, TENURES } from './tenant.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const HALF_LIVES_MS = [20 * MINUTE_MS, DAY_MS, 14 * DAY_MS] as const
/** How far back an edge still belongs to the bucket. */
export const SPANS_MS = [3 * 60 * MINUTE_MS, 3 * DAY_MS, 35 * DAY_MS] as const
/** Of an active day's new edges, how many a bucket is expected to hold; the slow one keeps its own expectation. */
const FAST_SHARE = 0.3
const DAY_SHARE = 1.5
const SHAPES = [0.5, 1, 2] as const
/** bits: an app that one peer in sixteen uses weighs 1. */
const BITS_PER_UNIT = 4
const MAX_BITS = 10
const FEWEST_EDGES = 3
const ORDINARY_SHARE = 0.3
const LEAST_SHARE = 2 ** -MAX_BITS
const PRIOR_DAYS = 8
/** Peers that are taken to behave as everyone does: a group of three proves little. */
const PSEUDO_PEERS = 2

export type CarParkScore = { readonly channel: Channel; readonly decades: number; readonly edges: number }

const carParkChannels = ['car-park', 'car-park-day', 'car-park-slow'] as const

/** The scores that this edge changed; none when the edge is not new. */
export function watchEdge(tenant: Tenant, person: Person, observation: Observation): readonly CarParkScore[] {
  const app = appOf(tenant, observation.app)
  const at = placeOfApp(person, app)
  const isDenied = observation.outcome === 'failure'
  const isKnown = at >= 0
  const wasUsed = isKnown && person.appUsed[at] === 1
  const share = isKnown ? 1 : shareOf(tenant, person, app)
  if (isKnown) person.appDay[at] = tenant.day & 0xffff
  else rememberApp(person, app, tenant.day, false)
  if (!isDenied && !wasUsed) learnUse(tenant, person, app)
  if (isKnown) return []
  return openEdge(tenant, person, { observation, app, share, isDenied })
}

type Opening = {
  readonly observation: Observation
  readonly app: number
  readonly share: number
  readonly isDenied: boolean
}

function openEdge(tenant: Tenant, person: Person, opening: Opening): readonly CarParkScore[] {
  const { observation, app, share, isDenied } = opening
  const weight = weightOf(tenant, person, share, isDenied)
  const adoption = tenant.adoption[app]
  if (adoption && !isDenied) {
    adoption.credit = adoption.credit * remains(tenant.nowMs - adoption.atMs, DAY_MS) + 1 / (1 + person.edgesToday)
    adoption.atMs = tenant.nowMs
  }
  person.edgesToday++
  tenant.noveltyToday += Math.max(0, Math.min(weight, 1 - person.noveltyToday))
  person.noveltyToday += weight
  leak(person, tenant.nowMs)
  if (tenant.day - person.firstDay < 3) return []
  for (let each = 0; each < 3; each++) person.buckets[each] = (person.buckets[each] ?? 0) + weight
  const edge: Edge = { timeMs: observation.timeMs, app, weight, share, isDenied, eventId: observation.id }
  person.trail.push(edge)
  if (person.trail.length > caps.trail.default) person.trail.shift()
  return score(tenant, person)
}

function weightOf(tenant: Tenant, person: Person, share: number, isDenied: boolean): number {
  let weight = Math.min(MAX_BITS, Math.max(0.3, -Math.log2(share))) / BITS_PER_UNIT
  // "Tried a locked door."
  if (isDenied) weight = weight * 1.5 + 0.25
  // Somebody gave the user new groups: a new task is the likelier reason for a while.
  if (tenant.day - person.groupsChangedDay < 4) weight *= 0.6
  // So many apps that some were forgotten: new is not news.
  if (person.appCount >= caps.appsPerPerson.default) weight *= 0.2
  return weight
}

function score(tenant: Tenant, person: Person): readonly CarParkScore[] {
  const daily = expectedPerDay(tenant, person) * surge(tenant, person)
  const means = [daily * FAST_SHARE, daily * DAY_SHARE, person.expectedSlow + daily]
  return carParkChannels.map((channel, each) => {
    const edges = person.trail.filter(({ timeMs }) => timeMs > tenant.nowMs - (SPANS_MS[each] ?? 0))
    const decades =
      countDecades(person.buckets[each] ?? 0, (means[each] ?? 0) + 0.004, SHAPES[each] ?? 1) +
      (each === 0 ? orderDecades(tenant, edges) : 0)
    // The app that everyone opens today is one more new app, and no step of a walk.
    const steps = edges.filter(({ share }) => share < ORDINARY_SHARE).length
    return { channel, edges: edges.length, decades: steps < FEWEST_EDGES ? Math.min(decades, 2.5) : decades }
  })
}

/** New weight that a user like this one brings on an active day: the own record, bound by that of everyone as new. */
export function expectedPerDay(tenant: Tenant, person: Person): number {
  // As a multiple of what users known for as long bring: in the first weeks even old habits are new here.
  const prior = priorPerDay(tenant, tenant.day - person.firstDay)
  const shrink = PRIOR_DAYS * prior
  const multiple = (person.novelty + shrink) / (person.noveltyOfAll + shrink)
  return prior * Math.min(10, multiple)
}

function priorPerDay(tenant: Tenant, days: number): number {
  let weight = 0.2
  let count = 1
  for (const [at, end] of TENURES.entries()) {
    const bucket = tenant.noveltyByTenure[at]
    if (!bucket) break
    // What the next younger ones did is worth 20 user-days where there is little of the same age.
    const before = count > 0 ? weight / count : 0
    weight = bucket.weight + 20 * before
    count = bucket.days + 20
    if (days < end) break
  }
  return weight / count
}

/** Above 1 on a day when everyone goes to new things; one user's share of that day is bounded. */
function surge(tenant: Tenant, person: Person): number {
  if (tenant.usersToday < 20) return 1
  const others = tenant.noveltyToday - Math.min(1, person.noveltyToday)
  return Math.min(20, Math.max(1, others / (tenant.usersToday * tenant.noveltyUsual + 3)))
}

/** The share of people like this user who use the app: by groups, by what they use besides, by who came lately. */
function shareOf(tenant: Tenant, person: Person, app: number): number {
  const usual = (tenant.appUsers[app] ?? 0) / (tenant.people.size + 2)
  const peers = peerShare(tenant, person, app, usual)
  const similar = coUseShare(tenant, person, app, usual)
  // Named peers say more than similar ones; what all the others use says little of someone who has peers.
  let share = peers === undefined ? similar : Math.max(peers, 0.4 * similar)
  share = Math.max(share, cohesion(tenant, person, app, usual))
  const adoption = tenant.adoption[app]
  if (adoption) {
    const credit = adoption.credit * remains(tenant.nowMs - adoption.atMs, DAY_MS)
    if (credit >= 2) share = Math.max(share, credit / (credit + 6))
  }
  return Math.max(share, LEAST_SHARE)
}

/** Of the user's groups, the share who use `app`; smaller groups say more, a group of everyone nothing. */
function peerShare(tenant: Tenant, person: Person, app: number, usual: number): number | undefined {
  const everyone = tenant.people.size + 2
  let sum = 0
  let total = 0
  for (const group of person.groups) {
    const size = tenant.groupSizes[group] ?? 0
    if (size < 3 || size > everyone / 2) continue
    const weight = Math.log(everyone / size)
    sum += (weight * ((tenant.groupApps[group]?.get(app) ?? 0) + PSEUDO_PEERS * usual)) / (size + PSEUDO_PEERS)
    total += weight
  }
  return total > 0 ? sum / total : undefined
}

/** Of those who use what this user used before today, the share who use `app`; rarer apps say more. */
function coUseShare(tenant: Tenant, person: Person, app: number, usual: number): number {
  const side = caps.coUseApps.default
  if (app >= side) return usual
  let sum = 0
  let total = 0
  const everyone = tenant.people.size + 2
  for (let at = 0; at < person.appCount; at++) {
    const other = person.apps[at] ?? 0
    const users = tenant.appUsers[other] ?? 0
    if (other >= side || person.appUsed[at] !== 1 || users < 4 || openedToday(person, other, tenant)) continue
    const weight = Math.log(everyone / users)
    sum += (weight * (usersOfBoth(tenant.coUse, other, app) + PSEUDO_PEERS * usual)) / (users + PSEUDO_PEERS)
    total += weight
  }
  return total > 0 ? sum / total : usual
}

/** Apps that are used together count together: who takes up a project pays once for its first app, a bit for the rest. */
function cohesion(tenant: Tenant, person: Person, app: number, usual: number): number {
  const side = caps.coUseApps.default
  if (app >= side) return 0
  let sum = 0
  let count = 0
  for (const edge of person.trail) {
    if (tenant.nowMs - edge.timeMs > DAY_MS) continue
    count++
    const users = tenant.appUsers[edge.app] ?? 0
    if (edge.isDenied || edge.app >= side || users < 4) continue
    sum += Math.max(0, usersOfBoth(tenant.coUse, edge.app, app) / (users + 3) - usual)
  }
  // The mean, not the greatest: of many strange apps, some two go together by chance.
  return count > 0 ? sum / count : 0
}

function openedToday(person: Person, app: number, tenant: Tenant): boolean {
  for (const edge of person.trail) if (edge.app === app && tenant.nowMs - edge.timeMs < DAY_MS) return true
  return false
}

function learnUse(tenant: Tenant, person: Person, app: number): void {
  rememberApp(person, app, tenant.day, true)
  tenant.appUsers[app] = (tenant.appUsers[app] ?? 0) + 1
  for (const group of person.groups) {
    const apps = tenant.groupApps[group]
    apps?.set(app, (apps.get(app) ?? 0) + 1)
  }
  const side = caps.coUseApps.default
  if (app >= side) return
  for (let at = 0; at < person.appCount; at++) {
    const other = person.apps[at] ?? 0
    if (other >= side || other === app || person.appUsed[at] !== 1) continue
    tenant.coUse = countBoth(tenant.coUse, app, other)
  }
}

function leak(person: Person, nowMs: number): void {
  const elapsedMs = nowMs - person.bucketAtMs
  if (elapsedMs <= 0) return
  for (let each = 0; each < 3; each++)
    person.buckets[each] = (person.buckets[each] ?? 0) * remains(elapsedMs, HALF_LIVES_MS[each] ?? DAY_MS)
  person.bucketAtMs = nowMs
}

/** Names in rising (or falling) order: k in a row happen by chance once in k! times. */
function orderDecades(tenant: Tenant, edges: readonly Edge[]): number {
  let [rising, falling] = [1, 1]
  for (let at = 1; at < edges.length; at++) {
    const order = (tenant.appNames[edges[at]?.app ?? 0] ?? '') > (tenant.appNames[edges[at - 1]?.app ?? 0] ?? '')
    rising = order ? rising + 1 : 1
    falling = order ? 1 : falling + 1
  }
  const run = Math.max(rising, falling)
  let decades = 0
  for (let each = 2; each <= run; each++) decades += Math.log10(each)
  return run >= 4 ? Math.min(3, decades / 2) : 0
}

/** When the user's day ends: what it taught. One day moves the own record by a bounded step. */
export function learnNoveltyOfDay(tenant: Tenant, person: Person, today: number): void {
  const tenure = person.day - person.firstDay
  const expected = expectedPerDay(tenant, person)
  const at = TENURES.findIndex((end) => tenure < end)
  const bucket = tenant.noveltyByTenure[at]
  if (bucket) {
    // Half of what is known comes from the last 3000 user-days or so: numbers, not time, make it certain.
    bucket.weight = bucket.weight * 0.9998 + Math.min(person.noveltyToday, at < 3 ? 30 : 4 * expected + 2)
    bucket.days = bucket.days * 0.9998 + 1
  }
  if (tenure >= 3) {
    person.edges = person.edges * 0.95 + person.edgesToday
    person.novelty = person.novelty * 0.95 + Math.min(person.noveltyToday, 2 * expected + 1)
    person.noveltyOfAll = person.noveltyOfAll * 0.95 + priorPerDay(tenant, tenure)
  }
  person.recentDays = tenure >= 3 ? person.recentDays * 0.95 + 1 : 0
  person.expectedSlow =
    (person.expectedSlow + (tenure >= 3 ? expected : 0)) * remains((today - person.day) * DAY_MS, HALF_LIVES_MS[2])
  person.noveltyToday = 0
  person.edgesToday = 0
}

/** After a story: its evidence is spent, so that the next one needs new edges. */
export function spendBuckets(person: Person): void {
  person.buckets.fill(0)
  person.trail = []
}
