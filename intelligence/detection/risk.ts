// The risk of a user, a device or a third party, as policies read it: a sum whose parts are the sentences shown, each
// fading by half a day. Must never hold a number that no sentence explains.
import { remains } from './chance.ts'
import type { Evidence, Person } from './person.ts'
import { carParkSentence } from './sentence.ts'
import type { DetectionState } from './state.ts'

const DAY_MS = 86_400_000
const POINTS_PER_DECADE = 8
const LEAST_POINTS = 1
const MAX_POINTS = 100

export type RiskSubject = {
  readonly kind: 'user' | 'device' | 'organisation'
  readonly id: string
}

export type RiskLevel = 'low' | 'medium' | 'high' | 'critical'

export type Risk = {
  /** 0 to 100, whole. */
  readonly points: number
  readonly level: RiskLevel
  /** Their points add up to `points`, the cap apart. */
  readonly parts: readonly {
    readonly points: number
    readonly sentence: string
    readonly timeMs: number
    readonly eventId: string
  }[]
}

/** From how many points on: what `context.risk` says to policies. */
export const riskLevels = { medium: 25, high: 50, critical: 80 } as const

/** The risk at `nowMs`; nothing known is `low` with no parts. */
export function riskOf(state: DetectionState, subject: RiskSubject, nowMs: number): Risk {
  const people = peopleOf(state, subject)
  const parts = people
    .flatMap((person) => partsOf(state, person, nowMs).map((part) => ({ part, person })))
    .map(({ part, person }) => ({
      points: Math.round(POINTS_PER_DECADE * part.decades * remains(nowMs - part.timeMs, DAY_MS / 2)),
      sentence:
        subject.kind === 'user' || part.sentence.includes(person.uid)
          ? part.sentence
          : `${person.uid}: ${part.sentence}`,
      timeMs: part.timeMs,
      eventId: part.eventId,
    }))
    .filter(({ points }) => points >= LEAST_POINTS)
    .toSorted((left, right) => right.points - left.points)
    .slice(0, 16)
  const points = Math.min(
    MAX_POINTS,
    parts.reduce((sum, part) => sum + part.points, 0),
  )
  return { points, level: riskLevelOf(points), parts }
}

/** Everything whose risk rests on this user. */
export function subjectsOf(state: DetectionState, uid: string): readonly RiskSubject[] {
  const person = state.tenant.people.get(uid)
  if (person === undefined) return []
  const { device, organisation } = person
  return [
    { kind: 'user', id: uid },
    ...(device === '' ? [] : [{ kind: 'device' as const, id: device }]),
    ...(organisation === '' ? [] : [{ kind: 'organisation' as const, id: organisation }]),
  ]
}

export function riskLevelOf(points: number): RiskLevel {
  if (points >= riskLevels.critical) return 'critical'
  if (points >= riskLevels.high) return 'high'
  return points >= riskLevels.medium ? 'medium' : 'low'
}

function peopleOf(state: DetectionState, { kind, id }: RiskSubject): readonly Person[] {
  const { people } = state.tenant
  const named = (uids: readonly (string | undefined)[]): Person[] =>
    [...new Set(uids)].flatMap((uid) => (uid === undefined ? [] : (people.get(uid) ?? [])))
  switch (kind) {
    case 'user':
      return named([id])
    case 'device':
      return named([state.tenant.deviceOwners.get(id)?.owner, state.presences.get(id)?.user]).filter(
        ({ device }) => device === id,
      )
    case 'organisation':
      return named((state.organisations.get(id)?.people ?? []).map(({ uid }) => uid))
  }
}

/** Evidence, and the car park as it stands: its edges are evidence before any story. */
function partsOf(state: DetectionState, person: Person, nowMs: number): readonly Evidence[] {
  const { tenant } = state
  const recent = person.trail.filter(({ timeMs }) => timeMs > nowMs - DAY_MS)
  const last = recent.at(-1)
  const decades = Math.max(person.scores[0] ?? 0, person.scores[1] ?? 0)
  if (last === undefined || decades < 0.5) return person.evidence
  const sentence = carParkSentence(tenant, person, recent)
  return [
    ...person.evidence,
    { channel: 'car-park', about: 'edges', decades, timeMs: last.timeMs, eventId: last.eventId, sentence },
  ]
}
