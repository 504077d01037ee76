// The walls before policy, one by one, and path rules.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TenantRecords } from '#core/records/records.ts'
import { canonicalPath } from '#transport/path.ts'
import { isPathAllowed } from '#core/policy/path-rules.ts'
import { decide, reconsiderAtMs, standing, type Access } from './decide.ts'
import { Tenant } from './tenant/tenant.ts'
import {
  appRecord,
  containmentRecord,
  policyRecord,
  sessionRecord,
  tenantRecord,
  userRecord,
} from './testing/records.ts'

const nowMs = Date.now()
const tenantId = 'ten_aaaaaaaaaaaaaaaaaaaa'
const authority = { certificatePem: '-', privateKeyPem: '-' }
const organisation = {
  kind: 'organisation' as const,
  id: 'org_1',
  name: 'partner',
  displayName: 'Partner',
  sponsorId: 'usr_1',
  fromMs: nowMs - 1000,
  untilMs: nowMs + 1000,
  appIds: [] as string[],
}

function setUp(change: { outside?: boolean } = {}) {
  const user = userRecord('alice', { organisationId: change.outside === true ? organisation.id : null })
  const device = {
    kind: 'device' as const,
    id: 'dev_1',
    name: 'laptop',
    userId: user.id,
    keyThumbprint: 'x',
    posture: 2 as const,
    os: 'linux',
    status: 'active' as const,
  }
  const session = sessionRecord(user.id, device.id)
  const app = appRecord('ssh', 'tcp', 22, { connectorGroupId: 'cgr_1' })
  const connector = {
    kind: 'connector' as const,
    id: 'con_1',
    name: 'one',
    groupId: 'cgr_1',
    keyThumbprint: 'y',
    status: 'active' as const,
  }
  const tenant = new Tenant(
    tenantId,
    [tenantRecord(tenantId, 'acme', authority), user, device, session, app, connector, policyRecord('all')],
    { epoch: 'e', sequence: 1, issuedAtMs: nowMs },
  )
  const access: Access = {
    userId: user.id,
    sessionId: session.id,
    deviceId: device.id,
    appId: app.id,
    connectorId: connector.id,
    clientIp: '192.0.2.1',
    http: null,
  }
  const put = (...records: TenantRecords[]) => tenant.apply(records.map((record) => ({ op: 'put' as const, record })))
  const reason = (asked: Partial<Access> = {}, at = nowMs) => {
    const decision = decide(tenant, { ...access, ...asked }, { nowMs: at })
    return decision.kind === 'allow' ? 'allow' : decision.reason
  }
  return { tenant, user, device, session, app, connector, access, put, reason }
}

test('allows what policy permits and nothing stands against', () => {
  assert.equal(setUp().reason(), 'allow')
})

test('a tenant that is gone or suspended gets nothing', () => {
  const { tenant, access, put, reason } = setUp()
  assert.equal(decide(undefined, access, { nowMs }).kind, 'deny')
  put({ ...tenant.record, status: 'suspended' })
  assert.equal(reason(), 'tenant-suspended')
})

test('facts that are too old decide nothing new, and keep what lives', () => {
  const { tenant, access, reason } = setUp()
  const later = nowMs + 901_000
  assert.equal(reason({}, later), 'snapshot-stale')
  assert.equal(standing(tenant, access, { nowMs: later, mayBeStale: true }), undefined)
})

test('each wall of the person stands by itself', () => {
  for (const [change, expected] of [
    [({ user }: ReturnType<typeof setUp>) => ({ ...user, status: 'disabled' as const }), 'user-disabled'],
    [({ session }: ReturnType<typeof setUp>) => ({ ...session, expiresAtMs: nowMs }), 'session-expired'],
    [({ session }: ReturnType<typeof setUp>) => ({ ...session, userId: 'usr_other' }), 'session-ended'],
    [({ session }: ReturnType<typeof setUp>) => ({ ...session, deviceId: 'dev_other' }), 'session-ended'],
    [({ device }: ReturnType<typeof setUp>) => ({ ...device, status: 'revoked' as const }), 'device-revoked'],
    [({ device }: ReturnType<typeof setUp>) => ({ ...device, userId: 'usr_other' }), 'device-revoked'],
    [({ app }: ReturnType<typeof setUp>) => ({ ...app, enabled: false }), 'app-disabled'],
    [({ connector }: ReturnType<typeof setUp>) => ({ ...connector, status: 'revoked' as const }), 'no-connector'],
    [({ connector }: ReturnType<typeof setUp>) => ({ ...connector, groupId: 'cgr_2' }), 'no-connector'],
  ] as const) {
    const world = setUp()
    world.put(change(world))
    assert.equal(world.reason(), expected)
  }
  const { reason } = setUp()
  assert.equal(reason({ sessionId: 'ses_gone' }), 'session-ended')
  assert.equal(reason({ appId: 'app_gone' }), 'app-unknown')
  assert.equal(reason({ deviceId: null }), 'session-ended')
})

test('an agent session without a device is denied', () => {
  const { session, put, reason } = setUp()
  put({ ...session, deviceId: null, door: 'agent' })
  assert.equal(reason({ deviceId: null }), 'device-required')
})

test('a containment of anything involved stops it until it ends', () => {
  for (const kind of ['user', 'device', 'session', 'app', 'connector'] as const) {
    const { put, reason, access, tenant } = setUp()
    const id = access[`${kind}Id`] ?? ''
    const expiresAtMs = nowMs + 1000
    put(containmentRecord(kind, id, { id: 'cnt_1', expiresAtMs }))
    assert.equal(reason(), 'contained', kind)
    assert.equal(reason({}, expiresAtMs), 'allow', kind)
    tenant.apply([{ op: 'remove', kind: 'containment', id: 'cnt_1' }])
    assert.equal(reason(), 'allow', kind)
  }
  const { put, reason } = setUp({ outside: true })
  put({ ...organisation, appIds: [] })
  put(containmentRecord('organisation', organisation.id, { expiresAtMs: nowMs + 1 }))
  assert.equal(reason(), 'contained')
})

test('an outsider gets the agreed apps in the agreed time, and one app more by an approval', () => {
  const { put, reason, app, user, tenant, access } = setUp({ outside: true })
  assert.equal(reason(), 'outside-contract')
  put(organisation)
  assert.equal(reason(), 'app-not-in-contract')
  put({ ...organisation, appIds: [app.id] })
  assert.equal(reason(), 'allow')
  assert.equal(reason({}, organisation.untilMs), 'outside-contract')
  assert.equal(reason({}, organisation.fromMs - 1), 'outside-contract')
  assert.equal(reconsiderAtMs(tenant, access, nowMs), organisation.untilMs)
  put(organisation)
  put({ kind: 'approval', id: 'apr_1', userId: user.id, appId: app.id, approvedBy: '', expiresAtMs: nowMs + 500 })
  assert.equal(reason(), 'allow')
  assert.equal(reason({}, nowMs + 500), 'app-not-in-contract')
  assert.equal(reason({}, organisation.untilMs), 'outside-contract')
})

test('without a permit nothing is allowed, and a forbid wins', () => {
  const { put, reason, tenant } = setUp()
  put(policyRecord('no', 'forbid', 'ssh'))
  assert.equal(reason(), 'forbidden')
  tenant.apply([...tenant.policies.keys()].map((id) => ({ op: 'remove', kind: 'policy', id })))
  assert.equal(reason(), 'no-policy')
})

test('an obligation that is not met denies', () => {
  const { put, reason, tenant, session } = setUp()
  const policy = policyRecord('careful')
  const withAnnotation = (annotations: object) => ({ ...policy, est: { ...(policy.est as object), annotations } })
  tenant.apply([...tenant.policies.keys()].map((id) => ({ op: 'remove', kind: 'policy', id })))
  put(withAnnotation({ stepUp: 'hwk' }))
  assert.equal(reason(), 'proof-needed')
  put({ ...session, factors: ['hwk'] })
  assert.equal(reason(), 'allow')
  put(withAnnotation({ recordSession: 'true' }))
  assert.equal(reason(), 'forbidden')
  put(withAnnotation({ inspect: 'dlp' }))
  assert.equal(reason(), 'allow')
})

test('renaming a user, group or app takes the old name out of policy', () => {
  const { put, reason, app } = setUp()
  put(policyRecord('no', 'forbid', 'ssh'))
  put({ ...app, name: 'other' })
  assert.equal(reason(), 'allow')
  put(app)
  assert.equal(reason(), 'forbidden')
})

test('no spelling of a path below a denied one gets past the rule', () => {
  const rules = [{ allow: false, path: '/admin/*' }]
  const piece = fc.constantFrom(
    'admin',
    '%61dmin',
    '.',
    '..',
    '%2e%2e',
    '',
    'x',
    '%2F',
    ';',
    '\\',
    'ADMIN',
    '%25',
    '//',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const read = canonicalPath(`/${pieces.join('/')}`)
      if (!read.ok) return
      const resolved = new URL(read.canonicalPath, 'http://x').pathname
      assert.equal(resolved, read.canonicalPath)
      const isBelow = decodeURIComponent(resolved).startsWith('/admin/') || resolved === '/admin'
      assert.equal(isPathAllowed(rules, { method: 'GET', path: read.canonicalPath }), !isBelow)
    }),
  )
})

test('a rule for GET is one for HEAD, and a path is the same with a slash behind it', () => {
  const allowed = (path: string, method: string, rule: { path: string; methods?: string[] }) =>
    isPathAllowed([{ allow: false, ...rule }], { method, path })
  assert.equal(allowed('/a', 'HEAD', { path: '/a', methods: ['GET'] }), false)
  assert.equal(allowed('/a', 'GET', { path: '/a', methods: ['HEAD'] }), true)
  assert.equal(allowed('/secret/', 'GET', { path: '/secret' }), false)
  assert.equal(allowed('/secret', 'GET', { path: '/secret/' }), false)
  assert.equal(allowed('/', 'GET', { path: '/' }), false)
  assert.equal(allowed('/secrets', 'GET', { path: '/secret' }), true)
  assert.equal(allowed('/secret/x', 'GET', { path: '/secret' }), true)
})

test('the first rule that matches method and path decides', () => {
  const rules = [
    { allow: true, methods: ['GET'], path: '/docs/*' },
    { allow: false, path: '/docs/*' },
  ]
  assert.equal(isPathAllowed(rules, { method: 'GET', path: '/docs/a' }), true)
  assert.equal(isPathAllowed(rules, { method: 'POST', path: '/docs/a' }), false)
  assert.equal(isPathAllowed(rules, { method: 'POST', path: '/other' }), true)
})
