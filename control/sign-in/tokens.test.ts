// Tokens of agent and command line: loopback with PKCE, device codes, rotation, and where each ends.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Answer, Browser } from './testing/browser.ts'
import { password, signInAt, startWorld, type World } from './testing/world.ts'

const issuer = 'https://id.sallyport.localhost/acme'
const loopback = 'http://127.0.0.1:49152/callback'
const isLoopback = (url: URL) => url.protocol === 'http:'

function authorization(client: string, more: Readonly<Record<string, string>> = {}) {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: client,
    response_type: 'code',
    redirect_uri: loopback,
    scope: client === 'agent' ? 'openid agent' : 'openid api',
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  })
  return { verifier, url: `${issuer}/auth?${query.toString()}` }
}

function token(world: World, form: Readonly<Record<string, string>>): Promise<Answer> {
  return world.browser().send(`${issuer}/token`, { form, origin: null })
}

/** The whole loopback flow of a native program, through a browser that may be signed in already. */
async function connect(world: World, browser: Browser, client: 'agent' | 'cli') {
  const { verifier, url } = authorization(client)
  const page = await browser.go(url, { stopAt: isLoopback })
  const answer = page.text.includes('name="password"')
    ? await browser.submit(page, '/password', { user: 'alice', password }, { stopAt: isLoopback })
    : await browser.submit(page, '/connect', {}, { stopAt: isLoopback })
  assert.equal(answer.url.origin, 'http://127.0.0.1:49152', answer.text)
  assert.equal(answer.url.searchParams.get('iss'), issuer)
  const code = answer.url.searchParams.get('code') ?? ''
  const form = {
    grant_type: 'authorization_code',
    client_id: client,
    code,
    code_verifier: verifier,
    redirect_uri: loopback,
  }
  const reply = await token(world, form)
  assert.equal(reply.status, 200, reply.text + world.logs.join())
  return { ...(JSON.parse(reply.text) as { access_token: string; refresh_token: string }), form }
}

async function start() {
  const world = await startWorld()
  const acme = world.addTenant('acme')
  const { user } = await world.invite(acme.id, 'alice')
  return { world, acme, user }
}

const refresh = (world: World, client: string, refresh_token: string) =>
  token(world, { grant_type: 'refresh_token', client_id: client, refresh_token })

describe('the agent', () => {
  test('gets a token for its scope only, which opens a session and does not act in one', async () => {
    const { world, acme, user } = await start()
    await using _ = world
    const { access_token } = await connect(world, world.browser(), 'agent')
    assert.match(access_token, /^spat_[a-z2-7]{20}_[A-Za-z0-9_-]{43}$/)
    const facts = await world.signIn.verifyAccessToken(access_token)
    assert.deepEqual(
      { tenantId: facts?.tenantId, userId: facts?.userId, sessionId: facts?.sessionId, factors: facts?.factors },
      { tenantId: acme.id, userId: user.id, sessionId: null, factors: ['pwd'] },
    )
    assert.deepEqual(facts?.scopes, ['openid', 'agent'])
  })

  test('asks for a click when somebody is signed in already, so that no program gets a token unseen', async () => {
    const { world } = await start()
    await using _ = world
    const browser = world.browser()
    await signInAt(world, browser, 'acme', 'alice')
    const page = await browser.go(authorization('agent').url, { stopAt: isLoopback })
    assert.match(page.text, /Connect this computer/)
    assert.match(page.text, /alice/)
    await connect(world, browser, 'agent')
  })

  test('is refused other redirects, scopes, clients, plain PKCE and none', async () => {
    const { world } = await start()
    await using _ = world
    const browser = world.browser()
    for (const redirect_uri of [
      'https://evil.example/callback',
      'http://localhost:1234/callback',
      'http://127.0.0.1.evil.example/callback',
      'http://127.0.0.1:1234/other',
      'http://127.0.0.1:1234@evil.example/callback',
      'http://0.0.0.0:1/callback',
      'javascript:alert(1)',
      '//evil.example',
      'https://acme.sallyport.localhost/signed-in',
    ]) {
      const answer = await browser.send(authorization('agent', { redirect_uri }).url)
      assert.equal(answer.status, 400, redirect_uri)
      assert.equal(answer.headers['location'], undefined)
    }
    const refusedBack = [
      authorization('agent', { code_challenge_method: 'plain' }),
      authorization('agent', { code_challenge: '' }),
      authorization('agent', { response_type: 'token' }),
      authorization('agent', { scope: 'openid api' }),
    ]
    for (const { url } of refusedBack) {
      const location = String((await browser.send(url)).headers['location'])
      assert.match(location, /^http:\/\/127\.0\.0\.1:49152\/callback.*error=/, url)
      assert.doesNotMatch(location, /code=/)
    }
    assert.equal((await browser.send(authorization('stranger').url)).status, 400)
    for (const redirect_uri of ['http://[::1]:5000/callback', 'http://127.0.0.1:5001/callback']) {
      assert.equal((await browser.send(authorization('agent', { redirect_uri }).url)).status, 303, redirect_uri)
    }
  })

  test('a code is good once, with its verifier, at its address; the second use revokes what the first gave', async () => {
    const { world } = await start()
    await using _ = world
    const { access_token, form } = await connect(world, world.browser(), 'agent')
    assert.notEqual(await world.signIn.verifyAccessToken(access_token), null)
    assert.equal((await token(world, form)).status, 400)
    assert.equal(await world.signIn.verifyAccessToken(access_token), null)
    const other = authorization('agent')
    const page = await world.browser().go(other.url, { stopAt: isLoopback })
    assert.match(page.text, /name="password"/)
  })

  test('two who redeem one code at the same moment do not both keep a token', async () => {
    const { world } = await start()
    await using _ = world
    const browser = world.browser()
    await signInAt(world, browser, 'acme', 'alice')
    const { verifier, url } = authorization('agent')
    const answer = await browser.submit(await browser.go(url), '/connect', {}, { stopAt: isLoopback })
    const code = answer.url.searchParams.get('code') ?? ''
    const form = {
      grant_type: 'authorization_code',
      client_id: 'agent',
      code,
      code_verifier: verifier,
      redirect_uri: loopback,
    }
    const replies = await Promise.all([token(world, form), token(world, form), token(world, form)])
    assert.ok(replies.filter(({ status }) => status === 200).length <= 1)
    for (const reply of replies) {
      if (reply.status !== 200) continue
      const { refresh_token } = JSON.parse(reply.text) as { refresh_token: string }
      assert.equal((await refresh(world, 'agent', refresh_token)).status, 400)
    }
  })

  test('refresh tokens rotate; one that comes back revokes the whole family', async () => {
    const { world } = await start()
    await using _ = world
    const first = await connect(world, world.browser(), 'agent')
    const second = JSON.parse((await refresh(world, 'agent', first.refresh_token)).text) as typeof first
    assert.notEqual(second.refresh_token, first.refresh_token)
    assert.notEqual(await world.signIn.verifyAccessToken(second.access_token), null)
    assert.equal((await refresh(world, 'agent', first.refresh_token)).status, 400)
    assert.equal((await refresh(world, 'agent', second.refresh_token)).status, 400)
    assert.equal(await world.signIn.verifyAccessToken(second.access_token), null)
  })

  test('its tokens end with the session that it opened, and outlive the browser that signed in', async () => {
    const { world, acme, user } = await start()
    await using _ = world
    const browser = world.browser()
    const page = await signInAt(world, browser, 'acme', 'alice')
    const agent = await connect(world, browser, 'agent')
    const facts = await world.signIn.verifyAccessToken(agent.access_token)
    const session = await world.deps.sessions.create({
      tenantId: acme.id,
      userId: user.id,
      deviceId: null,
      door: 'agent',
      factors: [],
      ip: '192.0.2.1',
    })
    await world.signIn.bindSession(acme.id, facts!.grantId, session.id)
    await browser.submit(page, '/sign-out')
    const next = await refresh(world, 'agent', agent.refresh_token)
    assert.equal(next.status, 200, next.text)
    await world.deps.sessions.end(acme.id, session.id, 'administrator')
    const { access_token, refresh_token } = JSON.parse(next.text) as typeof agent
    assert.equal(await world.signIn.verifyAccessToken(access_token), null)
    assert.equal((await refresh(world, 'agent', refresh_token)).status, 400)
  })

  test('tokens end with a disabled user, endUserSessions and a suspended tenant', async () => {
    const { world, acme, user } = await start()
    await using _ = world
    const one = await connect(world, world.browser(), 'agent')
    user.status = 'disabled'
    assert.equal(await world.signIn.verifyAccessToken(one.access_token), null)
    assert.equal((await refresh(world, 'agent', one.refresh_token)).status, 400)
    user.status = 'active'
    const two = await connect(world, world.browser(), 'agent')
    await world.signIn.endUserSessions(acme.id, user.id)
    assert.equal(await world.signIn.verifyAccessToken(two.access_token), null)
    const three = await connect(world, world.browser(), 'agent')
    acme.status = 'suspended'
    assert.equal(await world.signIn.verifyAccessToken(three.access_token), null)
    assert.equal((await refresh(world, 'agent', three.refresh_token)).status, 404)
  })
})

test('the command line acts in a session of its own, which ends its tokens at once', async () => {
  const { world, acme, user } = await start()
  await using _ = world
  const cli = await connect(world, world.browser(), 'cli')
  const facts = await world.signIn.verifyAccessToken(cli.access_token)
  const [session] = await world.deps.sessions.list(acme.id, user.id)
  assert.equal(session?.door, 'console')
  assert.equal(facts?.sessionId, session?.id)
  await world.deps.sessions.end(acme.id, session!.id, 'administrator')
  assert.equal(await world.signIn.verifyAccessToken(cli.access_token), null)
  assert.equal((await refresh(world, 'cli', cli.refresh_token)).status, 400)
})

test('a token of one tenant is nothing at another, whatever is done to its text', async () => {
  const { world, acme } = await start()
  await using _ = world
  const umbra = world.addTenant('umbra')
  const { access_token, refresh_token } = await connect(world, world.browser(), 'cli')
  const moved = access_token.replace(acme.id.slice(4), umbra.id.slice(4))
  for (const text of [moved, `${access_token}x`, access_token.slice(0, -1), '', 'x', refresh_token]) {
    assert.equal(await world.signIn.verifyAccessToken(text), null)
  }
  const there = await world.browser().send(`${issuer.replace('acme', 'umbra')}/token`, {
    form: { grant_type: 'refresh_token', client_id: 'cli', refresh_token },
    origin: null,
  })
  assert.equal(there.status, 400)
})

test('nothing usable is in the store: no token, code, cookie, password or secret in clear', async () => {
  const { world, acme } = await start()
  await using _ = world
  const browser = world.browser()
  const cli = await connect(world, browser, 'cli')
  const handle = world.store.forTenant(acme.id)
  const rows = JSON.stringify([
    await handle.selectFrom('signInOidc').selectAll().execute(),
    await handle.selectFrom('signInOneTime').selectAll().execute(),
    await handle.selectFrom('signInLogins').selectAll().execute(),
    await handle.selectFrom('signInAccounts').selectAll().execute(),
    await handle.selectFrom('signInKeys').selectAll().execute(),
  ])
  const secrets = [cli.access_token, cli.refresh_token, password, ...browser.cookies.map(({ value }) => value)]
  for (const secret of secrets) assert.ok(!rows.includes(secret), 'a secret is in the store in clear')
})

describe('device codes', () => {
  async function ask(world: World) {
    const reply = await world.browser('203.0.113.9').send(`${issuer}/device/auth`, {
      form: { client_id: 'agent', scope: 'openid agent' },
      origin: null,
    })
    assert.equal(reply.status, 200, reply.text)
    return JSON.parse(reply.text) as { device_code: string; user_code: string; verification_uri_complete: string }
  }
  const poll = (world: World, device_code: string) =>
    token(world, { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'agent', device_code })

  test('connect a device after a person typed the code, saw who asked and said yes', async () => {
    const { world, user } = await start()
    await using _ = world
    const asked = await ask(world)
    assert.match((await poll(world, asked.device_code)).text, /authorization_pending/)
    const browser = world.browser()
    const page = await browser.go(asked.verification_uri_complete)
    assert.ok(!page.text.includes(asked.user_code), 'a code in a link is not filled in')
    const confirm = await browser.submit(page, '/device', { user_code: asked.user_code })
    assert.match(confirm.text, /203\.0\.113\.9/)
    const login = await browser.submit(confirm, '/device', { confirm: 'yes' })
    const done = await browser.submit(login, '/password', { user: 'alice', password })
    assert.match(done.text, /Connected/, done.text)
    const reply = await poll(world, asked.device_code)
    const facts = await world.signIn.verifyAccessToken(
      (JSON.parse(reply.text) as { access_token: string }).access_token,
    )
    assert.equal(facts?.userId, user.id)
    assert.equal((await poll(world, asked.device_code)).status, 400)
  })

  test('are refused when the person refuses, when unknown, from another origin and without the form secret', async () => {
    const { world } = await start()
    await using _ = world
    const asked = await ask(world)
    const browser = world.browser()
    const page = await browser.go(`${issuer}/device`)
    assert.match((await browser.submit(page, '/device', { user_code: 'BCDF-GHJK' })).text, /not known/)
    const confirm = await browser.submit(page, '/device', { user_code: asked.user_code })
    const evil = { form: { user_code: asked.user_code, confirm: 'yes' }, origin: 'https://evil.example' }
    assert.equal((await browser.send(`${issuer}/device`, evil)).status, 403)
    const noSecret = { form: { user_code: asked.user_code, confirm: 'yes', xsrf: 'x' } }
    assert.doesNotMatch((await browser.send(`${issuer}/device`, noSecret)).text, /name="password"/)
    const fresh = await browser.submit(await browser.go(`${issuer}/device`), '/device', { user_code: asked.user_code })
    await browser.submit(fresh, '/device', { confirm: '', abort: 'yes' })
    assert.match((await poll(world, asked.device_code)).text, /access_denied/)
    assert.ok(confirm.text.length > 0)
  })
})
