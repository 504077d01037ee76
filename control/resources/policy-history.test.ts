// The history of policies on a whole control plane: what is kept, what differs, what going back does, and to whom it is shown.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { caps } from '#control/caps.ts'
import { keepPolicyVersion, newestVersion, policyDifferences } from './policy-history.ts'

let control: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const call = (path: string, body?: unknown, method?: string, token = acme.token) =>
  control.call(`/v1/tenants/acme${path}`, { token, body, ...(method !== undefined && { method }) })
const policy = (name: string, text: string) => ({ kind: 'Policy', name, spec: { text } })
const versions = async () => (await call('/policy/versions')).body.items
const permit = 'permit (principal in Group::"staff", action, resource == App::"wiki");'
const forbid = 'forbid (principal, action, resource == App::"wiki") when { context.risk > 50 };'

before(async () => {
  control = await startTestControl()
  acme = await addTenantWithAdministrator(control, 'acme')
  const documents = [
    { kind: 'ConnectorGroup', name: 'dc', spec: {} },
    { kind: 'Group', name: 'staff', spec: {} },
    { kind: 'App', name: 'wiki', spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } } },
    { kind: 'User', name: 'bob', spec: { groups: ['staff'] } },
  ]
  const applied = await call('/apply', { documents })
  assert.equal(applied.status, 200, applied.text)
})
after(() => control.close())

test('each change of policies or tests is a version with who, when, why and what; other changes are none', async () => {
  const before = await versions()
  const why = 'ticket 4711'
  assert.equal((await call('/apply', { documents: [policy('staff', permit)], why })).status, 200)
  await call('/resources/policies/risk', { spec: { text: forbid } }, 'PUT')
  await call('/resources/policies/risk?why=too%20strict', undefined, 'DELETE')
  await call('/apply', { documents: [{ kind: 'Group', name: 'other', spec: {} }] })
  await call('/apply', { documents: [policy('staff', permit)], why: 'nothing changes' })
  await call('/apply', { documents: [policy('staff', `${permit} // x`)], dryRun: true })
  const made = (await versions()).slice(0, -before.length || undefined)
  assert.deepEqual(
    made.map(({ why: reason, changes, by }: Record<string, unknown>) => ({ reason, changes, by })),
    [
      { reason: 'too strict', changes: [{ kind: 'Policy', name: 'risk', action: 'delete' }], by: 'root-user' },
      { reason: null, changes: [{ kind: 'Policy', name: 'risk', action: 'create' }], by: 'root-user' },
      { reason: why, changes: [{ kind: 'Policy', name: 'staff', action: 'create' }], by: 'root-user' },
    ],
  )
})

test('a change that is refused leaves no version', async () => {
  const newest = (await versions())[0].version
  const broken = await call('/apply', { documents: [policy('a', permit), policy('b', 'permit (')] })
  assert.equal(broken.status, 422)
  assert.equal((await versions())[0].version, newest)
})

test('two versions differ in what was changed between them, in both directions, and not in what came back', async () => {
  const from = (await versions())[0].version
  await call('/apply', { documents: [policy('one', permit), policy('two', permit)] })
  await call('/apply', { documents: [policy('one', forbid)] })
  await call('/resources/policies/two', undefined, 'DELETE')
  const { differences } = (await call(`/policy/differences?from=${from}`)).body
  assert.deepEqual(differences, [{ kind: 'Policy', name: 'one', before: null, after: { text: forbid } }])
  const back = (await call(`/policy/differences?from=${from + 3}&to=${from + 1}`)).body
  assert.deepEqual(back.differences, [
    { kind: 'Policy', name: 'one', before: { text: forbid }, after: { text: permit } },
    { kind: 'Policy', name: 'two', before: null, after: { text: permit } },
  ])
})

test('going back makes exactly the policies of then, as a new version, and can itself be undone', async () => {
  const now = (await versions())[0].version
  const inForce = async () =>
    (await call('/resources/policies')).body.items.map(({ name, spec }: Record<string, unknown>) => ({ name, spec }))
  const then = await inForce()
  await call('/apply', { documents: [policy('one', permit), policy('three', permit)] })
  await call('/resources/policies/staff', undefined, 'DELETE')
  const later = await inForce()
  const asked = await call(`/policy/versions/${now}/restore`, { dryRun: true })
  assert.deepEqual(await inForce(), later)
  assert.equal(asked.status, 200, asked.text)
  assert.equal(asked.body.changes.length, 3, asked.text)
  const done = await call(`/policy/versions/${now}/restore`, { why: 'outage', allowWidening: true, newest: now + 2 })
  assert.equal(done.status, 200, done.text)
  assert.deepEqual(await inForce(), then)
  const [top] = await versions()
  assert.deepEqual([top.version, top.restores, top.why], [now + 3, now, 'outage'])
  const undone = await call(`/policy/versions/${now + 2}/restore`, { allowWidening: true })
  assert.equal(undone.status, 200, undone.text)
  assert.deepEqual(await inForce(), later)
})

test('going back is refused when somebody has changed something since it was looked at', async () => {
  const newest = (await versions())[0].version
  await call('/apply', { documents: [policy('late', forbid)] })
  const refused = await call(`/policy/versions/${newest - 1}/restore`, { newest })
  assert.equal(refused.status, 409, refused.text)
})

test('going back passes the tests of the policies like any change', async () => {
  const newest = (await versions())[0].version
  const tests = [{ who: 'bob', app: 'wiki', expect: 'allow' }]
  const documents = [policy('late', permit), policy('staff', permit), policy('one', permit)]
  const made = await call('/apply', {
    documents: [...documents, { kind: 'PolicyTest', name: 'bob reads', spec: { tests } }],
    allowWidening: true,
  })
  // The name of a test document is a label; the refusal says so rather than keeping half of it.
  assert.equal(made.status, 422)
  const labelled = await call('/apply', {
    documents: [...documents, { kind: 'PolicyTest', name: 'bob-reads', spec: { tests } }],
    allowWidening: true,
  })
  assert.equal(labelled.status, 200, labelled.text)
  const broken = await call('/apply', {
    documents: [policy('never', 'forbid (principal, action, resource);')],
  })
  assert.equal(broken.body.error?.code, 'policy-test-failed', broken.text)
  // Back to before the test existed: the test goes as well, so nothing holds it up.
  const back = await call(`/policy/versions/${newest}/restore`, { allowWidening: true })
  assert.equal(back.status, 200, back.text)
})

test('versions that never were, hostile numbers and other tenants get nothing', async () => {
  assert.equal((await call('/policy/versions/999999/restore', {})).status, 404)
  assert.equal((await call('/policy/versions/-1/restore', {})).status, 404)
  assert.equal((await call('/policy/versions/1e3/restore', { dryRun: true })).status, 404)
  assert.equal((await call('/policy/differences?from=-1')).status, 400)
  assert.equal((await call('/policy/differences?from=0&to=99999')).status, 404)
  assert.equal((await call('/policy/versions?search=%25%00')).status, 400)
  const globex = await addTenantWithAdministrator(control, 'globex')
  assert.equal((await call('/policy/versions', undefined, 'GET', globex.token)).status, 404)
  const own = await control.call('/v1/tenants/globex/policy/versions', { token: globex.token })
  assert.deepEqual(own.body.items, [])
})

test('the oldest versions go when there are too many or they are too large; what is left can still be compared', async () => {
  const facts = { by: 'root', why: null, approvedBy: null, restores: null, atMs: 1 }
  const row = (spec: string) => ({
    tenantId: acme.id,
    id: 'pol_x',
    kind: 'Policy',
    name: 'large',
    spec,
    version: 1,
    createdAtMs: 1,
    updatedAtMs: 1,
    derived: null,
    sealed: null,
  })
  const large = (letter: string) => row(JSON.stringify({ text: letter.repeat(caps.policyVersionBytes.default / 8) }))
  await control.context.store.forTenant(acme.id).transaction(async (tx) => {
    let last = row('{"text":"0"}')
    for (const letter of 'abcdef') {
      const next = large(letter)
      await keepPolicyVersion(
        tx,
        { changes: [], faults: [], deletes: [], puts: [{ before: last, after: next }] },
        facts,
      )
      last = next
    }
    const newest = await newestVersion(tx)
    const { count } = await tx
      .selectFrom('policyVersions')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    assert.ok(Number(count) < 6, `${count} kept`)
    assert.equal((await policyDifferences(tx, newest - 1, newest)).total, 1)
    await assert.rejects(policyDifferences(tx, 0, newest), /oldest version/)
  })
})
