// What is worked out before drawing, pure: the picture of flows, rates, policy text, the publish plan, safe links.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { resourceDocument } from '#core/resources/kinds.ts'
import { cedarLines } from './cedar-tokens.ts'
import { REST, ribbonWidth, summarizeFlows } from './flow-layout.ts'
import { documentsOf, labelFrom, policyFor, type PublishForm } from './publish-plan.ts'
import { ratesBetween } from './rates.ts'
import { safeAddress } from './safe-address.ts'

const flow = (userName: string, appName: string) => ({ userName, appName, exchangeId: 'exc_1' })

test('the picture names at most eight a side and one rest, and loses no flow', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ user: fc.nat(60), app: fc.nat(40) }), { maxLength: 400 }), (pairs) => {
      const flows = pairs.map(({ user, app }) => flow(`u${user}`, `a${app}`))
      const data = summarizeFlows(flows, 8)
      assert.ok(data.people.length <= 9 && data.apps.length <= 9)
      for (const side of [data.people, data.apps, data.links])
        assert.equal(
          side.reduce((sum, { flows: n }) => sum + n, 0),
          flows.length,
        )
      assert.equal(
        data.people.reduce((sum, node) => sum + (node.key === REST ? node.others : 1), 0),
        data.peopleTotal,
      )
    }),
  )
})

test('fifty thousand flows are summed into the same small picture', () => {
  const flows = Array.from({ length: 50_000 }, (_, n) => flow(`person-${n % 9000}`, `app-${n % 700}`))
  const data = summarizeFlows(flows, 8)
  assert.deepEqual([data.people.length, data.apps.length, data.peopleTotal, data.appsTotal], [9, 9, 9000, 700])
  assert.ok(data.links.length <= 81)
  assert.ok(ribbonWidth(50_000) <= 16 && ribbonWidth(1) > 1)
})

test('rates count only flows seen twice and never go below nothing', () => {
  const seen = (flowId: string, bytesIn: number, bytesOut: number) => ({ flowId, bytesIn, bytesOut, userName: flowId })
  const { sample, busyPeople } = ratesBetween(
    { atMs: 0, flows: [seen('a', 100, 1000), seen('gone', 5, 5), seen('restarted', 900, 900)] },
    { atMs: 2000, flows: [seen('a', 300, 5000), seen('new', 1e9, 1e9), seen('restarted', 0, 0)] },
  )
  assert.deepEqual(sample, { atMs: 2000, toApps: 100, fromApps: 2000 })
  assert.deepEqual([...busyPeople], ['a'])
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
