import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { routes } from './api/routes.ts'
import { journalEvent } from './events/event.ts'
import { recordKinds } from './records/records.ts'
import { resourceDocument, resourceKindNames } from './resources/kinds.ts'
import { feedFromControl, feedFromExchange } from './wire/feed.ts'
import { linkFromConnector, linkFromExchange } from './wire/link.ts'

test('no two routes share a method and a path', () => {
  const seen = new Set<string>()
  for (const route of Object.values(routes)) {
    const key = `${route.method} ${route.path.replaceAll(/:\w+/g, ':')}`
    assert.equal(seen.has(key), false, key)
    seen.add(key)
  }
})

test('every route inside a tenant needs a role, and every body is strict', () => {
  for (const [name, route] of Object.entries(routes)) {
    if (route.path.includes('/:tenant')) assert.notEqual(route.access, 'public', name)
    if ('body' in route) {
      const body = route.body as z.ZodType
      const schema = JSON.stringify(z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }))
      assert.match(schema, /"additionalProperties":false/, name)
    }
  }
})

test('every schema of the contract can be written as JSON Schema', () => {
  for (const route of Object.values(routes)) {
    for (const part of ['query', 'body', 'reply'] as const) {
      const schema = (route as Record<string, unknown>)[part] as z.ZodType | undefined
      if (schema) z.toJSONSchema(schema, { unrepresentable: 'any' })
    }
  }
})

test('messages with unknown keys or types are refused', () => {
  for (const schema of [feedFromControl, feedFromExchange, linkFromConnector, linkFromExchange]) {
    assert.equal(schema.safeParse({ type: 'nonsense' }).success, false)
    assert.equal(schema.safeParse({ type: 'draining', extra: 1 }).success, false)
  }
  assert.equal(linkFromExchange.safeParse({ type: 'cut', flowIds: ['flw_a'], reason: 'session-ended' }).success, true)
})

test('every declarative kind refuses an unknown key', () => {
  for (const kind of resourceKindNames) {
    const parsed = resourceDocument.safeParse({ kind, name: 'x', spec: { surprise: true } })
    assert.equal(parsed.success, false)
    if (!parsed.success) assert.match(JSON.stringify(parsed.error.issues), /surprise/)
  }
})

test('record kinds are complete and named once', () => {
  assert.equal(new Set(recordKinds).size, 17)
})

test('an event has the OCSF type of its class and nothing that was not named', () => {
  const event = journalEvent('authorization', 'decide', {
    uid: 'evt',
    timeMs: 5,
    tenantId: 'ten_a',
    outcome: 'failure',
    user: { uid: 'usr_a', name: 'alice', groups: ['staff'] },
    decision: { kind: 'deny', reason: 'no-policy', policies: [] },
  })
  assert.equal(event['type_uid'], 300_301)
  assert.equal(event['status_id'], 2)
  assert.deepEqual(Object.keys(event).toSorted(), [
    'action_id',
    'activity_id',
    'activity_name',
    'actor',
    'authorizations',
    'category_uid',
    'class_uid',
    'metadata',
    'severity_id',
    'status_code',
    'status_id',
    'time',
    'type_uid',
  ])
})
