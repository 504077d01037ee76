// Signing in with the built-in provider, whole: invitation, password, code, passkey, and what an attacker tries.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Authenticator } from './testing/authenticator.ts'
import { formOf } from './testing/browser.ts'
import { passkeyOptions, password, secretOn, signInAt, startWorld, type World } from './testing/world.ts'
import { totpCode } from './totp.ts'

const idOrigin = 'https://id.sallyport.localhost'
const messages = (world: World) => world.events.map(({ event }) => event['message'])

test('an invited person signs in with a password, sees the portal and signs out everywhere', async () => {
  await using world = await startWorld()
  const acme = world.addTenant('acme')
  world.addApp(acme.id, 'wiki')
  const { user } = await world.invite(acme.id, 'alice')
  const browser = world.browser()
  const page = await signInAt(world, browser, 'acme', 'alice')
  assert.equal(page.status, 200, page.text)
  assert.match(page.text, /href="https:\/\/wiki\.acme\.apps\.localhost\/"/)
  const [session] = await world.deps.sessions.list(acme.id, user.id)
  assert.deepEqual(session?.factors, ['pwd'])
  const out = await browser.submit(page, '/sign-out')
  assert.match(out.text, /Signed out/)
  assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 0)
  const again = await browser.go('https://acme.sallyport.localhost/')
  assert.match(again.text, /name="password"/)
})

test('a wrong password, an unknown name and a disabled user get the same page, and no event holds what was typed', async () => {
  await using world = await startWorld()
  const acme = world.addTenant('acme')
  await world.invite(acme.id, 'alice')
  const { user: bob } = await world.invite(acme.id, 'bob')
  bob.status = 'disabled'
  world.addUser(acme.id, 'carol')
  const shown = []
  for (const [name, typed] of [
    ['alice', 'not the password'],
    ['bob', password],
    ['carol', 'anything at all'],
    ['nobody', 'anything at all'],
    ['my secret passphrase', 'x'],
  ] as const) {
    const answer = await signInAt(world, world.browser(), 'acme', name, { typed })
    shown.push([answer.status, /<p class="alert"[^>]*>([^<]*)</.exec(answer.text)?.[1]])
  }
  for (const one of shown) assert.deepEqual(one, [403, 'The user name or the password is wrong.'])
  const text = JSON.stringify(world.events) + world.logs.join()
  assert.equal(messages(world).filter((message) => message === 'sign-in refused').length, 5)
  for (const typed of ['not the password', 'my secret passphrase', 'nobody', password]) assert.ok(!text.includes(typed))
})

describe('with one-time codes', () => {
  test('the password alone is not enough, the code is, and factors say so', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const { user, secret } = await world.invite(acme.id, 'alice', { withTotp: true })
    const browser = world.browser()
    const half = await signInAt(world, browser, 'acme', 'alice')
    assert.match(half.text, /name="code"/)
    assert.equal(world.sessions.size, 0)
    const wrong = await browser.submit(half, '/code', { code: '000000' })
    assert.equal(wrong.status, 403)
    world.advance(60_000) // the code of the invitation was used
    const done = await browser.submit(wrong, '/code', { code: totpCode(secret, world.nowMs()) })
    assert.match(done.text, /Your apps/)
    const [session] = await world.deps.sessions.list(acme.id, user.id)
    assert.deepEqual(session?.factors, ['pwd', 'otp', 'mfa'])
  })

  test('a code that was used is refused for another sign-in, also within its 30 seconds', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const { secret } = await world.invite(acme.id, 'alice', { withTotp: true })
    world.advance(90_000)
    const code = totpCode(secret, world.nowMs())
    const [one, two] = [world.browser('192.0.2.1'), world.browser('192.0.2.2')]
    const pages = [await signInAt(world, one, 'acme', 'alice'), await signInAt(world, two, 'acme', 'alice')] as const
    const answers = await Promise.all([
      one.submit(pages[0], '/code', { code }),
      two.submit(pages[1], '/code', { code }),
    ])
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 403],
    )
    assert.equal(world.sessions.size, 1)
  })

  test('five wrong codes cost the password step, and the page of the code cannot be skipped', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice', { withTotp: true })
    const browser = world.browser()
    let page = await signInAt(world, browser, 'acme', 'alice')
    for (let at = 0; at < 5; at++) page = await browser.submit(page, '/code', { code: '123456' })
    assert.match(page.text, /name="password"/)
    assert.equal(world.sessions.size, 0)
  })
})

describe('with passkeys', () => {
  test('a person signs in without typing a name, and counters go on', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const device = new Authenticator(idOrigin)
    const { user } = await world.invite(acme.id, 'alice', { withPasskey: device })
    for (let round = 0; round < 2; round++) {
      const browser = world.browser()
      const page = await browser.go(world.portal('acme'))
      const passkey = device.get(await passkeyOptions(browser, page))
      const done = await browser.submit(page, '/passkey', { passkey })
      assert.match(done.text, /Your apps/)
    }
    const [session] = await world.deps.sessions.list(acme.id, user.id)
    assert.deepEqual(session?.factors, ['hwk', 'user', 'mfa'])
  })

  test('refuses another origin, RP, user handle, a missing verification, an old counter and a used challenge', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const device = new Authenticator(idOrigin)
    await world.invite(acme.id, 'alice', { withPasskey: device })
    const browser = world.browser()
    const page = await browser.go(world.portal('acme'))
    const tweaks = [
      { origin: 'https://id.evil.example' },
      { origin: 'https://acme.sallyport.localhost' },
      { rpId: 'sallyport.localhost' },
      { isVerified: false },
      { userHandle: 'AAAA' },
    ]
    for (const tweak of tweaks) {
      const passkey = device.get(await passkeyOptions(browser, page), tweak)
      const answer = await browser.submit(page, '/passkey', { passkey })
      assert.equal(answer.status, 403, JSON.stringify(tweak))
    }
    const options = await passkeyOptions(browser, page)
    const stranger = world.browser()
    const strangerPage = await stranger.go(world.portal('acme'))
    const stolen = await stranger.submit(strangerPage, '/passkey', { passkey: device.get(options) })
    assert.equal(stolen.status, 403, 'a challenge of another interaction')
    const replayed = await browser.submit(page, '/passkey', { passkey: device.get(options) })
    assert.equal(replayed.status, 403, 'a challenge that was used up elsewhere')
    const good = device.get(await passkeyOptions(browser, page), { counter: 50 })
    assert.match((await browser.submit(page, '/passkey', { passkey: good })).text, /Your apps/)
    const third = world.browser()
    const thirdPage = await third.go(world.portal('acme'))
    const cloned = device.get(await passkeyOptions(third, thirdPage), { counter: 49 })
    assert.equal((await third.submit(thirdPage, '/passkey', { passkey: cloned })).status, 403, 'an old counter')
    for (const passkey of ['', '{}', '[]', 'null', '{"id":"x"}', '{'.repeat(5000)]) {
      assert.equal((await third.submit(thirdPage, '/passkey', { passkey })).status, 403)
    }
  })

  test('a passkey of one tenant never signs in at another, although both share the RP ID', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const umbra = world.addTenant('umbra')
    const device = new Authenticator(idOrigin)
    await world.invite(acme.id, 'alice', { withPasskey: device })
    await world.invite(umbra.id, 'alice')
    const browser = world.browser()
    const page = await browser.go(world.portal('umbra'))
    const answer = await browser.submit(page, '/passkey', { passkey: device.get(await passkeyOptions(browser, page)) })
    assert.equal(answer.status, 403)
    assert.equal(world.sessions.size, 0)
  })
})

describe('invitations', () => {
  test('are good once, also for two at the same moment, and not after they expired', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const user = world.addUser(acme.id, 'alice')
    const { url } = await world.signIn.makeInvitation(acme.id, user.id, 60)
    const browsers = [world.browser(), world.browser()]
    const pages = await Promise.all(browsers.map((browser) => browser.go(url)))
    const answers = await Promise.all(
      browsers.map((browser, at) =>
        browser.submit(pages[at]!, '/invitation', { password, repeat: password }, { stopAt: () => true }),
      ),
    )
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [303, 401],
    )
    assert.equal((await world.browser().go(url)).status, 401)
    const later = await world.signIn.makeInvitation(acme.id, user.id, 60)
    world.advance(61_000)
    assert.equal((await world.browser().go(later.url)).status, 401)
  })

  test('belong to their tenant, and a newer one replaces an older', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    world.addTenant('umbra')
    const user = world.addUser(acme.id, 'alice')
    const older = await world.signIn.makeInvitation(acme.id, user.id, 60)
    const { url } = await world.signIn.makeInvitation(acme.id, user.id, 60)
    assert.equal((await world.browser().go(older.url)).status, 401)
    assert.equal((await world.browser().go(url.replace('/acme/', '/umbra/'))).status, 401)
    assert.equal((await world.browser().go(url)).status, 200)
  })

  test('start afresh: old passkeys, codes and sessions end', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const device = new Authenticator(idOrigin)
    const { user } = await world.invite(acme.id, 'alice', { withTotp: true, withPasskey: device })
    const inside = world.browser()
    const page = await inside.go(world.portal('acme'))
    await inside.submit(page, '/passkey', { passkey: device.get(await passkeyOptions(inside, page)) })
    assert.equal(world.sessions.size, 1)
    await world.invite(acme.id, 'alice')
    assert.equal(world.sessions.size, 0)
    assert.match((await inside.go(world.portal('acme'))).text, /name="password"/)
    const browser = world.browser()
    const fresh = await browser.go(world.portal('acme'))
    const refused = await browser.submit(fresh, '/passkey', {
      passkey: device.get(await passkeyOptions(browser, fresh)),
    })
    assert.equal(refused.status, 403)
    assert.match((await signInAt(world, world.browser(), 'acme', user.name)).text, /Your apps/)
  })

  test('say why a password is not taken, and keep the secret for the app the same', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const user = world.addUser(acme.id, 'alice')
    const { url } = await world.signIn.makeInvitation(acme.id, user.id, 60)
    const browser = world.browser()
    const page = await browser.go(url)
    for (const [fields, message] of [
      [{ password: 'short', repeat: 'short' }, /at least 12/],
      [{ password, repeat: `${password}x` }, /differ/],
      [{ password: '', repeat: '' }, /Choose a password/],
      [{ password: 'aaaaaaaaaaaaa', repeat: 'aaaaaaaaaaaaa' }, /more different/],
      [{ password, repeat: password, code: '000000' }, /code does not fit/],
    ] as const) {
      const answer = await browser.submit(page, '/invitation', fields)
      assert.equal(answer.status, 422)
      assert.match(answer.text, message)
      assert.deepEqual(secretOn(answer), secretOn(page))
    }
  })
})

describe('the conversation', () => {
  test('belongs to one browser and one tenant: its address alone is worth nothing', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    world.addTenant('umbra')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    const page = await browser.go(world.portal('acme'))
    const form = formOf(page.text, '/password')!
    const fields = { ...form.hidden, user: 'alice', password }
    const stranger = world.browser()
    assert.equal((await stranger.send(page.url)).status, 401)
    assert.equal((await stranger.send(new URL(form.action, page.url), { form: fields })).status, 401)
    const second = await browser.go(`${world.portal('acme')}/account`)
    const crossed = { cookie: browser.cookieHeader(page.url) }
    assert.equal((await stranger.send(second.url, { headers: crossed })).status, 401, 'the cookie of another page')
    const elsewhere = new URL(form.action.replace('/acme/', '/umbra/'), page.url)
    const forced = { cookie: browser.cookieHeader(new URL(form.action, page.url)) }
    assert.equal((await stranger.send(elsewhere, { form: fields, headers: forced })).status, 401)
    assert.equal((await stranger.send(elsewhere.href.replace('/password', ''), { headers: forced })).status, 401)
  })

  test('every form refuses another origin, a missing one, a cross-site fetch and a wrong token', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    const page = await browser.go(world.portal('acme'))
    const base = page.url.href
    const token = formOf(page.text, '/password')!.hidden['token']!
    const forms = {
      '/password': { user: 'alice', password },
      '/code': { code: '1' },
      '/passkey': { passkey: '{}' },
      '/connect': {},
      '/cancel': {},
    }
    for (const [path, fields] of Object.entries(forms)) {
      const to = `${base}${path}`
      for (const origin of ['https://evil.example', 'null', null, 'https://acme.sallyport.localhost']) {
        const answer = await browser.send(to, { form: { ...fields, token }, origin })
        assert.equal(answer.status, 403, `${path} ${origin}`)
        assert.match(answer.text, /origin-mismatch/)
      }
      const headers = { 'sec-fetch-site': 'same-site' }
      assert.equal((await browser.send(to, { form: { ...fields, token }, headers })).status, 403)
      assert.match((await browser.send(to, { form: { ...fields, token: 'x' } })).text, /origin-mismatch/)
    }
    assert.equal(
      (await browser.send(`${base}/passkey-options`, { json: { token }, origin: 'https://evil.example' })).status,
      403,
    )
    assert.equal((await browser.send(`${base}/passkey-options`, { json: { token: 'x' } })).status, 403)
    assert.equal(world.sessions.size, 0)
  })

  test('oversized, doubled, unknown and foreign fields are refused, and a huge body closes the connection', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    const page = await browser.go(world.portal('acme'))
    const { action, hidden } = formOf(page.text, '/password')!
    const to = new URL(action, page.url)
    const huge = await browser.send(to, { form: { ...hidden, user: 'alice', password: 'x'.repeat(100_000) } })
    assert.equal(huge.status, 413)
    const bad: URLSearchParams[] = [
      new URLSearchParams({ ...hidden, user: 'alice', password: 'x'.repeat(300) }),
      new URLSearchParams({ ...hidden, user: 'alice', password, more: '1' }),
      new URLSearchParams([...Object.entries(hidden), ['user', 'alice'], ['user', 'bob'], ['password', password]]),
    ]
    for (const form of bad) assert.equal((await browser.send(to, { form })).status, 400)
    const json = await browser.send(to, { json: { ...hidden, user: 'alice', password } })
    assert.equal(json.status, 400)
  })

  test('names and hints from outside are shown as text, and no page can be framed or run anything inline', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    Object.assign(acme, { displayName: '<img src=x onerror=alert(1)>"\u202e' })
    const user = world.addUser(acme.id, 'mallory', { displayName: "<script>alert('x')</script>" })
    const { url } = await world.signIn.makeInvitation(acme.id, user.id, 60)
    const pages = [await world.browser().go(url), await world.browser().go(world.portal('acme'))]
    for (const { text, headers } of pages) {
      assert.doesNotMatch(text, /<img|<script>|\u202e/)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /default-src 'none'/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe/)
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.doesNotMatch(text, /<script>|\son[a-z]+="|style="/)
    }
  })

  test('a sign-in whose event cannot be written does not happen', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    world.fillJournal(true)
    const answer = await signInAt(world, world.browser(), 'acme', 'alice')
    assert.equal(answer.status, 503)
    assert.match(answer.text, /journal-full/)
    assert.equal(world.sessions.size, 0)
  })

  test('a provider session from before the sign-in has another id after it, and the old id is worth nothing', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    await browser.go(`${idOrigin}/acme/device`)
    const planted = browser.cookies.filter(({ name }) => name.startsWith('__Host-sallyport-id-acme'))
    assert.equal(planted.length, 2)
    assert.match((await signInAt(world, browser, 'acme', 'alice')).text, /Your apps/)
    assert.notEqual(browser.cookie('__Host-sallyport-id-acme'), planted[0]?.value)
    const attacker = world.browser()
    attacker.cookies = planted
    assert.match((await attacker.go(world.portal('acme'))).text, /name="password"/)
  })

  test('a person who was disabled meanwhile is asked to sign in, and cannot', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const { user } = await world.invite(acme.id, 'alice')
    const browser = world.browser()
    await signInAt(world, browser, 'acme', 'alice')
    user.status = 'disabled'
    assert.match((await browser.go(world.portal('acme'))).text, /name="password"/)
    browser.cookies = browser.cookies.filter(({ name }) => name !== '__Host-sallyport-portal')
    assert.match((await browser.go(world.portal('acme'))).text, /name="password"/)
    assert.equal((await signInAt(world, browser, 'acme', 'alice')).status, 403)
  })

  test('the provider has no way in but ours: no registration, introspection, PAR, sign-out by link or other tenants', async () => {
    await using world = await startWorld()
    world.addTenant('acme')
    const suspended = world.addTenant('umbra')
    suspended.status = 'suspended'
    const browser = world.browser()
    for (const path of [
      '/acme/reg',
      '/acme/token/introspection',
      '/acme/request',
      '/acme/session/end',
      '/umbra/auth',
      '/nobody/auth',
      '/acme/interaction/x',
      '/',
      '/acme',
      '/acme//auth',
      '/acme/../umbra/auth',
    ]) {
      for (const method of ['GET', 'POST']) {
        const { status } = await browser.send(`${idOrigin}${path}`, { method })
        assert.ok(status === 404 || status === 400, `${method} ${path} ${status}`)
      }
    }
    const metadata = JSON.parse((await browser.send(`${idOrigin}/acme/.well-known/openid-configuration`)).text)
    assert.equal(metadata.issuer, `${idOrigin}/acme`)
    assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
    assert.deepEqual(metadata.id_token_signing_alg_values_supported, ['ES256'])
    const keys = JSON.parse((await browser.send(`${idOrigin}/acme/jwks`)).text).keys
    assert.equal(keys.length, 1)
    assert.equal(keys[0].d, undefined)
  })

  test('two tabs of one browser can both finish', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    const [one, two] = [await browser.go(world.portal('acme')), await browser.go(`${world.portal('acme')}/account`)]
    assert.match((await browser.submit(one, '/password', { user: 'alice', password })).text, /Your apps/)
    assert.match((await browser.submit(two, '/password', { user: 'alice', password })).text, /Your account/)
  })

  test('cancelling leads to a page, not to a loop', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const browser = world.browser()
    const answer = await browser.submit(await browser.go(world.portal('acme')), '/cancel')
    assert.equal(answer.status, 403)
    assert.match(answer.text, /not completed/)
  })
})
