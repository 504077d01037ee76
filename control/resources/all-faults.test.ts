// Who sends several mistakes is told of all of them, each with its place; who decides twice is told of the first time.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addTenantWithAdministrator, startTestControl, tokenOf, type TestControl } from '#control/testing.ts'

let control: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
before(async () => {
  control = await startTestControl()
  acme = await addTenantWithAdministrator(control, 'acme')
})
after(() => control.close())

const call = (path: string, body?: unknown, token = acme.token, method?: string) =>
  control.call(`/v1/tenants/acme${path}`, {
    token,
    ...(body !== undefined && { body }),
    ...(method !== undefined && { method }),
  })
const policy = (name: string, text: string) => ({ kind: 'Policy', name, spec: { text } })
const placesIn = (answer: { readonly body: { error: { faults: { at: string; message: string }[] } } }) =>
  answer.body.error.faults.map(({ at, message }) => `${at}: ${message}`)

test('mistakes in documents, in several policies and in references are all told at once', async () => {
  const documents = [
    policy(
      'one',
      'permit (principal, action, resource) when { context.nothing };\npermit (principal in Team::"x", action, resource);',
    ),
    policy('two', '\n\nforbid (principal, action, resource) when { context.risk == "high" };'),
    { kind: 'User', name: 'ada', spec: { groups: ['nowhere'] } },
    { kind: 'Group', name: 'staff', spec: { parents: ['gone'] } },
  ]
  for (const path of ['/apply', '/policy/tests']) {
    const refused = await call(path, { documents })
    assert.equal(refused.status, 422, refused.text)
    const told = placesIn(refused).join('\n')
    assert.match(told, /documents\[0\]\.spec\.text: line 1:/)
    assert.match(told, /documents\[0\]\.spec\.text: line 2:/)
    assert.match(told, /documents\[1\]\.spec\.text: line 3:/)
    assert.match(told, /documents\[2\]\.spec\.groups\[0\]/)
    assert.match(told, /documents\[3\]\.spec\.parents\[0\]/)
  }
  const unreadable = await call('/apply', {
    documents: [{ kind: 'Group', name: 'x', spec: { y: 1 } }, ...documents.slice(0, 2)],
  })
  const told = placesIn(unreadable).join('\n')
  assert.match(told, /documents\[0\]\.spec\.y: unknown key/)
  assert.match(told, /documents\[1\]\.spec\.text: line 2:/)
  assert.match(told, /documents\[2\]\.spec\.text: line 3:/)
})

test('who would leave nobody to administer is told which document does it', async () => {
  const admin = (await call('/resources/users')).body.items.find(({ name }: { name: string }) => name === 'root-user')
  const disabled = { kind: 'User', name: 'root-user', spec: { ...admin.spec, status: 'disabled' } }
  const other = { kind: 'User', name: 'eve', spec: { status: 'disabled' } }
  const refused = await call('/apply', { documents: [other, disabled] })
  assert.equal(refused.body.error.code, 'last-administrator', refused.text)
  assert.deepEqual(placesIn(refused), ['documents[1].spec.status: without them no administrator is left'])
  const pruned = await call('/apply', { documents: [other], prune: true })
  assert.equal(pruned.body.error.code, 'last-administrator', pruned.text)
  assert.deepEqual(placesIn(pruned), ['User root-user: without them no administrator is left'])
})

test('a request for access that is decided a second time says who decided it first, and until when', async () => {
  const tree = [
    { kind: 'ConnectorGroup', name: 'dc', spec: {} },
    { kind: 'App', name: 'wiki', spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } } },
    { kind: 'User', name: 'bob', spec: {} },
  ]
  assert.equal((await call('/apply', { documents: tree })).status, 200)
  const bob = (await control.context.mirrors.current(acme.id)).byName('user', 'bob')
  const token = await tokenOf(control, acme.id, bob?.id ?? '', 'auditor')
  const asked = await call('/my/access-requests', { app: 'wiki', reason: 'work' }, token)
  assert.ok(asked.status < 300, asked.text)
  const decide = (decision: object) => call(`/my/access-requests/${asked.body.id}/decision`, decision)
  const first = await decide({ decision: 'approve', accessSeconds: 3600 })
  assert.equal(first.status, 200, first.text)
  for (const again of [{ decision: 'approve', accessSeconds: 60 }, { decision: 'refuse' }]) {
    const second = await decide(again)
    assert.equal(second.body.error.code, 'version-conflict', second.text)
    assert.match(second.body.error.message, /bob for wiki was approved by root-user at .*, until 20/)
  }
})
