// What the double answers to questions about policies: made up, and checked by the routes' own schemas like all it says.
import assert from 'node:assert/strict'
import test from 'node:test'
import { pastExplanation, policyJob as jobSchema } from '#core/api/policy-views.ts'
import type { Words } from './api-world.test.ts'

export function policyChecks(words: Words, isProposed: boolean) {
  const failing = {
    document: 'must',
    at: 'PolicyTest must.spec.tests[0]',
    title: words('partners never reach payroll'),
    ok: false,
    message: words('expected deny; allowed by payroll-access'),
    explanation: null,
  }
  return {
    results: isProposed ? [failing] : [{ ...failing, ok: true, message: null }],
    failed: isProposed ? 1 : 0,
    warnings: isProposed ? [] : [{ document: '', message: words('no policy permits anyone to reach App "depot"') }],
    openings: isProposed
      ? [
          {
            who: words('organisation contoso'),
            app: words('payroll'),
            circumstances: words('under some circumstances'),
            policies: [words('wiki-access')],
            cause: words('by "wiki-access"'),
          },
        ]
      : [],
  }
}

export function policyVersions(words: Words) {
  const version = (number: number, restores: number | null) => ({
    version: number,
    at: new Date(Date.UTC(2026, 10, 1) + number * 86_400_000).toISOString(),
    by: words('dana'),
    why: number % 2 === 0 ? words('ticket 4711') : null,
    approvedBy: restores === null ? null : words('erin'),
    restores,
    changes: ['wiki-access', 'partners', 'risk', 'office'].map((name) => ({
      kind: 'Policy',
      name: words(name),
      action: number % 3 === 0 ? ('delete' as const) : ('update' as const),
    })),
    total: 4 + number,
  })
  return { items: [version(3, 1), version(2, null), version(1, null)], next: null, total: 3 }
}

export function policyDifferences(words: Words, from: number, to: number) {
  const spec = (text: string) => ({ text: words(text), description: words('who reads') })
  return {
    from,
    to,
    differences: [
      { kind: 'Policy', name: words('wiki-access'), before: spec('permit (a);'), after: spec('forbid (a);') },
      { kind: 'PolicyTest', name: words('must'), before: null, after: { tests: [{ who: words('bob') }] } },
    ],
    total: 3,
  }
}

export function policyRestored(words: Words, dryRun: boolean) {
  return {
    changes: [{ kind: 'Policy', name: words('wiki-access'), action: 'update' as const, fields: ['text'] }],
    warnings: [{ document: 'documents[0]', message: words('already does all of it') }],
    openings: policyChecks(words, true).openings,
    effect: dryRun ? null : { sequence: 9, receipts: [], missing: [] },
  }
}

const iso = (ms: number) => new Date(ms).toISOString()

/** A question, or the id that a question was given: it says what was asked. */
export function policyJob(words: Words, asked: unknown, status: 'running' | 'done') {
  const body = typeof asked === 'object' && asked !== null ? asked : {}
  const id =
    typeof asked === 'string'
      ? asked
      : `pjb-${String(Reflect.get(body, 'kind'))}${Array.isArray(Reflect.get(body, 'documents')) ? '-new' : ''}`
  const [, kind, isNew] = id.split('-')
  const isDone = status === 'done'
  return {
    id,
    kind: kind === 'reach' || kind === 'propose' ? kind : 'replay',
    status,
    startedAt: iso(Date.now()),
    endedAt: isDone ? iso(Date.now()) : null,
    progress: { done: 1200, words: words('decisions asked again') },
    error: null,
    replay: isDone && kind === 'replay' ? replayOf(words) : null,
    reach: isDone && kind === 'reach' ? reachOf(words, isNew !== undefined) : null,
    proposal: isDone && kind === 'propose' ? proposalOf(words) : null,
  }
}

function replayOf(words: Words) {
  const last = iso(Date.now() - 3_600_000)
  const rolled = (name: string) => [{ name: words(name), people: 1, apps: 1, decisions: 42, last }]
  const row = {
    user: words('alice'),
    app: words('payroll'),
    organisation: null,
    groups: [words('finance')],
    decisions: 42,
    first: last,
    last,
    before: words('allowed by payroll-access'),
    after: words('denied: no policy permits it; nearest payroll-access: needs device posture >= 2'),
  }
  const none = { decisions: 0, people: 0, pairs: 0, rows: [], byUser: [], byGroup: [], byApp: [], byOrganisation: [] }
  const loses = {
    decisions: 42,
    people: 1,
    pairs: 1,
    rows: [row],
    byUser: rolled('alice'),
    byGroup: rolled('finance'),
    byApp: rolled('payroll'),
    byOrganisation: [],
  }
  return {
    from: last,
    until: last,
    decisions: 1200,
    classes: 31,
    loses,
    gains: none,
    same: { allowed: 1100, denied: 55 },
    duties: { decisions: 0, rows: [] },
    unknown: { decisions: 3, why: [{ why: words('no inputs were recorded'), decisions: 3 }] },
    apart: 0,
    drifted: 0,
  }
}

function reachOf(words: Words, isChange: boolean) {
  return {
    circumstances: words('under some circumstances'),
    people: 12,
    apps: 3,
    possible: [
      { kind: 'anyone', name: 'anyone', apps: [] },
      { kind: 'organisation', name: words('contoso'), apps: [words('wiki')] },
      { kind: 'group', name: words('finance'), apps: [words('wiki'), words('payroll')] },
    ],
    reachableBy: [{ app: words('wiki'), people: 12 }],
    change: isChange
      ? {
          pairs: [{ kind: 'organisation', name: words('contoso'), app: words('payroll'), becomes: 'possible' }],
          apps: [{ app: words('payroll'), gain: 2, lose: 0, gaining: [words('bob')], losing: [] }],
          gained: 2,
          lost: 0,
        }
      : null,
  }
}

function proposalOf(words: Words) {
  const last = iso(Date.now() - 3_600_000)
  return {
    from: last,
    until: last,
    heldOutFrom: last,
    rules: [{ group: words('finance'), user: null, app: words('payroll'), covers: 4, members: 5, leastPosture: 2 }],
    used: 4,
    covered: 4,
    heldOut: {
      decisions: 100,
      coveredDecisions: 98,
      pairs: 5,
      coveredPairs: 4,
      breaks: [{ user: words('alice'), app: words('wiki'), decisions: 2, last }],
    },
    pairs: { now: 36, proposed: 5, removed: 31 },
    kept: [],
    notes: [words('Conditions other than on device posture are not proposed.')],
    yaml: words('kind: Policy'),
  }
}

export function pastDecision(words: Words, event: string) {
  return {
    event,
    at: iso(Date.now()),
    user: words('alice'),
    app: words('payroll'),
    recorded: { decision: 'deny', reason: 'no-policy', policies: [], missing: [words('needs a device')], inputs: null },
    then: { known: false, why: words('The policies that were in force then are not kept any more.') },
    now: null,
  }
}

test('what the double answers about policies has the form of the routes', () => {
  const plain: Words = (text) => text
  for (const kind of ['replay', 'reach', 'propose'])
    for (const documents of [undefined, []]) {
      const started = policyJob(plain, { kind, documents }, 'running')
      for (const job of [started, policyJob(plain, started.id, 'done')])
        assert.deepEqual(jobSchema.safeParse(job).error, undefined)
    }
  assert.deepEqual(pastExplanation.safeParse(pastDecision(plain, 'e')).error, undefined)
})
