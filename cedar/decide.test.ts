// The product's decision from policy text to words, through the real parser.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { adviceFor, describe } from '#core/policy/advice.ts'
import { type AuthorizationFacts, decidePolicy, deny, denyReasons } from '#core/policy/decide.ts'
import { appEntity, groupEntity, userEntity } from '#core/policy/directory.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { compilePolicies } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { requestOf } from '#core/policy/request-facts.ts'
import { policySchema } from '#core/policy/schema.ts'
import type { EntityUid, Value } from '#core/policy/value.ts'
import { askOfficial } from './official.ts'
import { startPolicyChecker } from './checker.ts'
import { loadCedar } from './wasm.ts'

const checker = startPolicyChecker()
after(() => checker.close())

const entities = EntityStore.of([
  groupEntity('staff'),
  groupEntity('engineering', ['staff']),
  userEntity({
    name: 'alice',
    displayName: 'Alice',
    email: 'alice@acme.test',
    groups: ['engineering'],
    organisation: null,
  }),
  userEntity({ name: 'pat', displayName: 'Pat', email: null, groups: [], organisation: 'partner' }),
  appEntity('wiki', 'Wiki', 'http', ['internal']),
  appEntity('vault', 'Vault', 'tcp'),
])

const facts: AuthorizationFacts = {
  user: 'alice',
  action: 'connect',
  resource: { kind: 'app', name: 'wiki' },
  session: { factors: ['password'], ageSeconds: 600, door: 'agent' },
  device: { id: 'laptop', posture: 0, os: 'linux' },
  ip: '::ffff:192.0.2.7',
  time: { nowMs: Date.UTC(2026, 10, 23, 7), hour: 7, weekday: 1 },
  risk: 20,
  approved: false,
  http: null,
}

async function policiesOf(text: string): Promise<PolicySet> {
  const checked = await checker.check({ documents: text, schema: policySchema })
  assert.ok(checked.ok, JSON.stringify(checked))
  return PolicySet.of(compilePolicies(checked.policies))
}

test('allows with the obligations of every allowing policy', async () => {
  const policies = await policiesOf(`
    @id("staff read") permit(principal in Group::"staff", action, resource in AppGroup::"internal");
    @id("watched") @inspect("dlp,malware") @recordSession permit(principal == User::"alice", action == Action::"connect", resource == App::"wiki");
    @id("others") @stepUp("passkey") permit(principal in Group::"nobody", action, resource);`)
  const decision = decidePolicy(policies, entities, facts)
  assert.equal(decision.kind, 'allow')
  assert.deepEqual(
    decision.kind === 'allow' &&
      decision.obligations.map(({ name, value, policy }) => [name, value, policy.name, policy.line]),
    [
      ['inspect', 'dlp,malware', 'watched', 3],
      ['recordSession', 'true', 'watched', 3],
    ],
  )
  assert.match(describe(decision), /^allowed by staff read \(line 2\), watched \(line 3\), with inspect "dlp,malware"/)
  assert.equal(adviceFor(decision), '')
})

test('says in plain words what was missing, nearest policy first', async () => {
  const policies = await policiesOf(`
    @id("far") permit(principal in Group::"finance", action, resource == App::"wiki") when { context.risk < 10 && context.time.hour >= 8 && context.session.door == "browser" };
    @id("near") permit(principal in Group::"engineering", action == Action::"connect", resource in AppGroup::"internal") when { context has device && context.device.posture >= 2 && context.risk < 50 };`)
  const decision = decidePolicy(policies, entities, facts)
  assert.ok(decision.kind === 'deny')
  assert.equal(decision.reason, 'no-policy')
  assert.deepEqual(decision.missing, [
    {
      policy: { id: 'policy1', name: 'near', line: 3 },
      conditions: ['needs device posture >= 2 (managed); yours: 0 (unknown)'],
    },
    {
      policy: { id: 'policy0', name: 'far', line: 2 },
      conditions: [
        'needs membership of Group "finance"',
        'needs risk score < 10; yours: 20',
        'needs hour of day >= 8; yours: 7',
        'needs way in to be "browser"; yours: "agent"',
      ],
    },
  ])
  assert.equal(decision.missing, decision.missing, 'worked out once')
  assert.match(describe(decision), /no policy permits it; nearest near: needs device posture/)
})

test('finds words for every kind of condition', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['context.session.factors.contains("passkey")', 'needs sign-in factor "passkey"; yours: "password"'],
    [
      'context.session.factors.containsAny(["passkey", "totp"])',
      'needs sign-in factor any of "passkey", "totp"; yours: "password"',
    ],
    ['context.approved', 'needs an approved access request'],
    ['context.network.ip.isInRange(ip("10.0.0.0/8"))', 'needs network address in 10.0.0.0/8; yours: 192.0.2.7'],
    ['["browser"].contains(context.session.door)', 'needs way in one of "browser"; yours: "agent"'],
    [
      'context.session.ageSeconds < 60 || context.risk < 5',
      'needs session age in seconds < 60; yours: 600 or risk score < 5; yours: 20',
    ],
    ['8 <= context.time.hour', 'needs hour of day >= 8; yours: 7'],
    [
      'context has device && context.device.os == "macos"',
      'needs device operating system to be "macos"; yours: "linux"',
    ],
    [
      'principal has email && principal.email like "*@other.test"',
      'needs e-mail address like "*@other.test"; yours: "alice@acme.test"',
    ],
    ['principal in [Group::"a", Group::"b"]', 'needs membership of Group "a" or membership of Group "b"'],
    [
      'context.time.now < datetime("2026-01-01")',
      'needs time < 2026-01-01T00:00:00.000Z; yours: 2026-11-23T07:00:00.000Z',
    ],
    ['principal.outside', 'needs a user of an outside organisation'],
    ['if context.approved then true else false', 'needs `if context.approved then true else false`'],
  ]
  for (const [condition, words] of cases) {
    const policies = await policiesOf(
      `permit(principal, action == Action::"connect", resource == App::"wiki") when { ${condition} };`,
    )
    const decision = decidePolicy(policies, entities, facts)
    assert.deepEqual(decision.kind === 'deny' && decision.missing.map(({ conditions }) => conditions), [[words]])
  }
  const unless = await policiesOf(
    'permit(principal, action, resource) unless { context.risk > 10 || principal in Group::"staff" };',
  )
  const decision = decidePolicy(unless, entities, { ...facts, device: null })
  assert.deepEqual(decision.kind === 'deny' && decision.missing[0]?.conditions, [
    'needs risk score <= 10; yours: 20',
    'needs not membership of Group "staff"',
  ])
})

test('says that a fact is unknown when there is no device', async () => {
  const policies = await policiesOf(
    'permit(principal, action, resource) when { context has device && context.device.posture >= 1 };',
  )
  const decision = decidePolicy(policies, entities, { ...facts, device: null })
  assert.deepEqual(decision.kind === 'deny' && decision.missing[0]?.conditions, [
    'needs a known device; yours: none',
    'needs device posture >= 1 (registered); yours: unknown',
  ])
})

test('names the policy that forbids', async () => {
  const policies = await policiesOf(
    'permit(principal, action, resource);\n@id("no outsiders") forbid(principal, action, resource) when { principal.outside };',
  )
  assert.equal(decidePolicy(policies, entities, facts).kind, 'allow')
  const decision = decidePolicy(policies, entities, { ...facts, user: 'pat' })
  assert.ok(decision.kind === 'deny')
  assert.deepEqual(
    [decision.reason, decision.policies],
    ['forbidden', [{ id: 'policy1', name: 'no outsiders', line: 2 }]],
  )
  assert.equal(describe(decision), 'denied: a policy forbids it: no outsiders (line 2)')
})

test('denies a user, an app and a policy that are not there', async () => {
  const policies = await policiesOf(
    'permit(principal in Group::"staff", action, resource) when { resource is App && resource.kind == "http" };',
  )
  for (const changed of [
    { user: 'mallory' },
    { user: '__proto__' },
    { resource: { kind: 'app', name: 'none' } as const },
  ]) {
    assert.equal(decidePolicy(policies, entities, { ...facts, ...changed }).kind, 'deny')
  }
  assert.equal(decidePolicy(PolicySet.empty, entities, facts).kind, 'deny')
  assert.equal(decidePolicy(policies, EntityStore.empty, facts).kind, 'deny')
})

test('refuses facts that are not of their kind instead of deciding on them', () => {
  const bad: Partial<AuthorizationFacts>[] = [
    { ip: 'localhost' },
    { risk: Number.NaN },
    { risk: 1.5 },
    { time: { nowMs: Infinity, hour: 1, weekday: 1 } },
    { action: 'request' },
    { http: { method: 'GET', path: '/', host: 'h' } },
  ]
  for (const each of bad)
    assert.throws(
      () => requestOf({ ...facts, ...each }),
      (error) => isFault(error, 'request-malformed'),
    )
})

test('has one sentence of advice and a description for every reason', () => {
  for (const reason of denyReasons) {
    assert.match(adviceFor(deny(reason)), /^[A-Z].*\.$/)
    assert.match(describe(deny(reason)), /^denied: [a-z]/)
  }
})

test('makes requests that fit the schema of the product', () => {
  const cedar = loadCedar()
  const http = { method: 'GET', path: '/', host: 'wiki' }
  const all: AuthorizationFacts[] = [
    facts,
    { ...facts, device: null },
    { ...facts, action: 'request', http },
    { ...facts, action: 'browse', resource: { kind: 'destination', host: 'example.org' }, http },
    { ...facts, action: 'upload', resource: { kind: 'destination', host: 'example.org' } },
  ]
  for (const each of all) {
    const { principal, action, resource, context } = requestOf(each)
    const answer = askOfficial(cedar, {
      principal: uidJson(principal),
      action: uidJson(action),
      resource: uidJson(resource),
      context: jsonOf(context),
      entities: Array.from(entities, ({ uid, attrs, parents }) => ({
        uid: uidJson(uid),
        attrs: jsonOf(attrs),
        parents: parents.map(uidJson),
      })),
      policies: { staticPolicies: 'permit(principal, action, resource);' },
      schema: policySchema,
      isRequestValidated: true,
    })
    assert.deepEqual(answer, { decision: 'allow', reasons: ['policy0'], errors: [] })
  }
})

function uidJson({ type, id }: EntityUid): { readonly type: string; readonly id: string } {
  return { type, id }
}

function jsonOf(value: Value): unknown {
  if (typeof value !== 'object') return value
  if (value.kind === 'record')
    return Object.fromEntries(Array.from(value.fields, ([name, field]) => [name, jsonOf(field)]))
  if (value.kind === 'set') return Array.from(value, jsonOf)
  if (value.kind === 'entity') return { __entity: { type: value.type, id: value.id } }
  return {
    __extn: {
      fn: value.kind === 'ipaddr' ? 'ip' : value.kind,
      arg: value.toString(),
    },
  }
}
