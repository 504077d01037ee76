// Sign-in of a device against a real control plane, with a browser that is a person's in all but its looks.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { Browser, type Answer } from '#control/sign-in/testing/browser.ts'
import { password } from '#control/sign-in/testing/world.ts'
import { addTenantWithAdministrator, startTestControl } from '#control/testing.ts'
import { commandLineClient, obtainAccessToken, type SignInStep } from './access-token.ts'
import { loadProfiles } from './profile.ts'
import { signIn, type SignInConfig } from './sign-in.ts'

const isLoopback = (url: URL) => url.protocol === 'http:'

async function setUp() {
  const test = await startTestControl()
  const { control } = test
  const acme = await addTenantWithAdministrator(test, 'acme', 'alice')
  const browser = new Browser(control.port, '127.0.0.1', control.webCaPem)
  const invited = await browser.go((await control.inviteUser('acme', 'alice', 600)).url)
  await browser.submit(invited, '/invitation', { password, repeat: password })
  browser.cookies = []
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sign-in-'))
  const address = { host: '127.0.0.1', port: control.port }
  const config: SignInConfig = {
    stateFolder: folder,
    tenant: 'acme',
    domain: 'sallyport.localhost',
    port: 8443,
    caPem: control.webCaPem,
    address,
    flow: 'browser',
    deviceName: 'laptop',
  }
  return {
    ...test,
    acme,
    browser,
    folder,
    config,
    site: { address, caPem: control.webCaPem },
    async [Symbol.asyncDispose]() {
      await test.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a person does with the page that the agent shows; gives where the browser is sent at the end. */
async function signInAt(browser: Browser, { url }: SignInStep): Promise<URL> {
  const login = await browser.go(url)
  const confirm = await browser.submit(login, '/password', { user: 'alice', password }, { stopAt: isLoopback })
  const back = isLoopback(confirm.url) ? confirm : await browser.submit(confirm, '/connect', {}, { stopAt: isLoopback })
  assert.ok(isLoopback(back.url), back.text)
  return back.url
}

/** Starts and waits for what is shown, so that the test acts as the person in between. */
function shown<T>(begin: (show: (step: SignInStep) => void) => Promise<T>) {
  const step = Promise.withResolvers<SignInStep>()
  const done = begin(step.resolve)
  done.catch(step.reject)
  return { step: step.promise, done }
}

test('by the browser gives this device a profile, and the same device when done again', async () => {
  await using world = await setUp()
  const { browser, config } = world
  const first = shown((show) => signIn(config, { show }))
  const target = await signInAt(browser, await first.step)

  // A page that guesses the port, or brings a code of its own sign-in, changes nothing.
  const foreign = new URL(target)
  foreign.searchParams.set('state', 'A'.repeat(32))
  assert.equal((await fetch(foreign)).status, 404)
  assert.equal((await fetch(new URL('/other', target))).status, 404)
  assert.equal((await fetch(target)).status, 200)
  const profile = await first.done
  assert.equal(profile.signedIn.user, 'alice')
  assert.equal(profile.signedIn.tenantId, world.acme.id)
  assert.equal((await loadProfiles(world.folder)).length, 1)

  const again = shown((show) => signIn(config, { show }))
  await fetch(await signInAt(anotherBrowser(world), await again.step))
  assert.equal((await again.done).signedIn.deviceId, profile.signedIn.deviceId)
  const devices = await world.call('/v1/tenants/acme/devices', { token: world.acme.token })
  assert.equal(devices.body.items.length, 1)
})

test('makes a new key when the device was revoked, and says so', async () => {
  await using world = await setUp()
  const { config } = world
  const first = shown((show) => signIn(config, { show }))
  await fetch(await signInAt(world.browser, await first.step))
  const { deviceId, csrPem } = (await first.done).signedIn
  const devices = '/v1/tenants/acme/devices'
  await world.call(`${devices}/${deviceId}`, { method: 'DELETE', token: world.acme.token })
  // While it is revoked its key opens nothing, whoever signs in with it.
  const notices: string[] = []
  const again = shown((show) => signIn(config, { show, notice: (text) => notices.push(text) }))
  await fetch(await signInAt(anotherBrowser(world), await again.step))
  const { signedIn } = await again.done
  assert.notEqual(signedIn.deviceId, deviceId)
  assert.notEqual(signedIn.csrPem, csrPem)
  assert.match(notices.join(), /revoked.*new one was made/)
  const listed = await world.call(devices, { token: world.acme.token })
  const stands = listed.body.items.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`)
  assert.deepEqual(stands.toSorted(), [`${deviceId} revoked`, `${signedIn.deviceId} active`].toSorted())
})

function anotherBrowser(world: Awaited<ReturnType<typeof setUp>>): Browser {
  return new Browser(world.control.port, '127.0.0.1', world.control.webCaPem)
}

test('by a code that is typed elsewhere gives a profile too', async () => {
  await using world = await setUp()
  const { browser } = world
  const asked = shown((show) => signIn({ ...world.config, flow: 'device' }, { show }))
  const { url, userCode = '' } = await asked.step
  assert.match(userCode, /\w/)
  let page: Answer = await browser.go(new URL(url).origin + new URL(url).pathname)
  page = await browser.submit(page, '/device', { user_code: userCode })
  for (let step = 0; step < 4 && /<form/.test(page.text); step++) {
    if (page.text.includes('name="password"'))
      page = await browser.submit(page, '/password', { user: 'alice', password })
    else if (page.text.includes('/connect"')) page = await browser.submit(page, '/connect', {})
    else page = await browser.submit(page, '/device', { user_code: userCode, confirm: 'yes' })
  }
  const profile = await asked.done
  assert.equal(profile.signedIn.user, 'alice')
})

test('as the command line gives tokens for the API, which no agent token is', async () => {
  await using world = await setUp()
  const issuer = 'https://id.sallyport.localhost:8443/acme'
  const { site } = world
  const asked = shown((show) => obtainAccessToken({ issuer, site, client: commandLineClient, flow: 'browser', show }))
  await fetch(await signInAt(world.browser, await asked.step))
  const { accessToken, expiresInSeconds, refreshToken } = await asked.done
  assert.ok((expiresInSeconds ?? 0) > 0)
  assert.ok(refreshToken === undefined || refreshToken !== accessToken)
  const me = await world.call('/v1/me', { token: accessToken })
  assert.equal(me.body.user, 'alice', me.text)
})

test('ends with the caller, at an unknown tenant and with a foreign pin, and then keeps nothing', async () => {
  await using world = await setUp()
  const { config } = world
  const aborting = new AbortController()
  const asked = shown((show) => signIn(config, { show, signal: aborting.signal }))
  await asked.step
  aborting.abort()
  await assert.rejects(asked.done, (error) => isFault(error, 'request-timeout'))

  const show = () => assert.fail('nothing is to be shown')
  await assert.rejects(signIn({ ...config, tenant: 'globex' }, { show }), (error) => isFault(error, 'not-found'))
  const { caPem: _, ...withoutCa } = config
  const strange = { ...withoutCa, pin: 'A'.repeat(43) }
  await assert.rejects(signIn(strange, { show }), (error) => isFault(error, 'certificate-refused'))
  await assert.rejects(signIn(withoutCa, { show }), (error) => isFault(error, 'certificate-refused'))
  assert.deepEqual(await readdir(world.folder), [])
})
