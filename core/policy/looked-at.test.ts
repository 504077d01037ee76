// Decisions that agree in what is looked at must agree in their answer, for any policies: replay asks about one of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AuthorizationFacts } from './decide.ts'
import { lookedAtBy, type Dimension, type LookedAt } from './looked-at.ts'
import { decideAccess, rulesOf } from './tenant-rules.ts'
import { app, organisation, policy, user } from './testing.ts'

const path = (...names: readonly string[]) =>
  names.reduce<unknown>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' })
const numbers = fc.integer({ min: 0, max: 6 })
const compare = fc.constantFrom('<', '<=', '>', '>=', '==', '!=')
const leaf = fc.oneof(
  fc
    .tuple(
      compare,
      fc.constantFrom(path('risk'), path('session', 'ageSeconds'), path('time', 'hour')),
      numbers,
      fc.boolean(),
    )
    .map(([operator, subject, value, isMirrored]) => ({
      [operator]: isMirrored ? { left: { Value: value }, right: subject } : { left: subject, right: { Value: value } },
    })),
  fc
    .tuple(compare, numbers)
    .map(([operator, value]) => ({
      [operator]: { left: path('time', 'now'), right: { datetime: [{ Value: new Date(value).toISOString() }] } },
    }))
    .filter((each) => !Object.hasOwn(each, 'never')),
  fc.constant({ '<': { left: path('risk'), right: path('session', 'ageSeconds') } }),
  fc.constant({ '<': { left: { '+': { left: path('risk'), right: { Value: 1 } } }, right: { Value: 4 } } }),
  fc.constant(path('approved')),
  fc.constant({ has: { left: { Var: 'context' }, attr: 'device' } }),
  fc.constant({ '>=': { left: path('device', 'posture'), right: { Value: 1 } } }),
  fc.constant({ '==': { left: path('session'), right: path('session') } }),
  fc.constant({ contains: { left: path('session', 'factors'), right: { Value: 'otp' } } }),
  fc.constant({ like: { left: path('http', 'path'), pattern: [{ Literal: '/a' }, 'Wildcard'] } }),
  fc.constant({ '==': { left: path('session', 'door'), right: { Value: 'agent' } } }),
)
const condition = fc.oneof(
  leaf,
  fc.tuple(fc.constantFrom('&&', '||'), leaf, leaf).map(([operator, left, right]) => ({ [operator]: { left, right } })),
  leaf.map((arg) => ({ '!': { arg } })),
)
const facts: fc.Arbitrary<AuthorizationFacts> = fc.record({
  user: fc.constantFrom('ada', 'bob'),
  action: fc.constant('request' as const),
  resource: fc.constantFrom({ kind: 'app' as const, name: 'wiki' }, { kind: 'app' as const, name: 'ruled' }),
  session: fc.record({
    factors: fc.subarray(['otp', 'pwd']),
    ageSeconds: numbers,
    door: fc.constantFrom('browser' as const, 'agent' as const),
  }),
  device: fc.option(
    fc.record({
      id: fc.constantFrom('a', 'b'),
      posture: fc.constantFrom(0 as const, 1 as const),
      os: fc.constant('x'),
    }),
  ),
  ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
  time: fc.record({ nowMs: numbers, hour: numbers, weekday: fc.constant(1) }),
  risk: numbers,
  approved: fc.boolean(),
  http: fc.record({ method: fc.constant('GET'), path: fc.constantFrom('/a', '/b', '/c'), host: fc.constant('x') }),
})

const readers: Readonly<Record<Dimension, (facts: AuthorizationFacts) => unknown>> = {
  'session.factors': ({ session }) => session.factors.toSorted(),
  'session.ageSeconds': ({ session }) => session.ageSeconds,
  'session.door': ({ session }) => session.door,
  'device.id': ({ device }) => device?.id,
  'device.posture': ({ device }) => device?.posture,
  'device.os': ({ device }) => device?.os,
  ip: ({ ip }) => ip,
  'time.nowMs': ({ time }) => time.nowMs,
  'time.hour': ({ time }) => time.hour,
  'time.weekday': ({ time }) => time.weekday,
  risk: ({ risk }) => risk,
  approved: ({ approved }) => approved,
  'http.method': ({ http }) => http?.method,
  'http.path': ({ http }) => http?.path,
  'http.host': ({ http }) => http?.host,
}

function keyOf(each: AuthorizationFacts, { distinguish, breaks }: LookedAt): string {
  const intervals = [...breaks].map(
    ([name, values]) => values.filter((value) => Number(readers[name](each)) >= value).length,
  )
  return JSON.stringify([
    each.user,
    each.resource,
    each.device === null,
    [...distinguish].map((name) => readers[name](each)),
    intervals,
  ])
}

test('facts that agree in what is looked at have one answer', () => {
  let joined = 0
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1, maxLength: 3 }),
      fc.array(facts, { minLength: 30, maxLength: 30 }),
      (conditions, many) => {
        const rules = rulesOf([
          user('ada'),
          user('bob', [], 'partner'),
          { ...organisation('partner', ['wiki']), fromMs: 2, untilMs: 5 },
          app('wiki'),
          app('ruled', conditions.length === 3 ? { rules: [{ allow: false, path: '/c' }] } : {}),
          ...conditions.map((when, at) => policy(at === 1 ? 'forbid' : 'permit', `p${at}`, null, null, when)),
        ])
        const lookedAt = lookedAtBy(rules)
        const answers = new Map<string, string>()
        for (const each of many) {
          const decision = decideAccess(rules, each)
          const answer = JSON.stringify([decision.kind, decision.policies, decision.kind === 'deny' && decision.reason])
          const key = keyOf(each, lookedAt)
          const known = answers.get(key)
          if (known === undefined) answers.set(key, answer)
          else joined++
          assert.equal(known ?? answer, answer, JSON.stringify({ conditions, each }))
        }
      },
    ),
    { numRuns: 600 },
  )
  assert.ok(joined > 500, `${joined} shared a class`)
})

test('tells apart nothing that is not looked at', () => {
  const rules = rulesOf([
    user('ada'),
    app('wiki'),
    policy('permit', 'p', null, null, { '<': { left: path('risk'), right: { Value: 50 } } }),
  ])
  const { distinguish, breaks } = lookedAtBy(rules)
  assert.deepEqual([[...distinguish], [...breaks]], [[], [['risk', [50]]]])
})
