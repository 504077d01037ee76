// Least privilege: the fewest rules *group → app* that cover what was used, with as few people let in as possible who
// never used it, and what that would have done to the days held out. A proposal to review: must never be applied by
// itself, nor open to anybody what the rules in force do not.
import type { ProposalReport } from '#core/api/policy-views.ts'
import { Fault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { Bits } from '#core/policy/bits.ts'
import { anyCircumstances, reachOf, subjectsOf } from '#core/policy/reach.ts'
import { rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import type { WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'
import type { DecisionSource } from '#lake/decisions.ts'
import { maxRows, maxRules } from './caps.ts'
import { yamlOf } from './proposal-yaml.ts'
import { iso } from './tally.ts'
import { usedPairs, type Use } from './used-pairs.ts'

export type ProposeQuestion = Extract<WhatIfJob, { kind: 'propose' }>
export type ProposedRule = ProposalReport['rules'][number]

/** What a rule costs, in people let in who did not use the app: one more rule is worth as much as four of them. */
const ruleCost = 4

export async function propose(
  question: ProposeQuestion,
  source: DecisionSource,
  onProgress: (progress: WhatIfProgress) => void,
  signal: AbortSignal,
): Promise<ProposalReport> {
  const { tenantId, sinceMs, heldOutFromMs, untilMs } = question
  if (!isId('tenant', tenantId)) throw new Fault('not-found')
  const rules = rulesOf(question.records)
  const learnt = await usedPairs(source, tenantId, sinceMs, heldOutFromMs, progressOf('learning', onProgress), signal)
  const later = await usedPairs(source, tenantId, heldOutFromMs, untilMs, progressOf('held out', onProgress), signal)
  const heldOut = later.filter(({ user, app }) => isThere(rules, user, app))
  const now = reachNow(rules, untilMs)
  // What was used and is closed since stays closed.
  const open = learnt.filter(({ user, app }) => isThere(rules, user, app) && now.pairs.get(app)?.has(user) === true)
  const found = cover(open, rules, now)
  const kept = [...rules.policies].filter(({ effect }) => effect === 'forbid').map(({ name }) => name)
  const allowed = allowedBy(found, rules)
  const isAllowed = ({ user, app }: Use) => allowed.has(`${user} ${app}`)
  const covered = learnt.filter(isAllowed).length
  const breaks = heldOut.filter((use) => !isAllowed(use))
  const pairsNow = [...now.pairs.values()].reduce((sum, people) => sum + people.size, 0)
  return {
    from: iso(sinceMs),
    until: iso(untilMs),
    heldOutFrom: iso(heldOutFromMs),
    rules: found,
    used: learnt.length,
    covered,
    heldOut: {
      decisions: sumOf(heldOut),
      coveredDecisions: sumOf(heldOut.filter(isAllowed)),
      pairs: heldOut.length,
      coveredPairs: heldOut.filter(isAllowed).length,
      breaks: breaks
        .toSorted((left, right) => right.decisions - left.decisions)
        .slice(0, maxRows)
        .map(({ user, app, decisions, lastMs }) => ({ user, app, decisions, last: iso(lastMs) })),
    },
    pairs: { now: pairsNow, proposed: allowed.size, removed: Math.max(0, pairsNow - allowed.size) },
    kept,
    notes: notesFor(found, learnt.length - open.length, rules),
    yaml: yamlOf(found, { from: iso(sinceMs), until: iso(heldOutFromMs), kept }),
  }
}

function progressOf(words: string, onProgress: (progress: WhatIfProgress) => void): (done: number) => void {
  return (done) => onProgress({ done, words })
}

function sumOf(uses: readonly Use[]): number {
  return uses.reduce((sum, { decisions }) => sum + decisions, 0)
}

function isThere(rules: TenantRules, user: string, app: string): boolean {
  return rules.users.get(user)?.status === 'active' && rules.apps.has(app)
}

type ReachNow = { readonly pairs: ReadonlyMap<string, ReadonlySet<string>> }

/** App → people who could reach it at all. */
function reachNow(rules: TenantRules, nowMs: number): ReachNow {
  const subjects = subjectsOf(rules)
  const users = new Bits(subjects.length)
  for (const [at, { kind }] of subjects.entries()) if (kind === 'user') users.set(at)
  const pairs = new Map<string, ReadonlySet<string>>()
  for (const [app, bits] of reachOf(rules, subjects, anyCircumstances, nowMs)) {
    const people = new Set<string>()
    bits.and(users).each((at) => {
      const subject = subjects[at]
      if (subject?.kind === 'user') people.add(subject.name)
    })
    pairs.set(app, people)
  }
  return { pairs }
}

/** Group → its people, through other groups too. */
function membersOf(rules: TenantRules): ReadonlyMap<string, ReadonlySet<string>> {
  const members = new Map<string, Set<string>>()
  for (const { name, status } of rules.users.values()) {
    if (status !== 'active') continue
    for (const key of rules.entities.get(`User ${name}`)?.ancestors.keys ?? [])
      if (key.startsWith('Group ')) members.getOrInsertComputed(key.slice(6), () => new Set<string>()).add(name)
  }
  return members
}

/** Greedy, app by app: the rule that covers a person at the least cost, until all are covered. */
function cover(uses: readonly Use[], rules: TenantRules, now: ReachNow): ProposedRule[] {
  const members = membersOf(rules)
  const found: ProposedRule[] = []
  for (const [app, users] of Map.groupBy(uses, (use) => use.app)) {
    const reachable = now.pairs.get(app) ?? new Set<string>()
    const open = new Map(users.map((use) => [use.user, use]))
    const usedBy = new Set(open.keys())
    // Only groups all of whose people can reach it now: a proposal never lets anybody in.
    const candidates = [...members].filter(([, people]) => people.size > 0 && people.isSubsetOf(reachable))
    while (open.size > 0 && found.length < maxRules) {
      let best: { readonly name: string; readonly people: ReadonlySet<string>; readonly price: number } | null = null
      for (const [name, people] of candidates) {
        const covers = sizeOfBoth(open, people)
        if (covers === 0) continue
        const price = (ruleCost + (people.size - sizeOfBoth(usedBy, people))) / covers
        if (best === null || price < best.price) best = { name, people, price }
      }
      // A rule for one person covers one at the cost of a rule; a group has to do better.
      const next = best !== null && best.price < ruleCost ? best : null
      const [single] = open.keys()
      const covered = next === null ? [single ?? ''] : [...next.people].filter((user) => open.has(user))
      const postures = covered.map((user) => open.get(user)?.leastPosture ?? 0)
      found.push({
        group: next?.name ?? null,
        user: next === null ? (single ?? '') : null,
        app,
        covers: covered.length,
        members: next?.people.size ?? 1,
        leastPosture: Math.min(...postures),
      })
      for (const user of covered) open.delete(user)
    }
  }
  return found.toSorted((left, right) => left.app.localeCompare(right.app) || right.covers - left.covers)
}

function sizeOfBoth(left: { readonly size: number; has(name: string): boolean }, right: ReadonlySet<string>): number {
  let size = 0
  for (const name of right) if (left.has(name)) size++
  return size
}

function allowedBy(found: readonly ProposedRule[], rules: TenantRules): ReadonlySet<string> {
  const members = membersOf(rules)
  const allowed = new Set<string>()
  for (const { group, user, app } of found)
    for (const name of group === null ? [user ?? ''] : (members.get(group) ?? [])) allowed.add(`${name} ${app}`)
  return allowed
}

function notesFor(found: readonly ProposedRule[], gone: number, rules: TenantRules): string[] {
  const notes: string[] = []
  if (gone > 0) notes.push(`${gone} pairs that were used are gone or closed since; left out.`)
  const singles = found.filter(({ group }) => group === null).length
  if (singles > 0) notes.push(`${singles} rules name one person: no group fits; consider making one.`)
  if (found.length >= maxRules) notes.push(`More than ${maxRules} rules would be needed; the rest is left out.`)
  const hasObligations = [...rules.policies].some(
    ({ effect, annotations }) => effect === 'permit' && annotations.size > 0,
  )
  if (hasObligations) notes.push('Policies in force carry annotations, such as obligations; carry over what you need.')
  notes.push('Conditions other than on device posture are not proposed: compare with the policies in force.')
  return notes
}
