// The way to the internet over some hours, counted from events. Must never count one event twice, nor call a count whole
// that is not.
import type { WebEvent } from './read-web-event.ts'

type Weight = { bytes: number; flows: number }
type Stop = {
  readonly event: string
  readonly at: string
  readonly kind: 'site' | 'name' | 'content' | 'page' | 'dns'
  readonly user: string | null
  readonly host: string | null
  readonly words: string
  readonly severity: number
}

export type WebOverview = {
  readonly from: string
  readonly until: string
  readonly isWhole: boolean
  readonly events: number
  readonly bytes: { readonly inspected: number; readonly passed: number }
  readonly uninspected: readonly Weighed[]
  readonly people: readonly Weighed[]
  readonly destinations: readonly Weighed[]
  readonly categories: readonly Weighed[]
  readonly denied: readonly Counted[]
  readonly risks: readonly Counted[]
  readonly stops: readonly Stop[]
}
type Weighed = { readonly name: string; readonly bytes: number; readonly flows: number }
type Counted = { readonly name: string; readonly count: number }

const ROWS = 20
const STOPS = 100
/** Names kept while counting; what comes later counts as *others*. */
const MOST_NAMES = 20_000
const OTHERS = '…'

/** `events` newest first, as pages of the journal come. */
export class WebCount {
  readonly #inspected: Weight = { bytes: 0, flows: 0 }
  readonly #passed: Weight = { bytes: 0, flows: 0 }
  readonly #people = new Map<string, Weight>()
  readonly #closed = new Map<string, { readonly way: 'web' | 'passed'; readonly weight: Weight }>()
  readonly #categoriesOf = new Map<string, readonly string[]>()
  readonly #reasonOf = new Map<string, string>()
  readonly #denied = new Map<string, number>()
  readonly #risks = new Map<string, number>()
  readonly #stops: Stop[] = []
  #events = 0

  add(event: WebEvent): void {
    this.#events++
    const { host, kind } = event
    if (host !== null && event.categories.length > 0) keep(this.#categoriesOf, host, event.categories)
    if (host !== null && event.passedFor !== null) keep(this.#reasonOf, host, event.passedFor)
    if (kind === 'closed') return this.#addClosed(event)
    const isFinding = kind === 'content' || kind === 'page' || kind === 'dns'
    if (isFinding) raise(this.#risks, kind === 'dns' ? (event.message ?? kind).slice(0, 120) : (event.message ?? kind))
    else if (event.isStopped) raise(this.#denied, event.reason ?? 'denied')
    if ((isFinding || event.isStopped) && this.#stops.length < STOPS) this.#stops.push(stopOf(event, kind))
  }

  result(fromMs: number, untilMs: number, isWhole: boolean): WebOverview {
    const destinations = new Map<string, Weight>()
    const categories = new Map<string, Weight>()
    const reasons = new Map<string, Weight>()
    for (const [key, { way, weight }] of this.#closed) {
      const host = key.slice(key.indexOf(' ') + 1)
      weigh(destinations, host, weight)
      for (const category of this.#categoriesOf.get(host) ?? ['uncategorised']) weigh(categories, category, weight)
      if (way === 'passed') weigh(reasons, this.#reasonOf.get(host) ?? 'unknown', weight)
    }
    return {
      from: new Date(fromMs).toISOString(),
      until: new Date(untilMs).toISOString(),
      isWhole,
      events: this.#events,
      bytes: { inspected: this.#inspected.bytes, passed: this.#passed.bytes },
      uninspected: heaviest(reasons),
      people: heaviest(this.#people),
      destinations: heaviest(destinations),
      categories: heaviest(categories),
      denied: mostOften(this.#denied),
      risks: mostOften(this.#risks),
      stops: this.#stops,
    }
  }

  #addClosed({ way, bytes, user, host }: WebEvent): void {
    if (way === null) return
    const one = { bytes, flows: 1 }
    add(way === 'web' ? this.#inspected : this.#passed, one)
    if (user !== null) weigh(this.#people, user, one)
    const key = `${way} ${host ?? OTHERS}`
    const known = this.#closed.get(key) ?? this.#closed.get(`${way} ${OTHERS}`)
    if (known !== undefined && (this.#closed.has(key) || this.#closed.size >= MOST_NAMES)) add(known.weight, one)
    else this.#closed.set(this.#closed.size < MOST_NAMES ? key : `${way} ${OTHERS}`, { way, weight: one })
  }
}

function stopOf({ uid, timeMs, user, host, reason, message, severity }: WebEvent, kind: Stop['kind']): Stop {
  const words = reason ?? message ?? 'denied'
  return { event: uid, at: new Date(timeMs).toISOString(), kind, user, host, words, severity }
}

/** The newest word counts, and it comes first. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key) && map.size < MOST_NAMES) map.set(key, value)
}

function add(weight: Weight, { bytes, flows }: Weight): void {
  weight.bytes += bytes
  weight.flows += flows
}

function weigh(map: Map<string, Weight>, name: string, one: Weight): void {
  const key = map.has(name) || map.size < MOST_NAMES ? name : OTHERS
  const known = map.get(key)
  if (known === undefined) map.set(key, { ...one })
  else add(known, one)
}

function raise(map: Map<string, number>, name: string): void {
  const key = map.has(name) || map.size < MOST_NAMES ? name : OTHERS
  map.set(key, (map.get(key) ?? 0) + 1)
}

function heaviest(map: ReadonlyMap<string, Weight>): readonly Weighed[] {
  return [...map]
    .map(([name, weight]) => ({ name, ...weight }))
    .toSorted((one, other) => other.bytes - one.bytes || other.flows - one.flows)
    .slice(0, ROWS)
}

function mostOften(map: ReadonlyMap<string, number>): readonly Counted[] {
  return [...map]
    .map(([name, count]) => ({ name, count }))
    .toSorted((one, other) => other.count - one.count)
    .slice(0, ROWS)
}
