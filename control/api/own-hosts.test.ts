// Own host names: the web authority vouches for them, so a tenant cannot give itself one.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import {
  addTenantWithAdministrator,
  appsDomain,
  documentsOfEverything,
  domain,
  providerToken,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let globex: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let provider = ''

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  globex = await addTenantWithAdministrator(test, 'globex')
  provider = await providerToken(test)
})
after(() => test.close())

const give = (tenant: string, hosts: readonly string[], token = provider) =>
  test.call(`/v1/tenants/${tenant}/own-hosts`, { token, method: 'PUT', body: { hosts } })
const settings = async (tenant: { readonly name: string; readonly token: string }) =>
  (await test.call(`/v1/tenants/${tenant.name}/settings`, { token: tenant.token })).body

it('a tenant gives itself none, by any route', async () => {
  const own = ['accounts.google.com', 'portal.acme-corp.example']
  const changed = await test.call('/v1/tenants/globex/settings', {
    token: globex.token,
    method: 'PATCH',
    body: { ownHosts: own },
  })
  assert.equal(changed.body.error.code, 'not-permitted')
  assert.match(changed.body.error.message, /provider/)
  assert.equal((await give('globex', own, globex.token)).body.error.code, 'not-permitted')
  assert.deepEqual((await settings(globex)).ownHosts, [])
  assert.deepEqual(await test.context.store.provider.selectFrom('hosts').selectAll().execute(), [])
})

it('the provider gives one, and it is one tenant’s until it is taken away', async () => {
  const given = await give('acme', ['wiki.acme-corp.example', 'wiki.acme-corp.example'])
  assert.deepEqual(given.body, { hosts: ['wiki.acme-corp.example'] }, given.text)
  assert.deepEqual((await settings(acme)).ownHosts, ['wiki.acme-corp.example'])
  const taken = await give('globex', ['wiki.acme-corp.example'])
  assert.equal(taken.body.error.code, 'name-taken')
  assert.equal(taken.text.includes('"acme"'), false)
  const events = await test.call('/v1/tenants/provider/events?class=6003', { token: provider })
  assert.match(events.text, /setTenantHosts/)
  assert.equal((await give('nobody', ['x.example'])).status, 404)
  assert.deepEqual((await give('acme', [])).body, { hosts: [] })
  assert.equal((await give('globex', ['wiki.acme-corp.example'])).status, 200)
  await give('globex', [])
})

it('no tenant is given a single label or a name of the installation', async () => {
  for (const host of [
    'localhost',
    'intranet',
    domain,
    `console.${domain}`,
    appsDomain,
    `wiki.acme.${appsDomain}`,
    `x.${appsDomain}`,
  ])
    assert.equal((await give('globex', [host])).body.error?.code, 'name-reserved', host)
  for (const host of ['*.example.test', '192.0.2.1', 'A.example', 'a.example.'])
    assert.equal((await give('globex', [host])).body.error?.code, 'request-malformed', host)
  assert.deepEqual((await settings(globex)).ownHosts, [])
})

it('one that an app uses is not taken away, and the provider is not told which app', async () => {
  await give('acme', ['wiki.acme-corp.example'])
  const T = '/v1/tenants/acme'
  await test.call(`${T}/apply`, { token: acme.token, body: { documents: documentsOfEverything() } })
  const spec = {
    kind: 'http',
    connectorGroup: 'dc',
    upstream: { host: 'x' },
    browser: { enabled: true, host: 'wiki.acme-corp.example' },
  }
  const put = await test.call(`${T}/resources/apps/payroll`, {
    token: acme.token,
    method: 'PUT',
    body: { spec, allowWidening: true },
  })
  assert.equal(put.status, 200, put.text)
  const refused = await give('acme', [])
  assert.equal(refused.body.error.code, 'still-referenced')
  assert.equal(refused.text.includes('payroll'), false)
})

it('a change of other settings keeps them', async () => {
  const changed = await test.call('/v1/tenants/acme/settings', {
    token: acme.token,
    method: 'PATCH',
    body: { sessionSeconds: 3600 },
  })
  assert.deepEqual(changed.body.ownHosts, ['wiki.acme-corp.example'], changed.text)
})
