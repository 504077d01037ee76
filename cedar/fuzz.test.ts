// Hostile policies: random damage to valid ones. Bounded by number of runs, and by SALLYPORT_SEED repeatable.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { evaluate } from '#core/policy/evaluate.ts'
import { explainDenial } from '#core/policy/explain.ts'
import { compilePolicy, compileTemplate } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { readEntities, readRecord, readUid } from '#core/policy/value-json.ts'
import { CaseGenerator } from './differential-cases.ts'
import { lintPolicies } from './lint.ts'
import { loadCedar } from './wasm.ts'
import { withRawLongs } from './json-exact.ts'

const seed = Number(process.env['SALLYPORT_SEED'] ?? 4_711)
let state = seed >>> 0

/** xorshift32: good enough to choose where to hit. */
function below(limit: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % limit
}

const shrapnel: readonly (() => unknown)[] = [
  () => null,
  () => undefined,
  () => [],
  () => ({}),
  () => '',
  () => '__proto__',
  () => 'Value',
  () => 1.5,
  () => Number.NaN,
  () => -0,
  () => 2 ** 64,
  () => 10n ** 30n,
  () => '\ud800',
  () => 'x'.repeat(70_000),
  () => ({ __entity: { type: 'User', id: 'x' } }),
  () => ({ __extn: { fn: 'ip', arg: '::1' } }),
  () => ({ Var: 'context' }),
  () => ({ Slot: '?principal' }),
  () => JSON.parse('{"__proto__": {"effect": "permit"}}') as unknown,
  () => Symbol('s'),
  () => () => true,
]

/** A copy in which one or more places are replaced, renamed, removed or doubled. */
function damaged(json: unknown, odds: number): unknown {
  if (below(odds) === 0) return shrapnel[below(shrapnel.length)]?.()
  if (Array.isArray(json)) {
    const copied = json.map((each) => damaged(each, odds))
    return below(odds) === 0 ? [...copied, ...copied] : copied
  }
  if (typeof json !== 'object' || json === null) return json
  const copied: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(json)) {
    if (below(odds) === 0) continue
    const key = below(odds) === 0 ? ['left', 'arg', 'Set', '&&', 'constructor', 'ip'][below(6)] : name
    Object.defineProperty(copied, key ?? name, {
      value: damaged(value, odds),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return copied
}

test('answers any damaged policy with a fault or a decision, never with a crash, and agrees that it is damaged', (t) => {
  const cedar = loadCedar()
  const cases = new CaseGenerator(seed)
  const tally = { refused: 0, compiled: 0 }
  for (let at = 0; at < 400; at++) {
    const { policies, templates, entities, requests } = cases.next(1)
    const store = EntityStore.of(readEntities(entities))
    const [asked] = requests.map((each) => ({
      principal: readUid(each.principal, 'p'),
      action: readUid(each.action, 'a'),
      resource: readUid(each.resource, 'r'),
      context: readRecord(each.context, 'c'),
    }))
    assert.ok(asked !== undefined)
    for (const est of [...Object.values(policies), ...Object.values(templates)]) {
      const hurt = damaged(est, 60)
      let policy
      try {
        compileTemplate({ id: 'p', est: hurt })
        policy = compilePolicy({ id: 'p', est: hurt })
      } catch (error) {
        assert.ok(isFault(error, 'policy-invalid'), String(error))
        tally.refused++
        continue
      }
      tally.compiled++
      const set = PolicySet.of([policy])
      evaluate(set, asked, store)
      explainDenial(set, asked, store)
      lintPolicies([policy], {})
      // What we accept, Cedar accepts: no second, laxer dialect
      const official = cedar.policyToJson(
        withRawLongs(JSON.parse(policy.source)) as Parameters<typeof cedar.policyToJson>[0],
      )
      assert.equal(official.type, 'success', `${JSON.stringify(official)} ${policy.source}`)
    }
  }
  t.diagnostic(`seed ${seed}: ${tally.refused} refused, ${tally.compiled} compiled`)
  assert.ok(tally.refused > 200 && tally.compiled > 200)
})

test('answers damaged entities with a fault or a store', () => {
  const cases = new CaseGenerator(seed + 1)
  let refused = 0
  for (let at = 0; at < 500; at++) {
    try {
      EntityStore.of(readEntities(damaged(cases.next(0).entities, 600)))
    } catch (error) {
      assert.ok(isFault(error, 'document-invalid'), String(error))
      refused++
    }
  }
  assert.ok(refused > 100 && refused < 500)
})
