// Stories of people with a plain browser and no client: a real Chromium that trusts the web authority.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { TOTP } from 'otpauth'
import type { BrowserContext, Page } from 'playwright-core'
import { startBrowser } from './peers/browser.ts'
import type { World } from './world-form.ts'

const PASSWORD = 'a long enough pass phrase'

async function invite(world: World, user: string, groups: readonly string[]): Promise<string> {
  const api = world.api()
  await api.call('apply', {
    body: { documents: [{ kind: 'User', name: user, spec: { displayName: `${user} of Acme`, groups: [...groups] } }] },
  })
  return (await api.call('inviteUser', { params: { name: user }, body: {} })).url
}

async function acceptWithPasswordAndCode(page: Page, url: string): Promise<TOTP> {
  await page.goto(url)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByLabel('The same again').fill(PASSWORD)
  await page.getByText('Also ask for a code').click()
  const secret = (await page.locator('code').first().innerText()).replaceAll(/\s/g, '')
  const totp = new TOTP({ secret })
  await page.getByLabel('Code that the app shows now').fill(totp.generate())
  await page.getByRole('button', { name: 'Finish' }).click()
  await page.waitForLoadState('networkidle')
  return totp
}

async function signIn(page: Page, user: string, totp: TOTP): Promise<void> {
  await page.getByLabel('User name').fill(user)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  // A code is good once: the one used for set-up must pass first.
  await page.getByLabel('Code from your authenticator app').fill(totp.generate({ timestamp: Date.now() + 30_000 }))
  await page.getByRole('button', { name: 'Continue' }).click()
}

const wiki = (world: World, path = '/') => world.url(`wiki.acme.${world.appsDomain}`, path)

export async function signInWithPasswordAndCode(world: World): Promise<void> {
  const url = await invite(world, 'dora', ['engineering'])
  await using browser = await startBrowser({ trust: [world.webCaPem] })
  const page = await browser.context.newPage()
  const totp = await acceptWithPasswordAndCode(page, url)
  await browser.context.clearCookies()
  await page.goto(wiki(world))
  await signIn(page, 'dora', totp)
  await page.waitForURL(wiki(world))
  await page.getByText('Hello, dora of Acme').waitFor()

  // Policy and identity travel with every request; WebSocket works.
  await page.getByRole('link', { name: 'Who is here now' }).click()
  await page.locator('#log', { hasText: 'dora of Acme joined' }).waitFor()
  await page.locator('#line').fill('good morning')
  await page.locator('#line').press('Enter')
  await page.locator('#log', { hasText: 'dora of Acme: good morning' }).waitFor()

  // A second app of the same tenant needs no second sign-in.
  const second = await browser.context.newPage()
  await second.goto(world.url(`files.acme.${world.appsDomain}`))
  await second.getByRole('heading', { name: 'Files' }).waitFor()

  // Signing out ends everything at once, the open WebSocket too.
  await second.goto(world.url(`acme.${world.domain}`))
  await second.getByRole('button', { name: 'Sign out' }).first().click()
  await page.locator('#log', { hasText: 'The connection was closed.' }).waitFor()
  await page.goto(wiki(world))
  await page.getByLabel('User name').waitFor()
}

export async function signInWithAPasskey(world: World): Promise<void> {
  const url = await invite(world, 'pia', ['staff'])
  await using browser = await startBrowser({ trust: [world.webCaPem] })
  const page = await browser.context.newPage()
  const devtools = await browser.context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto(url)
  await page.getByRole('button', { name: 'Create a passkey' }).click()
  await page.locator('input[name=passkey]:not([value=""])').first().waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Finish' }).click()
  await page.waitForLoadState('networkidle')
  await browser.context.clearCookies()
  await page.goto(wiki(world))
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByText('Hello, pia of Acme').waitFor()
  // Policy refuses files to staff, on a page that says why and what to do.
  const refused = await page.goto(world.url(`files.acme.${world.appsDomain}`))
  assert.equal(refused?.status(), 403)
  await page.getByRole('link', { name: /request access/i }).waitFor()
}

export async function chromiumWithPac(world: World): Promise<void> {
  await using agent = await world.agent('alice')
  await using browser = await startBrowser({ trust: [world.webCaPem], pacUrl: agent.pacUrl, account: agent.account })
  const page = await browser.context.newPage()
  await page.goto('http://wiki.acme.test/')
  await page.getByText('Hello, Alice Archer').waitFor()
  await page.goto('http://wiki.acme.test/live')
  await page.locator('#log', { hasText: 'Alice Archer joined' }).waitFor()
}

/** A page of a hostile app, and what each of its attempts came to. */
export async function hostileApp(world: World): Promise<void> {
  const seen: Record<string, string | string[] | undefined>[] = []
  const attempts = `
    const results = {}
    const attempt = async (name, run) => { try { results[name] = String(await run()) } catch (error) { results[name] = 'failed: ' + error.name } }
    await attempt('console', async () => (await fetch('${world.url(`console.${world.domain}`, '/api/v1/me')}', { credentials: 'include' })).status)
    await attempt('portal', async () => (await fetch('${world.url(`acme.${world.domain}`, '/')}', { credentials: 'include' })).status)
    await attempt('passkey', async () => (await navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32), rpId: 'id.${world.domain}' } })).id)
    await attempt('sibling cookie', async () => { document.cookie = '__Host-sallyport=x; Secure; Path=/; Domain=acme.${world.appsDomain}'; document.cookie = 'planted=1; Secure; Domain=acme.${world.appsDomain}'; return document.cookie })
    await attempt('frame', () => new Promise((resolve) => { const frame = document.createElement('iframe'); frame.onload = () => { try { resolve(frame.contentDocument === null ? 'blocked' : 'loaded') } catch { resolve('blocked') } }; frame.src = '${world.url(`acme.${world.domain}`, '/')}'; document.body.append(frame) }))
    return results`
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.setHeader('Set-Cookie', [
      `__Host-sallyport=stolen; Secure; Path=/`,
      `__Host-sallyport-nonce=fixed; Secure; Path=/`,
      `wide=1; Domain=${world.appsDomain}; Secure`,
      `sibling=1; Domain=acme.${world.appsDomain}; Secure`,
      'own=1; Secure',
    ])
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><title>evil</title><body>evil</body>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await world.api().call('apply', {
      body: {
        documents: [
          {
            kind: 'App',
            name: 'evil',
            spec: {
              kind: 'http',
              connectorGroup: 'office',
              upstream: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
            },
          },
        ],
      },
    })
    const url = await invite(world, 'vera', ['engineering'])
    await using browser = await startBrowser({ trust: [world.webCaPem] })
    const page = await browser.context.newPage()
    const totp = await acceptWithPasswordAndCode(page, url)
    await browser.context.clearCookies()
    const evil = world.url(`evil.acme.${world.appsDomain}`)
    await page.goto(evil)
    await signIn(page, 'vera', totp)
    await page.getByText('evil').waitFor()
    await page.reload()
    for (const headers of seen) {
      assert.doesNotMatch(String(headers['cookie'] ?? ''), /sallyport/, 'our cookies never reach an app')
      assert.ok(headers['x-sallyport-assertion'], 'the app learns who it is by the assertion')
    }
    const results = (await page.evaluate(`(async () => {${attempts}})()`)) as Record<string, string>
    for (const name of ['console', 'portal', 'passkey'])
      assert.match(results[name] ?? '', /^failed|^40[13]$/, `${name}: ${results[name] ?? ''}`)
    assert.equal(results['frame'], 'blocked')
    const cookies = await cookiesOf(browser.context)
    assert.deepEqual(
      cookies
        .filter(({ domain }) => domain.startsWith('.'))
        .map(({ name, domain }) => `${name} ${domain}`)
        .filter((each) => !each.startsWith('planted')),
      [],
      "an app's cookies lose their Domain",
    )
    assert.ok(
      cookies.every(({ value }) => value !== 'stolen' && value !== 'fixed'),
      'an app cannot set cookies of our names',
    )
    // And the session still works where it should.
    await page.goto(wiki(world))
    await page.getByText('Hello, vera of Acme').waitFor()
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function cookiesOf(context: BrowserContext) {
  return await context.cookies()
}

export async function siblingAppsOverOneConnection(world: World): Promise<void> {
  const url = await invite(world, 'sid', ['engineering'])
  await using browser = await startBrowser({ trust: [world.webCaPem] })
  const page = await browser.context.newPage()
  const totp = await acceptWithPasswordAndCode(page, url)
  await browser.context.clearCookies()
  await page.goto(wiki(world))
  await signIn(page, 'sid', totp)
  await page.getByText('Hello, sid of Acme').waitFor()
  // Chromium may reuse the connection of a sibling host under the same wildcard certificate.
  for (let round = 0; round < 3; round++) {
    await page.goto(world.url(`files.acme.${world.appsDomain}`))
    await page.getByRole('heading', { name: 'Files' }).waitFor()
    await page.goto(wiki(world))
    await page.getByText('Hello, sid of Acme').waitFor()
  }
}

export async function browserStories(t: TestContext, world: World): Promise<void> {
  await t.test('sign in with password and code, use WebSocket, sign out of everything', () =>
    signInWithPasswordAndCode(world),
  )
  await t.test('sign in with a passkey, be refused well', () => signInWithAPasskey(world))
  await t.test('Chromium with the PAC file reaches apps by name', () => chromiumWithPac(world))
  await t.test('a hostile app gets nothing that is not its own', () => hostileApp(world))
  await t.test('sibling apps work over connections that a browser shares', () => siblingAppsOverOneConnection(world))
}
