// Policy tests say what people rely on: they must fail when it stops being so, also because what they name is gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyTest, type PolicyTest } from '#core/resources/policy-test.ts'
import { runTest } from './run-tests.ts'
import { rulesOf } from './tenant-rules.ts'
import { app, group, organisation, permit, user } from './testing.ts'

const nowMs = Date.parse('2026-06-01T10:00:00Z')
const rules = rulesOf([
  group('staff', ['everyone']),
  group('everyone'),
  organisation('partner', ['wiki']),
  app('wiki', { rules: [{ allow: false, path: '/admin/*' }] }),
  app('db', { kind: 'tcp' }),
  user('ada', ['staff']),
  user('bob', [], 'partner'),
  permit('staff', 'Group', 'everyone', 'wiki', {
    '>=': {
      left: { '.': { left: { '.': { left: { Var: 'context' }, attr: 'device' } }, attr: 'posture' } },
      right: { Value: 1 },
    },
  }),
  permit('partners', 'Organisation', 'partner', 'wiki'),
])

function run(given: object) {
  const parsed: PolicyTest = policyTest.parse(given)
  return runTest(parsed, rules, nowMs)
}

test('passes what is so, with its reason and the policies that decided', () => {
  for (const given of [
    { who: 'ada', app: 'wiki', context: { posture: 2 }, expect: 'allow', policies: ['staff'] },
    { who: 'ada', app: 'wiki', expect: 'deny', reason: 'no-policy', policies: [] },
    { who: 'ada', app: 'wiki', context: { posture: 2, path: '/admin/x' }, expect: 'deny', reason: 'path-not-allowed' },
    { who: { groups: ['staff'] }, app: 'wiki', context: { posture: 1 }, expect: 'allow' },
    { who: { groups: [] }, app: 'wiki', context: { posture: 1 }, expect: 'deny' },
    { who: 'bob', app: 'wiki', expect: 'allow', policies: ['partners'] },
    { who: 'bob', app: 'db', expect: 'deny', reason: 'app-not-in-contract' },
    {
      who: { organisation: 'partner' },
      app: 'wiki',
      context: { at: '2031-01-01T00:00:00Z' },
      expect: 'deny',
      reason: 'outside-contract',
    },
    { who: 'ada', host: 'example.org', expect: 'deny' },
  ])
    assert.equal(run(given).kind, 'passed', JSON.stringify([given, run(given)]))
})

test('fails what is not so, and says what came instead', () => {
  const failed = run({ who: 'ada', app: 'wiki', context: { posture: 0 }, expect: 'allow' })
  assert.ok(failed.kind === 'failed')
  assert.match(failed.message, /expected allow; denied: no policy permits it; nearest staff: needs device posture >= 1/)
  for (const given of [
    { who: 'bob', app: 'wiki', expect: 'allow', policies: ['staff'] },
    { who: 'bob', app: 'wiki', expect: 'deny' },
    { who: 'bob', app: 'db', expect: 'deny', reason: 'forbidden' },
  ])
    assert.equal(run(given).kind, 'failed', JSON.stringify(given))
})

test('fails when what it names is not there, although that would be denied too', () => {
  for (const given of [
    { who: 'eve', app: 'wiki' },
    { who: { groups: ['gone'] }, app: 'wiki' },
    { who: { organisation: 'gone' }, app: 'wiki' },
    { who: 'ada', app: 'gone' },
    { who: 'ada', app: 'db', action: 'request' },
    { who: 'ada', app: 'db', action: 'browse' },
  ])
    assert.equal(run({ ...given, expect: 'deny' }).kind, 'failed', JSON.stringify(given))
})

test('a test names an app or a host, and a reason only of a denial', () => {
  for (const given of [
    { who: 'ada', expect: 'deny' },
    { who: 'ada', app: 'wiki', host: 'x.test', expect: 'deny' },
    { who: 'ada', app: 'wiki', expect: 'allow', reason: 'no-policy' },
    { who: 'ada', app: 'wiki', expect: 'deny', surprise: 1 },
  ])
    assert.equal(policyTest.safeParse(given).success, false, JSON.stringify(given))
})
