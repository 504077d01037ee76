// What the console reads from outside, pure: places of faults, events of any shape, search of the URL.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ApiFault, faultOf, placeOf } from './api-fault.ts'
import { isDenial, readEvent } from './event-view.ts'
import { appAddress, readApp, readOrganisation, readPerson, readPolicy } from './spec-view.ts'
import { plain, plainJson, plainReply } from './plain-text.ts'
import { parseSearch, searchOf, stringifySearch } from '#console/search.ts'

test('a fault says its line in every form that a server may use', () => {
  assert.deepEqual(placeOf('3:12'), { line: 3, column: 12 })
  assert.deepEqual(placeOf('documents[0].spec.text:7:1'), { line: 7, column: 1 })
  assert.deepEqual(placeOf({ line: 4, column: 2 }), { line: 4, column: 2 })
  assert.deepEqual(placeOf(5), { line: 5, column: null })
  assert.deepEqual(placeOf('expected `;` at line 9, column 3'), { line: 9, column: 3 })
  for (const none of [null, undefined, -1, 'spec.text', {}, [], 'port 443 refused']) assert.equal(placeOf(none), null)
})

test('a reply that is no fault of ours is still an ApiFault with a code', () => {
  assert.equal(faultOf(502, '<html>').code, 'reply-malformed')
  assert.equal(faultOf(401, '').code, 'not-signed-in')
  assert.equal(
    faultOf(409, '{"error":{"code":"name-taken","message":"The name is in use."}}').message,
    'The name is in use.',
  )
  assert.ok(faultOf(500, '{"error":{"code":7,"message":[]}}') instanceof ApiFault)
})

test('an event of any shape is read without throwing, and a denial is never read as allowed', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(
          'actor',
          'unmapped',
          'traffic',
          'authorizations',
          'http_request',
          'status_id',
          'time',
          'metadata',
          'api',
          'resources',
        ),
        fc.jsonValue(),
      ),
      (event) => {
        const view = readEvent({ cursor: 'c', event })
        assert.equal(view.ok, event['status_id'] === 1)
        assert.ok(!(view.ok && isDenial(view)))
      },
    ),
  )
})

test('a spec of any shape is read without throwing', () => {
  const resource = (spec: Record<string, unknown>) => ({
    kind: 'App',
    id: 'app_1',
    name: 'wiki',
    spec,
    version: 1,
    createdAt: '',
    updatedAt: '',
  })
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('kind', 'browser', 'names', 'upstream', 'groups', 'text', 'apps', 'identities', 'status'),
        fc.jsonValue(),
      ),
      (spec) => {
        for (const read of [readApp, readPerson, readPolicy, readOrganisation]) read(resource(spec))
      },
    ),
  )
  const me = { tenant: 'acme', appsDomain: 'apps.test', publicPort: 443 }
  assert.equal(appAddress(readApp(resource({ kind: 'http' })), me), 'https://wiki.acme.apps.test/')
  assert.equal(appAddress(readApp(resource({ kind: 'tcp' })), me), null)
})

test('the URL keeps what was asked as text and nothing else', () => {
  const validate = searchOf('user', 'after')
  assert.deepEqual(validate({ user: '123', after: '', other: 'x', __proto__: { user: 'y' } }), { user: '123' })
  assert.equal(validate({ user: 'x'.repeat(5000) }).user?.length, 300)
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (value) => {
      assert.equal(parseSearch(stringifySearch({ user: value }))['user'], value)
    }),
  )
})

test('text that would be drawn in another order is shown as it is written, and goes back unchanged', () => {
  assert.equal(plain('Alice \u202Egpj.exe'), 'Alice \ufffdgpj.exe')
  assert.equal(plain('line\n\ttab é 漢 👩‍💻 עברית'), 'line\n\ttab é 漢 👩‍💻 עברית')
  const spec = { text: 'permit\u2066' }
  assert.deepEqual(plainReply({ items: [{ name: 'a\u200f', spec }], event: { raw: '\u202e' } }), {
    items: [{ name: 'a\ufffd', spec }],
    event: { raw: '\u202e' },
  })
  assert.deepEqual(JSON.parse(plainJson({ a: '\u202e\n' })), { a: '\u202e\n' })
})
