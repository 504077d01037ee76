// The pages about policies in question, in a real Chromium under the real content security policy, against the double.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { startDouble, type Double } from './api-double.test.ts'
import { writePolicy } from './policy-writing.test.ts'

let dist = ''
let browser: Browser

before(async () => {
  dist = await mkdtemp(join(tmpdir(), 'sallyport-console-policies-'))
  await build({
    configFile: join(import.meta.dirname, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist, emptyOutDir: true },
  })
  browser = await chromium.launch({
    executablePath: process.env['SALLYPORT_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  })
})
after(async () => {
  await browser.close()
  await rm(dist, { recursive: true })
})

async function onPage(path: string, look: (page: Page, double: Double) => Promise<void>): Promise<void> {
  await using double = await startDouble({ dist })
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(8_000)
    const complaints: string[] = []
    page.on(
      'console',
      (message) => message.type() === 'error' && !message.text().includes('409') && complaints.push(message.text()),
    )
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(`${double.origin}${path}`)
    await look(page, double)
    await page.evaluate(`if (!window.axe) {${axe.source}}`)
    const result = (await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'], preload: false })`,
    )) as axe.AxeResults
    assert.deepEqual(
      result.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200) ?? ''}`),
      [],
      path,
    )
    assert.deepEqual(complaints, [])
  } finally {
    await context.close()
  }
}

const callsOf = (double: Double, name: string) => double.calls.filter((call) => call.name === name)

test('the list of policies says whether the tests hold, and what is surely not meant', async () => {
  await onPage('/t/acme/policies', async (page) => {
    await page.getByText('1 test holds.').waitFor()
    await page.getByText('no policy permits anyone to reach App "depot"').waitFor()
    await page.locator('#content').getByRole('link', { name: 'Reach' }).waitFor()
  })
})

test('a change can be previewed: tests, what it opens, reach, who loses what; nothing is saved', async () => {
  await onPage('/t/acme/policies/wiki-access', async (page, double) => {
    await page.getByRole('button', { name: 'Edit' }).click()
    await writePolicy(page, 'permit (principal, action, resource);')
    await page.getByRole('button', { name: 'Preview change' }).click()
    await page.getByText('1 test fails').waitFor()
    await page.getByText('payroll: organisation contoso, under some circumstances: by "wiki-access"').waitFor()
    await page.getByText('becomes possible').waitFor()
    await page.getByRole('table', { name: 'Would lose access' }).getByText('alice').waitFor()
    await page.getByText('Nobody would gain anything').waitFor()
    await page.getByText('3 decisions are unknown').waitFor()
    assert.deepEqual(callsOf(double, 'putResource'), [])
    const asked = callsOf(double, 'startPolicyJob').map(
      ({ body }) => body as { kind: string; documents: { spec: { text: string } }[] },
    )
    assert.deepEqual(asked.map(({ kind }) => kind).toSorted(), ['reach', 'replay'])
    for (const { documents } of asked) assert.match(documents[0]?.spec.text ?? '', /^permit \(principal, action/)
  })
})

test('a change that opens something is saved only after a second, other press', async () => {
  await onPage('/t/acme/policies/wiki-access', async (page, double) => {
    await page.getByRole('button', { name: 'Edit' }).click()
    await writePolicy(page, 'permit (principal, action, resource);')
    double.behaviour.failure = { status: 409, code: 'widening-unconfirmed', message: 'App payroll: opens to everyone' }
    await page.getByRole('button', { name: 'Save and enforce' }).click()
    await page.getByText('opens to everyone').waitFor()
    double.behaviour.failure = null
    await page.getByRole('button', { name: 'Save, and open it' }).click()
    await page.getByText('Saved as version').waitFor()
    const [saved] = callsOf(double, 'putResource').slice(-1)
    assert.equal((saved?.body as { allowWidening?: boolean } | undefined)?.allowWidening, true)
  })
})

test('reach is worked out for what is stated', async () => {
  await onPage('/t/acme/reach', async (page, double) => {
    await page.getByText('contoso').waitFor()
    await page.getByLabel('Device').selectOption('2')
    await page.waitForFunction(() => true)
    await page.getByText('12 people, 3 apps').waitFor()
    const stated = callsOf(double, 'startPolicyJob').map(({ body }) => (body as { context?: object }).context)
    assert.deepEqual(stated.at(-1), { posture: 2 })
  })
})

test('least privilege shows rules, who would miss something, and text to review', async () => {
  await onPage('/t/acme/least-privilege', async (page) => {
    await page.getByRole('button', { name: 'Work it out' }).click()
    await page.getByText('1 rule covers 4 of 4 pairs').waitFor()
    await page.getByRole('table', { name: 'Would have been refused in the time held out' }).getByText('alice').waitFor()
    assert.equal(await page.getByLabel('Proposed documents').last().inputValue(), 'kind: Policy')
  })
})

test('a past decision is told as recorded, and as unknown where it cannot be asked again', async () => {
  await onPage('/t/acme/explain?event=ev-1', async (page) => {
    await page.getByText('needs a device').waitFor()
    await page.getByText('Unknown. The policies that were in force then are not kept any more.').waitFor()
  })
})

test('what would be decided now is explained: the nearest policy, and each condition that failed', async () => {
  await onPage('/t/acme/explain', async (page, double) => {
    await page
      .getByRole('combobox', { name: 'Person' })
      .or(page.getByRole('textbox', { name: 'Person' }))
      .first()
      .fill('alice')
    await page
      .getByRole('combobox', { name: 'App', exact: true })
      .or(page.getByRole('textbox', { name: 'App', exact: true }))
      .first()
      .fill('payroll')
    await page.getByRole('form').getByRole('button', { name: 'Explain' }).click()
    await page.getByText('No policy allows this person to reach the app.').waitFor()
    await page.getByText('needs device posture ≥ managed; yours: unknown').waitFor()
    await page.getByText('payroll-access').first().waitFor()
    const [asked] = callsOf(double, 'explain').slice(-1)
    assert.deepEqual(asked?.body, { user: 'alice', app: 'payroll' })
  })
})

test('explain, reach and least privilege are one step away in the navigation', async () => {
  await onPage('/t/acme/policies', async (page) => {
    const places = page.getByRole('navigation').first()
    for (const [name, path] of [
      ['Reach', /\/t\/acme\/reach/],
      ['Least privilege', /\/t\/acme\/least-privilege/],
      ['Explain', /\/t\/acme\/explain/],
    ] as const) {
      await places.getByRole('link', { name, exact: true }).click()
      await page.waitForURL(path)
      await page.getByRole('heading', { level: 1, name }).waitFor()
    }
  })
})
