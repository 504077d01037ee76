// Feeds made to harm whoever reads them: nothing of them gets in that should not, the others are read all the same, and
// no line costs more than its length.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { buildIndex, type FeedFile } from './build.ts'
import { categoryCaps } from './caps.ts'
import type { FeedFormat } from './feed-formats.ts'
import { startFeeds } from './feeds.ts'
import { CategoryIndex } from './index-table.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-hostile-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
let made = 0

function feed(format: FeedFormat, content: string | Buffer): FeedFile {
  const path = join(folder, `feed-${made++}`)
  writeFileSync(path, content)
  return { name: `feed-${made}`, format, category: 'malware', path }
}

function built(...feeds: readonly FeedFile[]) {
  const good = feed('domains', 'good-list.example\n')
  const { arrays, reports } = buildIndex({
    feeds: [...feeds, good],
    seed: [1, 2],
    nowMs: Date.now(),
    hasStarter: false,
  })
  const index = new CategoryIndex(arrays)
  assert.deepEqual(index.lookup('good-list.example'), ['malware'], 'the other feed is read all the same')
  return { index, reports }
}

test('a line of many megabytes is one unreadable line, and the next one counts', () => {
  const { index, reports } = built(feed('domains', `${'a'.repeat(20_000_000)}\nnext.example\n`))
  assert.deepEqual(index.lookup('next.example'), ['malware'])
  assert.deepEqual([reports[0]?.entries, reports[0]?.unreadable], [1, 1])
})

test('what is packed, binary, a page, or of another format gives no entry', () => {
  const packed = gzipSync(Buffer.alloc(50_000_000))
  const page = '<!doctype html><html><body>Sign in to the hotel network: http://10.0.0.1/login</body></html>\n'
  const binary = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7919) & 255))
  for (const format of ['domains', 'hosts', 'adblock', 'csv'] as const)
    for (const content of [packed, binary, page]) {
      const { reports } = built(feed(format, content))
      assert.equal(reports[0]?.entries, 0, format)
    }
  for (const content of [packed, page, '[]', '{"objects":7}', '']) {
    const { reports } = built(feed('stix', content))
    assert.match(reports[0]?.problem ?? '', /STIX|read/)
  }
})

test('JSON nested a million deep, and quotes that never end, are a problem of that feed alone', () => {
  const deep = `{"objects":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`
  const { reports } = built(feed('stix', deep), feed('csv', `"${'x,'.repeat(100_000)}\n"never\n`))
  assert.equal(reports[0]?.entries, 0)
  assert.equal(reports[1]?.entries, 0)
})

const most = categoryCaps.maxLineChars - 100
const slow = (lines: number, line: string) => `${`${line}\n`.repeat(lines)}`

test('lines that would make a pattern try every place again cost their length', { timeout: 30_000 }, () => {
  const slashes = `a.example/${'/'.repeat(most)}x`
  const dots = `a${'.'.repeat(most)}b`
  const blanks = `a.example${' '.repeat(most)}x`
  for (const line of [slashes, dots, blanks]) {
    built(
      feed('domains', slow(3000, line)),
      feed('adblock', slow(3000, `||${line}^`)),
      feed('hosts', slow(3000, `0.0.0.0 ${line}`)),
    )
  }
  const patterns = [
    ' '.repeat(most),
    `[${' '.repeat(most)}x`,
    `a${' '.repeat(most)}OR`,
    `[url:value = '${'\\\\'.repeat(most / 4)}`,
  ]
  const objects = Array.from({ length: 4000 }, (_, at) => ({
    type: 'indicator',
    pattern_type: 'stix',
    pattern: patterns[at % patterns.length],
  }))
  const { reports } = built(feed('stix', JSON.stringify({ objects })))
  assert.equal(reports[0]?.unreadable, 4000)
})

test('a directory cannot lead out of itself by a link to another one', () => {
  const directory = join(folder, 'ut1')
  const outside = join(folder, 'outside')
  mkdirSync(directory)
  mkdirSync(outside)
  mkdirSync(join(directory, 'ads'))
  writeFileSync(join(outside, 'domains'), 'leaked.example\n')
  writeFileSync(join(directory, 'ads', 'domains'), 'ads.example\n')
  symlinkSync(outside, join(directory, 'linked'))
  mkdirSync(join(directory, 'games'))
  symlinkSync(join(outside, 'domains'), join(directory, 'games', 'domains'))
  const { index } = built({ name: 'ut1', format: 'ut1', category: 'x', path: directory })
  assert.deepEqual(index.lookup('ads.example'), ['ads'])
  assert.deepEqual(index.lookup('leaked.example'), [])
})

test('an endless body is cut at its cap and the copy of before stays', async () => {
  let isHostile = false
  const chunk = Buffer.alloc(16 * 1024 * 1024, 'a.example\n')
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield chunk
  }
  async function* small(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('kept.example\n')
  }
  const problems: (string | null)[] = []
  const source = { kind: 'url' as const, url: 'https://lists.test/a' }
  await using feeds = await startFeeds(
    {
      feeds: [{ name: 'a', format: 'domains', category: 'malware', source, intervalMs: 3_600_000 }],
      folder: join(folder, 'kept'),
      hasStarter: false,
    },
    {
      fetchFeed: async () => ({ kind: 'body', etag: '', body: isHostile ? endless() : small() }),
      nowMs: () => 0,
      report: ({ problem }) => void problems.push(problem),
    },
  )
  isHostile = true
  await feeds.refresh({ isForced: true })
  assert.match(problems.at(-1) ?? '', /too large/)
  assert.deepEqual(feeds.index.lookup('kept.example'), ['malware'])
})
