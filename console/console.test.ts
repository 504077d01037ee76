// The console in a real Chromium, under the content security policy that the server sends, against the API double.
// SALLYPORT_SCREENSHOTS=DIR keeps pictures of every page; SALLYPORT_CHROMIUM names another browser.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { startDouble, type Double } from './api-double.test.ts'
import { hostileWords } from './api-world.test.ts'
import { writePolicy } from './policy-writing.test.ts'

const FIRST_LOAD_BYTES = 250_000
// The whole set of rules everywhere takes a minute; otherwise dark is checked for what can differ there: contrast.
const isThorough = process.env['SALLYPORT_NIGHTLY'] === '1'
const screenshots = process.env['SALLYPORT_SCREENSHOTS']
const desk = { width: 1360, height: 900 }
const phone = { width: 390, height: 844 }
const pages = [
  ['now', '/t/acme/now'],
  ['apps', '/t/acme/apps'],
  ['app', '/t/acme/apps/wiki'],
  ['publish', '/t/acme/publish'],
  ['connectors', '/t/acme/connectors'],
  ['people', '/t/acme/people'],
  ['person', '/t/acme/people/alice'],
  ['sessions', '/t/acme/sessions'],
  ['devices', '/t/acme/devices'],
  ['policies', '/t/acme/policies'],
  ['policy', '/t/acme/policies/wiki-access'],
  ['new-policy', '/t/acme/new-policy'],
  ['policy-history', '/t/acme/policy-history'],
  ['policy-version', '/t/acme/policy-history/2'],
  ['third-parties', '/t/acme/third-parties'],
  ['events', '/t/acme/events?event=ev-0'],
  ['web', '/t/acme/web'],
  ['web-stop', '/t/acme/web/stops/ev-web'],
  ['explain', '/t/acme/explain?user=alice&app=payroll'],
  ['stories', '/t/acme/stories'],
  ['story', '/t/acme/stories/sty_1'],
  ['incidents', '/t/acme/incidents'],
  ['incident', '/t/acme/incidents/inc_1'],
  ['drills', '/t/acme/drills'],
  ['drill', '/t/acme/drills/drl_2'],
  ['tabletop', '/t/acme/drills/drl_1'],
  ['settings', '/t/acme/settings'],
  ['tenants', '/provider/tenants'],
  ['exchanges', '/provider/exchanges'],
] as const

// axe would read the editor's style sheets by writing a style element, which the policy refuses, as it should.
const axeOptions = { resultTypes: ['violations'], preload: false }

let dist = ''
let browser: Browser

before(async () => {
  dist = await mkdtemp(join(tmpdir(), 'sallyport-console-'))
  await build({
    configFile: join(import.meta.dirname, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist, emptyOutDir: true },
  })
  browser = await chromium.launch({
    executablePath: process.env['SALLYPORT_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
})
after(async () => {
  await browser?.close()
  if (dist) await rm(dist, { recursive: true, force: true })
})

type Watched = { readonly page: Page; readonly complaints: string[]; [Symbol.asyncDispose](): Promise<void> }

/** A page of a fresh browser profile that keeps every complaint of the browser: errors, refusals of the policy. */
async function openPage(options: { readonly dark?: boolean; readonly phone?: boolean } = {}): Promise<Watched> {
  const context = await browser.newContext({
    viewport: options.phone ? phone : desk,
    colorScheme: options.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    hasTouch: options.phone === true,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(8_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

async function settle(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .ghost') === null)
}

async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage })
}

async function violations(page: Page, only?: string): Promise<readonly string[]> {
  await page.evaluate(`if (!window.axe) {${axe.source}}`)
  const result = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ ...axeOptions, ...(only && { runOnly: only }) })})`,
  )) as axe.AxeResults
  return result.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.html.slice(0, 140)} ${node.any[0]?.message ?? ''}`).join(' | ')}`,
  )
}

async function assertAccessible(page: Page, where: string): Promise<void> {
  assert.deepEqual(await violations(page), [], where)
}

/** What is wider than the window; nothing, when all is well. */
const overflows = (page: Page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return []
    const wide = [...document.querySelectorAll('#console *')].filter(
      (element) => element.getBoundingClientRect().right > width + 0.5,
    )
    return wide
      .map(
        (element) =>
          `${element.tagName}.${element.getAttribute('class')} ${Math.round(element.getBoundingClientRect().right)}`,
      )
      .slice(0, 12)
  })

test('every page shows its data in light, dark and on a phone, without a complaint from browser or axe', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page, complaints } = opened
  const found: (readonly [where: string, what: unknown])[] = []
  for (const [name, path] of pages) {
    await page.setViewportSize(desk)
    await page.emulateMedia({ colorScheme: 'light' })
    await page.goto(double.origin + path)
    await settle(page)
    found.push([`${name}, desk`, await overflows(page)])
    await picture(page, `${name}-light`)
    found.push([`${name}, light`, await violations(page)])
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, `${name}-dark`)
    found.push([`${name}, dark`, await violations(page, isThorough ? undefined : 'color-contrast')])
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize(phone)
    found.push([`${name}, phone`, await overflows(page)])
    if (isThorough) found.push([`${name}, phone, axe`, await violations(page)])
    await picture(page, `${name}-phone`, false)
  }
  assert.deepEqual(
    found.filter(([, what]) => !Array.isArray(what) || what.length > 0),
    [],
  )
  assert.deepEqual(complaints, [])
  assert.ok(double.behaviour.requests.every((request) => !request.includes('undefined') && !request.includes('null')))
})

test('an empty installation says on every list what to do next', async () => {
  await using double = await startDouble({ dist, size: 'empty' })
  await using opened = await openPage()
  const { page, complaints } = opened
  for (const [path, words] of [
    ['now', 'Nobody is connected'],
    ['apps', 'No app is published yet'],
    ['connectors', 'No connector is enrolled yet'],
    ['people', 'Nobody is here yet'],
    ['sessions', 'Nobody is signed in'],
    ['devices', 'No device is enrolled'],
    ['policies', 'everything is denied'],
    ['third-parties', 'No outside organisation'],
    ['events', 'No event matches'],
  ] as const) {
    await page.goto(`${double.origin}/t/acme/${path}`)
    await page.getByText(words).first().waitFor()
    await picture(page, `${path}-empty`)
  }
  assert.deepEqual(complaints, [])
})

test('a failing API is named with its code and can be tried again', async () => {
  await using double = await startDouble({ dist })
  double.behaviour.failure = {
    status: 503,
    code: 'control-unreachable',
    message: 'The control plane cannot be reached at the moment.',
  }
  await using opened = await openPage()
  const { page } = opened
  for (const path of [
    'now',
    'apps',
    'apps/wiki',
    'people/alice',
    'sessions',
    'policies/wiki-access',
    'events',
    'settings',
    'third-parties',
  ]) {
    await page.goto(`${double.origin}/t/acme/${path}`)
    await page.getByText('control-unreachable').first().waitFor()
    await page.getByRole('button', { name: 'Try again' }).first().waitFor()
  }
  await page.goto(`${double.origin}/t/acme/sessions`)
  await page.getByText('control-unreachable').waitFor()
  await picture(page, 'sessions-failing')
  double.behaviour.failure = null
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('link', { name: 'alice' }).waitFor()
})

test('hostile text in every field stays text on every page', async () => {
  await using double = await startDouble({ dist, words: hostileWords() })
  await using opened = await openPage()
  const { page, complaints } = opened
  const { world } = double
  const details = [
    ['app', `/t/acme/apps/${encodeURIComponent(world.apps[0]?.name ?? '')}`],
    ['person', `/t/acme/people/${encodeURIComponent(world.users[0]?.name ?? '')}`],
    ['policy', `/t/acme/policies/${encodeURIComponent(world.policies[0]?.name ?? '')}`],
  ] as const
  for (const [name, path] of [...pages.filter(([name]) => !['app', 'person', 'policy'].includes(name)), ...details]) {
    await page.setViewportSize(desk)
    await page.goto(double.origin + path)
    await settle(page)
    assert.equal(await page.evaluate('window.owned'), undefined, name)
    assert.ok(
      !/[\u202a-\u202e\u2066-\u2069]/.test(await page.locator('#console').innerText()),
      `${name} draws text backwards`,
    )
    assert.equal(
      await page.locator('#console img, #console script, #console svg[onload], [onmouseover], [onerror]').count(),
      0,
      name,
    )
    const addresses = await page
      .locator('a')
      .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).protocol))
    assert.ok(
      addresses.every((protocol) => protocol === 'http:' || protocol === 'https:'),
      name,
    )
    assert.deepEqual(await overflows(page), [], `${name} is pushed wide by a long word`)
    await page.setViewportSize(phone)
    assert.deepEqual(await overflows(page), [], `${name} is pushed wide by a long word on a phone`)
    await picture(page, `${name}-hostile`, false)
  }
  assert.deepEqual(complaints, [])
})

test('a session is ended with the keyboard alone, and the receipts stay until they are read', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page, complaints } = opened
  await page.goto(`${double.origin}/t/acme/sessions`)
  await settle(page)
  const nameOfFocus = () =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')
  const tabTo = async (name: string) => {
    for (let at = 0; at < 60; at++) {
      if ((await nameOfFocus()) === name) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`the keyboard never reached ${name}`)
  }
  await page.keyboard.press('Tab')
  assert.equal(await nameOfFocus(), 'Skip to content')
  await page.keyboard.press('Enter')
  await tabTo('End session of alice, Agent')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle)
  assert.notEqual(outline, 'none')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'End the session of alice?' })
  await dialog.waitFor()
  await dialog.getByText('All its live flows are cut at once, at every exchange').waitFor()
  await assertAccessible(page, 'confirmation')
  await picture(page, 'end-session-ask', false)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'End session of alice, Agent')
  assert.equal(double.calls.filter((call) => call.name === 'endSession').length, 0)
  await page.keyboard.press('Enter')
  await dialog.waitFor()
  await tabTo('End session')
  await page.keyboard.press('Enter')
  await page.getByText('2 of 2 exchanges confirmed, 3 flows cut.').waitFor()
  await page.getByRole('button', { name: 'End session of alice, Agent' }).waitFor({ state: 'detached' })
  await assertAccessible(page, 'receipts')
  await picture(page, 'end-session-receipts', false)
  await tabTo('Close')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.waitForFunction(() => document.activeElement?.id === 'content')
  assert.equal(double.calls.filter((call) => call.name === 'endSession').length, 1)
  assert.deepEqual(complaints, [])
})

test('a partial effect names the exchange that did not answer', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page } = opened
  await page.route('**/api/v1/tenants/acme/sessions/*', (route) =>
    route.fulfill({
      json: {
        sequence: 1,
        receipts: [{ exchangeId: 'exc_a', cutFlows: 1, at: new Date().toISOString() }],
        missing: ['exc_silent'],
      },
    }),
  )
  await page.goto(`${double.origin}/t/acme/sessions`)
  await page.getByRole('button', { name: 'End session of alice, Agent' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End session' }).click()
  await page.getByText('1 of 2 exchanges confirmed, 1 flow cut.').waitFor()
  await page.getByText('exc_silent').waitFor()
})

test('a denial appears on Now as it happens, with its reason', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${double.origin}/t/acme/now`)
  await settle(page)
  while (double.listeners === 0) await page.waitForResponse((response) => response.url().includes('/flows'))
  const before = await page.locator('.denials li').count()
  double.emit(double.world.deniedEvent(2))
  await page.waitForFunction((count) => document.querySelectorAll('.denials li').length > count, before)
  assert.match((await page.locator('.denials li').first().textContent()) ?? '', /Needs a managed device/)
})

test('publishing sends one valid set of documents and ends with the one command', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page, complaints } = opened
  await page.goto(`${double.origin}/t/acme/publish`)
  await page.getByLabel('Title').fill('Staff handbook')
  await page.getByLabel('Host', { exact: true }).fill('10.0.0.5')
  await page.getByLabel('Port').fill('3000')
  await page.getByLabel('Connector group').fill('attic')
  await page.getByLabel('Group of people').fill('staff')
  await page.getByRole('button', { name: 'Check what this does' }).click()
  await page.getByText('staff-handbook-access').first().waitFor()
  assert.equal(double.calls.filter((call) => call.name === 'apply').length, 1)
  await picture(page, 'publish-plan')
  await page.getByRole('button', { name: 'Publish Staff handbook' }).click()
  await page.getByRole('button', { name: 'Get the command' }).click()
  await page.getByText('sallyport connector --token').waitFor()
  await assertAccessible(page, 'published')
  await picture(page, 'publish-done')
  const applied = double.calls.filter((call) => call.name === 'apply').at(-1)?.body as {
    documents: { kind: string; name: string }[]
    dryRun?: boolean
  }
  assert.equal(applied.dryRun, undefined)
  assert.deepEqual(
    applied.documents.map(({ kind, name }) => `${kind} ${name}`),
    ['ConnectorGroup attic', 'App staff-handbook', 'Policy staff-handbook-access'],
  )
  assert.deepEqual(complaints, [])
})

test('a fault in a policy is shown at its line', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${double.origin}/t/acme/policies/wiki-access`)
  await page.getByRole('button', { name: 'Edit' }).click()
  await writePolicy(page, 'permit (\n  principal,\n  action oops,\n  resource\n);\n')
  await page.getByRole('button', { name: 'Check' }).click()
  await page.getByText('unexpected token').waitFor()
  await page.locator('.cm-lintRange-error').first().waitFor()
  await page.getByRole('list', { name: 'Faults in the text' }).getByText('Line 3').first().waitFor()
  await assertAccessible(page, 'policy fault')
  await picture(page, 'policy-fault')
})

test('signing in: asks for the tenant once, then remembers it, and never loops', async () => {
  await using double = await startDouble({ dist })
  double.behaviour.isSignedIn = false
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${double.origin}/`)
  await page.getByLabel('Tenant').waitFor()
  await assertAccessible(page, 'tenant question')
  await picture(page, 'sign-in', false)
  await page.getByLabel('Tenant').fill('//evil.test')
  await page.keyboard.press('Enter')
  await page.getByText('lower-case letters, digits').waitFor()
  await page.goto(`${double.origin}/t/acme/events?outcome=failure`)
  await page.waitForURL('**/auth/sign-in?tenant=acme&path=%2Ft%2Facme%2Fevents%3Foutcome%3Dfailure')
  await page.goto(`${double.origin}/t/acme/apps`)
  await page.getByText('You were asked to sign in twice in a row').waitFor()
})

test('a link into another tenant shows nothing of it and asks nothing about it', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${double.origin}/t/globex/sessions`)
  await page.getByText('This link belongs to globex; you are signed in to acme.').waitFor()
  assert.ok(double.behaviour.requests.every((request) => !request.includes('/tenants/globex')))
})

test('an auditor is offered no change', async () => {
  await using double: Double = await startDouble({ dist, roles: ['auditor'] })
  await using opened = await openPage()
  const { page } = opened
  for (const path of [
    'sessions',
    'devices',
    'connectors',
    'apps/wiki',
    'policies/wiki-access',
    'people/alice',
    'third-parties',
  ]) {
    await page.goto(`${double.origin}/t/acme/${path}`)
    await settle(page)
    assert.equal(
      await page
        .getByRole('button', {
          name: /^(End|Revoke|Set|Delete|Edit|Disable|Invite|Approve|Refuse|Withdraw|Add|Enrol|Switch)/,
        })
        .count(),
      0,
      path,
    )
  }
  assert.equal(await page.getByRole('link', { name: 'Tenants' }).count(), 0)
})

test('the first load stays under 250 KB of compressed script, and schemas stay out of it', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page } = opened
  const scripts = new Set<string>()
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (pathname.endsWith('.js')) scripts.add(pathname)
  })
  await page.goto(`${double.origin}/t/acme/now`)
  await settle(page)
  await page.locator('.uplot canvas').waitFor()
  let compressed = 0
  for (const script of scripts) {
    const content = await readFile(join(dist, script))
    assert.ok(!content.includes('ZodError') && !content.includes('invalid_union'), script)
    compressed += gzipSync(content, { level: 6 }).length
  }
  assert.ok(compressed < FIRST_LOAD_BYTES, `${compressed} bytes`)
  if (screenshots) process.stdout.write(`first load: ${compressed} bytes compressed in ${scripts.size} files\n`)
})

test('the way to the internet: a stop is opened from the overview, says what was found, and leads to its explanation', async () => {
  await using double = await startDouble({ dist })
  await using opened = await openPage()
  const { page, complaints } = opened
  await page.goto(`${double.origin}/t/acme/web`)
  await settle(page)
  assert.match(await page.locator('.figures').innerText(), /25 %/)
  await page.getByText(/Only the newest 50,000 events/).waitFor()
  await page.getByRole('table', { name: 'Not looked into, by reason' }).getByText('rule: works council').waitFor()
  await page.getByRole('link', { name: 'content is malicious' }).click()
  await settle(page)
  const said = await page.locator('main').innerText()
  for (const part of ['a test virus in an archive', 'EICAR', 'CREDIT_CARD: 3', 'GET /invoice.zip'])
    assert.ok(said.includes(part), part)
  await page.getByRole('link', { name: 'Explain this request' }).click()
  await page.waitForURL(/explain\?event=ev-request/)
  assert.deepEqual(complaints, [])
})
