// Sign-in inside the whole control plane: real sessions, directory, API and TLS, from the first invitation on.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { addTenantWithAdministrator, startTestControl } from '#control/testing.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { Browser } from './testing/browser.ts'
import { password } from './testing/world.ts'

const origin = (label: string) => `https://${label}.sallyport.localhost:8443`

test('an administrator signs in, uses the console API, connects an agent and a command line, and all of it ends', async () => {
  await using world = await startTestControl()
  const { control, call } = world
  const acme = await addTenantWithAdministrator(world, 'acme', 'alice')
  const { url } = await control.inviteUser('acme', 'alice', 600)
  const browser = new Browser(control.port, '127.0.0.1', control.webCaPem)
  const invited = await browser.go(url)
  assert.equal(invited.status, 200, invited.text)
  const login = await browser.submit(invited, '/invitation', { password, repeat: password })
  const portal = await browser.submit(login, '/password', { user: 'alice', password })
  assert.match(portal.text, /Your apps/, portal.text)

  const isConsole = (to: URL) => to.href === `${origin('console')}/`
  await browser.go(`${origin('console')}/auth/sign-in?tenant=acme`, { stopAt: isConsole })
  const cookie = browser.cookieHeader(new URL(origin('console')))
  const me = await call('/api/v1/me', {
    host: 'console.sallyport.localhost',
    headers: { cookie, origin: origin('console') },
  })
  assert.equal(me.body?.user, 'alice', me.text)

  const connect = async (client: string, scope: string) => {
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
    const stopAt = (to: URL) => to.protocol === 'http:'
    const page = await browser.go(`${origin('id')}/acme/auth?${query.toString()}`)
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
  const refresh = (client_id: string, refresh_token: string) =>
    browser.send(`${origin('id')}/acme/token`, {
      form: { grant_type: 'refresh_token', client_id, refresh_token },
      origin: null,
    })

  const cli = await connect('cli', 'openid api')
  assert.equal((await call('/v1/me', { token: cli.access_token })).body?.user, 'alice')
  const agent = await connect('agent', 'openid agent')
  assert.equal((await call('/v1/me', { token: agent.access_token })).status, 401, 'an agent token is no API token')
  const { csrPem } = await createKeyAndCsr({ commonName: 'laptop' })
  const body = { accessToken: agent.access_token, csrPem, name: 'laptop', os: 'linux' }
  const device = await call('/v1/devices/sign-in', { body })
  assert.equal(device.status, 201, device.text)

  const ended = await call(`/v1/tenants/acme/sessions/${device.body.sessionId}`, {
    method: 'DELETE',
    token: acme.token,
  })
  assert.equal(ended.status, 200, ended.text)
  assert.equal((await refresh('agent', agent.refresh_token)).status, 400, 'the refresh token ended with the session')

  const all = await call('/v1/tenants/acme/sessions', { token: acme.token })
  for (const { id } of all.body.items)
    await call(`/v1/tenants/acme/sessions/${id}`, { method: 'DELETE', token: acme.token })
  assert.equal((await call('/v1/me', { token: cli.access_token })).status, 401)
  assert.equal((await refresh('cli', cli.refresh_token)).status, 400)
  const after = await call('/api/v1/me', {
    host: 'console.sallyport.localhost',
    headers: { cookie, origin: origin('console') },
  })
  assert.equal(after.status, 401)
  assert.match((await browser.go(`${origin('acme')}/`)).text, /name="password"/)
})

test("the provider's first administrator signs in at the console, whose name no other tenant can have", async () => {
  await using world = await startTestControl()
  const { control, call } = world
  const browser = new Browser(control.port, '127.0.0.1', control.webCaPem)
  const invited = await browser.go(control.firstInvitation?.url ?? '')
  const login = await browser.submit(invited, '/invitation', { password, repeat: password })
  await browser.submit(login, '/password', { user: 'admin', password })
  const isConsole = (to: URL) => to.href === `${origin('console')}/`
  await browser.go(`${origin('console')}/auth/sign-in?tenant=provider`, { stopAt: isConsole })
  const cookie = browser.cookieHeader(new URL(origin('console')))
  const me = await call('/api/v1/me', {
    host: 'console.sallyport.localhost',
    headers: { cookie, origin: origin('console') },
  })
  assert.deepEqual([me.body?.tenant, me.body?.user], ['provider', 'admin'], me.text)
})
