// Debian's Chromium, headless, in a home of its own whose NSS store trusts the given authorities.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { type Account, temporaryFolder } from '#e2e/accounts.ts'

export type BrowserPeer = AsyncDisposable & { readonly context: BrowserContext; readonly home: string }

export type BrowserOptions = {
  readonly trust: readonly string[]
  readonly pacUrl?: string
  /** Runs under this account, as an agent's doors demand. */
  readonly account?: Account | undefined
  readonly viewport?: { readonly width: number; readonly height: number }
}

export async function startBrowser({ trust, pacUrl, viewport, account }: BrowserOptions): Promise<BrowserPeer> {
  const home = temporaryFolder('sallyport-e2e-browser-', account)
  const store = join(home, '.pki', 'nssdb')
  mkdirSync(store, { recursive: true })
  execFileSync('certutil', ['-N', '-d', `sql:${store}`, '--empty-password'])
  for (const [at, pem] of trust.entries()) {
    const file = join(home, `authority-${at}.pem`)
    writeFileSync(file, pem)
    execFileSync('certutil', ['-A', '-d', `sql:${store}`, '-n', `authority-${at}`, '-t', 'C,,', '-i', file])
  }
  let executablePath = '/usr/bin/chromium'
  if (account) {
    mkdirSync(join(home, 'profile'))
    execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, home])
    executablePath = join(home, 'chromium')
    const as = `setpriv --reuid=${account.uid} --regid=${account.gid} --clear-groups --`
    writeFileSync(executablePath, `#!/bin/sh\nexec ${as} /usr/bin/chromium "$@"\n`, { mode: 0o755 })
  }
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath,
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
