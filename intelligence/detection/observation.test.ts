import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { journalEvent } from '#core/events/event.ts'
import { caps } from '#intelligence/caps.ts'
import { observe, type Observation, readLine } from './observation.ts'

function read(event: Readonly<Record<string, unknown>>): Observation {
  const observation = observe({ class_uid: 4001, time: 1_767_600_000_000, ...event }, 'line 1')
  assert.ok(typeof observation === 'object')
  return observation
}

test('what people do about a story is no news, whatever else says that it belongs to an incident is', () => {
  const event = { time: 1_767_600_000_000, message: 'x', unmapped: { incident_uid: 'inc_aaaa' } }
  assert.equal(observe({ ...event, class_uid: 2005 }, 'line 1'), 'not-needed')
  for (const class_uid of [2004, 3003, 4001]) assert.equal(typeof observe({ ...event, class_uid }, 'line 1'), 'object')
})

test('reads an event of our own journal', () => {
  const event = journalEvent('authorization', 'decide', {
    uid: 'evt_1',
    timeMs: 1_767_600_000_123,
    tenantId: 'ten_1',
    outcome: 'failure',
    user: { uid: 'usr_ana', name: 'Ana', groups: ['finance'], org: 'acme' },
    sessionId: 'ses_1',
    deviceId: 'dev_1',
    source: { ip: '198.51.100.7' },
    app: { uid: 'app_1', name: 'payroll' },
    decision: { kind: 'deny', policies: [] },
  })
  const observation = read(event)
  assert.deepEqual(
    [observation.id, observation.user, observation.app, observation.outcome, observation.network, observation.session],
    ['evt_1', 'usr_ana', 'payroll', 'failure', '198.51', 'ses_1'],
  )
  assert.deepEqual([observation.groups, observation.organisation, observation.device], [['finance'], 'acme', 'dev_1'])
})

test('finds the app wherever other writers put it', () => {
  const places = [
    { dst_endpoint: { svc_name: 'crm' } },
    { dst_endpoint: { hostname: 'crm' } },
    { dst_endpoint: { uid: 'crm' } },
    { app_name: 'crm' },
    { app: { name: 'crm' } },
    { service: { name: 'crm' } },
    { http_request: { url: { hostname: 'crm' } } },
  ]
  for (const place of places) assert.equal(read(place).app, 'crm')
})

test('reads time in milliseconds, seconds and ISO 8601, and users by uid, e-mail or name', () => {
  for (const time of [1_767_600_000_000, 1_767_600_000, '2026-01-05T08:00:00Z', '1767600000000'])
    assert.equal(read({ time }).timeMs, 1_767_600_000_000)
  for (const user of [{ uid: 'u' }, { email_addr: 'u' }, { name: 'u' }])
    assert.equal(read({ actor: { user } }).user, 'u')
  assert.equal(read({ user: { uid: 'u' } }).user, 'u')
})

test('reads groups as objects or strings, and a refusal in every form', () => {
  assert.deepEqual(read({ actor: { user: { groups: [{ name: 'a' }, 'b', { uid: 'c' }, 7, null] } } }).groups, [
    'a',
    'b',
    'c',
    '7',
  ])
  for (const refusal of [{ status_id: 2 }, { status: 'Failure' }, { action_id: 2 }, { http_response: { code: 403 } }])
    assert.equal(read(refusal).outcome, 'failure')
})

test('says why a line is not read', () => {
  assert.equal(readLine('{', 'x'), 'not-json')
  assert.equal(readLine('[]', 'x'), 'not-json')
  assert.equal(readLine('{"class_uid":4001}', 'x'), 'no-time')
  assert.equal(readLine('{"class_uid":1001,"time":1767600000000}', 'x'), 'not-needed')
  assert.equal(readLine(`"${'a'.repeat(caps.lineBytes.default)}"`, 'x'), 'too-long')
})

test('never throws, and keeps every text short, whatever the event holds', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 4 }), fc.string(), (rest, text) => {
      const observation = observe(
        { ...rest, class_uid: 3002, time: 1_767_600_000_000, actor: { user: { uid: text.repeat(400) }, ...rest } },
        'x',
      )
      assert.ok(typeof observation === 'object')
      for (const value of Object.values(observation))
        if (typeof value === 'string') assert.ok(value.length <= caps.fieldCharacters.default)
    }),
  )
})
