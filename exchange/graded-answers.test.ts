// Leases that ask for more instead of cutting, subjects that have no record, and risk, as `decide` takes them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressesAbove, canonicalName } from '#core/records/contained-names.ts'
import { Contained } from '#exchange/tenant/contained.ts'
import { riskPointsAt, type RiskRecord } from '#core/records/risk.ts'
import type { TenantRecords } from '#core/records/records.ts'
import { caps } from './caps.ts'
import { decide, reconsiderAtMs, type Access } from './decide.ts'
import { forbidsDownloads } from './graded-answers.ts'
import { Tenant } from './tenant/tenant.ts'
import {
  appRecord,
  containmentRecord,
  policyRecord,
  sessionRecord,
  tenantRecord,
  userRecord,
} from './testing/records.ts'

const nowMs = 1_800_000_000_000
const tenantId = 'ten_aaaaaaaaaaaaaaaaaaaa'
const HOUR_MS = 3_600_000

function setUp() {
  const user = userRecord('alice')
  const session = sessionRecord(user.id, null, { createdAtMs: nowMs - HOUR_MS, expiresAtMs: nowMs + 10 * HOUR_MS })
  const app = appRecord('wiki', 'http', 80, { browserHost: 'wiki.acme.apps.test' })
  const records = [
    tenantRecord(tenantId, 'acme', { certificatePem: '-', privateKeyPem: '-' }),
    user,
    session,
    app,
    policyRecord('all'),
  ]
  const tenant = new Tenant(tenantId, records, { epoch: 'e', sequence: 1, issuedAtMs: nowMs })
  const access: Access = {
    userId: user.id,
    sessionId: session.id,
    deviceId: null,
    appId: app.id,
    connectorId: null,
    clientIp: '198.51.100.7',
    http: { method: 'GET', path: '/a/b', host: 'wiki.acme.apps.test' },
  }
  const site: Access = {
    ...access,
    appId: '',
    http: { method: 'GET', path: '/evil/kit', host: 'www.site.test' },
    destination: { action: 'browse', host: 'www.site.test', port: 443, categories: ['news'] },
  }
  const put = (...each: TenantRecords[]) => tenant.apply(each.map((record) => ({ op: 'put' as const, record })))
  const outcome = (asked: Access = access, atMs = nowMs) => {
    // Staleness is another test's matter: what is asked here is hours away.
    const decision = decide(tenant, asked, { nowMs: atMs, mayBeStale: true })
    return decision.kind === 'allow' ? 'allow' : decision.reason
  }
  return { tenant, user, session, app, access, site, put, outcome }
}

const lease = (
  kind: Parameters<typeof containmentRecord>[0],
  id: string,
  change: Parameters<typeof containmentRecord>[2] = {},
) => containmentRecord(kind, id, { createdAtMs: nowMs, expiresAtMs: nowMs + HOUR_MS, ...change })

test('a question lets the person go on for a while, then waits, and is met by a confirmation that is younger', () => {
  const { tenant, session, user, access, put, outcome } = setUp()
  put(lease('user', user.id, { answer: 'ask' }))
  const endMs = nowMs + caps.askGraceMs.default
  assert.equal(outcome(), 'allow')
  assert.equal(reconsiderAtMs(tenant, access, nowMs), endMs)
  assert.equal(outcome(access, endMs), 'proof-needed')
  put({ ...session, confirmedAtMs: nowMs - 1 })
  assert.equal(outcome(access, endMs), 'proof-needed', 'a confirmation from before is no answer')
  put({ ...session, confirmedAtMs: nowMs + 1 })
  assert.equal(outcome(access, endMs), 'allow')
  assert.equal(reconsiderAtMs(tenant, access, nowMs), session.expiresAtMs)
})

test('a step-up stops at once what was begun before it, and not what was begun after it with more than one factor', () => {
  const { session, user, access, put, outcome } = setUp()
  put({ ...session, factors: ['pwd', 'otp', 'mfa'] }, lease('user', user.id, { answer: 'step-up' }))
  assert.equal(outcome(), 'proof-needed', 'the session may be the stolen one')
  put({ ...session, createdAtMs: nowMs + 5 })
  assert.equal(outcome(), 'proof-needed', 'a password alone is what the thief may have')
  put({ ...session, factors: ['hwk', 'user', 'mfa'], createdAtMs: nowMs + 5 })
  assert.equal(outcome(access, nowMs + 10), 'allow')
})

test('a restriction leaves reading where each request is seen, and nothing else', () => {
  const { tenant, user, access, site, put, outcome } = setUp()
  put(lease('user', user.id, { answer: 'restrict' }))
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    assert.equal(outcome({ ...access, http: { method, path: '/', host: 'x' } }), 'allow', method)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'get'])
    assert.equal(outcome({ ...access, http: { method, path: '/', host: 'x' } }), 'restricted', method)
  assert.equal(outcome({ ...access, http: null }), 'restricted', 'a connection is no reading')
  assert.equal(outcome({ ...access, isUpgrade: true }), 'restricted', 'a WebSocket is no reading')
  assert.equal(outcome(site), 'allow')
  assert.equal(outcome({ ...site, http: null }), 'restricted', 'what passes unseen is no reading')
  const { destination } = site
  assert.ok(destination)
  for (const action of ['upload', 'download'] as const)
    assert.equal(outcome({ ...site, destination: { ...destination, action } }), 'restricted', action)
  assert.ok(forbidsDownloads(decide(tenant, access, { nowMs, mayBeStale: true })))
})

test('no permit passes a cut, in both directions, unless it is for one of them', () => {
  const { user, access, site, put, outcome } = setUp()
  put(lease('user', user.id, { id: 'cnt_1', answer: 'cut', scope: 'internet' }))
  assert.deepEqual([outcome(access), outcome(site)], ['allow', 'contained'])
  put(lease('user', user.id, { id: 'cnt_1', answer: 'cut', scope: 'apps' }))
  assert.deepEqual([outcome(access), outcome(site)], ['contained', 'allow'])
  put(lease('user', user.id, { id: 'cnt_1', answer: 'cut' }))
  assert.deepEqual([outcome(access), outcome(site)], ['contained', 'contained'])
  assert.equal(outcome(access, nowMs + HOUR_MS), 'allow', 'it ends by itself')
})

test('what has no record is contained by what it is called, however it is spelt', () => {
  const cases: readonly (readonly [Parameters<typeof lease>[0], string, 'app' | 'site'])[] = [
    ['network', '198.51.100.0/24', 'app'],
    ['network', '198.51.100.7', 'site'],
    ['host', 'SITE.test.', 'site'],
    ['host', 'www.site.test', 'site'],
    ['host', 'wiki.acme.apps.test', 'app'],
    ['host', 'wiki.acme.internal', 'app'],
    ['url', 'https://www.site.test/evil', 'site'],
    ['url', 'http://WWW.site.test:8080/evil/kit/?q=1#x', 'site'],
    ['url', 'www.site.test/%65vil/kit', 'site'],
    ['url', 'wiki.acme.apps.test/a', 'app'],
    ['category', 'news', 'site'],
  ]
  for (const [kind, text, where] of cases) {
    const { access, site, put, outcome } = setUp()
    const id = canonicalName(kind as never, text)
    assert.ok(id !== null, text)
    put(lease(kind, id, { answer: 'cut' }))
    assert.equal(outcome(where === 'app' ? access : site), 'contained', `${kind} ${text}`)
  }
  const apart: readonly (readonly [Parameters<typeof lease>[0], string])[] = [
    ['network', '198.51.101.0/24'],
    ['host', 'ite.test'],
    ['host', 'other.site.test'],
    ['url', 'www.site.test/evi'],
    ['url', 'www.site.test/evil/kit/deeper'],
    ['category', 'weather'],
    ['hash', 'a'.repeat(64)],
  ]
  for (const [kind, id] of apart) {
    const { access, site, put, outcome } = setUp()
    put(lease(kind, id, { answer: 'cut' }))
    assert.deepEqual([outcome(access), outcome(site)], ['allow', 'allow'], `${kind} ${id}`)
  }
})

test('a mapped address is the IPv4 address that it stands for', () => {
  const { access, put, outcome } = setUp()
  put(lease('network', '198.51.100.0/24', { answer: 'cut' }))
  assert.equal(outcome({ ...access, clientIp: '::ffff:198.51.100.7' }), 'contained')
})

test('nothing is contained by a name that is none', () => {
  for (const [kind, text] of [
    ['network', '0.0.0.0/0'],
    ['network', '::/0'],
    ['network', '2001:db8::/16'],
    ['network', '198.51.100.7/24/1'],
    ['host', 'a b.test'],
    ['host', ''],
    ['url', 'https://user:secret@site.test/'],
    ['url', 'javascript:alert(1)'],
    ['url', `site.test/${'a'.repeat(3000)}`],
    ['hash', 'xyz'],
    ['category', '../x'],
  ] as const)
    assert.equal(canonicalName(kind, text), null, `${kind} ${text}`)
})

test('an address is under its host and every path above it, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z0-9]{1,5}$/), { maxLength: 6 }), (parts) => {
      const above = addressesAbove('site.test', `/${parts.join('/')}`)
      const each = [...Array(parts.length + 1).keys()].map((depth) => ['site.test', ...parts.slice(0, depth)].join('/'))
      assert.deepEqual(above, each)
    }),
  )
})

test('a page that is contained is reached under no other spelling', () => {
  const same = [
    '/mal',
    '//mal',
    '/mal/',
    '/./mal',
    '/mal;a=1',
    '/;x/mal',
    '/%6dal',
    '/%256dal',
    '/%2fmal',
    '\\\\mal',
    '/mal/%ff',
    '/mal/deeper/still',
    '/mal?x',
  ]
  for (const path of same) assert.ok(addressesAbove('evil.test', path)?.includes('evil.test/mal'), path)
  // Servers differ in what these are: as long as anything of the host is contained, so are they.
  for (const path of ['/x/../mal', '/x/..;/mal', '/x/%2e%2e/mal', '/ma\u0000l', `/mal${'/a'.repeat(70)}`])
    assert.equal(addressesAbove('evil.test', path), null, JSON.stringify(path))
  for (const path of ['/malx', '/x/mal', '/Mal'])
    assert.ok(!addressesAbove('evil.test', path)?.includes('evil.test/mal'))
})

test('a lease on a host or a page holds however deep below it somebody asks', () => {
  const contained = new Contained()
  const lease = (kind: 'host' | 'url', id: string) =>
    ({
      kind: 'containment',
      id: `cnt_${id}`,
      subject: { kind, id },
      scope: 'all',
      expiresAtMs: nowMs + HOUR_MS,
    }) as never
  const isTouched = (host: string, path: string) =>
    [
      ...contained.touching(
        { destination: { host, categories: [] }, http: { host, path, method: 'GET' }, clientIp: '192.0.2.1' } as never,
        null,
        [],
        nowMs,
      ),
    ].length > 0
  contained.add(lease('host', 'evil.test'))
  assert.ok(isTouched(`${'a.'.repeat(70)}evil.test`, '/'))
  assert.ok(!isTouched('notevil.test', '/'))
  contained.add(lease('url', 'files.test/mal'))
  assert.ok(isTouched('files.test', `/mal${'/a'.repeat(70)}`))
  assert.ok(isTouched('files.test', '/x/../mal'))
  assert.ok(!isTouched('files.test', '/other'))
})

test('no other spelling of a contained address leads to it', () => {
  const spellings = [
    '//mal',
    '/./mal',
    '/x/../mal',
    '/mal;a=1',
    '/;a/mal',
    '/%6dal/%ff',
    '/%6Dal',
    '/%256dal',
    '/%25256dal',
    '/%2525256dal',
    '/%252525256dal',
    '/mal%2fkit',
    '/x%2f..%2fmal',
    '/a%2fb/../mal',
    '/x//../../mal',
    '/x/..;/mal',
    '/x/%2e%2e/mal',
    '/x/.%2e%20/mal',
    '/%2e/mal',
    '/\\mal',
    '/x\\..\\mal',
    '/mal%3fx',
    '/mal#x',
    '/mal%00.html',
    '/%09/mal',
    '/mal/',
    `/mal/${'a/'.repeat(70)}`,
    `/${'./'.repeat(700)}mal`,
  ]
  const { site, put, outcome } = setUp()
  const at = (path: string, host = 'evil.test'): Access => ({
    ...site,
    http: { method: 'GET', path, host },
    destination: { action: 'browse', host, port: 443, categories: [] },
  })
  for (const path of spellings) assert.equal(outcome(at(path)), 'allow', path)
  const id = canonicalName('url', 'https://evil.test/mal')
  assert.ok(id !== null)
  const record = lease('url', id, { id: 'cnt_1', answer: 'cut' })
  put(record)
  for (const path of spellings) {
    assert.equal(outcome(at(path)), 'contained', path)
    assert.equal(outcome(at(path, 'other.test')), 'allow', `${path} on another host`)
  }
  for (const path of ['/', '/mall', '/x/mal', '/caf%e9', '/%ff', '/100%', '/a%20b', '/q;mal', '/go/https%3A%2F%2Fmal'])
    assert.equal(outcome(at(path)), 'allow', path)
  put({ ...record, expiresAtMs: nowMs })
  for (const path of spellings) assert.equal(outcome(at(path)), 'allow', `${path} after its end`)
})

test('a contained address is the same however it was written, then and by another version', () => {
  for (const [text, path] of [
    ['https://evil.test//a///b', '/a/b'],
    ['https://evil.test/mal;v=1/x', '/mal/x'],
    ['https://evil.test/caf\u00e9', '/caf%c3%a9'],
    ['https://evil.test/caf\u00e9', '/caf\u00c3\u00a9'],
    ['https://evil.test/caf%E9', '/caf%e9'],
    ['https://evil.test/a b%20', '/a%20b%20'],
    ['https://evil.test/100%', '/100%25'],
  ] as const) {
    const id = canonicalName('url', text)
    assert.ok(id !== null, text)
    assert.equal(canonicalName('url', id), id, text)
    const { site, put, outcome } = setUp()
    const destination = { action: 'browse' as const, host: 'evil.test', port: 443, categories: [] }
    put(lease('url', id, { answer: 'cut' }))
    assert.equal(outcome({ ...site, http: { method: 'GET', path, host: 'evil.test' }, destination }), 'contained', text)
  }
  const { site, put, outcome } = setUp()
  put(lease('url', 'www.site.test/\u00e9;old//kit', { answer: 'cut' }))
  assert.equal(outcome({ ...site, http: { method: 'GET', path: '/%C3%A9/kit', host: 'www.site.test' } }), 'contained')
  for (const text of ['evil.test/x%2f..%2fy', 'evil.test/a%00', `evil.test/${'a/'.repeat(70)}`])
    assert.equal(canonicalName('url', text), null, text)
})

test('a name is under a contained host however many labels are before it, and an address in every form', () => {
  const { site, access, put, outcome } = setUp()
  const to = (host: string): Access => ({
    ...site,
    http: null,
    destination: { action: 'browse', host, port: 443, categories: [] },
  })
  put(lease('host', 'evil.test', { answer: 'cut' }), lease('host', '2001:db8::1', { answer: 'cut' }))
  assert.equal(outcome(to(`${'a.'.repeat(120)}evil.test`)), 'contained')
  assert.equal(outcome(to('[2001:DB8:0:0::1]')), 'contained')
  assert.equal(outcome(to('[2001:db8::2]')), 'allow')
  put(lease('url', 'wiki.acme.apps.test/mal', { answer: 'cut' }))
  const deep = `/mal/${'a/'.repeat(70)}`
  assert.equal(outcome({ ...access, http: { method: 'GET', path: deep, host: 'wiki.acme.apps.test' } }), 'contained')
})

test('risk is read by policies, fades by itself, and is the greatest of person, device and third party', () => {
  const { tenant, user, access, outcome, put } = setUp()
  const risk: RiskRecord = {
    kind: 'risk',
    id: `user:${user.id}`,
    subject: { kind: 'user', id: user.id },
    points: 80,
    atMs: nowMs,
    halfLifeMs: 12 * HOUR_MS,
  }
  const tooRisky = {
    ...policyRecord('risky', 'forbid'),
    est: {
      effect: 'forbid',
      principal: { op: 'All' },
      action: { op: 'All' },
      resource: { op: 'All' },
      conditions: [
        {
          kind: 'when',
          body: {
            '>=': { left: { '.': { left: { Var: 'context' }, attr: 'risk' } }, right: { Value: 50 } },
          },
        },
      ],
    },
  }
  put(tooRisky)
  assert.equal(outcome(), 'allow')
  put(risk)
  assert.equal(outcome(), 'forbidden')
  assert.equal(outcome(access, nowMs + 6 * HOUR_MS), 'forbidden')
  assert.equal(tenant.riskAt(user.id, null, nowMs + 12 * HOUR_MS), 40)
  assert.equal(outcome({ ...access }, nowMs + 9 * HOUR_MS), 'allow')
  put({ ...risk, id: 'device:dev_1', subject: { kind: 'device', id: 'dev_1' }, points: 90 })
  assert.equal(tenant.riskAt(user.id, 'dev_1', nowMs), 90)
  assert.equal(tenant.riskAt(user.id, 'dev_2', nowMs), 80)
  tenant.apply([{ op: 'remove', kind: 'risk', id: risk.id }])
  assert.equal(tenant.riskAt(user.id, null, nowMs), 0)
})

test('risk never rises by waiting, whatever the clock says', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.nat(1e9), fc.nat(1e9), (points, first, more) => {
      const risk = { points, atMs: 5e8, halfLifeMs: 43_200_000 }
      assert.ok(riskPointsAt(risk, first + more) <= riskPointsAt(risk, first))
      assert.ok(riskPointsAt(risk, first) <= 100)
    }),
  )
})
