// The account page: credentials change only soon after signing in, and old sessions go with the old credential.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Authenticator } from './testing/authenticator.ts'
import { formOf } from './testing/browser.ts'
import { passkeyOptions, password, secretOn, signInAt, startWorld } from './testing/world.ts'
import { totpCode } from './totp.ts'

const account = 'https://id.sallyport.localhost/acme/account'
const renewed = 'another horse, another battery'

async function start(withTotp = false) {
  const world = await startWorld()
  const acme = world.addTenant('acme')
  const { user, secret } = await world.invite(acme.id, 'alice', { withTotp })
  world.advance(90_000)
  const browser = world.browser()
  await signInAt(world, browser, 'acme', 'alice', { secret })
  return { world, acme, user, secret, browser }
}

test('a new password ends other sessions, keeps this one, and is the one that counts', async () => {
  const { world, acme, user, browser } = await start()
  await using _ = world
  const elsewhere = world.browser()
  await signInAt(world, elsewhere, 'acme', 'alice')
  assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 2)
  const page = await browser.go('https://acme.sallyport.localhost/account/credentials')
  assert.equal(page.url.href, account, page.text)
  const done = await browser.submit(page, '/account/password', { password: renewed, repeat: renewed })
  assert.match(done.text, /password is changed/)
  assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 1)
  assert.match((await elsewhere.go(world.portal('acme'))).text, /name="password"/)
  assert.match((await browser.go(world.portal('acme'))).text, /Your apps/)
  assert.equal((await signInAt(world, world.browser(), 'acme', 'alice')).status, 403)
  assert.match((await signInAt(world, world.browser(), 'acme', 'alice', { typed: renewed })).text, /Your apps/)
  assert.equal(world.events.filter(({ event }) => event['message'] === 'credential changed').length, 2)
})

test('after ten minutes the person is asked to sign in again first, as the same person', async () => {
  const { world, acme, user, browser } = await start()
  await using _ = world
  await world.invite(acme.id, 'bob')
  const before = await browser.go(account)
  world.advance(11 * 60_000)
  assert.equal((await browser.submit(before, '/account/password', { password: renewed, repeat: renewed })).status, 401)
  const asked = await browser.go(account)
  assert.match(asked.text, /name="password"/)
  const asBob = await browser.submit(asked, '/password', { user: 'bob', password })
  assert.equal(asBob.status, 403)
  assert.match(asBob.text, /Someone else is signed in/)
  const sessionsBefore = [...world.sessions.keys()]
  const again = await browser.submit(asked, '/password', { user: 'alice', password })
  assert.equal(again.url.href, account, again.text)
  assert.deepEqual([...world.sessions.keys()], sessionsBefore, 'the session of the browser goes on')
  assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 1)
})

test('codes are turned on with a code that fits, and off only by who used a second factor', async () => {
  const { world, browser } = await start()
  await using _ = world
  const page = await browser.go(`${account}?set-up=totp`)
  const secret = secretOn(page)
  assert.equal(secret.length, 20)
  assert.match(page.text, /<svg\s+class="qr"/)
  const wrong = await browser.submit(page, '/account/totp', { code: '000000' })
  assert.equal(wrong.status, 422)
  assert.deepEqual(secretOn(wrong), secret)
  const on = await browser.submit(wrong, '/account/totp', { code: totpCode(secret, world.nowMs()) })
  assert.match(on.text, /Codes are on/)
  const off = await browser.submit(on, '/account/totp/remove')
  assert.equal(off.status, 403)
  world.advance(60_000)
  const strong = world.browser()
  await signInAt(world, strong, 'acme', 'alice', { secret })
  const mine = await strong.go(account)
  assert.match((await strong.submit(mine, '/account/totp/remove')).text, /Codes are off/)
})

describe('passkeys', () => {
  test('are added, named as text, used, and removed, but never the last way in', async () => {
    const { world, acme, user, browser } = await start()
    await using _ = world
    const device = new Authenticator('https://id.sallyport.localhost')
    const page = await browser.go(account)
    const passkey = device.create(await passkeyOptions(browser, page))
    const added = await browser.submit(page, '/account/passkeys', { passkey, name: '<i>Laptop</i>' })
    assert.match(added.text, /&lt;i&gt;Laptop/)
    const again = await browser.submit(page, '/account/passkeys', { passkey, name: 'replayed' })
    assert.equal(again.status, 422)
    const other = world.browser()
    const login = await other.go(world.portal('acme'))
    const answer = device.get(await passkeyOptions(other, login))
    assert.match((await other.submit(login, '/passkey', { passkey: answer })).text, /Your apps/)
    const handle = world.store.forTenant(acme.id)
    await handle.updateTable('signInAccounts').set({ passwordHash: null }).execute()
    const last = await browser.submit(added, '/account/passkeys/remove')
    assert.equal(last.status, 422)
    assert.match(last.text, /only way/)
    await handle.updateTable('signInAccounts').set({ passwordHash: 'x' }).execute()
    assert.match((await browser.submit(added, '/account/passkeys/remove')).text, /passkey is removed/)
    assert.equal((await world.deps.sessions.list(acme.id, user.id)).length, 1)
  })

  test('of a sign-in challenge, another page or without verification are refused', async () => {
    const { world, browser } = await start()
    await using _ = world
    const device = new Authenticator('https://id.sallyport.localhost')
    const page = await browser.go(account)
    const options = await passkeyOptions(browser, page)
    for (const tweak of [{ isVerified: false }, { origin: 'https://evil.example' }, { rpId: 'evil.example' }]) {
      const passkey = device.create(await passkeyOptions(browser, page), tweak)
      assert.equal((await browser.submit(page, '/account/passkeys', { passkey, name: 'x' })).status, 422)
    }
    const stranger = world.browser()
    const login = (await passkeyOptions(stranger, await stranger.go(world.portal('acme')))) as object
    const mixed = device.create({ ...(options as object), challenge: Reflect.get(login, 'challenge') as string })
    assert.equal((await browser.submit(page, '/account/passkeys', { passkey: mixed, name: 'x' })).status, 422)
  })
})

test('forms refuse other origins, wrong tokens and people who are not signed in', async () => {
  const { world, browser } = await start()
  await using _ = world
  const page = await browser.go(account)
  const token = formOf(page.text, '/account/password')!.hidden['token']!
  const forms = {
    '/password': { password: renewed, repeat: renewed, username: 'alice' },
    '/totp': { code: '1' },
    '/totp/remove': {},
    '/passkeys': { passkey: '{}', name: 'x' },
    '/passkeys/remove': { credential: 'x' },
  }
  for (const [path, fields] of Object.entries(forms)) {
    for (const origin of ['https://evil.example', 'https://acme.sallyport.localhost', null]) {
      assert.equal((await browser.send(`${account}${path}`, { form: { ...fields, token }, origin })).status, 403, path)
    }
    assert.equal((await browser.send(`${account}${path}`, { form: { ...fields, token: 'x' } })).status, 403, path)
    assert.equal((await world.browser().send(`${account}${path}`, { form: { ...fields, token } })).status, 401, path)
  }
  assert.equal((await browser.send(`${account}/passkey-options`, { json: { token: 'x' } })).status, 403)
})

test('somebody who signs in elsewhere has no credentials here to change', async () => {
  const { world, acme, user, browser } = await start()
  await using _ = world
  user.identities = []
  assert.equal((await browser.go(account)).status, 404)
  assert.equal(acme.status, 'active')
})
