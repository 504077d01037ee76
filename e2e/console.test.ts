// The console on the real control plane, with nothing, a little and 50,000 of everything, and the three walks of somebody
// who has never seen it: publish an app, find out why a colleague was refused, end a session.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { build } from 'vite'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import { addTenantWithAdministrator, newCsr, startTestControl, type TestControl } from '#control/testing.ts'
import { serveConsole } from './console-origin.ts'

// All of it takes two minutes to put there; every night it is done.
const many = process.env['SALLYPORT_NIGHTLY'] === '1' ? 50_000 : 5_000
let dist = ''
let browser: Browser
let control: TestControl
let exchange: FakeExchange

before(async () => {
  dist = await mkdtemp(join(tmpdir(), 'sallyport-console-real-'))
  const configFile = join(import.meta.dirname, '..', 'console', 'vite.config.ts')
  await build({ configFile, logLevel: 'error', build: { outDir: dist, emptyOutDir: true } })
  const executablePath = process.env['SALLYPORT_CHROMIUM'] ?? '/usr/bin/chromium'
  browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
  control = await startTestControl({}, undefined, { consoleFolder: dist })
  exchange = await FakeExchange.start(control, await enrolExchange(control))
  void answerLooks()
})
after(async () => {
  await browser?.close()
  await control?.close()
  if (dist) await rm(dist, { recursive: true, force: true })
})

/** The exchange of this world carries nothing, and says so. */
async function answerLooks(): Promise<void> {
  let answered = 0
  for (;;) {
    await exchange.until(() => exchange.told.filter(({ type }) => type === 'list-flows').length > answered)
    const asked = exchange.told.filter((told) => told.type === 'list-flows')[answered++]
    if (asked) exchange.tell({ type: 'live-flows', requestId: asked.requestId, flows: [], total: 0, sums: [] })
  }
}

async function openPage(): Promise<{ page: Page; complaints: string[]; [Symbol.asyncDispose]: () => Promise<void> }> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** A tenant with `size` people, apps, devices and sessions, put where the control plane keeps them. */
async function tenantOf(name: string, size: number) {
  const tenant = await addTenantWithAdministrator(control, name)
  const handle = control.context.store.forTenant(tenant.id)
  const atMs = Date.now() - 60_000
  const group = newId('connectorGroup')
  const resource = (kind: string, id: string, named: string, spec: object) => ({
    id,
    kind,
    name: named,
    spec: JSON.stringify(spec),
    version: 1,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    derived: null,
    sealed: null,
  })
  if (size > 0) await handle.insertInto('resources', resource('ConnectorGroup', group, 'dc', {})).execute()
  for (let from = 0; from < size; from += 500) {
    const part = Array.from({ length: Math.min(500, size - from) }, (_, n) => from + n)
    const people = part.map((n) => ({ n, id: newId('user'), device: newId('device') }))
    const tag = (n: number) => String(n).padStart(6, '0')
    await handle.transaction(async (tx) => {
      await tx
        .insertInto('resources', [
          ...people.map(({ n, id }) =>
            resource('User', id, `person-${tag(n)}`, { displayName: `Person ${tag(n)}`, groups: [] }),
          ),
          ...part.map((n) =>
            resource('App', newId('app'), `app-${tag(n)}`, {
              kind: 'http',
              connectorGroup: 'dc',
              upstream: { host: 'app.internal', port: 80 },
            }),
          ),
        ])
        .execute()
      await tx
        .insertInto(
          'devices',
          people.map(({ n, id, device }) => ({
            id: device,
            name: `laptop-${tag(n)}`,
            userId: id,
            keyThumbprint: `thumb-${name}-${n}`,
            posture: 1 as const,
            os: 'Debian 13',
            status: 'active' as const,
            certificateUntilMs: null,
            createdAtMs: atMs,
            lastSeenAtMs: atMs,
          })),
        )
        .execute()
      await tx
        .insertInto(
          'sessions',
          people.map(({ id, device }) => ({
            id: newId('session'),
            userId: id,
            deviceId: device,
            door: 'agent' as const,
            factors: '["passkey"]',
            ip: '203.0.113.7',
            createdAtMs: atMs,
            expiresAtMs: atMs + 3_600_000,
            lastSeenAtMs: atMs,
            endedAtMs: null,
            endReason: null,
            statementAtMs: null,
            statementUntilMs: null,
          })),
        )
        .execute()
    })
  }
  // Put there behind its back: what it has read of this tenant so far is not so any more.
  control.context.mirrors.forget(tenant.id)
  return { ...tenant, handle }
}

const lists = [
  ['people', 'Nobody'],
  ['devices', 'No device is enrolled'],
  ['sessions', 'Nobody is signed in'],
  ['apps', 'No app is published yet'],
  ['connectors', 'No connector is enrolled yet'],
  ['policies', 'everything is denied'],
  ['third-parties', 'No outside organisation'],
  ['events', ''],
  ['settings', ''],
  ['now', ''],
] as const

for (const [name, size] of [
  ['tiny', 0],
  ['small', 50],
  ['huge', many],
] as const) {
  test(`every list shows ${size} of everything from the real control plane, and draws only what is in view`, async () => {
    const tenant = await tenantOf(name, size)
    await using served = await serveConsole(control, tenant.token)
    await using opened = await openPage()
    const { page, complaints } = opened
    for (const [list, empty] of lists) {
      await page.goto(`${served.origin}/t/${name}/${list}`)
      await page.locator('h1').first().waitFor()
      await page.waitForFunction(`document.querySelector('[aria-busy="true"], .ghost') === null`)
      const isFilled = ['people', 'devices', 'sessions', 'apps'].includes(list) && size > 0
      if (isFilled) {
        await page.locator('.table tbody tr:nth-child(8)').waitFor({ state: 'attached' })
        if (size > 50)
          await page
            .getByText(`of ${size.toLocaleString('en-GB').slice(0, 1)}`)
            .first()
            .waitFor()
      } else if (empty !== '' && list !== 'people') await page.getByText(empty).first().waitFor()
    }
    if (size === many) {
      await page.goto(`${served.origin}/t/${name}/people`)
      const last = String(many - 1).padStart(6, '0')
      const rows = page.locator('.table tbody tr:not(.spacer)')
      await rows.nth(8).waitFor()
      for (const wanted of ['person-000180', 'person-000320']) {
        for (let at = 0; at < 60; at++) {
          if ((await page.getByText(wanted, { exact: true }).count()) > 0) break
          await page.mouse.wheel(0, 1600)
          await page.waitForTimeout(60)
        }
        await page.getByText(wanted, { exact: true }).waitFor()
        assert.ok((await rows.count()) < 90, 'only rows in view are drawn')
      }
      await page.getByRole('searchbox', { name: 'Search' }).fill(`person-${last}`)
      await page.getByRole('link', { name: `Person ${last}` }).waitFor()
      assert.ok(page.url().includes(`search=person-${last}`))
    }
    assert.deepEqual(complaints, [])
  })
}

test('somebody new publishes an app: from the guide to a working link, with the one command', async () => {
  const tenant = await tenantOf('walk-publish', 0)
  await control.call('/v1/tenants/walk-publish/apply', {
    token: tenant.token,
    body: { documents: [{ kind: 'Group', name: 'staff', spec: {} }] },
  })
  await using served = await serveConsole(control, tenant.token)
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${served.origin}/t/walk-publish/now`)
  const guide = page.getByRole('region', { name: 'To the first app, in four steps' })
  await guide.getByRole('link', { name: 'Publish an app' }).click()
  await page.getByLabel('Title').fill('Staff handbook')
  await page.getByLabel('Host', { exact: true }).fill('127.0.0.1')
  await page.getByLabel('Port').fill('3000')
  await page.getByLabel('Connector group').fill('attic')
  await page.getByLabel('Group of people').fill('staff')
  await page.getByRole('button', { name: 'Check what this does' }).click()
  await page.getByRole('button', { name: 'Publish Staff handbook' }).click()
  await page.getByRole('button', { name: 'Get the command' }).click()
  const command = (await page.locator('.secret code').textContent()) ?? ''
  const secret = /--token (\S+)/.exec(command)?.[1] ?? ''
  const enrolled = await control.call('/v1/enrol', {
    body: { token: secret.split('~')[0], csrPem: (await newCsr()).csrPem, name: 'attic-1' },
  })
  assert.equal(enrolled.status, 201, enrolled.text)
  await exchange.until(() => exchange.tenants.has(tenant.id))
  exchange.tell({
    type: 'connectors',
    tenantId: tenant.id,
    connected: [
      {
        connectorId: enrolled.body.id,
        sinceMs: Date.now(),
        liveFlows: 0,
        parked: 8,
        unhealthyApps: [],
      },
    ],
  })
  await page.getByText('The connector is connected. The app can be reached now.').waitFor()
  const link = page.getByRole('link', { name: 'Open the app' })
  assert.equal(await link.getAttribute('href'), 'https://staff-handbook.walk-publish.apps.localhost:8443/')
})

test('somebody new finds out why a colleague was refused: from Now, in three clicks', async () => {
  const tenant = await tenantOf('walk-why', 3)
  const mirror = await control.context.mirrors.current(tenant.id)
  const bruno = mirror.byName('user', 'person-000001')
  const app = mirror.byName('app', 'app-000002')
  await control.context.journal.record(
    tenant.id,
    journalEvent('authorization', 'decide', {
      uid: newId('event'),
      timeMs: Date.now(),
      tenantId: tenant.id,
      outcome: 'failure',
      user: { uid: bruno?.id ?? '', name: bruno?.name ?? '' },
      source: { ip: '203.0.113.9' },
      app: { uid: app?.id ?? '', name: app?.name ?? '' },
      decision: {
        kind: 'deny',
        reason: 'no-policy',
        policies: [],
        missing: ['needs device posture ≥ managed; yours: unknown'],
      },
      message: 'No policy allows this person to reach the app.',
    }),
  )
  await using served = await serveConsole(control, tenant.token)
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${served.origin}/t/walk-why/now`)
  await page.getByRole('link', { name: 'person-000001 → app-000002' }).click()
  const detail = page.getByRole('complementary', { name: 'Event' })
  await detail.getByText('No policy allows it.').first().waitFor()
  await detail.getByText('needs device posture ≥ managed; yours: unknown', { exact: true }).waitFor()
  await detail.getByRole('link', { name: 'This person, five minutes around' }).waitFor()
  await detail.getByRole('link', { name: 'Explain with today’s policies' }).click()
  await page.getByRole('heading', { name: 'person-000001 may not reach app-000002' }).waitFor()
})

test('somebody new ends a session with the keyboard alone: palette, person, end, receipts', async () => {
  const tenant = await tenantOf('walk-end', 3)
  await exchange.until(() => exchange.tenants.has(tenant.id))
  await using served = await serveConsole(control, tenant.token)
  await using opened = await openPage()
  const { page } = opened
  await page.goto(`${served.origin}/t/walk-end/now`)
  await page.locator('h1').first().waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').waitFor()
  await page.keyboard.type('person-000002')
  await page.getByRole('option', { name: 'Person 000002' }).waitFor()
  await page.keyboard.press('Enter')
  const endHers = 'End session of person-000002, Agent'
  await page.getByRole('button', { name: endHers }).waitFor()
  for (let at = 0; at < 80; at++) {
    if ((await page.evaluate(`document.activeElement?.getAttribute('aria-label')`)) === endHers) break
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'End the session of person-000002?' }).waitFor()
  await page.getByRole('button', { name: 'End session', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('1 of 1 exchange confirmed').waitFor()
})

test('a policy that was changed by mistake is taken back: history, what it changed, back', async () => {
  const tenant = await tenantOf('walk-back', 0)
  const apply = async (text: string, why: string) => {
    const documents = [{ kind: 'Policy', name: 'office', spec: { text } }]
    const applied = await control.call('/v1/tenants/walk-back/apply', { token: tenant.token, body: { documents, why } })
    assert.equal(applied.status, 200, applied.text)
  }
  await apply('permit (principal in Group::"staff", action, resource);', 'first')
  await apply('forbid (principal, action, resource);', 'by mistake <b>')
  await using served = await serveConsole(control, tenant.token)
  await using opened = await openPage()
  const { page, complaints } = opened
  await page.goto(`${served.origin}/t/walk-back/policies`)
  await page.getByRole('link', { name: 'History' }).click()
  await page.getByText('by mistake <b>').waitFor()
  await page.getByRole('link', { name: '1', exact: true }).click()
  await page.getByRole('heading', { name: 'Version 1' }).first().waitFor()
  await page.getByText('What has changed since').waitFor()
  await page.locator('.diff-add', { hasText: 'forbid' }).waitFor()
  await page.getByRole('button', { name: 'Go back to this version' }).click()
  const proposed = page.getByRole('group', { name: 'Going back would do this' })
  await proposed.getByText('Policy office changed').waitFor()
  await proposed.getByRole('textbox', { name: 'Why' }).fill('it was a mistake')
  await proposed.getByRole('button', { name: 'Go back and enforce' }).click()
  await page.getByText('The policies are those of version 1 again.').waitFor()
  await page.getByText('This is what is in force.').waitFor()
  const { body } = await control.call('/v1/tenants/walk-back/policy/versions', { token: tenant.token })
  assert.deepEqual([body.items[0].version, body.items[0].restores, body.items[0].why], [3, 1, 'it was a mistake'])
  assert.deepEqual(complaints, [])
})
