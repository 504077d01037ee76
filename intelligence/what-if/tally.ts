// Keeps count of what a change does to recorded decisions, by person and app, and rolls it up by group, app and
// organisation. Bounded: beyond the cap pairs are still counted, only not listed.
import type { ReplayReport } from '#core/api/policy-views.ts'
import { describe } from '#core/policy/advice.ts'
import type { AuthorizationFacts, Decision } from '#core/policy/decide.ts'
import type { TenantRules } from '#core/policy/tenant-rules.ts'
import type { DecisionClass } from '#lake/decisions.ts'
import { maxNames, maxPairs, maxRows } from './caps.ts'

type Outcome = { readonly now: Decision; readonly then: Decision; readonly isDrifted: boolean }

type Side = ReplayReport['loses']
type Row = Side['rows'][number]
type Pair = {
  readonly user: string
  readonly app: string
  decisions: number
  firstMs: number
  lastMs: number
  readonly before: string
  readonly after: string
}

class Pairs {
  readonly pairs = new Map<string, Pair>()
  decisions = 0

  add(
    { count, firstMs, lastMs }: DecisionClass,
    user: string,
    app: string,
    words: () => readonly [string, string],
  ): void {
    this.decisions += count
    const key = `${user} ${app}`
    const known = this.pairs.get(key)
    if (known !== undefined) {
      known.decisions += count
      known.firstMs = Math.min(known.firstMs, firstMs)
      known.lastMs = Math.max(known.lastMs, lastMs)
    } else if (this.pairs.size < maxPairs) {
      const [before, after] = words()
      this.pairs.set(key, { user, app, decisions: count, firstMs, lastMs, before, after })
    }
  }
}

export class Tally {
  readonly #before: TenantRules
  readonly #after: TenantRules
  readonly #loses = new Pairs()
  readonly #gains = new Pairs()
  readonly #duties = new Pairs()
  readonly #unknown = new Map<string, number>()
  #classes = 0
  #decisions = 0
  #apart = 0
  #allowed = 0
  #denied = 0
  #drifted = 0

  constructor(before: TenantRules, after: TenantRules) {
    this.#before = before
    this.#after = after
  }

  apart(count: number): void {
    this.#classes++
    this.#decisions += count
    this.#apart += count
  }

  unknown(why: string, { count }: DecisionClass): void {
    this.#classes++
    this.#decisions += count
    this.#unknown.set(why, (this.#unknown.get(why) ?? 0) + count)
  }

  add(each: DecisionClass, { user, resource }: AuthorizationFacts, { now, then, isDrifted }: Outcome): void {
    const { count } = each
    this.#classes++
    this.#decisions += count
    if (isDrifted) this.#drifted += count
    const app = resource.kind === 'app' ? resource.name : resource.host
    const words = () => [inWords(now), inWords(then)] as const
    if (now.kind === 'allow' && then.kind === 'deny') this.#loses.add(each, user, app, words)
    else if (now.kind === 'deny' && then.kind === 'allow') this.#gains.add(each, user, app, words)
    else if (now.kind === 'deny') this.#denied += count
    else {
      this.#allowed += count
      if (dutiesOf(now) !== dutiesOf(then)) this.#duties.add(each, user, app, words)
    }
  }

  report(sinceMs: number, untilMs: number): ReplayReport {
    const unknown = [...this.#unknown].map(([why, decisions]) => ({ why, decisions }))
    return {
      from: iso(sinceMs),
      until: iso(untilMs),
      decisions: this.#decisions,
      classes: this.#classes,
      loses: this.#side(this.#loses),
      gains: this.#side(this.#gains),
      same: { allowed: this.#allowed, denied: this.#denied },
      duties: { decisions: this.#duties.decisions, rows: this.#rows(this.#duties) },
      unknown: { decisions: unknown.reduce((sum, { decisions }) => sum + decisions, 0), why: unknown },
      apart: this.#apart,
      drifted: this.#drifted,
    }
  }

  #side(all: Pairs): Side {
    const pairs = [...all.pairs.values()]
    const organisation = (pair: Pair) => this.#organisationOf(pair.user)
    return {
      decisions: all.decisions,
      people: new Set(pairs.map(({ user }) => user)).size,
      pairs: pairs.length,
      rows: this.#rows(all),
      byUser: rollUp(pairs, ({ user }) => [user]),
      byGroup: rollUp(pairs, ({ user }) => this.#groupsOf(user)),
      byApp: rollUp(pairs, ({ app }) => [app]),
      byOrganisation: rollUp(pairs, (pair) => [organisation(pair)].filter((name) => name !== null)),
    }
  }

  #rows(all: Pairs): Row[] {
    return [...all.pairs.values()]
      .toSorted((left, right) => right.decisions - left.decisions)
      .slice(0, maxRows)
      .map(({ firstMs, lastMs, ...pair }) => ({
        ...pair,
        organisation: this.#organisationOf(pair.user),
        groups: this.#groupsOf(pair.user).slice(0, maxNames),
        first: iso(firstMs),
        last: iso(lastMs),
      }))
  }

  /** As they would be: a change may be about the groups themselves; of a person who goes, as they are. */
  #rulesFor(user: string): TenantRules {
    return this.#after.users.has(user) ? this.#after : this.#before
  }

  #organisationOf(userName: string): string | null {
    const rules = this.#rulesFor(userName)
    const user = rules.users.get(userName)
    return user === undefined ? null : (rules.organisationOf(user)?.name ?? null)
  }

  #groupsOf(userName: string): string[] {
    const keys = this.#rulesFor(userName).entities.get(`User ${userName}`)?.ancestors.keys ?? []
    return keys.filter((key) => key.startsWith('Group ')).map((key) => key.slice(6))
  }
}

function rollUp(pairs: readonly Pair[], namesOf: (pair: Pair) => readonly string[]): Side['byApp'] {
  const found = new Map<string, { people: Set<string>; apps: Set<string>; decisions: number; lastMs: number }>()
  for (const pair of pairs) {
    for (const name of namesOf(pair)) {
      const one = found.getOrInsertComputed(name, () => ({
        people: new Set<string>(),
        apps: new Set<string>(),
        decisions: 0,
        lastMs: 0,
      }))
      one.people.add(pair.user)
      one.apps.add(pair.app)
      one.decisions += pair.decisions
      one.lastMs = Math.max(one.lastMs, pair.lastMs)
    }
  }
  return [...found]
    .map(([name, one]) => ({
      name,
      people: one.people.size,
      apps: one.apps.size,
      decisions: one.decisions,
      last: iso(one.lastMs),
    }))
    .toSorted((left, right) => right.decisions - left.decisions)
    .slice(0, maxRows)
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** Obligations as one text, to see whether they differ. */
function dutiesOf(decision: Decision): string {
  if (decision.kind === 'deny') return ''
  return decision.obligations
    .map(({ name, value }) => `${name} ${value}`)
    .toSorted()
    .join(', ')
}

function inWords(decision: Decision): string {
  return describe(decision).slice(0, 500)
}
