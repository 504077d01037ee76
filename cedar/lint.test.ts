import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { compilePolicies } from '#core/policy/policy.ts'
import { policySchema } from '#core/policy/schema.ts'
import { startPolicyChecker } from './checker.ts'
import { type KnownNames, lintPolicies } from './lint.ts'

const checker = startPolicyChecker()
after(() => checker.close())

const known: KnownNames = {
  groups: new Set(['engineering', 'finance']),
  appGroups: new Set(['internal']),
  apps: new Map([
    ['wiki', ['internal']],
    ['vault', []],
  ]),
}

async function lint(text: string, names: KnownNames = {}): Promise<string[]> {
  const checked = await checker.check({ documents: text, schema: policySchema })
  assert.ok(checked.ok, JSON.stringify(checked))
  return lintPolicies(compilePolicies(checked.policies), names).map(
    ({ kind, message, policy }) => `${policy?.id ?? '-'} ${kind}: ${message}`,
  )
}

test('names the unknown group, app and app group, in scope and conditions, with the nearest', async () => {
  const text = `permit(principal in Group::"enginering", action, resource == App::"wikki") when { principal in [Group::"engineering", Group::"xyz"] };
    permit(principal in Group::"finance", action, resource in AppGroup::"internal");
    permit(principal in Group::"finance", action, resource == App::"vault");`
  assert.deepEqual(await lint(text, known), [
    'policy0 unknown-name: there is no Group "enginering"; did you mean "engineering"?',
    'policy0 unknown-name: there is no App "wikki"; did you mean "wiki"?',
    'policy0 unknown-name: there is no Group "xyz"',
  ])
})

test('finds policies that can never apply', async () => {
  const never = [
    'permit(principal, action, resource) when { context.risk < 3 && 5 <= context.risk };',
    'permit(principal, action, resource) when { context.risk < 3 } unless { context.risk <= 2 };',
    'permit(principal, action, resource) when { context.risk == 3 && context.risk == 4 };',
    'permit(principal, action, resource in Group::"engineering");',
  ]
  for (const text of never) assert.match((await lint(text)).join(), /policy0 never-applies/, text)
  const sometimes = [
    'permit(principal, action, resource) when { context.risk < 3 || 5 <= context.risk };',
    'permit(principal, action, resource) when { context.risk <= 3 && 3 <= context.risk };',
    'permit(principal, action, resource) unless { context.risk < 3 && context.risk > 5 };',
  ]
  for (const text of sometimes) assert.deepEqual(await lint(text), [], text)
})

test('finds policies that another makes pointless, and keeps those that add a duty', async () => {
  const text = `permit(principal in Group::"engineering", action, resource in AppGroup::"internal");
    permit(principal in Group::"engineering", action == Action::"connect", resource in AppGroup::"internal") when { context.risk < 3 };
    @inspect("dlp") permit(principal in Group::"engineering", action == Action::"request", resource in AppGroup::"internal");
    permit(principal in Group::"finance", action, resource == App::"vault");
    @id("no vault") forbid(principal, action, resource == App::"vault");
    @coach("careful") forbid(principal, action, resource == App::"none") when { context.risk > 90 };`
  assert.deepEqual(await lint(text), [
    'policy5 no-effect: @coach on a forbid does nothing',
    'policy1 shadowed: "policy0" already does all of it',
    'policy3 shadowed: "no vault" forbids all of it',
  ])
})

test('reports an app that nobody can reach', async () => {
  assert.deepEqual(
    await lint('permit(principal in Group::"finance", action, resource in AppGroup::"internal");', known),
    ['- unreachable-app: no policy permits anyone to reach App "vault"'],
  )
  assert.deepEqual(await lint('permit(principal in Group::"finance", action, resource);', known), [])
  assert.equal((await lint('forbid(principal, action, resource);', known)).length, 2)
})

test('goes by the hierarchy and by conditions: a narrower group, a closer bound, one condition more', async () => {
  const above = new Map([
    ['Group engineering', new Set(['Group staff', 'Group all'])],
    ['Group staff', new Set(['Group all'])],
  ])
  const text = `permit(principal in Group::"all", action, resource) when { context.risk < 50 };
    permit(principal in Group::"engineering", action == Action::"request", resource) when { context.risk < 30 && context.approved };
    permit(principal in Group::"finance", action, resource) when { context.risk < 60 };
    forbid(principal in Group::"staff", action, resource == App::"vault") unless { context.approved };
    permit(principal in Group::"engineering", action, resource == App::"vault") when { !context.approved };`
  assert.deepEqual(await lint(text, { above: (key) => above.get(key) ?? new Set() }), [
    'policy1 shadowed: "policy0" already does all of it',
    'policy4 shadowed: "policy3" forbids all of it',
  ])
})

test('finds conditions that fight each other, and actions that are not done to what is named', async () => {
  const never: readonly (readonly [string, RegExp])[] = [
    ['permit(principal, action, resource) when { context.approved } unless { context.approved };', /true and false/],
    [
      'permit(principal, action, resource) when { context.session.door == "agent" && "web" == context.session.door };',
      /two texts/,
    ],
  ]
  for (const [text, why] of never) {
    const found = (await lint(text)).join()
    assert.match(found, /policy0 never-applies/, text)
    assert.match(found, why)
  }
})

test('an app is out of reach when the permits are for other actions, or all of them are forbidden', async () => {
  const kinds = new Map([
    ['wiki', 'http' as const],
    ['vault', 'tcp' as const],
  ])
  const text = `permit(principal, action == Action::"connect", resource == App::"wiki");
    permit(principal in Group::"finance", action, resource == App::"vault") when { context.approved };
    forbid(principal, action, resource == App::"vault") when { context.approved };`
  assert.deepEqual(
    (await lint(text, { ...known, appKinds: kinds })).filter((each) => each.includes('unreachable')),
    [
      '- unreachable-app: no policy permits anyone to reach App "wiki"',
      '- unreachable-app: nobody can reach App "vault": whatever is permitted is forbidden',
    ],
  )
})
