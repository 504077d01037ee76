import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault, isFault } from '#core/fault.ts'
import type { FeedReport } from './build.ts'
import { type FeedConfig, type Fetched, startFeeds } from './feeds.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-feeds-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const remote = (name: string): FeedConfig => ({
  name,
  format: 'domains',
  category: 'malware',
  source: { kind: 'url', url: `https://lists.test/${name}` },
  intervalMs: 3_600_000,
})
async function* bytes(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

test('a feed that fails later leaves the last good index in force, also after a restart', async () => {
  const reports: FeedReport[] = []
  let answer: () => Fetched = () => ({ kind: 'body', etag: 'one', body: bytes('bad.exa', 'mple\n') })
  let asked = ''
  const deps = {
    fetchFeed: async (_: string, { etag }: { readonly etag: string }) => {
      asked = etag
      return answer()
    },
    nowMs: () => 0,
    report: (report: FeedReport) => void reports.push(report),
  }
  const config = { feeds: [remote('a')], folder: join(folder, 'kept'), hasStarter: false }
  {
    await using feeds = await startFeeds(config, deps)
    const before = feeds.index
    assert.deepEqual(before.lookup('x.bad.example'), ['malware'])
    answer = () => {
      throw new Fault('upstream-unreachable')
    }
    await feeds.refresh({ isForced: true })
    assert.equal(feeds.index, before)
    assert.match(reports.at(-1)?.problem ?? '', /could not be fetched/)
    answer = () => ({
      kind: 'body',
      etag: 'two',
      body: (async function* () {
        yield Buffer.from('half.exam')
        throw new Fault('upstream-timeout')
      })(),
    })
    await feeds.refresh({ isForced: true })
    assert.deepEqual(feeds.index.lookup('bad.example'), ['malware'])
    answer = () => ({ kind: 'body', etag: 'three', body: bytes('new.example\n') })
    await feeds.refresh({ isForced: true })
    assert.deepEqual([feeds.index.lookup('new.example'), feeds.index.lookup('bad.example')], [['malware'], []])
    assert.deepEqual(before.lookup('bad.example'), ['malware'], 'a look-up that holds the old index goes on with it')
  }
  answer = () => {
    throw new Fault('upstream-unreachable')
  }
  await using again = await startFeeds(config, deps)
  assert.equal(asked, 'three')
  assert.deepEqual(again.index.lookup('new.example'), ['malware'])
})

test('a changed file is read again, an unchanged one is not', async () => {
  const path = join(folder, 'list.txt')
  writeFileSync(path, 'one.example\n')
  const feed: FeedConfig = {
    name: 'list',
    format: 'domains',
    category: 'ads',
    source: { kind: 'file', path },
    intervalMs: 60_000,
  }
  await using feeds = await startFeeds(
    { feeds: [feed], folder: join(folder, 'files'), hasStarter: true },
    { fetchFeed: () => Promise.reject(new Error('not asked')), nowMs: () => 0, report: () => {} },
  )
  const first = feeds.index
  await feeds.refresh({ isForced: true })
  assert.equal(feeds.index, first)
  writeFileSync(path, 'two.example\n')
  utimesSync(path, 1, 1)
  await feeds.refresh({ isForced: true })
  assert.deepEqual([feeds.index.lookup('two.example'), feeds.index.lookup('one.example')], [['ads'], []])
  assert.deepEqual(feeds.index.lookup('claude.ai'), ['ai'])
})

test('closing ends a fetch that never answers', async () => {
  const hanging = startFeeds(
    { feeds: [remote('slow')], folder: join(folder, 'slow'), hasStarter: false },
    {
      fetchFeed: async () => ({
        kind: 'body',
        etag: '',
        body: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
      }),
      nowMs: () => 0,
      report: () => {},
      fetchTimeoutMs: 50,
    },
  )
  await using feeds = await hanging
  assert.deepEqual(feeds.index.lookup('bad.example'), [])
})

test('a feed over plain http, with a bad name or too short an interval is refused at the start', async () => {
  const deps = { fetchFeed: () => Promise.reject(new Error('not asked')), nowMs: () => 0, report: () => {} }
  for (const bad of [
    { ...remote('a'), source: { kind: 'url', url: 'http://lists.test/a' } as const },
    { ...remote('../a') },
    { ...remote('a'), intervalMs: 10 },
    { ...remote('a'), category: '!' },
  ])
    await assert.rejects(startFeeds({ feeds: [bad], folder, hasStarter: false }, deps), (fault) =>
      isFault(fault, 'configuration-invalid'),
    )
})
