// A story: what one subject did on one day, why it is odd, and how strong the answer may be. Must only say what events
// show; every text in it is one line without control characters.
import { caps } from '#intelligence/caps.ts'
import { SPANS_MS } from './car-park.ts'
import type { Channel, Level, StoryKind } from './kinds.ts'
import type { Evidence, Person } from './person.ts'
import { carParkSentence } from './sentence.ts'
import type { Spray } from './sign-in.ts'
import type { Tenant } from './tenant.ts'
import { plain, span } from './watch.ts'

/** As it is written out. */
export type Story = {
  readonly subject: string
  readonly kind: StoryKind
  readonly first_ms: number
  /** When it was noticed. */
  readonly last_ms: number
  /** 50 is the threshold of a story, 100 twice as surprising. */
  readonly score: number
  readonly level: Level
  readonly events: readonly string[]
  readonly sentence: string
}

export type Verdict = {
  readonly channel: Channel
  readonly level: Level
  readonly score: number
  readonly threshold: number
}

const carParkSpans: Readonly<Partial<Record<Channel, number>>> = {
  'car-park': SPANS_MS[0],
  // A day back, though a fainter edge still counts: a story begins where the attack may have.
  'car-park-day': 86_400_000,
  'car-park-slow': SPANS_MS[2],
}

export function tellPerson(tenant: Tenant, person: Person, verdict: Verdict): Story {
  const { channel, level, score, threshold } = verdict
  const nowMs = tenant.nowMs
  const spanMs = carParkSpans[channel]
  const withTrail = spanMs !== undefined || channel === 'together'
  const edges = withTrail ? person.trail.filter(({ timeMs }) => timeMs > nowMs - (spanMs ?? SPANS_MS[0])) : []
  const parts = person.evidence.filter((part) => isAbout(part, channel, nowMs))
  const times = [...edges.map(({ timeMs }) => timeMs), ...parts.map(({ timeMs }) => timeMs), nowMs]
  const events = [
    ...new Set([...edges, ...parts].toSorted((a, b) => a.timeMs - b.timeMs).map(({ eventId }) => eventId)),
  ]
  const sentences = [
    ...(edges.length > (spanMs === undefined ? 1 : 0) ? [carParkSentence(tenant, person, edges)] : []),
    ...parts.toSorted((a, b) => b.decades - a.decades).map(({ sentence }) => sentence),
  ]
  const text = [...new Set(sentences)].slice(0, 5).join('; ')
  return {
    subject: person.uid,
    kind: channel,
    first_ms: Math.min(...times),
    last_ms: nowMs,
    score: scoreOf(score, threshold),
    level,
    events: events.slice(-caps.storyEvents.default),
    sentence: spanMs === undefined ? `${plain(person.uid)}: ${text}.` : `${text}.`,
  }
}

function isAbout(part: Evidence, channel: Channel, nowMs: number): boolean {
  const recent = part.timeMs > nowMs - 86_400_000
  return (
    recent &&
    (part.channel === channel || channel === 'together' || channel === 'takeover' || channel.startsWith('car-park'))
  )
}

export function tellSpray({ source, trace, users }: Spray): Story {
  return {
    subject: plain(source),
    kind: 'password-spray',
    first_ms: trace.sinceMs,
    last_ms: trace.lastMs,
    score: 80,
    level: 'cut',
    events: trace.events,
    sentence: `From ${plain(source)} ${users} users failed to sign in within ${span(trace.lastMs - trace.sinceMs)}, ${(trace.tries / Math.max(users, 1)).toFixed(1)} tries each; nobody got in.`,
  }
}

export function tellDecoy(person: Person, app: string, timeMs: number, eventId: string): Story {
  return {
    subject: person.uid,
    kind: 'decoy',
    first_ms: timeMs,
    last_ms: timeMs,
    score: 100,
    level: 'contain',
    events: [eventId],
    sentence: `${plain(person.uid)} went to ${plain(app)}, a decoy that nobody has a reason to touch.`,
  }
}

function scoreOf(score: number, threshold: number): number {
  return Math.max(1, Math.min(100, Math.round((50 * score) / Math.max(threshold, 0.1))))
}
