// A proposal has to cover what was used, in few rules, let nobody in who is out, and say who would miss something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { checkPolicies } from '#cedar/parse.ts'
import { newId } from '#core/ids.ts'
import { app, group, organisation, permit, policy, user } from '#core/policy/testing.ts'
import type { TenantRecords } from '#core/records/records.ts'
import type { DecisionClass, DecisionSource } from '#lake/decisions.ts'
import { propose } from './propose.ts'

const dayMs = 86_400_000
const startMs = Date.parse('2026-06-01T00:00:00Z')
const endMs = startMs + 30 * dayMs
const heldOutFromMs = endMs - 7 * dayMs

type Used = {
  readonly user: string
  readonly app: string
  readonly day: number
  readonly posture?: 1 | 2
  readonly count?: number
}

function sourceOf(used: readonly Used[]): DecisionSource {
  return {
    decisionClasses: async function* ({ sinceMs, untilMs }) {
      yield used.flatMap(({ user: name, app: appName, day, posture, count = 1 }): DecisionClass[] => {
        const atMs = startMs + day * dayMs
        if (atMs < sinceMs || atMs >= untilMs) return []
        return [
          {
            inputs: {
              user: name,
              action: 'request',
              resource: { kind: 'app', name: appName },
              session: { factors: [], ageSeconds: 0, door: 'browser' },
              device: posture === undefined ? null : { id: 'd', posture, os: 'linux' },
              ip: '192.0.2.1',
              time: { nowMs: atMs, hour: 0, weekday: 1 },
              risk: 0,
              approved: false,
              http: { method: 'GET', path: '/', host: 'x' },
            },
            isForeign: false,
            outcome: 'allow',
            reason: null,
            policies: [],
            count,
            firstMs: atMs,
            lastMs: atMs,
            user: { uid: '', name, org: null, groups: [] },
            app: { uid: '', name: appName },
          },
        ]
      })
    },
  }
}

const people = Array.from({ length: 20 }, (_, at) => `dev${at}`)
const records: readonly TenantRecords[] = [
  group('everyone'),
  group('developers', ['everyone']),
  group('sales', ['everyone']),
  ...people.map((name) => user(name, ['developers'])),
  ...['sal', 'sue'].map((name) => user(name, ['sales'])),
  user('out', [], 'partner'),
  organisation('partner', ['git']),
  ...['git', 'crm', 'payroll', 'unused'].map((name) => app(name)),
  permit('all', 'Group', 'everyone', null),
  permit('partner', 'Organisation', 'partner', 'git'),
  policy('forbid', 'never', { type: 'Group', id: 'sales' }, 'payroll'),
]
const used: readonly Used[] = [
  ...people.slice(0, 18).map((name) => ({ user: name, app: 'git', day: 3, posture: 2 as const })),
  ...people.slice(0, 16).map((name) => ({ user: name, app: 'git', day: 25, posture: 2 as const, count: 10 })),
  { user: 'sal', app: 'crm', day: 5 },
  { user: 'sue', app: 'crm', day: 6 },
  { user: 'dev0', app: 'payroll', day: 7 },
  { user: 'dev7', app: 'payroll', day: 26, count: 3 },
  { user: 'out', app: 'git', day: 8 },
  { user: 'left', app: 'git', day: 8 },
]

const run = (source: DecisionSource, of: readonly TenantRecords[] = records) =>
  propose(
    { kind: 'propose', tenantId: newId('tenant'), records: of, sinceMs: startMs, heldOutFromMs, untilMs: endMs },
    source,
    () => {},
    AbortSignal.timeout(10_000),
  )

test('covers what was used with few rules, and says who would have missed what in the time held out', async () => {
  const report = await run(sourceOf(used))
  assert.deepEqual(
    report.rules.map(({ app: name, group: own, user: one, covers, members, leastPosture }) => [
      name,
      own ?? one,
      covers,
      members,
      leastPosture,
    ]),
    [
      ['crm', 'sales', 2, 2, 0],
      ['git', 'developers', 18, 20, 2],
      ['git', 'out', 1, 1, 0],
      ['payroll', 'dev0', 1, 1, 0],
    ],
  )
  assert.equal(report.covered, report.used - 1, 'all but of the person who left')
  assert.deepEqual(
    report.heldOut.breaks.map(({ user: name, app: appName, decisions }) => [name, appName, decisions]),
    [['dev7', 'payroll', 3]],
  )
  assert.deepEqual([report.heldOut.decisions, report.heldOut.coveredDecisions], [163, 160])
  assert.ok(report.pairs.proposed < report.pairs.now / 3)
  assert.deepEqual(report.kept, ['never'])
  assert.match(report.notes.join('\n'), /1 pairs that were used are gone or closed since/)
})

test('lets nobody in who is out now, however many of a group used an app', async () => {
  const narrow = [
    ...records.filter(({ id }) => id !== 'pol_all'),
    ...people.slice(0, 18).map((name) => permit(`p-${name}`, 'User', name, 'git')),
  ]
  const report = await run(sourceOf(used), narrow)
  assert.ok(report.rules.filter(({ app: name }) => name === 'git').every(({ group: own }) => own === null))
  assert.ok(report.pairs.proposed <= report.pairs.now)
})

test('is YAML whose policies the official engine accepts, with the posture that was always there', async () => {
  const { yaml } = await run(sourceOf(used))
  const documents = parseAllDocuments(yaml).map(
    (document) => document.toJS() as { name: string; spec: { text: string } },
  )
  assert.deepEqual(
    documents.map(({ name }) => name),
    ['used-crm', 'used-git', 'used-payroll'],
  )
  const checked = await checkPolicies(documents.map(({ name, spec }) => ({ name, text: spec.text })))
  assert.ok(checked.ok, JSON.stringify(checked))
  assert.match(yaml, /Group::"developers"[^;]*posture >= 2 };/)
})

test('says so when nothing was used', async () => {
  const report = await run(sourceOf([]))
  assert.deepEqual([report.rules.length, report.used, report.heldOut.pairs], [0, 0, 0])
})
