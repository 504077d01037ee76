import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { buildIndex, type FeedFile } from './build.ts'
import { type CsvColumns, lineReader, readTarget } from './feed-formats.ts'
import { IndexBuilder } from './index-builder.ts'
import { CategoryIndex } from './index-table.ts'
import { NewlySeen } from './newly-seen.ts'
import { readStix } from './stix.ts'
import { TenantCategories } from './tenant-categories.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-categories-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

function indexOf(entries: readonly (readonly [string, string, string])[]): CategoryIndex {
  const builder = new IndexBuilder([1, 2])
  for (const [host, path, category] of entries) builder.add(host, path, category)
  return new CategoryIndex(builder.finish())
}
const read = (format: Parameters<typeof lineReader>[0], line: string, columns?: CsvColumns) =>
  lineReader(format, columns)(line)
const hosts = (entries: ReturnType<typeof read>) =>
  entries ? entries.map(({ host, path }) => (path === '' ? host : `${host}/${path}`)) : entries

test('a name covers what is below it and nothing beside or above it', () => {
  const index = indexOf([['bad.example', '', 'malware']])
  assert.deepEqual(index.lookup('bad.example'), ['malware'])
  assert.deepEqual(index.lookup('a.b.bad.example'), ['malware'])
  for (const host of ['notbad.example', 'example', 'bad.example.com', 'ad.example', ''])
    assert.deepEqual(index.lookup(host), [], host)
})

test('the more specific name comes first, and the parent still counts', () => {
  const index = indexOf([
    ['blog.example', '', 'blog'],
    ['x.blog.example', '', 'adult'],
  ])
  assert.deepEqual(index.lookup('x.blog.example'), ['adult', 'blog'])
})

test('a path entry covers its path and below, not its host, nor a path that only begins alike', () => {
  const index = indexOf([['share.example', 'evil/kit', 'phishing']])
  assert.deepEqual(index.lookup('share.example', '/evil/kit'), ['phishing'])
  assert.deepEqual(index.lookup('share.example', '/evil/kit/login?x=1'), ['phishing'])
  for (const path of ['', '/', '/evil', '/evil/kitten', '/other/evil/kit'])
    assert.deepEqual(index.lookup('share.example', path), [], path)
})

test('one name in several lists has all their categories', () => {
  const index = indexOf([
    ['a.example', '', 'x'],
    ['a.example', '', 'y'],
    ['a.example', '', 'x'],
  ])
  assert.deepEqual(index.lookup('a.example').toSorted(), ['x', 'y'])
})

test('the index answers as a plain map does, whatever the names', () => {
  const label = fc.stringMatching(/^[a-z0-9]{1,3}$/)
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
  fc.assert(
    fc.property(fc.array(host, { maxLength: 200 }), fc.array(host, { maxLength: 50 }), (listed, asked) => {
      const index = indexOf(listed.map((each) => [each, '', 'listed']))
      const set = new Set(listed)
      for (const each of [...asked, ...listed]) {
        const labels = each.split('.')
        const isListed = labels.some((_, at) => set.has(labels.slice(at).join('.')))
        assert.equal(index.lookup(each).length === 1, isListed, each)
      }
    }),
    { numRuns: 60 },
  )
})

test('a hosts file: only lines that lead nowhere are entries', () => {
  assert.deepEqual(hosts(read('hosts', '0.0.0.0 Ads.Example tracker.example # both')), [
    'ads.example',
    'tracker.example',
  ])
  assert.deepEqual(hosts(read('hosts', '127.0.0.1 localhost')), [])
  assert.equal(read('hosts', '# comment'), null)
  assert.equal(read('hosts', '192.0.2.7 intranet.example'), false)
  assert.equal(read('hosts', '0.0.0.0 single'), false)
})

test('adblock rules count only where they name a whole host or path; exceptions and rules for parts of pages do not', () => {
  assert.deepEqual(hosts(read('adblock', '||ads.example^')), ['ads.example'])
  assert.deepEqual(hosts(read('adblock', '||ads.example/track^$third-party')), ['ads.example/track'])
  for (const line of [
    '@@||good.example^',
    '||ads.example^$script',
    '##.banner',
    '/regex/',
    '||*.example^',
    'example.com##div',
    '||example^',
  ])
    assert.equal(read('adblock', line), false, line)
  assert.equal(read('adblock', '[Adblock Plus 2.0]'), null)
})

test('CSV with quotes, a header and its own categories', () => {
  const reader = lineReader('csv', { host: 1, category: 2, hasHeader: true })
  assert.equal(reader('id,host,kind'), null)
  assert.deepEqual(reader('1,"https://a.example/x","Social Networks"'), [
    { host: 'a.example', path: 'x', category: 'social-networks' },
  ])
  assert.equal(reader('2,"a.example,3'), false)
  assert.equal(reader('2,not a host,x'), false)
})

test('a single label, a bare top-level domain or a wildcard over everything is refused', () => {
  for (const text of ['com', '*', '*.com', '.', 'a..b', 'a b.example', '-', '<script>'])
    assert.equal(readTarget(text), null, text)
  assert.deepEqual(readTarget('*.sub.example'), { host: 'sub.example', path: '' })
  assert.deepEqual(readTarget('http://www.bücher.example:8080/a/?q'), { host: 'xn--bcher-kva.example', path: 'a' })
})

function stix(pattern: string, more: Readonly<Record<string, unknown>> = {}): readonly string[] {
  const found: string[] = []
  const bundle = { type: 'bundle', objects: [{ type: 'indicator', pattern_type: 'stix', pattern, ...more }] }
  readStix(
    JSON.stringify(bundle),
    Date.UTC(2026, 0),
    ({ host, path }) => found.push(path === '' ? host : `${host}/${path}`) > 0,
    { entries: 0, unreadable: 0 },
  )
  return found
}

test('STIX: equalities joined by OR are entries; anything narrower, revoked or past is not', () => {
  assert.deepEqual(stix("[domain-name:value = 'bad.example']"), ['bad.example'])
  assert.deepEqual(
    stix("[domain-name:value = 'a.example' OR url:value = 'https://b.example/x'] OR [file:hashes.MD5 = 'aa']"),
    ['a.example', 'b.example/x'],
  )
  assert.deepEqual(stix("[domain-name:value = 'a.example' AND network-traffic:dst_port = '80']"), [])
  assert.deepEqual(stix("[domain-name:value != 'a.example']"), [])
  assert.deepEqual(stix("[domain-name:value = 'a.example']", { revoked: true }), [])
  assert.deepEqual(stix("[domain-name:value = 'a.example']", { valid_until: '2025-01-01T00:00:00Z' }), [])
})

test('a feed that cannot be read is named, and the others are built', () => {
  writeFileSync(join(folder, 'good.txt'), '\ufeff# list\r\na.example\r\n\r\nnot a host\r\n')
  mkdirSync(join(folder, 'ut1', 'gambling'), { recursive: true })
  writeFileSync(join(folder, 'ut1', 'gambling', 'domains'), `casino.example\n${'x'.repeat(9000)}\n`)
  writeFileSync(join(folder, 'ut1', 'gambling', 'urls'), 'portal.example/games\n')
  writeFileSync(join(folder, 'broken.json'), '{')
  const feeds: FeedFile[] = [
    { name: 'good', format: 'domains', category: 'ads', path: join(folder, 'good.txt') },
    { name: 'ut1', format: 'ut1', category: 'ut1', path: join(folder, 'ut1') },
    { name: 'broken', format: 'stix', category: 'malware', path: join(folder, 'broken.json') },
    { name: 'missing', format: 'domains', category: 'ads', path: join(folder, 'no-such-file') },
  ]
  const { arrays, reports } = buildIndex({ feeds, seed: [3, 4], nowMs: 0, hasStarter: true })
  const index = new CategoryIndex(arrays)
  assert.deepEqual(index.lookup('a.example'), ['ads'])
  assert.deepEqual(index.lookup('casino.example'), ['gambling'])
  assert.deepEqual(index.lookup('portal.example', '/games/poker'), ['gambling'])
  assert.deepEqual(index.lookup('mail.proton.me'), ['webmail'])
  assert.deepEqual(
    reports.map(({ name, problem }) => [name, problem === null]),
    [
      ['good', true],
      ['ut1', true],
      ['broken', false],
      ['missing', false],
    ],
  )
  assert.deepEqual(reports.map(({ unreadable }) => unreadable).slice(0, 2), [1, 1])
})

test("the tenant's word wins over the feeds, for its own tenant only", () => {
  const index = indexOf([
    ['a.example', '', 'gambling'],
    ['b.example', '', 'press'],
  ])
  const own = new TenantCategories(
    [
      { target: 'a.example', categories: ['partners'], mode: 'replace' },
      { target: 'https://b.example/internal', categories: ['Ours'], mode: 'add' },
      { target: 'bad.a.example', categories: [], mode: 'replace' },
    ],
    () => index,
  )
  assert.deepEqual(own.find('x.a.example'), { categories: ['partners'], decidedBy: 'tenant' })
  assert.deepEqual(own.find('bad.a.example'), { categories: [], decidedBy: 'tenant' })
  assert.deepEqual(own.find('b.example', '/internal/x'), { categories: ['ours', 'press'], decidedBy: 'both' })
  assert.deepEqual(own.find('b.example', '/'), { categories: ['press'], decidedBy: 'feeds' })
  assert.deepEqual(new TenantCategories([], () => index).find('a.example').categories, ['gambling'])
  assert.throws(
    () => new TenantCategories([{ target: 'com', categories: ['x'], mode: 'add' }], () => index),
    (fault) => isFault(fault, 'document-invalid'),
  )
})

test('a domain is new once, also after a restart, and forgotten before the table overflows', () => {
  const path = join(folder, 'seen.bin')
  const day = 86_400_000
  const now = Date.UTC(2026, 10, 24)
  const before = NewlySeen.load(path)
  assert.deepEqual(before.visit('a.example', now), { isFirst: true, days: 0 })
  writeFileSync(path, before.encode())
  const after = NewlySeen.load(path)
  assert.deepEqual(after.visit('a.example', now + 3 * day), { isFirst: false, days: 3 })
  for (let at = 0; at < 300_000; at++) after.visit(`site${at}.example`, now + 4 * day)
  assert.equal(after.visit('site299999.example', now + 4 * day).isFirst, false)
  writeFileSync(path, 'damaged')
  assert.throws(
    () => NewlySeen.load(path),
    (fault) => isFault(fault, 'document-invalid'),
  )
})
