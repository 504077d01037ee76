// "Was this you?": who may say yes, with what, for which session; every way around the second factor is tried.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Authenticator } from '#control/sign-in/testing/authenticator.ts'
import { formOf, nextOf } from '#control/sign-in/testing/browser.ts'
import { startUpstream } from '#control/sign-in/testing/upstream-world.ts'
import { passkeyOptions, password, signInAt, startWorld } from '#control/sign-in/testing/world.ts'
import { totpCode } from '#control/sign-in/totp.ts'

const portal = 'https://acme.sallyport.localhost'

async function start(more: { readonly withTotp?: boolean; readonly withPasskey?: Authenticator } = { withTotp: true }) {
  const world = await startWorld()
  const acme = world.addTenant('acme')
  const { user, secret } = await world.invite(acme.id, 'alice', more)
  world.advance(90_000)
  const browser = world.browser()
  await signInAt(world, browser, 'acme', 'alice', { secret })
  world.advance(90_000)
  const [session] = await world.deps.sessions.list(acme.id, user.id)
  assert.ok(session)
  const code = () => totpCode(secret, world.nowMs())
  return { world, acme, user, browser, session, code }
}

describe('yes', () => {
  test('is confirmed for this session by password and code, once, and the session goes on', async () => {
    const { world, browser, session, code } = await start()
    await using _ = world
    const page = await browser.go(`${portal}/confirm`)
    const login = await browser.submit(page, '/confirm')
    const asked = await browser.submit(login, '/password', { user: 'alice', password })
    assert.deepEqual(world.confirmed, [], 'the password alone has done nothing')
    const back = await browser.submit(
      asked,
      '/code',
      { code: code() },
      { stopAt: (to) => to.pathname === '/signed-in' },
    )
    assert.match((await browser.go(back.url)).text, /It is confirmed/)
    assert.deepEqual(world.confirmed, [{ sessionId: session.id, factors: ['pwd', 'otp', 'mfa'] }])
    assert.deepEqual([...world.sessions.keys()], [session.id])
    assert.equal((await browser.send(back.url)).status, 401, 'the answer replayed')
    assert.equal(world.confirmed.length, 1)
  })

  test('is confirmed by a passkey', async () => {
    const device = new Authenticator('https://id.sallyport.localhost')
    const { world, browser, session } = await start({ withPasskey: device })
    await using _ = world
    const login = await browser.submit(await browser.go(`${portal}/confirm`), '/confirm')
    const passkey = device.get(await passkeyOptions(browser, login))
    assert.match((await browser.submit(login, '/passkey', { passkey })).text, /It is confirmed/)
    assert.equal(world.confirmed[0]?.sessionId, session.id)
    assert.ok(world.confirmed[0]?.factors.includes('mfa'))
  })

  test('is not confirmed by a password alone, and makes no session', async () => {
    const { world, browser, session } = await start({})
    await using _ = world
    const login = await browser.submit(await browser.go(`${portal}/confirm`), '/confirm')
    const refused = await browser.submit(login, '/password', { user: 'alice', password })
    assert.equal(refused.status, 403)
    assert.match(refused.text, /Not confirmed/)
    assert.deepEqual(world.confirmed, [])
    assert.deepEqual([...world.sessions.keys()], [session.id])
    assert.ok(world.events.some(({ event }) => JSON.stringify(event).includes('not-confirmed')))
  })

  test('is not confirmed by the sign-in from before, when the demand for a new one is taken out', async () => {
    const { world, browser } = await start()
    await using _ = world
    const stopAt = (to: URL) => to.host.startsWith('id.')
    const away = await browser.submit(await browser.go(`${portal}/confirm`), '/confirm', {}, { stopAt })
    assert.equal(away.url.searchParams.get('prompt'), 'login')
    away.url.searchParams.delete('prompt')
    const refused = await browser.go(away.url)
    assert.equal(refused.status, 403, refused.text)
    assert.match(refused.text, /Not confirmed/)
    assert.deepEqual(world.confirmed, [])
  })

  test('is refused for the session of another person, and given for another of their own', async () => {
    const { world, acme, user, browser, code } = await start()
    await using _ = world
    const { user: bob } = await world.invite(acme.id, 'bob')
    const of = (userId: string, door: 'agent' | 'console') =>
      world.deps.sessions.create({ tenantId: acme.id, userId, deviceId: null, door, factors: ['pwd'], ip: '192.0.2.9' })
    const [theirs, mine, terminal] = [
      await of(bob.id, 'agent'),
      await of(user.id, 'agent'),
      await of(user.id, 'console'),
    ]
    const page = await browser.go(`${portal}/confirm`)
    assert.ok(page.text.includes(mine.id) && !page.text.includes(theirs.id))
    for (const session of [theirs.id, terminal.id, '', 'ses_aaaaaaaaaaaaaaaaaaaa']) {
      assert.equal((await browser.submit(page, '/confirm', { session })).status, 404)
    }
    const login = await browser.submit(page, '/confirm', { session: mine.id })
    const asked = await browser.submit(login, '/password', { user: 'alice', password })
    await browser.submit(asked, '/code', { code: code() })
    assert.deepEqual(
      world.confirmed.map(({ sessionId }) => sessionId),
      [mine.id],
    )
  })

  test('is not taken from another browser, another person, or one who is contained meanwhile', async () => {
    const { world, acme, user, browser, code } = await start()
    await using _ = world
    await world.invite(acme.id, 'bob')
    const page = await browser.go(`${portal}/confirm`)
    const login = await browser.submit(page, '/confirm')
    const asBob = await browser.submit(login, '/password', { user: 'bob', password })
    assert.equal(asBob.status, 403)
    const asked = await browser.submit(login, '/password', { user: 'alice', password })
    const stopAt = (to: URL) => to.pathname === '/signed-in'
    const back = await browser.submit(asked, '/code', { code: code() }, { stopAt })
    assert.equal((await world.browser().send(back.url)).status, 401)
    assert.equal((await browser.send(back.url)).status, 401, 'tried elsewhere means used up')
    world.advance(90_000)
    const again = await browser.submit(page, '/confirm')
    const last = await browser.submit(again, '/password', { user: 'alice', password })
    Reflect.set(user, 'status', 'contained')
    const stopped = await browser.submit(last, '/code', { code: code() })
    assert.equal(stopped.status, 403, stopped.text)
    assert.deepEqual(world.confirmed, [])
    const posted = await browser.submit(page, '/confirm')
    assert.equal(posted.status, 401)
  })
})

test('neither answer is taken from another site or without the token', async () => {
  const { world, browser, session } = await start()
  await using _ = world
  const page = await browser.go(`${portal}/confirm`)
  const hidden = formOf(page.text, '/confirm')?.hidden ?? {}
  const forms = { '/confirm': hidden, '/confirm/not-me': { token: hidden['token'] ?? '' } }
  for (const [path, form] of Object.entries(forms)) {
    for (const origin of ['https://evil.example', 'https://wiki.acme.apps.localhost', null]) {
      assert.equal((await browser.send(`${portal}${path}`, { form, origin })).status, 403)
    }
    assert.equal((await browser.send(`${portal}${path}`, { form: { ...form, token: 'x' } })).status, 403)
    assert.equal((await world.browser().send(`${portal}${path}`, { form })).status, 401)
  }
  assert.deepEqual([...world.sessions.keys()], [session.id])
  assert.deepEqual(world.strangers, [])
})

test('no ends every session of the person and tells the administrators', async () => {
  const { world, acme, user, browser } = await start()
  await using _ = world
  const { id: tenantId } = acme
  await world.deps.sessions.create({ tenantId, userId: user.id, deviceId: null, door: 'agent', factors: [], ip: '::1' })
  const page = await browser.submit(await browser.go(`${portal}/confirm`), '/confirm/not-me')
  assert.match(page.text, /ended everywhere/)
  assert.deepEqual(await world.deps.sessions.list(tenantId, user.id), [])
  assert.deepEqual(world.strangers, [user.id])
  assert.ok(world.ended.every(({ reason }) => reason === 'not-me'))
  assert.match((await browser.go(`${portal}/`)).text, /name="password"/)
})

test('an external provider has to have asked the person anew, for more than one factor', async () => {
  const world = await startWorld()
  await using _ = world
  const acme = world.addTenant('acme')
  const id = 'https://id.sallyport.localhost/acme'
  await using upstream = await startUpstream(world, [`${id}/external/corp/callback`], `${id}/back-channel-logout/corp`)
  upstream.claims['sub-alice'] = { preferred_username: 'alice', name: 'Alice' }
  world.providers.set(acme.id, [upstream.resource({ createUsers: true })])
  const browser = world.browser()
  const page = await browser.go(portal)
  await browser.go(`${page.url.href}/with/corp`)
  const confirm = async () => {
    const login = await browser.submit(await browser.go(`${portal}/confirm`), '/confirm')
    const out = nextOf(await browser.send(`${login.url.href}/with/corp`))
    assert.ok(out)
    assert.deepEqual([out.searchParams.get('prompt'), out.searchParams.get('max_age')], ['login', '0'])
    return browser.go(out)
  }
  assert.match((await confirm()).text, /It is confirmed/, world.logs.join('\n'))
  upstream.state.amr = ['pwd']
  assert.equal((await confirm()).status, 403)
  upstream.state.amr = ['pwd', 'mfa']
  // The provider's clock stays behind: what it says is from before the question.
  world.advance(240_000)
  assert.equal((await confirm()).status, 403)
  assert.equal(world.confirmed.length, 1)
})
