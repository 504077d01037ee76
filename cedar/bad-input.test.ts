// Every kind of input that was made to hurt, by name: what is refused says so with its place, what is accepted is decided
// in bounded time and memory, and the set that was in force before decides as before. Then two seconds of chance.
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { after, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { evaluate } from '#core/policy/evaluate.ts'
import { compilePolicy, type Policy } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { policySchema } from '#core/policy/schema.ts'
import { readEntities, readRecord, readUid } from '#core/policy/value-json.ts'
import { startPolicyChecker } from './checker.ts'
import { lintPolicies } from './lint.ts'
import { splitPolicies } from './policy-text.ts'

const checker = startPolicyChecker()
after(() => checker.close())

const policy = (condition: string) => `permit(principal, action, resource) when { ${condition} };`
const uid = (type: string, id: string) => ({ type, id })
const est = (body: unknown) => ({
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [{ kind: 'when', body }],
})
const nested = (levels: number, wrap: (inner: unknown) => unknown, inner: unknown = { Value: true }): unknown => {
  let body = inner
  for (let each = 0; each < levels; each++) body = wrap(body)
  return body
}
const request = (context: unknown = {}) => ({
  principal: readUid(uid('User', 'ada'), 'p'),
  action: readUid(uid('Action', 'request'), 'a'),
  resource: readUid(uid('App', 'wiki'), 'r'),
  context: readRecord(context, 'context'),
})
const decide = (compiled: Policy, context: unknown = {}, entities: EntityStore = EntityStore.of([])) =>
  evaluate(PolicySet.of([compiled]), request(context), entities)
const compile = (body: unknown) => compilePolicy({ id: 'p', est: est(body) })
const refusesJson = (body: unknown, why: RegExp) =>
  assert.throws(
    () => compile(body),
    (error) => isFault(error, 'policy-invalid') && why.test(String(error.hint)),
  )

/** In text: refused before the official engine, or by it, with line and column; and the next check works. */
async function refusesText(condition: string, why: RegExp): Promise<void> {
  const checked = await checker.check({ documents: `// first line\n${policy(condition)}`, schema: policySchema })
  assert.ok(!checked.ok, condition.slice(0, 60))
  const [error] = checked.errors
  assert.match(error?.message ?? '', why)
  assert.equal(error?.line, 2, 'the line is told')
  assert.ok((error?.column ?? 0) > 0)
}
async function accepts(condition: string): Promise<Policy> {
  const checked = await checker.check({ documents: policy(condition), schema: policySchema })
  assert.ok(checked.ok, JSON.stringify(checked).slice(0, 300))
  const [one] = checked.policies
  assert.ok(one !== undefined)
  return compilePolicy(one)
}

const attacks: readonly (readonly [name: string, attack: () => unknown])[] = [
  [
    'brackets nested 5,000 deep, which kill the WASM',
    () => refusesText(`${'('.repeat(5000)}true${')'.repeat(5000)}`, /nested/),
  ],
  [
    'a chain of 1,000 `if`, which kills the WASM',
    () => refusesText(`${'if true then true else '.repeat(1000)}true`, /if/),
  ],
  ['3,000 attributes in a row, which kill the WASM', () => refusesText(`context${'.a'.repeat(3000)}`, /chain/)],
  ['3,000 sums in a row, which kill the WASM', () => refusesText(`${'1 + '.repeat(3000)}1 == 1`, /chain/)],
  [
    'a JSON form nested 100,000 deep',
    () =>
      refusesJson(
        nested(100_000, (arg) => ({ '!': { arg } })),
        /nested deeper/,
      ),
  ],
  [
    'a JSON form of a million parts',
    () => refusesJson({ Set: Array.from({ length: 1_000_000 }, () => ({ Value: 1 })) }, /more than/),
  ],
  [
    'a chain of 100,000 `&&` in JSON',
    () =>
      refusesJson(
        nested(100_000, (left) => ({ '&&': { left, right: { Value: true } } })),
        /more than/,
      ),
  ],
  [
    'a set of 10,000 literals, which is large and allowed',
    async () => {
      const compiled = await accepts(
        `[${Array.from({ length: 10_000 }, (_, at) => at).join(', ')}].contains(context.risk)`,
      )
      assert.equal(decide(compiled, { risk: 9999 }).decision, 'allow')
      assert.equal(decide(compiled, { risk: -1 }).decision, 'deny')
    },
  ],
  [
    'a pattern of 2,000 wildcards against a text that nearly matches',
    () => {
      const pattern = Array.from({ length: 2000 }, () => [{ Literal: 'a' }, 'Wildcard'] as const).flat()
      const compiled = compile({
        like: { left: { '.': { left: { Var: 'context' }, attr: 'text' } }, pattern: [...pattern, { Literal: 'b' }] },
      })
      const begin = process.cpuUsage()
      assert.equal(decide(compiled, { text: 'a'.repeat(60_000) }).decision, 'deny')
      const { user } = process.cpuUsage(begin)
      assert.ok(user < 5_000_000, `${user} µs: backtracking would take years`)
    },
  ],
  [
    'a pattern and a text longer than any',
    () => {
      const long = { like: { left: { Value: 'x' }, pattern: Array.from({ length: 70_000 }, () => 'Wildcard') } }
      refusesJson(long, /longer/)
      refusesJson({ '==': { left: { Value: 'x'.repeat(70_000) }, right: { Value: 'x' } } }, /longer/)
    },
  ],
  [
    'groups in a circle, also one that a change closes: the old store stays',
    () => {
      const group = (id: string, ...parents: string[]) => ({
        uid: uid('Group', id),
        attrs: {},
        parents: parents.map((one) => uid('Group', one)),
      })
      const circle = () => EntityStore.of(readEntities([group('a', 'b'), group('b', 'c'), group('c', 'a')]))
      assert.throws(circle, (error) => isFault(error, 'document-invalid'))
      const before = EntityStore.of(readEntities([group('a', 'b'), group('b')]))
      assert.throws(
        () => before.with(readEntities([group('b', 'a')])),
        (error) => isFault(error, 'document-invalid'),
      )
      assert.equal(before.get('Group a')?.ancestors.set.has('Group b'), true)
    },
  ],
  [
    'a chain of groups longer than anybody has',
    () => {
      const chain = Array.from({ length: 5000 }, (_, at) => ({
        uid: uid('Group', `${at}`),
        attrs: {},
        parents: at === 0 ? [] : [uid('Group', `${at - 1}`)],
      }))
      assert.throws(
        () => EntityStore.of(readEntities(chain)),
        (error) => isFault(error, 'document-invalid'),
      )
    },
  ],
  [
    'ids of any Unicode, of names that JavaScript knows, and of control characters',
    async () => {
      for (const id of [
        '日本',
        '😀',
        '\u202Eevil',
        '__proto__',
        'constructor',
        'toString',
        '\0',
        'a b',
        '"',
        '\\',
        'é',
        'e\u0301',
        ' ',
      ]) {
        const compiled = await accepts(`principal == User::${JSON.stringify(id).replaceAll(/\\u0000/g, '\\0')}`)
        const ask = (who: string) =>
          evaluate(
            PolicySet.of([compiled]),
            { ...request(), principal: readUid(uid('User', who), 'p') },
            EntityStore.of([]),
          )
        assert.equal(ask(id).decision, 'allow', JSON.stringify(id))
        assert.equal(ask(`${id}x`).decision, 'deny')
      }
      const [one, other] = ['é', 'e\u0301']
      assert.notEqual(one, other, 'looking alike is not being the same')
    },
  ],
  [
    'half a surrogate pair',
    () => {
      refusesJson({ Value: '\ud800' }, /Unicode/)
      refusesJson({ Value: { __entity: { type: 'User', id: '\udfff' } } }, /Unicode|malformed|well-formed/)
    },
  ],
  [
    'integers at the edges of 64 bits, and beyond them',
    async () => {
      const compiled = await accepts('context.risk + 1 > 0 || context.risk == 9223372036854775807')
      const asked = decide(compiled, { risk: 9223372036854775807n })
      assert.deepEqual(
        [asked.decision, asked.errors.length],
        ['deny', 1],
        'overflow is an error, the policy is dropped',
      )
      const least = await accepts('context.risk == -9223372036854775808')
      assert.equal(decide(least, { risk: -9223372036854775808n }).decision, 'allow')
      const negated = compile({
        '<': { left: { neg: { arg: { '.': { left: { Var: 'context' }, attr: 'risk' } } } }, right: { Value: 0 } },
      })
      assert.equal(decide(negated, { risk: -9223372036854775808n }).errors.length, 1)
      await refusesText('context.risk < 9223372036854775808', /./)
      refusesJson({ Value: 10n ** 30n }, /./)
      refusesJson({ Value: 1.5 }, /./)
    },
  ],
  [
    'a context nested beyond the cap, and one of too many values',
    () => {
      const deep = nested(1000, (inner) => ({ inner }), {}) as object
      assert.throws(
        () => readRecord(deep, 'context'),
        (error) => isFault(error),
      )
      const wide = { all: Array.from({ length: 200_000 }, (_, at) => at) }
      assert.throws(
        () => readRecord(wide, 'context'),
        (error) => isFault(error),
      )
    },
  ],
  [
    'more policies than a check takes, and two of one id',
    () => {
      assert.equal(splitPolicies('permit(principal, action, resource);'.repeat(20_001)).kind, 'refused')
      const one = compile({ Value: true })
      assert.throws(
        () => PolicySet.of([one, one]),
        (error) => isFault(error, 'policy-invalid'),
      )
    },
  ],
  [
    '10,000 policies that all match: decided, in order, within memory',
    () => {
      const set = PolicySet.of(
        Array.from({ length: 10_000 }, (_, at) => compilePolicy({ id: `p${at}`, est: est({ Value: true }) })),
      )
      const asked = evaluate(set, request(), EntityStore.of([]))
      assert.equal(asked.reasons.length, 10_000)
      assert.equal(lintPolicies([...set].slice(0, 3000), {}).length, 2999)
    },
  ],
  [
    'keys that JSON may have and objects must not trust',
    () => {
      for (const text of [
        '{"__proto__": {"Value": true}}',
        '{"constructor": []}',
        '{"!": {"arg": {"Value": true}, "arg2": 1}}',
      ])
        assert.throws(
          () => compile(JSON.parse(text)),
          (error) => isFault(error, 'policy-invalid') || isFault(error),
          text,
        )
      assert.equal(({} as { Value?: unknown }).Value, undefined)
    },
  ],
]

for (const [name, attack] of attacks)
  test(`survives ${name}`, async () => {
    const good = PolicySet.of([
      compile({ '<': { left: { '.': { left: { Var: 'context' }, attr: 'risk' } }, right: { Value: 50 } } }),
    ])
    const before = evaluate(good, request({ risk: 12 }), EntityStore.of([]))
    await attack()
    assert.deepEqual(evaluate(good, request({ risk: 12 }), EntityStore.of([])).decision, before.decision)
    assert.equal((await checker.check({ documents: policy('context.risk < 3'), schema: policySchema })).ok, true)
  })

test('two seconds of chance: bent texts and contexts end in a fault or an answer', (t) => {
  let state = Number(process.env['SALLYPORT_SEED'] ?? Date.now() % 2 ** 31) | 1
  const seed = state
  const below = (limit: number): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
  const pieces = [
    'permit',
    '(',
    ')',
    'principal',
    ',',
    'action',
    'resource',
    'when',
    '{',
    '}',
    ';',
    '"',
    '\\',
    '\n',
    '//',
    '[',
    ']',
    '😀',
    '\0',
    '9'.repeat(30),
  ]
  const values: readonly unknown[] = [
    null,
    -0,
    2 ** 53,
    'x',
    '',
    [],
    {},
    [[[]]],
    { a: { a: {} } },
    true,
    { __extn: { fn: 'ip', arg: '::/129' } },
    10n ** 18n,
  ]
  const operators = ['==', '!=', '<', '+', '*', 'in', 'contains', 'containsAll', 'getTag', 'hasTag', '&&', '||']
  const body = (depth: number): unknown => {
    if (depth === 0 || below(4) === 0)
      return [
        { Var: 'context' },
        { Var: 'principal' },
        { Value: values[below(values.length)] },
        { '.': { left: { Var: 'context' }, attr: 'risk' } },
      ][below(4)]
    if (below(6) === 0) return { '!': { arg: body(depth - 1) } }
    return { [operators[below(operators.length)] ?? '==']: { left: body(depth - 1), right: body(depth - 1) } }
  }
  const until = performance.now() + 2000
  const tally = { texts: 0, refused: 0, decided: 0 }
  while (performance.now() < until) {
    const text = Array.from({ length: 1 + below(60) }, () => pieces[below(pieces.length)]).join(
      below(2) === 0 ? '' : ' ',
    )
    const split = splitPolicies(text)
    if (split.kind === 'refused')
      assert.ok(split.problem.offset >= 0 && split.problem.offset <= text.length, `seed ${seed}`)
    tally.texts++
    let compiled: Policy
    try {
      compiled = compile(body(1 + below(6)))
    } catch (error) {
      assert.ok(isFault(error, 'policy-invalid'), `seed ${seed}: ${String(error)}`)
      tally.refused++
      continue
    }
    let context: unknown = {}
    try {
      context = { risk: values[below(values.length)], other: values[below(values.length)] }
      readRecord(context, 'context')
    } catch {
      context = {}
    }
    const { decision } = decide(compiled, context)
    assert.ok(decision === 'allow' || decision === 'deny')
    tally.decided++
  }
  t.diagnostic(`seed ${seed}: ${JSON.stringify(tally)}`)
  assert.ok(tally.decided > 50 && tally.texts > 100)
})
