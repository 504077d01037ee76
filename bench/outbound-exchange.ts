// An exchange with a way to the internet as a program of its own, so that its processor time is its own: identity by
// certificate, policy, a category look-up and the journal are on. Says where it is in one line.
import { readFileSync } from 'node:fs'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startInspector } from '#inspection/inspect.ts'
import { startWebWorld, webPolicy } from '#exchange/outbound/testing.ts'

const [siteCaFile = ''] = process.argv.slice(2)
const categories = new Map(Array.from({ length: 100_000 }, (_, at) => [`host${at}.example`, ['other']]))
const inspector = startInspector()
const world = await startWebWorld(issueIntermediate, {
  siteCaPem: readFileSync(siteCaFile, 'utf8'),
  policies: [
    webPolicy('all'),
    webPolicy('no-games', { effect: 'forbid', category: 'games' }),
    webPolicy('looked-into', { host: 'scanned.test', annotations: { inspect: 'dlp,malware' } }),
  ],
  inspector,
  categoriesOf: (_tenant, host) => categories.get(host) ?? ['business'],
})
process.once(
  'SIGTERM',
  () => void world[Symbol.asyncDispose]().finally(() => inspector.close().finally(() => process.exit(0))),
)
const { port, rootPath, doorCaPath, certPath, keyPath } = world
process.stdout.write(`${JSON.stringify({ port, rootPath, doorCaPath, certPath, keyPath })}\n`)
