// Debian's Chromium, headless, in a home of its own whose NSS store trusts the given authorities.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

export type BrowserPeer = AsyncDisposable & { readonly context: BrowserContext; readonly home: string }

export type BrowserOptions = {
  readonly trust: readonly string[]
  readonly pacUrl?: string
  readonly viewport?: { readonly width: number; readonly height: number }
}

export async function startBrowser({ trust, pacUrl, viewport }: BrowserOptions): Promise<BrowserPeer> {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-e2e-browser-'))
  const store = join(home, '.pki', 'nssdb')
  mkdirSync(store, { recursive: true })
  execFileSync('certutil', ['-N', '-d', `sql:${store}`, '--empty-password'])
  for (const [at, pem] of trust.entries()) {
    const file = join(home, `authority-${at}.pem`)
    writeFileSync(file, pem)
    execFileSync('certutil', ['-A', '-d', `sql:${store}`, '-n', `authority-${at}`, '-t', 'C,,', '-i', file])
  }
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath: '/usr/bin/chromium',
    headless: true,
    env: { ...process.env, HOME: home },
    ...(viewport && { viewport }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(pacUrl === undefined ? [] : [`--proxy-pac-url=${pacUrl}`]),
    ],
  })
  return {
    context,
    home,
    async [Symbol.asyncDispose]() {
      await context.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
