// What a hostile client, app or rule says in headers, and what comes through.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppRecord } from '#core/records/app.ts'
import type { HeaderFields } from '#transport/forward-headers.ts'
import { appRecord } from '#exchange/testing/records.ts'
import { requestFields, responseFields } from './header-rules.ts'

const record = appRecord('wiki', 'http', 80, { connectorGroupId: 'cgr_1' })
const passed = (
  fields: HeaderFields,
  http: Partial<AppRecord['http']> = {},
  trace?: { readonly forward: string | undefined },
) => {
  const app = { ...record, http: { ...record.http, ...http } }
  const facts = { app, publicAuthority: 'wiki.test', publicScheme: 'https' as const, clientIp: '192.0.2.1' }
  return {
    request: new Map(
      requestFields(fields, { ...facts, assertion: 'signed', eventId: 'event-1', ...(trace && { trace }) }),
    ),
    response: new Map(responseFields(fields, facts)),
  }
}

test('a client cannot have our fields removed by naming them in Connection', () => {
  const named = 'close, X-Sallyport-Assertion, X-Forwarded-For, X-Forwarded-Proto, X-Edge-Secret, X-Own'
  const fields: HeaderFields = [
    ['connection', named],
    ['x-own', '1'],
    ['x-sallyport-assertion', 'forged'],
  ]
  const { request } = passed(fields, { requestHeaders: { set: { 'X-Edge-Secret': 's' } } })
  assert.equal(request.get('x-sallyport-assertion'), 'signed')
  assert.equal(request.get('x-forwarded-for'), '192.0.2.1')
  assert.equal(request.get('x-forwarded-proto'), 'https')
  assert.equal(request.get('x-edge-secret'), 's')
  assert.equal(request.has('x-own'), false)
  assert.equal(request.has('connection'), false)
})

test('an app with rules is not told of another method or path than the rules have seen', () => {
  const names = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url']
  const fields = names.map((name) => [name, 'DELETE'] as const)
  const ruled = passed(fields, { rules: [{ allow: false, methods: ['DELETE'], path: '/*' }] })
  for (const name of names) {
    assert.equal(ruled.request.has(name), false, name)
    assert.equal(passed(fields).request.has(name), true, name)
  }
})

test('a rule of an older record sets nothing that belongs to the connection', () => {
  const set = { 'Keep-Alive': 'x', 'Proxy-Authenticate': 'x', 'Set-Cookie': 'a=1', Host: 'x', 'X-Fine': '1' }
  const { request, response } = passed([], { requestHeaders: { set }, responseHeaders: { set } })
  assert.deepEqual([...response.keys()], ['x-fine'])
  for (const name of ['keep-alive', 'proxy-authenticate', 'set-cookie']) assert.equal(request.has(name), false, name)
  assert.notEqual(request.get('host'), 'x')
})

test('an app is told the id of the request, whatever a client or a rule says', () => {
  const forged: HeaderFields = [['x-sallyport-request-id', 'mine']]
  const http = { requestHeaders: { set: { 'X-Sallyport-Request-Id': 'mine' } } }
  assert.equal(passed(forged, http).request.get('x-sallyport-request-id'), 'event-1')
})

test('where the exchange traces, no trace header of a client reaches an app', () => {
  const fields: HeaderFields = [
    ['traceparent', '00-11111111111111111111111111111111-2222222222222222-01'],
    ['tracestate', 'vendor=secret'],
  ]
  assert.equal(passed(fields).request.has('tracestate'), true)
  const { request } = passed(fields, {}, { forward: undefined })
  assert.deepEqual([request.has('traceparent'), request.has('tracestate')], [false, false])
  assert.equal(passed(fields, {}, { forward: '00-a-b-01' }).request.get('traceparent'), '00-a-b-01')
})
