// The overview of the way to the internet counts each event once, by what exchanges really write, and says what it left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { journalEvent, type EventFacts } from '#core/events/event.ts'
import { addTenantWithAdministrator, startTestControl } from '#control/testing.ts'
import { WebCount } from './overview.ts'
import { readWebEvent } from './read-web-event.ts'

let made = 0
const facts = (more: Partial<EventFacts>): EventFacts => ({
  uid: `evt_${made++}`,
  timeMs: Date.now() - 1000,
  tenantId: 'ten_x',
  outcome: 'success',
  user: { uid: 'usr_a', name: 'alice' },
  ...more,
})
const closed = (host: string, way: 'web' | 'passed', bytes: number) =>
  journalEvent(
    'network',
    'close',
    facts({ destination: { host, port: 443 }, traffic: { bytesIn: bytes, bytesOut: 0 }, extra: { way } }),
  )
const decided = (host: string, web: object, reason?: string) =>
  journalEvent(
    'http',
    'get',
    facts({
      destination: { host, port: 443 },
      extra: { web },
      ...(reason !== undefined && { outcome: 'failure', decision: { kind: 'deny', reason, policies: [] } }),
    }),
  )

function counted(events: readonly Readonly<Record<string, unknown>>[]) {
  const count = new WebCount()
  for (const event of events) {
    const read = readWebEvent(event)
    if (read !== undefined) count.add(read)
  }
  return count.result(0, Date.now(), true)
}

test('bytes are told apart by whether they were looked into, with the reason why not', () => {
  const { bytes, uninspected, categories, people, destinations } = counted([
    closed('bank.test', 'passed', 700),
    closed('news.test', 'web', 300),
    decided('bank.test', { categories: ['finance'], inspected: false, why: 'rule: privacy' }),
    decided('news.test', { categories: ['news', 'media'] }),
  ])
  assert.deepEqual(bytes, { inspected: 300, passed: 700 })
  assert.deepEqual(uninspected, [{ name: 'rule: privacy', bytes: 700, flows: 1 }])
  assert.deepEqual(
    categories.map(({ name, bytes: of }) => [name, of]),
    [
      ['finance', 700],
      ['news', 300],
      ['media', 300],
    ],
  )
  assert.deepEqual(people, [{ name: 'alice', bytes: 1000, flows: 2 }])
  assert.equal(destinations[0]?.name, 'bank.test')
})

test('refusals, findings and names that were refused are stops; what passed is not', () => {
  const finding = journalEvent(
    'finding',
    'create',
    facts({
      outcome: 'failure',
      severity: 4,
      message: 'content is malicious',
      extra: { web: { verdict: 'malicious' } },
    }),
  )
  const name = journalEvent(
    'dns',
    'response',
    facts({
      outcome: 'failure',
      dns: { host: 'bad.test', type: 'A', rcode: 3, answers: [] },
      decision: { kind: 'deny', reason: 'forbidden', policies: [] },
      extra: { dns: { categories: ['threats'] } },
    }),
  )
  const { stops, denied, risks } = counted([
    decided('a.test', { categories: [] }, 'forbidden'),
    decided('b.test', { categories: [] }),
    finding,
    name,
  ])
  assert.deepEqual(
    stops.map(({ kind, words, host }) => [kind, words, host]),
    [
      ['site', 'forbidden', 'a.test'],
      ['content', 'content is malicious', null],
      ['name', 'forbidden', 'bad.test'],
    ],
  )
  assert.deepEqual(denied, [{ name: 'forbidden', count: 2 }])
  assert.deepEqual(risks, [{ name: 'content is malicious', count: 1 }])
})

test('events of private apps and events of no known shape count nothing', () => {
  const odd = { class_uid: 4002, unmapped: { web: [] }, actor: null, dst_endpoint: 7, metadata: 'x' }
  const { events } = counted([journalEvent('http', 'get', facts({ app: { uid: 'app_x', name: 'wiki' } })), odd, {}])
  assert.equal(events, 0)
})

test('names without end are counted as others', () => {
  const count = new WebCount()
  for (let at = 0; at < 21_000; at++) {
    const read = readWebEvent(closed(`h${at}.test`, 'web', 1))
    if (read !== undefined) count.add(read)
  }
  const { destinations, bytes } = count.result(0, 1, false)
  assert.equal(bytes.inspected, 21_000)
  assert.ok(destinations.some(({ name, bytes: of }) => name === '…' && of > 900))
})

test('auditors may ask, others may not; a stop that is none is not found', async () => {
  const control = await startTestControl()
  try {
    const acme = await addTenantWithAdministrator(control, 'acme')
    const asked = await control.call('/v1/tenants/acme/web/overview?hours=1', { token: acme.token })
    assert.equal(asked.status, 200, asked.text)
    assert.equal(asked.body.isWhole, true)
    assert.equal((await control.call('/v1/tenants/acme/web/overview?hours=999', { token: acme.token })).status, 400)
    assert.equal((await control.call('/v1/tenants/acme/web/stops/evt_none', { token: acme.token })).status, 404)
    const nobody = await control.call('/v1/tenants/acme/web/overview', {})
    assert.equal(nobody.status, 401)
  } finally {
    await control.close()
  }
})
