// The console in a real Chromium on the real control plane: how soon it can be used, how fast pages change, and whether it
// draws smoothly while a thousand events a second arrive.
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { build } from 'vite'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { addTenantWithAdministrator, startTestControl } from '#control/testing.ts'
import { serveConsole } from '#e2e/console-origin.ts'
import { row, type Options, type Row } from './row.ts'

const updatesPerSecond = 1_000
const counted = 'Chromium, headless, drawn in software; control plane and browser share the machine'

export async function measureConsole({ isQuick, say }: Options): Promise<readonly Row[]> {
  const repeats = isQuick ? 3 : 9
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-console-'))
  say('console: building it')
  const configFile = join(import.meta.dirname, '..', 'console', 'vite.config.ts')
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  const control = await startTestControl({}, undefined, { consoleFolder: folder })
  const browser = await chromium.launch({
    executablePath: process.env['SALLYPORT_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  })
  try {
    const tenant = await addTenantWithAdministrator(control, 'acme')
    const streams = new Set<ServerResponse>()
    await using served = await serveConsole(control, tenant.token, (request, response) => {
      if (!(request.url ?? '').includes('/now/stream')) return false
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify(emptyLook())}\n\n`)
      streams.add(response)
      response.on('close', () => streams.delete(response))
      return true
    })
    say('console: first use and changes of page')
    const { first, changes } = await pages(browser, served.origin, repeats)
    say(`console: ${updatesPerSecond} events a second for five seconds, ${isQuick ? 1 : 3} times`)
    const frames: number[] = []
    for (let time = 0; time < (isQuick ? 1 : 3); time++)
      frames.push(await framesWhileUpdating(browser, served.origin, streams))
    return [
      row({
        name: 'console: until it can be used, empty cache',
        unit: 'ms',
        values: first,
        counted,
        goal: { of: 'ours', is: 'at most', value: 1_000 },
      }),
      row({
        name: 'console: change of page, data read before',
        unit: 'ms',
        values: changes,
        counted,
        goal: { of: 'ours', is: 'at most', value: 100 },
      }),
      row({
        name: `console: frames while ${updatesPerSecond} events a second arrive`,
        unit: 'frames/s',
        values: frames,
        counted,
        // A screen of 60 Hz, and one frame lost a second.
        goal: { of: 'ours', is: 'at least', value: 59 },
      }),
    ]
  } finally {
    await browser.close()
    await control.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function emptyLook() {
  const picture = { people: [], groups: [], apps: [], links: [], groupLinks: [] }
  const health = { exchanges: 1, missing: [], connectors: 0, connectorsUp: 0, groupsAway: [], appsUnhealthy: [] }
  const rates = { toAppsPerSecond: 0, fromAppsPerSecond: 0 }
  return { kind: 'look', atMs: Date.now(), flows: 0, people: 0, apps: 0, ...rates, picture, health }
}

async function pages(browser: Browser, origin: string, repeats: number) {
  const first: number[] = []
  const changes: number[] = []
  for (let time = 0; time < repeats; time++) {
    const context = await browser.newContext()
    const page = await context.newPage()
    const began = performance.now()
    await page.goto(`${origin}/t/acme/people`, { waitUntil: 'commit' })
    await page.getByRole('button', { name: 'Add a person' }).waitFor()
    first.push(performance.now() - began)
    // Read once before, so that what is measured is the change and not the network.
    for (const name of ['Devices', 'Apps', 'People']) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name, level: 1 }).waitFor()
    }
    for (const name of ['Devices', 'Apps', 'People'])
      changes.push(
        Number(
          await page.evaluate(`new Promise((done) => {
            const began = performance.now()
            const seen = new MutationObserver(() => {
              if (document.querySelector('h1')?.textContent !== ${JSON.stringify(name)}) return
              seen.disconnect()
              requestAnimationFrame(() => done(performance.now() - began))
            })
            seen.observe(document.body, { childList: true, subtree: true, characterData: true })
            ;[...document.querySelectorAll('.nav-link')].find((link) => link.textContent === ${JSON.stringify(name)}).click()
          })`),
        ),
      )
    await context.close()
  }
  return { first, changes }
}

async function framesWhileUpdating(browser: Browser, origin: string, streams: ReadonlySet<ServerResponse>) {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${origin}/t/acme/events?live=1`)
  await page.getByRole('button', { name: 'Live' }).waitFor()
  const stored = () => {
    const uid = newId('event')
    const event = journalEvent('http', 'get', {
      uid,
      timeMs: Date.now(),
      tenantId: 'ten_bench',
      outcome: 'success',
      http: { method: 'GET', path: '/', status: 200 },
    })
    return { cursor: uid, writer: 'control', event }
  }
  // As control sends them: batches four times a second.
  const sending = setInterval(() => {
    for (let sent = 0; sent < updatesPerSecond / 4; sent += 100)
      for (const stream of streams)
        stream.write(
          `data: ${JSON.stringify({ kind: 'events', items: Array.from({ length: Math.min(100, updatesPerSecond / 4 - sent) }, stored), skipped: 0 })}\n\n`,
        )
  }, 250)
  const frames = await page.evaluate(`new Promise((done) => {
    let frames = 0
    const began = performance.now()
    const count = () => {
      frames++
      const seconds = (performance.now() - began) / 1000
      if (seconds >= 5) done(frames / seconds)
      else requestAnimationFrame(count)
    }
    requestAnimationFrame(count)
  })`)
  clearInterval(sending)
  await context.close()
  return Number(frames)
}
