// Containment at control itself: whoever is contained is out of sign-in, console, API and certificates, everywhere and
// at once, and nobody locks a tenant by mistake.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Browser } from '#control/sign-in/testing/browser.ts'
import { password } from '#control/sign-in/testing/world.ts'
import { dialFeed, enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  startTestControl,
  tokenOf,
  type TestControl,
} from '#control/testing.ts'

const origin = (label: string) => `https://${label}.sallyport.localhost:8443`
const T = '/v1/tenants/acme'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let exchange: FakeExchange
const asAdmin = (path: string, body?: unknown, method?: string) =>
  test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  const applied = await asAdmin('/apply', { documents: documentsOfEverything() })
  assert.equal(applied.status, 200, applied.text)
  const identity = await enrolExchange(test)
  exchange = new FakeExchange(identity.id, await dialFeed(test, identity))
  await exchange.until(() => exchange.tenants.has(acme.id))
})
after(async () => {
  await exchange.close()
  await test.close()
})

/** A person at a browser, with console, command line and agent, as they would have on an ordinary day. */
async function signedIn(name: string) {
  const { control } = test
  const { url } = await control.inviteUser('acme', name, 600)
  const browser = new Browser(control.port, '127.0.0.1', control.webCaPem)
  const invited = await browser.go(url)
  const login = await browser.submit(invited, '/invitation', { password, repeat: password })
  const portal = await browser.submit(login, '/password', { user: name, password })
  assert.match(portal.text, /Your apps/, portal.text)
  const isConsole = (to: URL) => to.href === `${origin('console')}/`
  await browser.go(`${origin('console')}/auth/sign-in?tenant=acme`, { stopAt: isConsole })
  const cli = await connect(browser, 'cli', 'openid api')
  const agent = await connect(browser, 'agent', 'openid agent')
  const { csrPem } = await newCsr()
  const device = await test.call('/v1/devices/sign-in', {
    body: { accessToken: agent.access_token, csrPem, name: 'laptop', os: 'linux' },
  })
  assert.equal(device.status, 201, device.text)
  const mirror = await test.context.mirrors.current(acme.id)
  const userId = mirror.byName('user', name)?.id ?? ''
  const apiToken = await tokenOf(test, acme.id, userId, 'auditor')
  return { name, browser, cli, agent, device: device.body, csrPem, apiToken }
}
type Person = Awaited<ReturnType<typeof signedIn>>

async function connect(browser: Browser, client: string, scope: string) {
  const verifier = randomBytes(32).toString('base64url')
  const redirect_uri = 'http://127.0.0.1:5555/callback'
  const query = new URLSearchParams({
    client_id: client,
    scope,
    redirect_uri,
    response_type: 'code',
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const page = await browser.go(`${origin('id')}/acme/auth?${query.toString()}`)
  const stopAt = (to: URL) => to.protocol === 'http:'
  const back = await browser.submit(page, '/connect', {}, { stopAt })
  const form = {
    grant_type: 'authorization_code',
    client_id: client,
    code: back.url.searchParams.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri,
  }
  const reply = await browser.send(`${origin('id')}/acme/token`, { form, origin: null })
  return JSON.parse(reply.text) as { access_token: string; refresh_token: string }
}

const refresh = ({ browser }: Person, client_id: string, refresh_token: string) =>
  browser.send(`${origin('id')}/acme/token`, {
    form: { grant_type: 'refresh_token', client_id, refresh_token },
    origin: null,
  })

/** Everything by which the person was known a moment ago. */
async function everyProof(person: Person): Promise<Record<string, number>> {
  const { browser, cli, agent, device, csrPem, apiToken } = person
  const cookie = browser.cookieHeader(new URL(origin('console')))
  const console_ = await test.call('/api/v1/me', {
    host: 'console.sallyport.localhost',
    headers: { cookie, origin: origin('console') },
  })
  const renewal = await exchange.ask({
    type: 'renew-device',
    tenantId: acme.id,
    deviceId: device.deviceId,
    csrPem,
  })
  const statement = await exchange.ask({ type: 'statement', tenantId: acme.id, sessionId: device.sessionId })
  const again = { accessToken: agent.access_token, csrPem, name: 'laptop', os: 'linux' }
  return {
    console: console_.status,
    commandLine: (await test.call('/v1/me', { token: cli.access_token })).status,
    apiToken: (await test.call('/v1/me', { token: apiToken })).status,
    refreshOfAgent: (await refresh(person, 'agent', agent.refresh_token)).status,
    deviceAgain: (await test.call('/v1/devices/sign-in', { body: again })).status,
    renewal: renewal.fault === undefined ? 200 : 403,
    statement: statement.fault === undefined ? 200 : 404,
  }
}

const contain = (kind: string, name: string, more: object = {}) =>
  asAdmin('/containments', { subject: { kind, name }, reason: 'stolen laptop', expiresInSeconds: 600, ...more })

describe('a contained user', () => {
  it('is out of console, API, command line, agent and certificates, and cannot sign in until released', async () => {
    const ada = await signedIn('ada')
    const contained = await contain('user', 'ada')
    assert.equal(contained.status, 201, contained.text)
    assert.deepEqual(contained.body.effect.missing, [])
    assert.deepEqual(await everyProof(ada), {
      console: 401,
      commandLine: 401,
      apiToken: 403,
      refreshOfAgent: 400,
      deviceAgain: 401,
      renewal: 403,
      statement: 404,
    })
    const { total } = (await asAdmin('/sessions?search=ada')).body
    assert.equal(total, 0)

    const form = await ada.browser.go(`${origin('acme')}/`)
    assert.match(form.text, /name="password"/, 'the cookie of the sign-in host is worth nothing')
    const wrongOne = await ada.browser.submit(form, '/password', { user: 'ada', password: 'not this one' })
    assert.doesNotMatch(wrongOne.text, /stopped/, 'who cannot prove to be ada learns nothing')
    const refused = await ada.browser.submit(wrongOne, '/password', { user: 'ada', password })
    assert.equal(refused.status, 403)
    assert.match(refused.text, /Access is stopped/)
    assert.doesNotMatch(refused.text, /stolen laptop/, 'the reason is for colleagues')
    const events = (await asAdmin('/events?user=ada&limit=5')).text
    assert.match(events, /"reason":"contained"/)

    const released = await asAdmin(`/containments/${contained.body.containment.id}`, undefined, 'DELETE')
    assert.equal(released.status, 200, released.text)
    const later = await everyProof(ada)
    assert.equal(later['apiToken'], 200, 'a token is no session')
    assert.equal(later['renewal'], 200)
    for (const proof of ['console', 'commandLine', 'refreshOfAgent', 'deviceAgain', 'statement'])
      assert.notEqual(later[proof], 200, `${proof} stays ended`)
    const back = await ada.browser.go(`${origin('acme')}/`)
    const portal = await ada.browser.submit(back, '/password', { user: 'ada', password })
    assert.match(portal.text, /Your apps/)
  })

  it('by way of the organisation is out as well, the colleagues of the tenant are not', async () => {
    const bob = await signedIn('bob')
    const contained = await contain('organisation', 'partner')
    assert.equal(contained.status, 201, contained.text)
    const proofs = await everyProof(bob)
    assert.equal(proofs['console'], 401)
    assert.equal(proofs['apiToken'], 403)
    assert.equal(proofs['renewal'], 403)
    assert.equal((await test.call('/v1/me', { token: acme.token })).status, 200)
    await asAdmin(`/containments/${contained.body.containment.id}`, undefined, 'DELETE')
  })
})

it('a contained device loses its sessions and renewals, and is not signed in on again; its user is elsewhere', async () => {
  await test.call(`${T}/apply`, { token: acme.token, body: { documents: [{ kind: 'User', name: 'eve', spec: {} }] } })
  const eve = await signedIn('eve')
  const contained = await contain('device', eve.device.deviceId)
  assert.equal(contained.status, 201, contained.text)
  const proofs = await everyProof(eve)
  assert.equal(proofs['renewal'], 403)
  assert.equal(proofs['statement'], 404)
  assert.equal(proofs['refreshOfAgent'], 400)
  assert.equal(proofs['console'], 200)
  const agent = await connect(eve.browser, 'agent', 'openid agent')
  const body = { accessToken: agent.access_token, csrPem: eve.csrPem, name: 'laptop', os: 'linux' }
  const again = await test.call('/v1/devices/sign-in', { body })
  assert.equal(again.body.error?.code, 'contained', again.text)
})

it('a contained session ends, with the sign-in behind it', async () => {
  await test.call(`${T}/apply`, { token: acme.token, body: { documents: [{ kind: 'User', name: 'sid', spec: {} }] } })
  const sid = await signedIn('sid')
  const contained = await contain('session', sid.device.sessionId)
  assert.equal(contained.status, 201, contained.text)
  const proofs = await everyProof(sid)
  assert.equal(proofs['statement'], 404)
  assert.equal(proofs['refreshOfAgent'], 400)
})

it('a contained connector gets no new certificate', async () => {
  const { token } = (await asAdmin('/enrolment-tokens', { connectorGroup: 'dc' })).body
  const { csrPem } = await newCsr()
  const connector = (await test.call('/v1/enrol', { body: { token, csrPem } })).body
  const renew = () => exchange.ask({ type: 'renew-connector', tenantId: acme.id, connectorId: connector.id, csrPem })
  assert.equal((await renew()).fault, undefined)
  await contain('connector', connector.id)
  assert.equal((await renew()).fault?.code, 'certificate-refused')
})

it('a contained network is no place to use tokens or the console from, wherever their sign-in was', async () => {
  const handle = test.context.store.forTenant(acme.id)
  const applied = await asAdmin('/apply', { documents: [{ kind: 'User', name: 'nia', spec: {} }] })
  assert.equal(applied.status, 200, applied.text)
  const nia = await signedIn('nia')
  await handle.updateTable('sessions').set({ ip: '203.0.113.9' }).where('sessions.endedAtMs', 'is', null).execute()
  const used = async () => {
    const { console: cookie, commandLine, apiToken } = await everyProof(nia)
    return { cookie, commandLine, apiToken }
  }
  const open = { cookie: 200, commandLine: 200, apiToken: 200 }
  assert.deepEqual(await used(), open)
  const mild = await contain('network', '127.0.0.0/8', { answer: 'cut', acknowledgeLockout: true })
  assert.equal(mild.status, 201, mild.text)
  assert.deepEqual(await used(), open, 'milder answers leave control open')
  const lease = await contain('network', '127.0.0.0/8', { acknowledgeLockout: true })
  assert.equal(lease.status, 201, lease.text)
  assert.deepEqual(await used(), { cookie: 403, commandLine: 403, apiToken: 403 })
  assert.equal((await asAdmin('/containments')).status, 403, 'nor is it undone from there')
  await handle.deleteFrom('containments').where('containments.subjectKind', '=', 'network').execute()
  assert.deepEqual(await used(), open)
})

describe('the last administrator', () => {
  it('is contained only by somebody who says so twice, by name or by organisation', async () => {
    const refused = await contain('user', 'root-user')
    assert.equal(refused.body.error?.code, 'last-administrator', refused.text)
    assert.equal((await test.call('/v1/me', { token: acme.token })).status, 200, 'nothing was half done')
    assert.deepEqual(
      (await asAdmin('/containments')).body.items.filter(
        ({ subject }: { subject: { name: string } }) => subject.name === 'root-user',
      ),
      [],
    )
    await asAdmin('/administrators/ada', { role: 'tenant-admin' }, 'PUT')
    const first = await contain('user', 'ada')
    assert.equal(first.status, 201, 'another is left')
    const second = await contain('user', 'root-user')
    assert.equal(second.body.error?.code, 'last-administrator', 'one who is contained is no administrator left')
    const meant = await contain('user', 'root-user', { acknowledgeLockout: true })
    assert.equal(meant.status, 201, meant.text)
    assert.equal((await test.call('/v1/me', { token: acme.token })).status, 403)
  })
})
