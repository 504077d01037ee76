// What the client was told, kept by the client. An entry is `acknowledged` when the answer said so, `unknown` when no
// answer came: then either outcome is right, but nothing in between.
export type Way = 'api' | 'agent' | 'browser' | 'sealed' | 'sign-in'
export const ways: readonly Way[] = ['api', 'agent', 'browser', 'sealed', 'sign-in']

export type Value = {
  /** What was last acknowledged; null: that it is gone. Undefined: nothing yet. */
  acknowledged: string | null | undefined
  /** What may have come after it without our hearing of it. */
  readonly unknown: (string | null)[]
}

export type SignedIn = { readonly user: string; readonly sessionId: string; readonly cookie: string }
export type ApiTokenMade = { readonly id: string; readonly secret: string }

export class Ledger {
  /** Display name by group. */
  readonly groups = new Map<string, Value>()
  /** Sets that are always written in one apply: their members must agree. By name of the set. */
  readonly sets = new Map<string, Value>()
  /** Group, user and app made by one apply, by number: all three, or none. */
  readonly triples = new Map<string, 'acknowledged' | 'unknown'>()
  readonly tokens = new Map<string, { readonly made: ApiTokenMade; state: 'live' | 'gone' | 'unknown' }>()
  readonly enrolmentTokens = new Map<string, 'live' | 'gone' | 'unknown'>()
  readonly sessions = new Map<string, { readonly made: SignedIn; state: 'live' | 'gone' | 'unknown' }>()
  /** Changes acknowledged, as the journal should name them: operation and target. */
  readonly acts: { readonly operation: string; readonly target: string }[] = []
  /** `METHOD /path` of web requests that were answered by the app. */
  readonly requests: string[] = []
  /** Host names of sealed flows over which an echo came back. */
  readonly flows: string[] = []
  /** Answers that no outage explains, with how often: refusals, wrong bytes. */
  readonly surprises = new Map<string, number>()
  readonly succeeded = new Map<Way, number>()
  readonly failed = new Map<Way, number>()
  /** How attempts failed while parts were down. */
  readonly failures = new Map<string, number>()
  /** When the attempt began that last succeeded. */
  readonly #lastSuccess = new Map<Way, number>()

  began(way: Way, atMs: number): void {
    this.succeeded.set(way, (this.succeeded.get(way) ?? 0) + 1)
    this.#lastSuccess.set(way, Math.max(this.#lastSuccess.get(way) ?? 0, atMs))
  }

  lost(way: Way, why: string): void {
    this.failed.set(way, (this.failed.get(way) ?? 0) + 1)
    count(this.failures, `${way}: ${why}`)
  }

  surprise(what: string): void {
    count(this.surprises, what)
  }

  /** Whether an attempt that began after `atMs` succeeded on each of these ways. */
  hasWorkedSince(atMs: number, on: readonly Way[]): boolean {
    return on.every((way) => (this.#lastSuccess.get(way) ?? 0) > atMs)
  }

  stuckSince(atMs: number, on: readonly Way[]): readonly Way[] {
    return on.filter((way) => !this.hasWorkedSince(atMs, [way]))
  }
}

export function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}
