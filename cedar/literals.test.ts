// Texts that nearly are addresses, decimals, moments, durations and patterns: both engines must read the same ones, and
// read them as the same values. A text that two parts read differently is a way around a policy.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EntityStore } from '#core/policy/entity.ts'
import { evaluate } from '#core/policy/evaluate.ts'
import { extensionFunction } from '#core/policy/extension.ts'
import { compilePolicies } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { CedarRecord, EntityUid } from '#core/policy/value.ts'
import { askOfficial } from './official.ts'
import { loadCedar } from './wasm.ts'

const cedar = loadCedar()
const uid = { type: 'User', id: 'a' }
const request = {
  principal: new EntityUid('User', 'a'),
  action: new EntityUid('Action', 'a'),
  resource: new EntityUid('User', 'a'),
  context: CedarRecord.empty,
}
const scope = { effect: 'permit', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } }

/** Both engines on many conditions at once. */
function assertSame(bodies: readonly unknown[]): { readonly applied: number; readonly failed: number } {
  const ests = bodies.map((body) => ({ ...scope, conditions: [{ kind: 'when', body }] }))
  const official = askOfficial(cedar, {
    principal: uid,
    action: { type: 'Action', id: 'a' },
    resource: uid,
    context: {},
    entities: [],
    policies: { staticPolicies: Object.fromEntries(ests.map((est, at) => [`p${at}`, est])) },
  })
  assert.ok(!('failure' in official), JSON.stringify(official))
  const compiled = evaluate(
    PolicySet.of(compilePolicies(ests.map((est, at) => ({ id: `p${at}`, est })))),
    request,
    EntityStore.empty,
  )
  const shown = (ids: readonly string[]): string[] =>
    ids.map((id) => JSON.stringify(bodies[Number(id.slice(1))])).toSorted()
  const failing = (errors: readonly { readonly policyId: string }[]): string[] =>
    shown(errors.map(({ policyId }) => policyId))
  assert.deepEqual(failing(compiled.errors), failing(official.errors))
  assert.deepEqual(shown(compiled.reasons), shown(official.reasons))
  return { applied: official.reasons.length, failed: official.errors.length }
}

const good: Readonly<Record<string, readonly string[]>> = {
  ip: [
    '10.0.0.1',
    '255.255.255.255/32',
    '0.0.0.0/0',
    '::',
    '::1',
    '2001:db8::/32',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::',
    'ff02::1:ff00:0/104',
    '127.0.0.1/8',
    '::ffff:102:304',
    'FE80::A/10',
  ],
  decimal: ['0.0', '1.5', '-0.0001', '922337203685477.5807', '-922337203685477.5808', '00012.3400', '-12.3'],
  datetime: [
    '2024-02-29',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '0000-01-01T00:00:00.000-2359',
    '2024-06-30T12:00:00+0530',
  ],
  duration: [
    '1d2h3m4s5ms',
    '-9223372036854775808ms',
    '9223372036854775807ms',
    '0s',
    '-1h',
    '106751991167d7h12m55s807ms',
    '00060m',
  ],
}

for (const [name, texts] of Object.entries(good)) {
  test(`reads the same texts as ${name} as the official engine, with the same values`, (t) => {
    const piece = fc.constantFrom(
      ...Array.from('0123456789'),
      '.',
      ':',
      '::',
      '/',
      '-',
      '+',
      'T',
      'Z',
      'd',
      'h',
      'm',
      's',
      'ms',
      'a',
      'F',
      ' ',
      '%',
      '٣',
      '00',
      '\u0000',
    )
    const edited = fc
      .tuple(
        fc.constantFrom(...texts),
        fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 2 }), fc.option(piece)), { maxLength: 2 }),
      )
      .map(([text, edits]) =>
        edits.reduce((now, [at, cut, put]) => now.slice(0, at) + (put ?? '') + now.slice(at + cut), text),
      )
    const run = fc.sample(edited, { numRuns: 2_500, seed: 11 })
    const call = (text: string): unknown => ({ [name]: [{ Value: text }] })
    // The canonical text of our reading must be the same value for the official engine
    const bodies = run.map((text) => {
      let ours = texts[0] ?? ''
      try {
        ours = String(extensionFunction(name)?.call(text, false))
      } catch {
        ours = text
      }
      return { '==': { left: call(text), right: call(ours) } }
    })
    const { applied, failed } = assertSame(bodies)
    t.diagnostic(`${applied} read, ${failed} refused`)
    assert.ok(applied > 300 && failed > 300)
    assert.ok(applied + failed > 2_400, 'our canonical text is the value that was read')
  })
}

test('matches patterns as the official engine', () => {
  const letter = fc.constantFrom('a', 'b', '*', '\\', 'é', '😀', '')
  const text = fc.array(letter, { maxLength: 8 }).map((letters) => letters.join(''))
  const pattern = fc.array(
    fc.oneof(
      fc.constant('Wildcard'),
      text.map((Literal) => ({ Literal })),
    ),
    { maxLength: 6 },
  )
  const cases = fc.sample(fc.tuple(text, pattern), { numRuns: 3_000, seed: 12 })
  const { applied } = assertSame(cases.map(([value, parts]) => ({ like: { left: { Value: value }, pattern: parts } })))
  assert.ok(applied > 500)
})
