// An exchange with a way to the internet as a program of its own, so that its processor time is its own: identity by
// certificate, policy, a category look-up and the journal are on. Says where it is in one line.
import { readFileSync } from 'node:fs'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { IndexBuilder } from '#inspection/categories/index-builder.ts'
import { CategoryIndex } from '#inspection/categories/index-table.ts'
import { startInspector } from '#inspection/inspect.ts'
import { startWebWorld, webPolicy } from '#exchange/outbound/testing.ts'

const [siteCaFile = ''] = process.argv.slice(2)
const builder = new IndexBuilder([7, 11])
for (let at = 0; at < 100_000; at++) builder.add(`host${at}.example`, '', 'other')
builder.add('origin.test', '', 'business')
builder.add('scanned.test', '', 'business')
const categories = new CategoryIndex(builder.finish())
const inspector = startInspector()
const world = await startWebWorld(issueIntermediate, {
  siteCaPem: readFileSync(siteCaFile, 'utf8'),
  policies: [
    webPolicy('all'),
    webPolicy('no-games', { effect: 'forbid', category: 'games' }),
    webPolicy('looked-into', { host: 'scanned.test', annotations: { inspect: 'dlp,malware' } }),
  ],
  inspector,
  categoriesOf: (_tenant, host) => categories.lookup(host),
})
process.once('SIGTERM', () => {
  world[Symbol.asyncDispose]()
    .then(() => inspector.close())
    .finally(() => process.exit(0))
    .catch(() => undefined)
})
const { port, rootPath, doorCaPath, certPath, keyPath } = world
process.stdout.write(`${JSON.stringify({ port, rootPath, doorCaPath, certPath, keyPath })}\n`)
