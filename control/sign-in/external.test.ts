// External identity providers: who a person is, groups, back-channel logout, and mix-up, against a real provider.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formOf, nextOf, type Browser } from './testing/browser.ts'
import { startUpstream } from './testing/upstream-world.ts'
import { startWorld, type World } from './testing/world.ts'

const issuer = 'https://id.sallyport.localhost/acme'
const callback = `${issuer}/external/corp/callback`

async function start() {
  const world = await startWorld()
  const acme = world.addTenant('acme')
  const upstream = await startUpstream(world, [callback], `${issuer}/back-channel-logout/corp`)
  upstream.claims['sub-alice'] = {
    preferred_username: 'Alice',
    name: 'Alice A',
    email: 'alice@corp.example',
    groups: ['eng', 'all'],
    amr: ['pwd', 'mfa', 'x y', 7],
  }
  const idp = upstream.resource({ createUsers: true, groups: { eng: 'engineers', fin: 'finance' } })
  world.providers.set(acme.id, [idp])
  const stack = new AsyncDisposableStack()
  stack.use(world)
  stack.use(upstream)
  return { world, acme, upstream, idp, stack }
}

async function signInWith(world: World, browser: Browser, name = 'corp', stopAt?: (url: URL) => boolean) {
  const page = await browser.go(world.portal('acme'))
  return browser.go(`${page.url.href}/with/${name}`, stopAt ? { stopAt } : {})
}

test('a person signs in at a provider: the user is made, groups are mapped, factors are kept', async () => {
  const { world, acme, upstream, stack } = await start()
  await using _ = stack
  const browser = world.browser()
  const first = await browser.go(world.portal('acme'))
  assert.match(first.text, /Corp &lt;SSO&gt;/)
  const page = await signInWith(world, browser)
  assert.match(page.text, /Your apps/, page.text + world.logs.join('\n'))
  const user = await world.deps.directory.userByIdentity(acme.id, upstream.issuer, 'sub-alice')
  assert.equal(user?.name, 'alice')
  assert.deepEqual([...world.users.get(user.id)!.groups], ['engineers'])
  const [session] = await world.deps.sessions.list(acme.id, user.id)
  assert.deepEqual(session?.factors, ['pwd', 'mfa'])
})

test('an account that is not linked is refused, whatever its e-mail or name, unless users may be made', async () => {
  const { world, acme, upstream, idp, stack } = await start()
  await using _ = stack
  world.addUser(acme.id, 'alice', { email: 'alice@corp.example' })
  const taken = await signInWith(world, world.browser())
  assert.equal(taken.status, 403)
  assert.match(taken.text, /user of that name already/)
  world.providers.set(acme.id, [{ ...idp, createUsers: false }])
  upstream.state.signsInAs = 'sub-other'
  const unknown = await signInWith(world, world.browser())
  assert.equal(unknown.status, 403)
  assert.match(unknown.text, /not linked/)
  assert.equal(world.sessions.size, 0)
  assert.equal(world.events.filter(({ event }) => event['message'] === 'sign-in refused').length, 2)
})

test('groups follow the claim at each sign-in; groups outside the mapping and an absent claim change nothing', async () => {
  const { world, acme, upstream, stack } = await start()
  await using _ = stack
  await signInWith(world, world.browser())
  const user = [...world.users.values()].find(({ tenantId }) => tenantId === acme.id)!
  user.groups.add('by-hand')
  upstream.claims['sub-alice'] = { preferred_username: 'Alice', groups: ['fin'] }
  await signInWith(world, world.browser())
  assert.deepEqual([...user.groups].toSorted(), ['by-hand', 'finance'])
  upstream.claims['sub-alice'] = { preferred_username: 'Alice' }
  await signInWith(world, world.browser())
  assert.deepEqual([...user.groups].toSorted(), ['by-hand', 'finance'])
})

test('groups of live sessions are refreshed within five minutes, and a grant that the provider ended ends them', async () => {
  const { world, acme, upstream, stack } = await start()
  await using _ = stack
  const browser = world.browser()
  await signInWith(world, browser)
  const user = [...world.users.values()].find(({ tenantId }) => tenantId === acme.id)!
  upstream.claims['sub-alice'] = { preferred_username: 'Alice', groups: ['fin'] }
  await world.signIn.keepHouse()
  assert.deepEqual([...user.groups], ['engineers'], 'not before it is due')
  world.advance(4 * 60_000)
  await world.signIn.keepHouse()
  assert.deepEqual([...user.groups], ['finance'])
  upstream.state.isDown = true
  world.advance(5 * 60_000)
  await world.signIn.keepHouse()
  assert.equal(world.sessions.size, 1, 'silence ends nothing')
  upstream.state.isDown = false
  const grants = await world.store.forTenant(acme.id).selectFrom('signInLogins').selectAll().execute()
  assert.equal(grants.length, 1)
  upstream.provider.RefreshToken.find = async () => undefined
  world.advance(5 * 60_000)
  await world.signIn.keepHouse()
  assert.equal(world.sessions.size, 0)
  assert.match((await browser.go(world.portal('acme'))).text, /name="password"/)
})

test('a provider that is taken away ends what rested on it at the next round', async () => {
  const { world, acme, stack } = await start()
  await using _ = stack
  await signInWith(world, world.browser())
  world.providers.set(acme.id, [])
  world.advance(5 * 60_000)
  await world.signIn.keepHouse()
  assert.equal(world.sessions.size, 0)
})

describe('an answer', () => {
  const isCallback = (url: URL) => url.pathname.endsWith('/callback')

  test('is refused in another browser, a second time, with another state and after the interaction', async () => {
    const { world, stack } = await start()
    await using _ = stack
    const victim = world.browser()
    await victim.go(world.portal('acme'))
    const attacker = world.browser()
    const answer = await signInWith(world, attacker, 'corp', isCallback)
    assert.equal((await victim.go(answer.url)).status, 401)
    const swapped = new URL(answer.url)
    swapped.searchParams.set('state', `${swapped.searchParams.get('state')?.slice(0, -1)}B`)
    assert.equal((await attacker.go(swapped)).status, 401)
    assert.match((await attacker.go(answer.url)).text, /Your apps/)
    assert.equal((await attacker.go(answer.url)).status, 401)
  })

  test('of one provider is refused at the address of another, and with the issuer of another (mix-up)', async () => {
    const { world, acme, upstream, idp, stack } = await start()
    await using _ = stack
    await using other = await startUpstream(world, [`${issuer}/external/other/callback`])
    const second = other.resource({ id: 'idp_bbbbbbbbbbbbbbbbbbbb', name: 'other', createUsers: true })
    world.providers.set(acme.id, [idp, second])
    const browser = world.browser()
    const answer = await signInWith(world, browser, 'corp', isCallback)
    const misdirected = new URL(answer.url.href.replace('/external/corp/', '/external/other/'))
    assert.equal((await browser.go(misdirected)).status, 401)
    const again = await signInWith(world, browser, 'corp', isCallback)
    assert.equal(again.url.searchParams.get('iss'), upstream.issuer)
    again.url.searchParams.set('iss', other.issuer)
    assert.equal((await browser.go(again.url)).status, 502)
    const third = await signInWith(world, browser, 'corp', isCallback)
    third.url.searchParams.delete('iss')
    assert.equal((await browser.go(third.url)).status, 502)
    assert.equal(world.sessions.size, 0)
  })

  test('asks with PKCE, nonce and state, and a provider with an untrusted certificate is refused', async () => {
    const { world, acme, idp, stack } = await start()
    await using _ = stack
    const browser = world.browser()
    const page = await browser.go(world.portal('acme'))
    const to = nextOf(await browser.send(`${page.url.href}/with/corp`))!
    assert.equal(to.searchParams.get('code_challenge_method'), 'S256')
    for (const name of ['state', 'nonce', 'code_challenge']) assert.ok((to.searchParams.get(name)?.length ?? 0) > 20)
    assert.equal(to.searchParams.get('redirect_uri'), callback)
    const { caPem: _ca, ...untrusted } = idp
    world.providers.set(acme.id, [untrusted])
    const refused = await browser.send(`${page.url.href}/with/corp`)
    assert.equal(refused.status, 502)
    assert.match(refused.text, /identity-provider-failed/)
    assert.equal((await browser.send(`${page.url.href}/with/nobody`)).status, 404)
  })
})

describe('back-channel logout', () => {
  const address = `${issuer}/back-channel-logout/corp`
  const post = (world: World, logout_token: string) =>
    world.browser().send(address, { form: { logout_token }, origin: null })

  test('from the real provider ends the session everywhere', async () => {
    const { world, upstream, stack } = await start()
    await using _ = stack
    const browser = world.browser()
    await signInWith(world, browser)
    assert.equal(world.sessions.size, 1)
    const page = await browser.go(`${upstream.issuer}/session/end`)
    await browser.submit(page, '/session/end/confirm', { logout: 'yes' })
    assert.equal(world.sessions.size, 0, world.logs.join('\n'))
    assert.equal(world.ended[0]?.reason, 'back-channel-logout')
    assert.match((await browser.go(world.portal('acme'))).text, /name="password"/)
  })

  test('by sub ends all sessions of that person and nobody else', async () => {
    const { world, acme, upstream, stack } = await start()
    await using _ = stack
    await signInWith(world, world.browser())
    await signInWith(world, world.browser())
    upstream.state.signsInAs = 'sub-bob'
    upstream.claims['sub-bob'] = { preferred_username: 'bob' }
    await signInWith(world, world.browser())
    assert.equal(world.sessions.size, 3)
    assert.equal((await post(world, await upstream.logoutToken({ sub: 'sub-alice' }))).status, 200)
    const left = [...world.sessions.values()].map(({ userId }) => world.users.get(userId)?.name)
    assert.deepEqual(left, ['bob'])
    assert.equal(acme.status, 'active')
  })

  test('refuses unsigned, foreign, stale, replayed, incomplete tokens and ID tokens', async () => {
    const { world, upstream, stack } = await start()
    await using _ = stack
    await using other = await startUpstream(world, [`${issuer}/external/other/callback`])
    await signInWith(world, world.browser())
    const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const good = await upstream.logoutToken({ sub: 'sub-nobody' })
    const now = Math.floor(world.nowMs() / 1000)
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const claims = { iss: upstream.issuer, aud: 'sallyport', iat: now, jti: 'j', events, sub: 'sub-alice' }
    const unsigned = `${text({ alg: 'none', typ: 'logout+jwt' })}.${text(claims)}.`
    const tokens = [
      unsigned,
      `${text({ alg: 'HS256' })}.${text(claims)}.AAAA`,
      await other.logoutToken({ iss: upstream.issuer, sub: 'sub-alice' }),
      await upstream.logoutToken({ sub: 'sub-alice', aud: 'someone-else' }),
      await upstream.logoutToken({ sub: 'sub-alice', iss: other.issuer }),
      await upstream.logoutToken({ sub: 'sub-alice', iat: now - 3600 }),
      await upstream.logoutToken({ sub: 'sub-alice', nonce: 'n' }),
      await upstream.logoutToken({ sub: 'sub-alice', events: {} }),
      await upstream.logoutToken({ sub: 'sub-alice', jti: undefined }),
      await upstream.logoutToken({}),
      await upstream.logoutToken({ sub: 'sub-alice' }, { typ: 'at+jwt' }),
      `${good.slice(0, -4)}AAAA`,
      '',
      'x.y.z',
    ]
    for (const [at, token] of tokens.entries()) assert.equal((await post(world, token)).status, 400, `token ${at}`)
    assert.equal((await post(world, good)).status, 200)
    assert.equal((await post(world, good)).status, 400, 'replayed')
    const both = new URLSearchParams([
      ['logout_token', good],
      ['logout_token', good],
    ])
    assert.equal((await world.browser().send(address, { form: both, origin: null })).status, 400)
    assert.equal(world.sessions.size, 1)
  })
})

test('signing out offers to sign out at the provider too', async () => {
  const { world, upstream, stack } = await start()
  await using _ = stack
  const browser = world.browser()
  const page = await signInWith(world, browser)
  assert.ok(formOf(page.text, '/sign-out'))
  const out = await browser.submit(page, '/sign-out')
  assert.ok(out.text.includes(`${upstream.issuer}/session/end?client_id=sallyport`), out.text)
})
