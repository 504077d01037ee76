// The category index with a million hosts: time of a look-up, bytes of the table, time to build. Names are generated; with
// the UT1 sample in SALLYPORT_DATA its entries are measured too.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { IndexBuilder } from '#inspection/categories/index-builder.ts'
import { CategoryIndex } from '#inspection/categories/index-table.ts'
import { readTarget } from '#inspection/categories/feed-formats.ts'
import { atMost, type Options, row, type Row } from './row.ts'

const million = 1_000_000

export async function measureCategories({ isQuick }: Options): Promise<readonly Row[]> {
  const rows = measure('1 M generated hosts', generated(million), isQuick, true)
  const sample = join(process.env['SALLYPORT_DATA'] ?? '../shared/data', 'ut1-categories.tsv.xz')
  return existsSync(sample) ? [...rows, ...measure('UT1 sample', readSample(sample), isQuick, false)] : rows
}

type Entry = { readonly host: string; readonly path: string; readonly category: string }

function* generated(count: number): Generator<Entry> {
  for (let at = 0; at < count; at++)
    yield {
      host: `${(at * 2_654_435_761) % 4_294_967_296}.site${at % 9973}.example`,
      path: '',
      category: `c${at % 67}`,
    }
}

function* readSample(path: string): Generator<Entry> {
  const text = execFileSync('xz', ['-dc', path], { maxBuffer: 256 * 1024 * 1024, encoding: 'utf8' })
  for (const line of text.split('\n')) {
    const [category = '', , entry = ''] = line.split('\t')
    const target = readTarget(entry)
    if (target !== null) yield { ...target, category }
  }
}

function measure(name: string, entries: Iterable<Entry>, isQuick: boolean, hasGoal: boolean): readonly Row[] {
  const asked: string[] = []
  const builder = new IndexBuilder([7, 11])
  let count = 0
  const began = performance.now()
  for (const { host, path, category } of entries) {
    builder.add(host, path, category)
    if (count++ % 50 === 0) asked.push(`a.${host}`, `www.other-site-${count}.example.net`)
  }
  const buildSeconds = (performance.now() - began) / 1000
  const index = new CategoryIndex(builder.finish())
  const took: number[] = []
  let found = 0
  for (let repeat = 0; repeat < 6; repeat++) {
    const from = performance.now()
    const rounds = isQuick ? 5 : 25
    for (let round = 0; round < rounds; round++) for (const host of asked) found += index.find(host, '/a/b')
    if (repeat > 0) took.push(((performance.now() - from) * 1000) / (rounds * asked.length))
  }
  if (found === 0) throw new Error('nothing was found')
  const counted = `this thread; ${index.entries} entries; half of the names listed, three to four labels, with a path`
  return [
    row({ name: `category look-up, ${name}`, unit: 'µs', values: took, goal: hasGoal ? atMost(1) : null, counted }),
    row({
      name: `category index, ${name}`,
      unit: 'MB',
      values: [index.bytes / 1e6],
      goal: hasGoal ? atMost(100) : null,
      counted: 'the arrays',
    }),
    row({
      name: `category index built, ${name}`,
      unit: 's',
      values: [buildSeconds],
      counted: 'this thread, names included',
    }),
  ]
}
