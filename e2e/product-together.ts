// The whole product in one process: `sallyport start --demo`.
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readProfile } from '#cli/profile.ts'
import { freePort } from './peers/ports.ts'
import type { Product } from './product.ts'
import { runSallyport } from './run-sallyport.ts'

export async function startTogether(): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-world-'))
  const port = await freePort()
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const main = await runSallyport(['start', '--demo', '--data', folder, '--port', String(port)], /Stop with Ctrl-C/)
  opened.defer(() => main.stop())
  const { accounts } = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
    accounts: { tenant: string; user: string; password: string }[]
  }
  const webCaFile = join(folder, 'web-ca.pem')
  const running = opened.move()
  return {
    folder,
    port,
    webCaFile,
    webCaPem: readFileSync(webCaFile, 'utf8'),
    accounts: new Map(accounts.map(({ tenant, user, password }) => [`${tenant}/${user}`, { user, password }])),
    profileOf: (tenant) => readProfile(join(folder, `${tenant}.json`), undefined),
    processes: new Map([['all', main]]),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
