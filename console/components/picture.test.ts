// What is worked out before drawing, pure: the picture of flows, rates, policy text, the publish plan, safe links.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { resourceDocument } from '#core/resources/kinds.ts'
import { cedarLines } from './cedar-tokens.ts'
import { placed, ribbonWidth, sideFor } from './flow-layout.ts'
import { documentsOf, labelFrom, policyFor, type PublishForm } from './publish-plan.ts'
import { safeAddress } from './safe-address.ts'

test('a ribbon is seen for one flow and for 50,000, and names keep their place at the exchange', () => {
  assert.ok(ribbonWidth(50_000) <= 18 && ribbonWidth(1) > 1)
  const node = (key: string, flows: number) => ({
    key,
    kind: 'person' as const,
    name: key,
    flows,
    bytesPerSecond: 0,
    members: 1,
  })
  const places = placed([node('a', 9), node('b', 900), node('c', 1)], 200)
  assert.deepEqual(
    places.map(({ portY }) => portY),
    places.map(({ portY }) => portY).toSorted((a, b) => a - b),
  )
})

test('people are drawn by name while they can be read, by group beyond, and as the address says', () => {
  assert.deepEqual(
    [sideFor(5, undefined), sideFor(50_000, undefined), sideFor(50_000, 'people'), sideFor(5, 'oops')],
    ['people', 'groups', 'people', 'people'],
  )
})

test('coloured policy text is the same text', () => {
  const cedarish = fc
    .array(fc.constantFrom('permit', ' ', '"', '\\', '//', '\n', '@id', '(', 'é', '/', '§', 'when', '"a b"'), {
      maxLength: 60,
    })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(cedarish, fc.string({ unit: 'binary' })), (text) => {
      const again = cedarLines(text).map((tokens) => tokens.map((token) => token.text).join(''))
      assert.equal(again.join('\n'), text)
    }),
  )
})

const form: PublishForm = {
  displayName: 'Staff handbook',
  name: 'staff-handbook',
  kind: 'http',
  host: '10.0.0.5',
  port: '3000',
  tls: true,
  agentHost: '',
  connectorGroup: 'attic',
  group: 'staff',
}

test('what the publish form makes is what the API takes', () => {
  for (const made of [
    form,
    { ...form, kind: 'tcp' as const, port: '22', agentHost: 'ssh.acme.test' },
    { ...form, port: '', group: '' },
  ]) {
    for (const document of documentsOf(made, true))
      assert.ok(resourceDocument.safeParse(document).success, JSON.stringify(document))
  }
  assert.equal(documentsOf({ ...form, group: '' }, false).length, 1)
})

test('a group’s name cannot end its quotes in the policy that is written for it', () => {
  assert.match(policyFor(form), /principal in Group::"staff"/)
  for (const group of ['x"; permit(principal,action,resource);//', 'a\\', 'UPPER', 'a b', ''])
    assert.throws(() => policyFor({ ...form, group }))
})

test('a label made from any title is empty or one that names an app', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (title) => {
      assert.match(labelFrom(title), /^$|^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,39}$/)
    }),
  )
  assert.equal(labelFrom('  Büro & Küche 2 '), 'buro-kuche-2')
})

test('only https addresses without a login become links', () => {
  assert.equal(safeAddress('https://wiki.acme.test/'), 'https://wiki.acme.test/')
  for (const bad of [
    'javascript:alert(1)',
    'http://wiki',
    'data:text/html,x',
    '//evil.test',
    'https://user:pw@evil.test',
    '\u0001https://x',
    'wiki',
    '',
  ]) {
    const safe = safeAddress(bad)
    assert.ok(safe === null || safe.startsWith('https://x'), bad)
  }
})
