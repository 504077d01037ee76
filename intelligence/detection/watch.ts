// What every detector is given, and how it says that something is odd. Must never let a detector decide on a story:
// that is for thresholds.
import { rareDecades } from './chance.ts'
import { type Channel, oddities, type Oddity } from './kinds.ts'
import type { Observation } from './observation.ts'
import { hasToday, isSettled, type Person } from './person.ts'
import type { DetectionState } from './state.ts'
import type { Tenant } from './tenant.ts'

export type Signal = {
  readonly channel: Channel
  readonly about: string
  readonly decades: number
  /** True: one more rare thing, whose decades add up over the day. False: a measure; the greatest counts. */
  readonly isPart: boolean
  readonly sentence: string
}

export type Watch = {
  readonly state: DetectionState
  readonly tenant: Tenant
  readonly person: Person
  readonly observation: Observation
  readonly raise: (signal: Signal) => void
}

/** What is thought of an oddity before a tenant has shown it; worth so many user-days. */
const PRIOR_USER_DAYS = 1000
const priors: Readonly<Partial<Record<Oddity, number>>> = {
  'new-network': 0.02,
  'two-networks-at-once': 0.004,
  'session-two-networks': 0.02,
  'new-country': 0.002,
  'new-device': 0.003,
  'odd-hour': 0.02,
  'away-10-days': 0.01,
  'away-30-days': 0.003,
  finding: 0.01,
  'first-privilege': 0.001,
}

/** Raises an oddity once a user and day, by as much as it is rare; learns from it. */
export function raiseOddity(watch: Watch, oddity: Oddity, channel: Channel, sentence: () => string): void {
  const { tenant, person } = watch
  if (!isSettled(person) || hasToday(person, oddity)) return
  const at = oddities.indexOf(oddity)
  const rate = tenant.rates[oddity]
  // Today's share counts as well: on the day of the new gateway, everyone is on a new network.
  const usual = (rate.days + PRIOR_USER_DAYS * (priors[oddity] ?? 0.0005)) / (tenant.userDays + PRIOR_USER_DAYS)
  const today = (rate.today + 0.2) / (tenant.usersToday + 40)
  const decades = rareDecades(Math.max(usual, today), person.hits[at] ?? 0, person.recentDays)
  person.oddToday |= 1 << at
  person.hits[at] = (person.hits[at] ?? 0) + 1
  rate.days++
  rate.today++
  if (decades >= 0.5) watch.raise({ channel, about: oddity, decades, isPart: true, sentence: sentence() })
}

/** Fit to stand in a sentence: one line, no control or direction characters, short. */
export function plain(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 79)}…` : text
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '·')
}

/** `3 min`, `2 h`, `5 days`. */
export function span(ms: number): string {
  if (ms < 120_000) return `${Math.max(1, Math.round(ms / 1000))} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let at = 0
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000
    at++
  }
  return `${value >= 10 || at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at]}`
}
