// Ten thousand made-up tenants and scenarios: whenever the proof lets a drill begin, no request of its identities for a real app
// is allowed, whatever the circumstances; nor is any request to the internet. And the proof is no wall that lets nothing pass.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decidePolicy } from '#core/policy/decide.ts'
import { appEntity, groupEntity, userEntity } from '#core/policy/directory.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { compilePolicies } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { notKeptFromInternet, possibleReach } from './reach.ts'

const RUNS = 10_000

/** A small generator, the same every time: a failure can be looked at again. */
function generator(seed: number) {
  let state = seed >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  return {
    below: (n: number) => Math.floor(next() * n),
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T,
  }
}

const realApps = ['wiki', 'payroll', 'git']
const entity = (type: string, id: string) => ({ type, id })
const path = (...names: string[]) => names.reduce<object>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' })
const conditions = [
  { Value: true },
  { '<': { left: path('risk'), right: { Value: 20 } } },
  path('approved'),
  { '>=': { left: path('device', 'posture'), right: { Value: 1 } } },
  { '!': { arg: path('approved') } },
  { '==': { left: path('session', 'door'), right: { Value: 'agent' } } },
]
const all = { op: 'All' }

function policyOf(
  at: number,
  effect: string,
  principal: object,
  actions: readonly string[],
  resource: object,
  body: object | null,
) {
  return {
    id: `p${at}`,
    est: {
      annotations: {},
      effect,
      principal,
      action: { op: 'in', entities: actions.map((name) => entity('Action', name)) },
      resource,
      conditions: body === null ? [] : [{ kind: 'when', body }],
    },
  }
}

test(`in ${RUNS} made-up tenants a drill that is proven safe touches nothing real`, () => {
  let [begun, refused, asked] = [0, 0, 0]
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = generator(seed * 2_654_435_761)
    const actors = Array.from({ length: 1 + random.below(3) }, (_, at) => `actor${at}`)
    const canaries = Array.from({ length: 1 + random.below(3) }, (_, at) => `canary${at}`)
    const entities = EntityStore.of([
      groupEntity('staff'),
      ...actors.map((name) => userEntity({ name, displayName: '', email: null, groups: [], organisation: null })),
      userEntity({ name: 'ada', displayName: '', email: null, groups: ['staff'], organisation: null }),
      ...realApps.map((name) => appEntity(name, name, 'http', ['tools'])),
      ...canaries.map((name) => appEntity(name, name, 'http')),
    ])
    const tenants = Array.from({ length: random.below(5) }, (_, at) =>
      policyOf(
        at,
        random.below(5) === 0 ? 'forbid' : 'permit',
        random.pick([
          { op: 'in', entity: entity('Group', 'staff') },
          { op: 'in', entity: entity('Group', 'staff') },
          { op: '==', entity: entity('User', 'ada') },
          all,
        ]),
        random.pick([['request'], ['connect', 'request'], ['browse', 'upload', 'download']]),
        random.pick([
          { op: '==', entity: entity('App', random.pick(realApps)) },
          { op: 'in', entity: entity('AppGroup', 'tools') },
          all,
        ]),
        random.below(2) === 0 ? null : random.pick(conditions),
      ),
    )
    const own = actors.flatMap((name, at) => [
      policyOf(
        100 + at,
        'permit',
        { op: '==', entity: entity('User', name) },
        ['connect', 'request'],
        { op: '==', entity: entity('App', random.pick(canaries)) },
        null,
      ),
      // One in twenty has lost its wall, as if somebody had taken it away.
      ...(random.below(20) === 0
        ? []
        : [
            policyOf(
              200 + at,
              'forbid',
              { op: '==', entity: entity('User', name) },
              ['browse', 'upload', 'download'],
              all,
              null,
            ),
          ]),
    ])
    const policies = PolicySet.of(
      compilePolicies([...tenants, ...own].map(({ id, est }) => ({ id, name: id, line: 1, est }))),
    )
    const isSafe =
      possibleReach({ policies, entities }, actors, realApps, 1).length === 0 &&
      notKeptFromInternet({ policies, entities }, actors).length === 0
    if (!isSafe) {
      refused++
      continue
    }
    begun++
    for (let tries = 0; tries < 3; tries++) {
      const context = {
        session: {
          factors: random.pick([[], ['pwd'], ['passkey']]),
          ageSeconds: 1,
          door: random.pick(['agent', 'browser'] as const),
        },
        device: random.pick([null, { id: 'd', posture: random.pick([0, 1, 2] as const), os: 'linux' }]),
        ip: '192.0.2.1',
        time: { nowMs: 1e12, hour: random.below(24), weekday: 1 + random.below(7) },
        risk: random.below(100),
        approved: false,
        http: { method: 'GET', path: '/', host: 'x' },
      }
      for (const user of actors) {
        for (const app of realApps)
          for (const action of ['connect', 'request'] as const) {
            asked++
            const decision = decidePolicy(policies, entities, {
              ...context,
              http: action === 'connect' ? null : context.http,
              user,
              action,
              resource: { kind: 'app', name: app },
            } as never)
            assert.equal(decision.kind, 'deny', `seed ${seed}: ${user} reaches ${app}`)
          }
        const web = {
          ...context,
          user,
          action: random.pick(['browse', 'upload', 'download']),
          resource: { kind: 'destination', host: 'example.com', categories: [] },
        }
        assert.equal(decidePolicy(policies, entities, web as never).kind, 'deny', `seed ${seed}: ${user} browses`)
      }
    }
  }
  assert.equal(begun + refused, RUNS)
  assert.ok(begun > RUNS / 10 && refused > RUNS / 10 && asked > 10_000, `${begun} begun, ${refused} refused`)
})
