import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { entity, EntityStore } from './entity.ts'
import { evaluate } from './evaluate.ts'
import { compilePolicy, compileTemplate, linkTemplate } from './policy.ts'
import { PolicySet } from './policy-set.ts'
import type { Request } from './request.ts'
import { readRecord } from './value-json.ts'
import { CedarRecord, EntityUid } from './value.ts'

const alice = new EntityUid('User', 'alice')
const wiki = new EntityUid('App', 'wiki')
const connect = new EntityUid('Action', 'connect')
const staff = new EntityUid('Group', 'staff')
const all = { op: 'All' }

function request(context: unknown = {}, principal = alice): Request {
  return { principal, action: connect, resource: wiki, context: readRecord(context, 'context') }
}

function est(body: unknown, more: object = {}): object {
  const conditions = body === undefined ? [] : [{ kind: 'when', body }]
  return { effect: 'permit', principal: all, action: all, resource: all, conditions, ...more }
}

function outcome(body: unknown, context: unknown = {}): 'allow' | 'deny' | 'error' {
  const answer = evaluate(
    PolicySet.of([compilePolicy({ id: 'p', est: est(body) })]),
    request(context),
    EntityStore.empty,
  )
  return answer.errors.length > 0 ? 'error' : answer.decision
}

test('denies when there is no policy', () => {
  assert.deepEqual(evaluate(PolicySet.empty, request(), EntityStore.empty), {
    decision: 'deny',
    reasons: [],
    errors: [],
  })
})

test('lets forbid win over any number of permits', () => {
  const policies = PolicySet.of([
    compilePolicy({ id: 'a', est: est(undefined) }),
    compilePolicy({ id: 'b', est: est(undefined) }),
    compilePolicy({ id: 'c', est: est(undefined, { effect: 'forbid' }) }),
  ])
  assert.deepEqual(evaluate(policies, request(), EntityStore.empty), { decision: 'deny', reasons: ['c'], errors: [] })
})

test('drops and reports a failing policy, also when it forbids', () => {
  const broken = { '<': { left: { Value: 1 }, right: { Value: 'x' } } }
  const policies = PolicySet.of([
    compilePolicy({ id: 'permit', est: est(undefined) }),
    compilePolicy({ id: 'broken', est: est(broken, { effect: 'forbid' }) }),
  ])
  const answer = evaluate(policies, request(), EntityStore.empty)
  assert.equal(answer.decision, 'allow')
  assert.deepEqual(
    answer.errors.map(({ policyId }) => policyId),
    ['broken'],
  )
})

test('keeps integers of 64 bits exact and refuses to go beyond', () => {
  const max = { Value: { __long: '9223372036854775807' } }
  assert.equal(outcome({ '==': { left: max, right: { Value: 2 ** 53 - 1 } } }), 'deny')
  assert.equal(
    outcome({ '==': { left: max, right: { '.': { left: { Var: 'context' }, attr: 'n' } } } }, { n: 2n ** 63n - 1n }),
    'allow',
  )
  assert.equal(outcome({ '==': { left: { '+': { left: max, right: { Value: 1 } } }, right: max } }), 'error')
  const product = { '*': { left: { Value: 2 ** 40 }, right: { Value: 2 ** 23 - 1 } } }
  assert.equal(
    outcome({ '==': { left: product, right: { Value: { __long: String(2n ** 40n * (2n ** 23n - 1n)) } } } }),
    'allow',
  )
  assert.equal(
    outcome({ '==': { left: { neg: { arg: { Value: { __long: String(-(2n ** 63n)) } } } }, right: max } }),
    'error',
  )
})

test('treats __proto__ and constructor as ordinary names', () => {
  const attribute = (name: string): object => ({ has: { left: { Var: 'context' }, attr: name } })
  assert.equal(outcome(attribute('constructor')), 'deny')
  assert.equal(outcome(attribute('__proto__')), 'deny')
  assert.equal(outcome(attribute('toString')), 'deny')
  assert.equal(outcome(attribute('__proto__'), JSON.parse('{"__proto__": {"x": 1}}')), 'allow')
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
})

test('compares sets without regard to order and repetition', () => {
  const set = (...values: unknown[]): object => ({ Set: values.map((value) => ({ Value: value })) })
  assert.equal(outcome({ '==': { left: set(1, 2, 2), right: set(2, 1) } }), 'allow')
  assert.equal(outcome({ '==': { left: set('1'), right: set(1) } }), 'deny')
  const inner = { Set: [set(1, 2)] }
  assert.equal(outcome({ contains: { left: inner, right: set(2, 1) } }), 'allow')
  assert.equal(outcome({ contains: { left: inner, right: set(2) } }), 'deny')
})

test('links a template only with exactly its slots', () => {
  const template = compileTemplate({ id: 't', est: est(undefined, { principal: { op: 'in', slot: '?principal' } }) })
  const link = linkTemplate({ id: 'l', template, values: { '?principal': staff } })
  const entities = EntityStore.of([entity(alice, CedarRecord.empty, [staff])])
  assert.deepEqual(evaluate(PolicySet.of([link]), request(), entities).reasons, ['l'])
  assert.equal(evaluate(PolicySet.of([link]), request(), EntityStore.empty).decision, 'deny')
  assert.throws(() => linkTemplate({ id: 'l', template, values: {} }), isPolicyFault)
  assert.throws(
    () => linkTemplate({ id: 'l', template, values: { '?principal': staff, '?resource': wiki } }),
    isPolicyFault,
  )
  assert.throws(
    () => compilePolicy({ id: 't', est: est(undefined, { principal: { op: 'in', slot: '?principal' } }) }),
    isPolicyFault,
  )
})

test('walks a chain of 3,000 || without using the stack', () => {
  let body: unknown = { Value: false }
  for (let at = 0; at < 3_000; at++) body = { '||': { left: body, right: { Value: at === 2_999 } } }
  assert.equal(outcome(body), 'allow')
})

test('refuses nesting, size and shapes that Cedar does not have, without crashing', () => {
  let deep: unknown = { Value: true }
  for (let at = 0; at < 100_000; at++) deep = { '!': { arg: deep } }
  let deepSet: unknown = { Value: 1 }
  for (let at = 0; at < 5_000; at++) deepSet = { Set: [deepSet] }
  const hostile: unknown[] = [
    deep,
    deepSet,
    { Set: Array.from({ length: 30_000 }, () => ({ Value: 1 })) },
    { Value: 1.5 },
    { Value: null },
    { Value: 2 ** 60 },
    { Value: { __long: '9223372036854775808' } },
    { Value: '\ud800' },
    { Unknown: {} },
    { constructor: [] },
    { toString: [] },
    { __proto__: null },
    {},
    null,
    [],
    'true',
    { Value: true, Var: 'context' },
    { Var: 'constructor' },
    { Slot: '?principal' },
    { '==': { left: { Value: 1 } } },
    { '==': { left: { Value: 1 }, right: { Value: 1 }, extra: 1 } },
    { has: { left: { Var: 'context' }, attr: [] } },
    { has: { left: { Var: 'context' }, attr: 5 } },
    { like: { left: { Value: 'a' }, pattern: ['wildcard'] } },
    { is: { left: { Var: 'principal' }, entity_type: 'a b' } },
    { is: { left: { Var: 'principal' }, entity_type: '__cedar::X' } },
    { 'if-then-else': { if: { Value: true }, then: { Value: true } } },
    { ip: { Value: '::1' } },
    { Value: { __entity: { type: 'User' } } },
    { Value: { __extn: { fn: 'system', arg: 'x' } } },
    { Value: { __extn: { fn: 'ip', arg: 'no address' } } },
  ]
  for (const body of hostile) assert.throws(() => compilePolicy({ id: 'p', est: est(body) }), isPolicyFault)
  const scopes = [null, {}, { op: 'is' }, { op: '==', entity: 'x' }, { op: '==', slot: '?resource' }, { op: 'like' }]
  for (const principal of scopes)
    assert.throws(() => compilePolicy({ id: 'p', est: est(undefined, { principal }) }), isPolicyFault)
  assert.throws(() => compilePolicy({ id: 'p', est: est(undefined, { effect: 'Permit' }) }), isPolicyFault)
  assert.throws(() => compilePolicy({ id: 'p', est: est(undefined, { extra: 1 }) }), isPolicyFault)
  assert.throws(() => compilePolicy({ id: 'p', est: '{"effect":' }), isPolicyFault)
  assert.throws(() => compilePolicy({ id: 'p', est: '['.repeat(200_000) }), isPolicyFault)
})

test('matches hostile like patterns in time that does not explode', () => {
  const pattern = Array.from({ length: 5_000 }, (_, at) => (at % 2 === 0 ? 'Wildcard' : { Literal: 'a' }))
  const body = {
    like: { left: { '.': { left: { Var: 'context' }, attr: 's' } }, pattern: [...pattern, { Literal: 'b' }] },
  }
  assert.equal(outcome(body, { s: 'a'.repeat(50_000) }), 'deny')
  assert.equal(outcome(body, { s: `${'a'.repeat(50_000)}b` }), 'allow')
})

function isPolicyFault(error: unknown): boolean {
  return isFault(error, 'policy-invalid')
}
