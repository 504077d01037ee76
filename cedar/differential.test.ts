// The compiled evaluator against the official engine; a million decisions are compared in differential.long.test.ts.
// SALLYPORT_SEED=n repeats a run.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CaseGenerator } from './differential-cases.ts'
import { startPolicyChecker } from './checker.ts'
import { coverageNames } from './differential-words.ts'
import { compareCase, type Tally } from './differential.ts'
import { withRawLongs } from './json-exact.ts'
import { seededBugs } from './seeded-bugs.ts'
import { loadCedar } from './wasm.ts'

const cedar = loadCedar()
const decisions = 20_000
const seed = Number(process.env['SALLYPORT_SEED'] ?? 20_261_123)

function newTally(): Tally {
  return { compared: 0, allowed: 0, withErrors: 0, refused: 0 }
}

test(`decides exactly as the official engine in ${decisions} random decisions`, (t) => {
  const cases = new CaseGenerator(seed)
  const tally = newTally()
  while (tally.compared < decisions) {
    const each = cases.next(24)
    const difference = compareCase(cedar, each, tally)
    assert.equal(
      difference,
      null,
      `seed ${seed}: ${show({ difference, policies: each.policies, entities: each.entities })}`,
    )
  }
  const share = tally.allowed / tally.compared
  t.diagnostic(
    `seed ${seed}: ${tally.compared} compared, ${Math.round(share * 100)} % allowed, ${tally.withErrors} with errors`,
  )
  t.diagnostic([...cases.counts].map(([name, count]) => `${name} ${count}`).join(', '))
  assert.ok(share > 0.2 && share < 0.8, `both outcomes are common, allowed is ${share}`)
  assert.ok(tally.withErrors > tally.compared / 10 && tally.withErrors < tally.compared)
  assert.equal(tally.refused, 0)
  assert.deepEqual(
    coverageNames.filter((name) => (cases.counts.get(name) ?? 0) === 0),
    [],
    'every operator was used',
  )
})

for (const [name, bug] of seededBugs) {
  test(`notices a wrong ${name}`, () => {
    const cases = new CaseGenerator(7, name)
    const tally = newTally()
    for (let at = 0; at < 600; at++) if (compareCase(cedar, cases.next(4), tally, bug) !== null) return
    assert.fail(`${tally.compared} decisions agreed although ${name} was wrong`)
  })
}

test('decides the same when the policies come as text through the worker', async () => {
  await using checker = startPolicyChecker()
  const cases = new CaseGenerator(seed + 1)
  const tally = newTally()
  let policyCount = 0
  for (let at = 0; at < 40; at++) {
    const each = cases.next(8)
    const texts = Object.values(each.policies).flatMap((est) => {
      const answer = cedar.policyToText(withRawLongs(est) as Parameters<typeof cedar.policyToText>[0])
      assert.ok(answer.type === 'success')
      // Some trees have no text form, such as `x has "é".a`: the engine writes them and cannot read them
      return cedar.policyToJson(answer.text).type === 'success' ? [answer.text] : []
    })
    const checked = await checker.check({ documents: texts.join('\n'), schema: null })
    assert.ok(checked.ok, show(checked))
    const policies = Object.fromEntries(checked.policies.map(({ id, est }) => [id, est]))
    assert.equal(checked.policies.length, texts.length)
    policyCount += texts.length
    assert.equal(compareCase(cedar, { ...each, policies, templates: {}, links: [] }, tally), null)
  }
  assert.ok(tally.compared === 320 && policyCount > 200)
})

test('every operator has a seeded bug', () => {
  const seeded = new Set(seededBugs.map(([name]) => name))
  const operators = coverageNames.filter(
    (name) => !/scope|permit|forbid|when|unless|template|arity|Var|action|Value/.test(name),
  )
  assert.deepEqual(
    operators.filter((name) => !seeded.has(name)),
    [],
  )
})

function show(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each))
}
