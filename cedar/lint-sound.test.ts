// The lint never cries wolf: what it calls dead or pointless is so for every request there is, asked of the compiled
// engine. Random policies over a small world, and all of its requests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TenantRecords } from '#core/records/records.ts'
import { decideAccess, rulesOf, type TenantRules } from '#core/policy/tenant-rules.ts'
import type { AuthorizationFacts, Decision } from '#core/policy/decide.ts'
import { app, appGroup, group, policy, user } from '#core/policy/testing.ts'
import { lintPolicies, type KnownNames } from './lint.ts'

const world: readonly TenantRecords[] = [
  group('all'),
  group('staff', ['all']),
  group('eng', ['staff']),
  group('none'),
  user('ada', ['eng']),
  user('bob', ['staff']),
  user('eve'),
  appGroup('tools'),
  app('wiki', { groups: ['tools'] }),
  app('db', { kind: 'tcp', groups: ['tools'] }),
  app('vault'),
]

const path = (...names: readonly string[]) =>
  names.reduce<unknown>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' })
const compare = fc.constantFrom('<', '<=', '>', '>=', '==', '!=')
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(compare, fc.integer({ min: -1, max: 3 }), fc.boolean()).map(([operator, n, isMirrored]) => ({
      [operator]: isMirrored
        ? { left: { Value: n }, right: path('risk') }
        : { left: path('risk'), right: { Value: n } },
    })),
  },
  fc.integer({ min: 0, max: 2 }).map((n) => ({ '>=': { left: path('device', 'posture'), right: { Value: n } } })),
  fc.constantFrom<unknown>(
    path('approved'),
    { has: { left: { Var: 'context' }, attr: 'device' } },
    { has: { left: { Var: 'context' }, attr: 'http' } },
    { Value: true },
    { Value: false },
    { '==': { left: path('session', 'door'), right: { Value: 'browser' } } },
    { '==': { left: { Value: 'agent' }, right: path('session', 'door') } },
    { contains: { left: path('session', 'factors'), right: { Value: 'otp' } } },
    { '==': { left: path('http', 'method'), right: { Value: 'GET' } } },
    { like: { left: path('http', 'path'), pattern: [{ Literal: '/a' }, 'Wildcard'] } },
    { '==': { left: { '.': { left: { Var: 'principal' }, attr: 'name' } }, right: { Value: 'ada' } } },
    { in: { left: { Var: 'principal' }, right: { Value: { __entity: { type: 'Group', id: 'staff' } } } } },
    { is: { left: { Var: 'resource' }, entity_type: 'App' } },
    { '>': { left: { '+': { left: path('risk'), right: { Value: 9223372036854775807n } } }, right: { Value: 0 } } },
    { '<': { left: { '+': { left: path('risk'), right: { Value: 1 } } }, right: { Value: 2 } } },
  ),
)
const condition: fc.Arbitrary<unknown> = fc.letrec<{ body: unknown }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc
      .tuple(fc.constantFrom('&&', '||'), tie('body'), tie('body'))
      .map(([operator, left, right]) => ({ [operator]: { left, right } })),
    tie('body').map((arg) => ({ '!': { arg } })),
    fc
      .tuple(tie('body'), tie('body'), tie('body'))
      .map(([test_, then, other]) => ({ 'if-then-else': { if: test_, then, else: other } })),
  ),
})).body

const who = fc.constantFrom(
  null,
  { type: 'Group', id: 'all' },
  { type: 'Group', id: 'staff' },
  { type: 'Group', id: 'eng' },
  { type: 'Group', id: 'none' },
  { type: 'User', id: 'ada' },
)
const what = fc.constantFrom(null, 'wiki', 'db', 'vault', 'AppGroup tools')
const actions = fc.constantFrom<unknown>(
  { op: 'All' },
  { op: 'All' },
  { op: '==', entity: { type: 'Action', id: 'request' } },
  { op: '==', entity: { type: 'Action', id: 'browse' } },
  {
    op: 'in',
    entities: [
      { type: 'Action', id: 'request' },
      { type: 'Action', id: 'connect' },
    ],
  },
)
const annotations = fc.constantFrom<object>(
  {},
  {},
  {},
  { inspect: 'dlp' },
  { coach: 'a' },
  { inspect: 'dlp', coach: 'a' },
)
const one = fc.record({
  effect: fc.constantFrom('permit' as const, 'permit' as const, 'forbid' as const),
  who,
  what,
  actions,
  annotations,
  conditions: fc.array(fc.record({ kind: fc.constantFrom('when', 'when', 'unless'), body: condition }), {
    maxLength: 2,
  }),
})
type One = typeof one extends fc.Arbitrary<infer T> ? T : never

function recordsOf(policies: readonly One[]): TenantRecords[] {
  return policies.map(
    ({ effect, who: principal, what: resource, actions: action, annotations: notes, conditions }, at) => {
      const record = policy(effect, `p${at}`, principal, resource)
      return { ...record, est: { ...(record.est as object), action, annotations: notes, conditions } }
    },
  )
}

const requests: readonly AuthorizationFacts[] = ['ada', 'bob', 'eve'].flatMap((name) =>
  (['wiki', 'db', 'vault'] as const).flatMap((resource) =>
    [-1, 0, 1, 2, 3].flatMap((risk) =>
      [null, 0, 1, 2].flatMap((posture) =>
        [true, false].map((approved): AuthorizationFacts => {
          const isHttp = resource !== 'db'
          return {
            user: name,
            action: isHttp ? 'request' : 'connect',
            resource: { kind: 'app', name: resource },
            session: { factors: risk === 1 ? ['otp'] : [], ageSeconds: 1, door: approved ? 'agent' : 'browser' },
            device: posture === null ? null : { id: 'd', posture: posture as 0 | 1 | 2, os: 'x' },
            ip: '192.0.2.1',
            time: { nowMs: 1, hour: 1, weekday: 1 },
            risk,
            approved,
            http: isHttp ? { method: risk > 1 ? 'POST' : 'GET', path: approved ? '/a' : '/b', host: 'h' } : null,
          }
        }),
      ),
    ),
  ),
)

const knownOf = ({ entities }: TenantRules): KnownNames => ({
  apps: new Map([
    ['wiki', ['tools']],
    ['db', ['tools']],
    ['vault', []],
  ]),
  appKinds: new Map([
    ['wiki', 'http'],
    ['db', 'tcp'],
    ['vault', 'http'],
  ]),
  above: (key) => entities.get(key)?.ancestors.set ?? new Set(),
})

const shown = (decision: Decision): string =>
  decision.kind === 'allow'
    ? `allow ${decision.obligations
        .map(({ name, value }) => `${name}=${value}`)
        .toSorted()
        .filter((each, at, all) => all.indexOf(each) === at)
        .join()}`
    : decision.reason

test('what the lint calls pointless can go, what it calls dead never applies, and what it calls unreachable is', () => {
  const told = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 5 }), (policies) => {
      const records = recordsOf(policies)
      const rules = rulesOf([...world, ...records])
      const findings = lintPolicies([...rules.policies], knownOf(rules))
      for (const finding of findings) {
        told.set(finding.kind, (told.get(finding.kind) ?? 0) + 1)
        const { kind, policy: of } = finding
        if (kind === 'unreachable-app') {
          const name = /App "(\w+)"/.exec(finding.message)?.[1]
          for (const facts of requests)
            if (facts.resource.kind === 'app' && facts.resource.name === name)
              assert.equal(decideAccess(rules, facts).kind, 'deny', finding.message)
          continue
        }
        if (of === null || (kind !== 'shadowed' && kind !== 'never-applies')) continue
        const without = rulesOf([...world, ...records.filter(({ id }) => id !== of.id)])
        for (const facts of requests)
          assert.equal(
            shown(decideAccess(without, facts)),
            shown(decideAccess(rules, facts)),
            `${of.id}: ${finding.message}`,
          )
      }
    }),
    { numRuns: 1500 },
  )
  // It says something, too.
  for (const kind of ['shadowed', 'never-applies', 'unreachable-app'])
    assert.ok((told.get(kind) ?? 0) > 100, `${kind}: ${told.get(kind)}`)
})
