// The feeds and settings of an exchange, from flags and files; and a feed fetched over https for real.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf, listen } from '#transport/testing.ts'
import type { Input } from './command.ts'
import { createFeedFetcher } from './fetch-feed.ts'
import { readOutboundFlags } from './outbound-flags.ts'
import { outboundDeps } from './outbound-tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-flags-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const given = (flags: Readonly<Record<string, readonly string[]>>) =>
  readOutboundFlags({
    text: (name: string) => flags[name]?.[0],
    list: (name: string) => flags[name] ?? [],
    flag: () => false,
    positionals: [],
    signal: AbortSignal.timeout(10_000),
  } as unknown as Input)

test('a feed of a file and one over https give hosts their categories', async () => {
  const ca = await createAuthority({ commonName: 'feeds', days: 2, pathLength: 0 })
  const site = createServer(await leaf(ca, { sanDns: ['localhost'] }), ({ url, headers }, response) => {
    if (url === '/moved') return void response.writeHead(302, { location: '/list' }).end()
    if (headers['if-none-match'] === '"1"') return void response.writeHead(304).end()
    response.writeHead(200, { etag: '"1"' }).end('bad.example\n')
  })
  const port = await listen(site)
  at('local.txt', 'cards.example\n')
  const feeds = at(
    'feeds.yaml',
    `feeds:
  - { name: here, category: gambling, format: domains, file: local.txt }
  - { name: there, category: threats, format: domains, url: "https://localhost:${port}/moved", everySeconds: 600 }
`,
  )
  const flags = await given({ feeds: [feeds], 'extra-ca': [at('ca.pem', ca.certificatePem)], resolver: ['127.0.0.53'] })
  assert.deepEqual(flags.exchange.resolvers, ['127.0.0.53'])
  const tools = await outboundDeps(join(folder, 'data'), flags.tools).load?.()
  assert.ok(tools)
  assert.deepEqual(tools.categoriesOf('ten_a', 'www.cards.example'), ['newly-seen', 'gambling'])
  assert.deepEqual(tools.categoriesOf('ten_a', 'bad.example'), ['newly-seen', 'threats'])
  await tools.close()
  const fetchFeed = createFeedFetcher([ca.certificatePem])
  const again = { etag: '"1"', signal: AbortSignal.timeout(5000) }
  assert.deepEqual(await fetchFeed(`https://localhost:${port}/list`, again), { kind: 'unchanged' })
  await assert.rejects(createFeedFetcher([])(`https://localhost:${port}/list`, again), (fault) =>
    isFault(fault, 'upstream-unreachable'),
  )
  site.closeAllConnections()
  site.close()
})

test('a list that is not understood refuses to start', async () => {
  const bad = [
    'feeds: [{ name: x, category: y, format: domains }]',
    'feeds: [{ name: x, category: y, format: domains, file: a, url: "https://a.test/" }]',
    'feeds: [{ name: x, category: y, format: domains, url: "http://a.test/" }]',
    'feeds: [{ name: x, category: y, format: magic, file: a }]',
    'feeds: [{ name: x, category: y, format: domains, file: a, colour: red }]',
    'feeds: [',
    'a: b',
  ]
  for (const text of bad)
    await assert.rejects(given({ feeds: [at('bad.yaml', text)] }), (fault) => isFault(fault, 'configuration-invalid'))
  await assert.rejects(given({ feeds: ['/nowhere'] }), (fault) => isFault(fault, 'configuration-invalid'))
  await assert.rejects(given({ 'extra-ca': [at('no.pem', 'x')] }), (fault) => isFault(fault, 'configuration-invalid'))
})
