// The proof before a drill is never too kind: whatever the engine would permit under some circumstances is found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decidePolicy } from '#core/policy/decide.ts'
import { appEntity, groupEntity, userEntity } from '#core/policy/directory.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { compilePolicies } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { possibleReach } from './reach.ts'

const entities = EntityStore.of([
  groupEntity('staff'),
  groupEntity('lab', ['staff']),
  userEntity({ name: 'actor', displayName: 'A', email: null, groups: [], organisation: null }),
  userEntity({ name: 'ada', displayName: 'Ada', email: 'a@b.test', groups: ['lab'], organisation: null }),
  appEntity('wiki', 'Wiki', 'http', ['tools']),
  appEntity('shell', 'Shell', 'tcp'),
])

const variable = (name: string) => ({ Var: name })
const attribute = (left: object, attr: string) => ({ '.': { left, attr } })
const path = (...names: string[]) => names.reduce<object>((left, name) => attribute(left, name), variable('context'))
const value = (of: unknown) => ({ Value: of })

const leaf = fc.oneof(
  fc.constant(path('approved')),
  fc.integer({ min: 0, max: 40 }).map((than) => ({ '<': { left: path('risk'), right: value(than) } })),
  fc
    .integer({ min: 0, max: 2 })
    .map((posture) => ({ '>=': { left: path('device', 'posture'), right: value(posture) } })),
  fc.constant({ has: { left: variable('context'), attr: 'device' } }),
  fc.constant({ contains: { left: path('session', 'factors'), right: value('passkey') } }),
  fc.constant({ '==': { left: path('session', 'door'), right: value('agent') } }),
  fc.constant({ has: { left: variable('principal'), attr: 'email' } }),
  fc.constant({ '==': { left: attribute(variable('resource'), 'kind'), right: value('http') } }),
  fc.boolean().map(value),
)
const condition = fc.letrec<{ node: object }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => ({ '&&': { left, right } })),
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => ({ '||': { left, right } })),
    tie('node').map((arg) => ({ '!': { arg } })),
    fc.tuple(tie('node'), tie('node'), tie('node')).map(([test, then, otherwise]) => ({
      'if-then-else': { if: test, then, else: otherwise },
    })),
  ),
})).node

const entity = (type: string, id: string) => ({ type, id })
const scopes = {
  principal: fc.constantFrom(
    { op: 'All' },
    { op: '==', entity: entity('User', 'actor') },
    { op: 'in', entity: entity('Group', 'staff') },
    { op: 'is', entity_type: 'User' },
  ),
  resource: fc.constantFrom(
    { op: 'All' },
    { op: '==', entity: entity('App', 'wiki') },
    { op: 'in', entity: entity('AppGroup', 'tools') },
  ),
  action: fc.constantFrom({ op: 'All' }, { op: '==', entity: entity('Action', 'request') }),
}
const policy = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid'),
    ...scopes,
    conditions: fc.array(fc.record({ kind: fc.constantFrom('when', 'unless'), body: condition }), { maxLength: 2 }),
  })
  .map((est) => ({ ...est, annotations: {} }))

const circumstances = fc.record({
  door: fc.constantFrom('browser' as const, 'agent' as const),
  factors: fc.subarray(['pwd', 'passkey']),
  posture: fc.constantFrom(null, 0 as const, 1 as const, 2 as const),
  risk: fc.integer({ min: 0, max: 100 }),
})

test('what the engine permits in any circumstances, the proof finds possible', () => {
  let permitted = 0
  let proven = 0
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: 1, maxLength: 4 }),
      fc.array(circumstances, { minLength: 1, maxLength: 6 }),
      (forms, tried) => {
        const policies = PolicySet.of(
          compilePolicies(forms.map((est, index) => ({ id: `p${index}`, name: `p${index}`, line: 1, est }))),
        )
        const possible = possibleReach({ policies, entities }, ['actor'], ['wiki', 'shell'], 100).map(({ app }) => app)
        if (possible.length === 0) proven++
        for (const { door, factors, posture, risk } of tried)
          for (const app of ['wiki', 'shell']) {
            const decision = decidePolicy(policies, entities, {
              user: 'actor',
              action: app === 'wiki' ? 'request' : 'connect',
              resource: { kind: 'app', name: app },
              session: { factors, ageSeconds: 10, door },
              device: posture === null ? null : { id: 'dev', posture, os: 'linux' },
              ip: '192.0.2.1',
              time: { nowMs: 1_700_000_000_000, hour: 9, weekday: 1 },
              risk,
              approved: false,
              http: app === 'wiki' ? { method: 'GET', path: '/', host: 'wiki' } : null,
            })
            if (decision.kind !== 'allow') continue
            permitted++
            assert.ok(possible.includes(app), JSON.stringify(forms))
          }
      },
    ),
    { numRuns: 5000 },
  )
  assert.ok(permitted > 1000 && proven > 500, `both happen often: ${permitted} permitted, ${proven} proven`)
})
