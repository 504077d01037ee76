// The portal and the hand-off to app hosts and console: every redirect, code and form is attacked.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { formOf, nextOf, type Browser } from '#control/sign-in/testing/browser.ts'
import { password, signInAt, startWorld } from '#control/sign-in/testing/world.ts'
import { isFault } from '#core/fault.ts'

const portal = 'https://acme.sallyport.localhost'
const challengeOf = (nonce: string) => createHash('sha256').update(nonce).digest('base64url')
const newNonce = () => randomBytes(32).toString('base64url')

async function start() {
  const world = await startWorld()
  const acme = world.addTenant('acme')
  const host = world.addApp(acme.id, 'wiki')
  const { user } = await world.invite(acme.id, 'alice')
  const browser = world.browser()
  const page = await signInAt(world, browser, 'acme', 'alice')
  assert.match(page.text, /Your apps/)
  return { world, acme, user, host, browser, page }
}

function open(browser: Browser, host: string, nonce: string, path = '/') {
  const query = new URLSearchParams({ host, path, challenge: challengeOf(nonce) })
  return browser.send(`${portal}/open?${query.toString()}`)
}

describe('the hand-off', () => {
  test('carries the session to an app host, once', async () => {
    const { world, acme, user, host, browser } = await start()
    await using _ = world
    const nonce = newNonce()
    const to = nextOf(await open(browser, host, nonce, '/a?b=c'))!
    assert.equal(to.origin, `https://${host}`)
    assert.equal(to.pathname, '/.sallyport/callback')
    assert.equal(to.searchParams.get('path'), '/a?b=c')
    const code = to.searchParams.get('code') ?? ''
    const redeemed = await world.signIn.redeemCode({ host, code, nonce })
    assert.equal(redeemed.tenantId, acme.id)
    const session = await world.deps.sessions.get(acme.id, redeemed.sessionId)
    assert.equal(session?.userId, user.id)
    const cookie = await world.deps.verifyHostCookie(redeemed.cookie)
    assert.deepEqual({ host: cookie?.host, sessionId: cookie?.sessionId }, { host, sessionId: redeemed.sessionId })
    await assert.rejects(world.signIn.redeemCode({ host, code, nonce }), (error) => isFault(error, 'token-invalid'))
  })

  test('signs in first when there is no session, and then goes where it was asked to', async () => {
    const { world, host } = await start()
    await using _ = world
    const browser = world.browser()
    const nonce = newNonce()
    const query = new URLSearchParams({ host, path: '/deep', challenge: challengeOf(nonce) })
    const page = await browser.go(`${portal}/open?${query.toString()}`)
    const stopAt = (url: URL) => url.host === host
    const done = await browser.submit(page, '/password', { user: 'alice', password }, { stopAt })
    assert.equal(done.url.host, host)
    const code = done.url.searchParams.get('code') ?? ''
    assert.ok((await world.signIn.redeemCode({ host, code, nonce })).cookie.length > 0)
  })

  test('a code is refused on another host, in another browser, late, after the session ended, and twice at once', async () => {
    const { world, acme, host, browser } = await start()
    await using _ = world
    const other = world.addApp(acme.id, 'files')
    const refused = (error: unknown) => isFault(error, 'token-invalid')
    const fresh = async () => {
      const nonce = newNonce()
      return { nonce, code: nextOf(await open(browser, host, nonce))!.searchParams.get('code') ?? '' }
    }
    const one = await fresh()
    await assert.rejects(world.signIn.redeemCode({ ...one, host: other }), refused)
    await assert.rejects(world.signIn.redeemCode({ ...one, host }), refused, 'tried elsewhere means used up')
    const two = await fresh()
    await assert.rejects(world.signIn.redeemCode({ ...two, host, nonce: newNonce() }), refused)
    const three = await fresh()
    world.advance(30_001)
    await assert.rejects(world.signIn.redeemCode({ ...three, host }), refused)
    const four = await fresh()
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => world.signIn.redeemCode({ ...four, host })))
    assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1)
    const five = await fresh()
    for (const session of world.sessions.values()) await world.deps.sessions.end(acme.id, session.id, 'administrator')
    await assert.rejects(world.signIn.redeemCode({ ...five, host }), refused)
    for (const code of ['', 'x', `code_${'a'.repeat(43)}`, '../..']) {
      await assert.rejects(world.signIn.redeemCode({ host, code, nonce: newNonce() }), refused)
    }
    await assert.rejects(
      world.signIn.redeemCode({ host: 'nowhere.example', code: one.code, nonce: one.nonce }),
      refused,
    )
  })

  test('goes to no host that is not an app of this tenant or the console', async () => {
    const { world, browser } = await start()
    await using _ = world
    const umbra = world.addTenant('umbra')
    const foreign = world.addApp(umbra.id, 'wiki')
    const hosts = [
      foreign,
      'evil.example',
      'wiki.acme.apps.localhost.evil.example',
      'wiki.acme.apps.localhost:444',
      'wiki.acme.apps.localhost@evil.example',
      'id.sallyport.localhost',
      'acme.sallyport.localhost',
      'api.sallyport.localhost',
      '127.0.0.1',
      '',
      'wiki.acme.apps.localhost/x',
      'wiki.acme.apps.localhost\\x',
    ]
    for (const host of hosts) {
      const answer = await open(browser, host, newNonce())
      assert.ok(answer.status === 404 || answer.status === 400, `${host} ${answer.status}`)
      assert.equal(nextOf(answer), undefined)
    }
    const doubled = `${portal}/open?host=wiki.acme.apps.localhost&host=evil.example&challenge=${challengeOf('x')}`
    assert.equal((await browser.send(doubled)).status, 400)
    const noChallenge = await browser.send(`${portal}/open?host=wiki.acme.apps.localhost&challenge=x`)
    assert.equal(noChallenge.status, 400)
  })

  test('its path stays a path of the same host', async () => {
    const { world, host, browser } = await start()
    await using _ = world
    const paths = [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '\\\\evil',
      '/a\r\nx: y',
      '/../..//evil',
      'javascript:1',
    ]
    for (const path of paths) {
      const to = nextOf(await open(browser, host, newNonce(), path))!
      const final = new URL(to.searchParams.get('path') ?? '', to)
      assert.equal(final.host, host, path)
      assert.doesNotMatch(to.searchParams.get('path') ?? '', /^\/\//)
    }
  })

  test("a tenant's own host is reached without a redirect that the form policy would block", async () => {
    const { world, acme, browser } = await start()
    await using _ = world
    const own = world.addApp(acme.id, 'own', 'wiki.example.test')
    const answer = await open(browser, own, newNonce())
    assert.equal(answer.status, 200)
    assert.equal(nextOf(answer)?.host, own)
  })
})

describe('the portal session', () => {
  test('is a new one at every sign-in, and a planted cookie or answer is worth nothing', async () => {
    const { world, acme, browser } = await start()
    await using _ = world
    const cookie = browser.cookie('__Host-sallyport-portal')
    const victim = world.browser()
    const planted = await victim.send(`${portal}/`)
    const authorization = nextOf(planted)!
    // The attacker signs in himself and gives the victim the address he would have been sent to.
    const attacker = world.browser()
    const page = await attacker.go(`${portal}/`)
    const stopAt = (url: URL) => url.pathname === '/signed-in'
    const answer = await attacker.submit(page, '/password', { user: 'alice', password }, { stopAt })
    assert.equal((await victim.send(answer.url)).status, 401)
    assert.equal((await attacker.send(answer.url)).status, 401, 'the attempt has used the state up')
    assert.ok(authorization.searchParams.get('code_challenge_method') === 'S256')
    assert.notEqual(cookie, undefined)
    assert.equal([...world.sessions.values()].filter(({ tenantId }) => tenantId === acme.id).length, 1)
  })

  test('cookies of one tenant, host or kind do not pass for another', async () => {
    const { world, host, browser } = await start()
    await using _ = world
    const umbra = world.addTenant('umbra')
    await world.invite(umbra.id, 'alice')
    const nonce = newNonce()
    const code = nextOf(await open(browser, host, nonce))!.searchParams.get('code') ?? ''
    const { cookie: appCookie } = await world.signIn.redeemCode({ host, code, nonce })
    const portalCookie = browser.cookie('__Host-sallyport-portal') ?? ''
    const stranger = world.browser()
    for (const value of [appCookie, 'x', `${portalCookie}x`]) {
      const answer = await stranger.send(`${portal}/`, { headers: { cookie: `__Host-sallyport-portal=${value}` } })
      assert.equal(answer.status, 303)
    }
    const twice = `__Host-sallyport-portal=${portalCookie}; __Host-sallyport-portal=x`
    assert.equal((await stranger.send(`${portal}/`, { headers: { cookie: twice } })).status, 303)
    const there = await stranger.send('https://umbra.sallyport.localhost/', {
      headers: { cookie: `__Host-sallyport-portal=${portalCookie}` },
    })
    assert.equal(there.status, 303)
    assert.equal(await world.signIn.consoleSession(`__Host-sallyport-console=${portalCookie}`), null)
    assert.equal(await world.signIn.consoleSession(`__Host-sallyport-console=${appCookie}`), null)
    const asConsole = `__Host-sallyport-portal=${portalCookie}`
    assert.equal((await stranger.send(`${portal}/`, { headers: { cookie: asConsole } })).status, 200)
  })

  test('ended by an administrator, it is over at the provider too: the next visit asks for the password', async () => {
    const { world, acme, browser } = await start()
    await using _ = world
    for (const { id } of world.sessions.values()) await world.deps.sessions.end(acme.id, id, 'administrator')
    assert.match((await browser.go(`${portal}/`)).text, /name="password"/)
  })

  test('survives its cookie: with the provider session alive, the person is not asked again', async () => {
    const { world, browser } = await start()
    await using _ = world
    browser.cookies = browser.cookies.filter(({ name }) => name !== '__Host-sallyport-portal')
    assert.match((await browser.go(`${portal}/`)).text, /Your apps/)
  })
})

describe('forms of the portal', () => {
  test('refuse other origins and wrong tokens, and change nothing', async () => {
    const { world, browser, page } = await start()
    await using _ = world
    const token = formOf(page.text, '/sign-out')!.hidden['token']!
    const forms = {
      '/sign-out': {},
      '/request': { app: 'wiki', reason: 'x' },
      '/approvals': { request: 'r', decision: 'refuse', hours: '8' },
      '/account/end': { session: 's' },
      '/account/end-all': {},
    }
    for (const [path, fields] of Object.entries(forms)) {
      for (const origin of ['https://evil.example', 'https://wiki.acme.apps.localhost', 'null', null]) {
        assert.equal((await browser.send(`${portal}${path}`, { form: { ...fields, token }, origin })).status, 403, path)
      }
      assert.equal((await browser.send(`${portal}${path}`, { form: { ...fields, token: 'x' } })).status, 403, path)
      assert.equal((await world.browser().send(`${portal}${path}`, { form: { ...fields, token } })).status, 401)
    }
    assert.equal(world.sessions.size, 1)
    assert.equal(world.access.length, 0)
  })

  test('request access, decide, and end sessions of oneself only', async () => {
    const { world, acme, user, browser, page } = await start()
    await using _ = world
    const ask = await browser.go(`${portal}/request?app=wiki`)
    const sent = await browser.submit(ask, '/request', { app: 'wiki', reason: '<b>please</b>' })
    assert.match(sent.text, /Your request was sent/)
    assert.match(sent.text, /&lt;b&gt;please/)
    assert.equal(world.access[0]?.reason, '<b>please</b>')
    const { user: bob } = await world.invite(acme.id, 'bob')
    const bobs = world.browser()
    await signInAt(world, bobs, 'acme', 'bob')
    const approvals = await bobs.go(`${portal}/approvals`)
    assert.match((await bobs.submit(approvals, '/approvals', { decision: 'approve', hours: '8' })).text, /in force/)
    const [mine] = await world.deps.sessions.list(acme.id, user.id)
    const account = await bobs.go(`${portal}/account`)
    assert.equal((await bobs.submit(account, '/account/end', { session: mine!.id })).status, 404)
    assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 1)
    await bobs.submit(account, '/account/end-all')
    assert.equal((await world.deps.sessions.list(acme.id, bob.id)).length, 0)
    assert.match(page.text, /Your apps/)
  })

  test('names from outside are text on every page, and links are only https', async () => {
    const { world, acme, browser } = await start()
    await using _ = world
    world.addApp(acme.id, '"><script>alert(1)</script>', 'x.acme.apps.localhost', false)
    const page = await browser.go(`${portal}/`)
    assert.doesNotMatch(page.text, /<script>/)
    assert.match(page.text, /Request access\./)
    assert.match(page.text, /Request access/)
  })
})

test('hosts, methods and targets that are not ours are refused', async () => {
  const { world, browser } = await start()
  await using _ = world
  for (const host of [
    'nobody.sallyport.localhost',
    'feed.sallyport.localhost',
    'a.b.sallyport.localhost',
    'evil.example',
  ]) {
    const { status } = await browser.send('https://acme.sallyport.localhost/', { headers: { host } })
    assert.ok([404, 421].includes(status), `${host} ${status}`)
  }
  assert.equal((await browser.send(`${portal}/`, { method: 'DELETE' })).status, 400)
  assert.equal((await browser.send(`${portal}/nowhere`)).status, 404)
  const keys = await world.browser().send(`${portal}/.well-known/sallyport/jwks.json`)
  assert.equal(JSON.parse(keys.text).keys.length, 1)
})

describe('the console', () => {
  const console = 'https://console.sallyport.localhost'
  test('gets a session by the same hand-off, which signing out ends everywhere', async () => {
    const { world, acme, user, browser } = await start()
    await using _ = world
    const which = await browser.go(`${console}/auth/sign-in`)
    assert.match(which.text, /Which organisation/)
    const stopAt = (url: URL) => url.host === 'console.sallyport.localhost' && url.pathname === '/apps'
    const done = await browser.go(`${console}/auth/sign-in?tenant=acme&path=/apps`, { stopAt })
    assert.equal(done.url.pathname, '/apps')
    const header = browser.cookieHeader(new URL(console))
    const session = await world.signIn.consoleSession(header)
    assert.deepEqual({ tenantId: session?.tenantId, userId: session?.userId }, { tenantId: acme.id, userId: user.id })
    assert.equal(
      (await browser.send(`${console}/auth/sign-out`, { method: 'POST', origin: 'https://evil.example' })).status,
      403,
    )
    assert.notEqual(await world.signIn.consoleSession(header), null)
    await browser.send(`${console}/auth/sign-out`, { method: 'POST' })
    assert.equal(await world.signIn.consoleSession(header), null)
    assert.equal(world.sessions.size, 0)
    assert.match((await browser.go(`${portal}/`)).text, /name="password"/)
  })

  test('refuses a code without the nonce of this browser, unknown tenants and foreign return paths', async () => {
    const { world, browser } = await start()
    await using _ = world
    const stopAt = (url: URL) => url.pathname === '/auth/callback'
    const stolen = await browser.go(`${console}/auth/sign-in?tenant=acme&path=//evil.example`, { stopAt })
    assert.equal(stolen.url.searchParams.get('path'), '/')
    assert.ok([401, 404].includes((await world.browser().send(stolen.url)).status))
    const mine = world.browser()
    await mine.send(`${console}/auth/sign-in?tenant=acme`)
    assert.equal((await mine.send(stolen.url)).status, 401)
    assert.equal((await browser.send(stolen.url)).status, 401)
    assert.equal((await browser.send(`${console}/auth/sign-in?tenant=nobody`)).status, 404)
  })
})
