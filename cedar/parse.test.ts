import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fault, isFault } from '#core/fault.ts'
import { compilePolicy } from '#core/policy/policy.ts'
import { policySchema } from '#core/policy/schema.ts'
import type { CheckResult } from './check.ts'
import { startPolicyChecker } from './checker.ts'
import { checkPolicies } from './parse.ts'
import { placeOf, splitPolicies } from './policy-text.ts'

function errorsOf(result: CheckResult): string[] {
  return result.ok ? [] : result.errors.map(({ message, line, column }) => `${line}:${column} ${message}`)
}

test('numbers policies by their position in the text, with more than 11 of them', async () => {
  const text = Array.from(
    { length: 25 },
    (_, at) => `// number ${at}\n@id("rule ${at}")\npermit(principal == User::"u${at}", action, resource);`,
  )
  const checked = await checkPolicies(text.join('\n'))
  assert.ok(checked.ok)
  assert.deepEqual(
    checked.policies.map(({ id, name, line }) => [id, name, line]),
    text.map((_, at) => [`policy${at}`, `rule ${at}`, at * 3 + 2]),
  )
  for (const [at, { est, id }] of checked.policies.entries())
    assert.equal(compilePolicy({ id, est }).principal.uid?.id, `u${at}`)
})

test('names policies after their documents', async () => {
  const one = 'permit(principal, action, resource);'
  const checked = await checkPolicies([
    { name: 'wiki', text: one },
    { name: 'many', text: `${one}\n${one}` },
  ])
  assert.ok(checked.ok)
  assert.deepEqual(
    checked.policies.map(({ id, document, line }) => [id, document, line]),
    [
      ['wiki', 'wiki', 1],
      ['many.0', 'many', 1],
      ['many.1', 'many', 2],
    ],
  )
  const twice = await checkPolicies([
    { name: 'wiki', text: one },
    { name: 'wiki', text: one },
  ])
  assert.match(errorsOf(twice)[0] ?? '', /two policies have the name "wiki"/)
})

test('keeps integers of 64 bits exact on the way from text to the compiled policy', async () => {
  const checked = await checkPolicies(
    'permit(principal, action, resource) when { context.risk < 9223372036854775807 || context.risk == -9223372036854775808 };',
  )
  assert.ok(checked.ok)
  const json = JSON.stringify(checked.policies[0]?.est)
  assert.ok(json.includes('{"__long":"9223372036854775807"}') && json.includes('{"__long":"-9223372036854775808"}'))
})

test('says line and column of a mistake, also after other alphabets', async () => {
  const broken = await checkPolicies(
    'permit(principal, action, resource);\n/* no */ permit(principal, action, resource);',
  )
  assert.match(errorsOf(broken)[0] ?? '', /^2:1 /)
  const condition = 'when { context.session.door == "日本😀" && context.rsk < 3 };'
  const unknown = await checkPolicies(`permit(principal, action == Action::"connect", resource)\n${condition}`)
  const column = Array.from(condition.slice(0, condition.indexOf('context.rsk'))).length + 1
  assert.deepEqual(
    errorsOf(unknown).map((each) => each.split(' not found')[0]),
    [`2:${column} attribute \`rsk\` in context for Action::"connect"`],
  )
})

test('validates in strict mode against the schema of the product', async () => {
  const refused = [
    'permit(principal in Team::"x", action, resource);',
    'permit(principal, action == Action::"destroy", resource);',
    'permit(principal, action, resource) when { context.device.posture >= 1 };',
    'permit(principal, action == Action::"connect", resource) when { context.http.method == "GET" };',
    'permit(principal, action, resource) when { context.risk == "high" };',
    'permit(principal, action, resource) when { context.session.factors.contains(1) };',
  ]
  for (const text of refused) assert.equal((await checkPolicies(text)).ok, false, text)
  const accepted = await checkPolicies(`
    @stepUp("passkey") permit(principal in Group::"engineering", action in [Action::"connect", Action::"request"], resource in AppGroup::"internal")
    when { context has device && context.device.posture >= 2 && context.network.ip.isInRange(ip("10.0.0.0/8")) && context.risk < 50 }
    unless { principal.outside && !context.approved };
    permit(principal, action == Action::"browse", resource in Category::"news") when { context has http && context.http.path like "/a/*" };
    permit(principal, action == Action::"request", resource == App::"wiki") when { ["GET", "HEAD"].contains(context.http.method) && context.time.now < datetime("2027-01-01") };
    forbid(principal, action, resource) when { principal has email && principal.email like "*@evil.example" };`)
  assert.deepEqual(errorsOf(accepted), [])
})

test('warns of an annotation that does nothing', async () => {
  const checked = await checkPolicies('@inspekt("dlp") permit(principal, action == Action::"connect", resource);')
  assert.ok(checked.ok)
  assert.match(checked.warnings[0]?.message ?? '', /@inspekt/)
})

test('refuses what kills the official engine, with the place, before that engine sees it', async () => {
  const wrap = (condition: string): string => `permit(principal, action, resource) when { ${condition} };`
  const deadly = [
    `${'('.repeat(5_000)}true${')'.repeat(5_000)}`,
    `${'['.repeat(200)}1${']'.repeat(200)} == 1`,
    `${'if true then true else '.repeat(1_000)}true`,
    `context${'.a'.repeat(3_000)}`,
    `context${'["a"]'.repeat(3_000)}`,
    `context${'.contains(1)'.repeat(3_000)}`,
    `${'1 + '.repeat(3_000)}1 == 1`,
    `context${'.containsAny([1, 2])'.repeat(3_000)}`,
    `[1]${'[0, (1)]'.repeat(3_000)}`,
    `${'('.repeat(40)}context${`${'.a'.repeat(150)})`.repeat(40)}`,
    `${'('.repeat(40)}1${`${' + 1'.repeat(150)})`.repeat(40)} == 1`,
    `${'true && '.repeat(5_000)}true`,
    `"${'a'.repeat(9 * 1024 * 1024)}" == "a"`,
  ]
  for (const condition of deadly) {
    const split = splitPolicies(wrap(condition))
    assert.equal(split.kind, 'refused', condition.slice(0, 40))
  }
  // Wide is not deep
  assert.equal(splitPolicies(wrap(`[${'-1, context.risk, '.repeat(3_000)}1].contains(1)`)).kind, 'split')
  assert.equal(splitPolicies('permit(principal, action, resource);'.repeat(20_001)).kind, 'refused')
  assert.match(errorsOf(await checkPolicies(wrap(deadly[0] ?? '')))[0] ?? '', /^1:\d+ brackets are nested/)
})

test('answers the next check correctly after one that killed the engine', async () => {
  await using checker = startPolicyChecker()
  const good = { documents: 'permit(principal, action, resource);', schema: policySchema }
  const uid = { type: 'User', id: 'a' }
  const deadly = `permit(principal, action, resource) when { ${'('.repeat(5_000)}true${')'.repeat(5_000)} };`
  const question = {
    principal: uid,
    action: uid,
    resource: uid,
    context: {},
    entities: [],
    policies: { staticPolicies: deadly },
  }
  assert.equal((await checker.check(good)).ok, true)
  await assert.rejects(checker.ask(question), (error) => isFault(error, 'policy-invalid'))
  const second = await checker.check(good)
  const long = { ...good, documents: good.documents.repeat(5_000) }
  const late = await checker.check(long, { deadlineMs: 1 })
  const third = await checker.check(good)
  assert.equal(second.ok, true)
  assert.match(errorsOf(late)[0] ?? '', /longer than 1 ms/)
  assert.equal(third.ok, true)
})

test('stops at the deadline and when the caller gives up, and refuses work after close', async () => {
  const checker = startPolicyChecker()
  const input = { documents: 'permit(principal, action, resource);', schema: policySchema }
  await assert.rejects(checker.check(input, { signal: AbortSignal.abort(new Error('gone')) }), /gone/)
  await checker.close()
  await checker.close()
  await assert.rejects(checker.check(input), (error) => isFault(error, 'closing'))
  const cut = startPolicyChecker()
  const running = assert.rejects(cut.check(input), (error) => isFault(error, 'at-capacity'))
  cut.destroy(new Fault('at-capacity'))
  await running
})

test('splits any text without losing or moving a policy', () => {
  const piece = fc.constantFrom(
    'permit',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    '"a;b"',
    '"a\\"b"',
    '//',
    '\n',
    ';',
    '?principal',
    ' ',
    'é',
    '😀',
    '/',
    '"\n"',
  )
  const run = fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
    const text = pieces.join('')
    const split = splitPolicies(text)
    if (split.kind === 'refused') return assert.ok(split.problem.offset >= 0 && split.problem.offset <= text.length)
    let end = 0
    for (const policy of split.policies) {
      assert.equal(text.slice(policy.start, policy.start + policy.text.length), policy.text)
      assert.ok(policy.start >= end && policy.text.endsWith(';'))
      assert.equal(policy.line, placeOf(text, policy.start).line)
      // Between policies there is nothing but space and comments
      assert.match(text.slice(end, policy.start), /^(?:\s|\/\/[^\n]*(?:\n|$))*$/)
      end = policy.start + policy.text.length
    }
    assert.match(text.slice(end), /^(?:\s|\/\/[^\n]*(?:\n|$))*$/)
    return undefined
  })
  fc.assert(run, { numRuns: 3_000 })
})
