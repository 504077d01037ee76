// Credentials for the explicit proxy: made by oneself, shown once, ended by oneself, and unknown to everybody else.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'

let control: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let rival: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const at = '/v1/tenants/acme/my/web-credentials'

before(async () => {
  control = await startTestControl()
  acme = await addTenantWithAdministrator(control, 'acme')
  rival = await addTenantWithAdministrator(control, 'rival')
})
after(() => control.close())

test('a credential is shown once, listed without its secret, and gone when its owner ends it', async () => {
  const body = { name: 'build server', expiresInSeconds: 3600 }
  const made = await control.call(at, { token: acme.token, body })
  assert.equal(made.status, 201, made.text)
  assert.match(made.body.secret, /^spweb_[A-Za-z0-9_-]{43}$/)
  assert.match(made.body.proxy, /^https:\/\/acme\.web\./)
  const listed = await control.call(at, { token: acme.token })
  assert.deepEqual(
    listed.body.items.map(({ name }: { name: string }) => name),
    ['build server'],
  )
  assert.ok(!listed.text.includes(made.body.secret))
  const one = `${at}/${made.body.id}`
  const foreign = one.replace('acme', 'rival')
  assert.equal((await control.call(foreign, { token: rival.token, method: 'DELETE' })).status, 404)
  assert.equal((await control.call(one, { token: acme.token, method: 'DELETE' })).status, 200)
  assert.equal((await control.call(one, { token: acme.token, method: 'DELETE' })).status, 404)
  assert.deepEqual((await control.call(at, { token: acme.token })).body.items, [])
})

test('a credential lives for three months at most, and needs a name', async () => {
  for (const body of [
    { name: 'x', expiresInSeconds: 91 * 86_400 },
    { name: '', expiresInSeconds: 60 },
    { name: 'x' },
  ]) {
    assert.equal((await control.call(at, { token: acme.token, body })).status, 400, JSON.stringify(body))
  }
})
