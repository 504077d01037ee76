// Reading a tenant's events: order, filters, cursors, and what a writer does meanwhile.
import assert from 'node:assert/strict'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { followEvents } from './follow.ts'
import type { Journal } from './journal.ts'
import { chainPlace, listSegments, segmentPath } from './layout.ts'
import { backwardLines, forwardLines } from './lines.ts'
import { compileMatch } from './match.ts'
import { readEvents, type EventQuery, type JournalEntry } from './read.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'

const tenant = newTenant()
const other = newTenant()
const malformed = (error: unknown): boolean => isFault(error, 'request-malformed')

async function writers(root: string, counts: Readonly<Record<string, number>>, jump = 0): Promise<void> {
  let clock = 1_000_000
  const journals: [Journal, number][] = []
  for (const [writer, count] of Object.entries(counts)) {
    const started = await startTestJournal({ root, writer, caps: { maxSegmentBytes: 3000 } }, newTestKey(writer), {
      nowMs: () => (clock += jump),
    })
    journals.push([started.journal, count])
  }
  for (let n = 1; n <= Math.max(...Object.values(counts)); n++) {
    for (const [journal, count] of journals) {
      clock++
      if (n <= count) journal.append(tenant, { n, by: journal.writer, nested: { list: [{ id: `id-${n % 7}` }] } })
      journal.append(other, { secret: n })
    }
  }
  for (const [journal] of journals) await journal.close()
}

async function collect(
  root: string,
  query: Partial<EventQuery>,
): Promise<{ seen: string[]; cursor: string; end: string }> {
  const reading = readEvents(root, { tenant, limit: 1000, ...query })
  const seen: string[] = []
  for await (const entry of reading) {
    assert.equal(entry.tenant, tenant)
    seen.push(`${entry.writer}:${entry.sequence}`)
  }
  assert.equal(reading.badLines(), 0)
  return { seen, cursor: reading.cursor(), end: reading.end() }
}

test('both orders give every event once, in the order of its writer, merged by time', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 90, exc_two: 70, control: 5 })
  const oldest = await collect(dir.root, { order: 'oldest-first' })
  const newest = await collect(dir.root, { order: 'newest-first' })
  assert.equal(oldest.seen.length, 165)
  assert.equal(new Set(oldest.seen).size, 165)
  assert.deepEqual(newest.seen, oldest.seen.toReversed())
  assert.deepEqual(oldest.seen.slice(0, 3), ['exc_one:1', 'exc_two:1', 'control:1'])
  assert.equal(oldest.end, 'all')
})

for (const order of ['oldest-first', 'newest-first'] as const) {
  test(`pages of any size by cursor give the same as one reading, ${order}`, async () => {
    await using dir = await newTestRoot()
    await writers(dir.root, { exc_one: 40, exc_two: 25 })
    const whole = await collect(dir.root, { order })
    for (const limit of [1, 7, 64, 65]) {
      const seen: string[] = []
      let cursor: string | undefined
      for (;;) {
        const page = await collect(dir.root, { order, limit, ...(cursor === undefined ? {} : { afterCursor: cursor }) })
        seen.push(...page.seen)
        cursor = page.cursor
        if (page.end === 'all') break
      }
      assert.deepEqual(seen, whole.seen)
    }
  })
}

test('times filter by the clock of the writer, though it ran backwards', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 60 }, -3)
  const all: JournalEntry[] = []
  for await (const entry of readEvents(dir.root, { tenant, limit: 100, order: 'oldest-first' })) all.push(entry)
  const [from, until] = [all.at(40)?.timeMs ?? 0, all.at(10)?.timeMs ?? 0]
  assert.ok(from < until)
  const { seen } = await collect(dir.root, { fromMs: from, untilMs: until, order: 'oldest-first' })
  assert.equal(seen.length, 31)
})

test('another tenant is never in the answer', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 5 })
  const { seen } = await collect(dir.root, { match: { text: 'secret' } })
  assert.deepEqual(seen, [])
  const mine = await collect(dir.root, {})
  const { cursor } = await collect(dir.root, { limit: 2 })
  for await (const entry of readEvents(dir.root, { tenant: other, limit: 10, afterCursor: cursor })) {
    assert.equal(entry.tenant, other)
  }
  assert.equal(mine.seen.length, 5)
})

test('filters by fields on dotted paths, through lists, and by text', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 20 })
  const count = async (match: EventQuery['match']): Promise<number> =>
    (await collect(dir.root, match === undefined ? {} : { match })).seen.length
  assert.equal(await count({ fields: { n: 3 } }), 1)
  assert.equal(await count({ fields: { n: '3' } }), 0)
  assert.equal(await count({ fields: { 'nested.list.id': 'id-3' } }), 3)
  assert.equal(await count({ fields: { 'nested.list.id': 'id-3', n: 3 } }), 1)
  assert.equal(await count({ fields: { 'constructor.name': 'Object' } }), 0)
  assert.equal(await count({ text: 'ID-3' }), 3)
})

test('a filter cannot cost the stack, whatever the event holds', () => {
  const deep: object = JSON.parse(`{"a":${'['.repeat(30_000)}"x"${']'.repeat(30_000)}}`)
  const matches = compileMatch({ fields: { a: 'x' }, text: 'x' })
  assert.equal(matches({ ...deep }), false)
  assert.equal(compileMatch({ text: 'x' })({ ...deep }), true)
  assert.throws(() => compileMatch({ text: 'x'.repeat(1000) }), malformed)
})

test('refuses a cursor that is none, before anything is read', () => {
  const cursors = ['', '%', 'e30', formatCursor('oldest-first', new Map()), 'x'.repeat(200_000)]
  const hostile = [
    { n: { '../x': 1 } },
    { n: { exc_one: -1 } },
    { n: { exc_one: 1.5 } },
    { n: [] },
    { n: {}, o: {} },
    null,
  ]
  const encoded = hostile.map((one) => Buffer.from(JSON.stringify(one)).toString('base64url'))
  for (const afterCursor of [...cursors, ...encoded]) {
    assert.throws(() => readEvents('/nowhere', { tenant, limit: 1, afterCursor }), malformed, afterCursor)
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseCursor('newest-first', text)
      } catch (error) {
        assert.ok(malformed(error))
      }
    }),
  )
})

test('a line that cannot be read is counted, and the others are there', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 10 })
  const path = segmentPath(chainPlace(dir.root, tenant, 'exc_one').dir, 1)
  await writeFile(path, (await readFile(path, 'utf8')).replace('[4,', '(4,'))
  for (const order of ['oldest-first', 'newest-first'] as const) {
    const reading = readEvents(dir.root, { tenant, limit: 100, order })
    const seen = await Array.fromAsync(reading)
    assert.equal(seen.length, 9)
    assert.equal(reading.badLines(), 1)
  }
})

test('lines read from either end are the same, wherever the chunks fall', async () => {
  await using dir = await newTestRoot()
  const path = `${dir.root}/lines`
  const anyLine = fc.oneof({ weight: 5, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(150_000) })
  await fc.assert(
    fc.asyncProperty(fc.array(anyLine, { minLength: 1, maxLength: 12 }), fc.nat(70_000), async (lengths, torn) => {
      const lines = lengths.map((length, at) => `${at}`.padEnd(length + 2, '.'))
      await writeFile(path, `${lines.join('\n')}\n${'t'.repeat(torn)}`)
      const forwards: string[] = []
      for await (const group of forwardLines(path)) forwards.push(...group.lines.map(String))
      const backwards: string[] = []
      for await (const group of backwardLines(path)) backwards.unshift(...group.lines.map(String))
      assert.deepEqual(forwards, lines)
      assert.deepEqual(backwards, lines)
    }),
    { numRuns: 60 },
  )
})

test('following gives what is written from here on, across segments, and its cursor survives', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal({ ...dir, caps: { maxSegmentBytes: 1000 } }, newTestKey('exc_one'))
  journal.append(tenant, { n: 0 })
  const { cursor: start } = await collect(dir.root, { order: 'oldest-first' })
  const abort = new AbortController()
  const following = followEvents(
    dir.root,
    { tenant, afterCursor: start, signal: abort.signal, match: { fields: { wanted: true } } },
    { journal, pollMs: 3_600_000 },
  )
  const seen: unknown[] = []
  for (let n = 1; n <= 10; n++) journal.append(tenant, { n, wanted: true })
  for await (const { event } of following) {
    seen.push(event['n'])
    const n = seen.length
    if (n >= 10 && n < 40) setImmediate(() => journal.append(tenant, { n: n + 1, wanted: true }))
    journal.append(tenant, { noise: true })
    if (n === 40) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 40 }, (_, at) => at + 1),
  )
  assert.ok((await listSegments(chainPlace(dir.root, tenant, 'exc_one').dir)).length > 3)
  journal.append(tenant, { n: 41, wanted: true })
  const rest = await collect(dir.root, {
    order: 'oldest-first',
    afterCursor: following.cursor(),
    match: { text: '41' },
  })
  assert.equal(rest.seen.length, 1)
  abort.abort()
  await journal.close()
})

test('following sees another process by its files, a new writer included, and ends when aborted', async () => {
  await using dir = await newTestRoot()
  await writers(dir.root, { exc_one: 2 })
  const { cursor } = await collect(dir.root, { order: 'oldest-first' })
  const abort = new AbortController()
  const following = followEvents(dir.root, { tenant, afterCursor: cursor, signal: abort.signal }, { pollMs: 10 })
  await writers(dir.root, { exc_two: 3 })
  const path = segmentPath(chainPlace(dir.root, tenant, 'exc_one').dir, 1)
  await appendFile(path, '[3,1,"unfinished')
  const seen: string[] = []
  for await (const entry of following) {
    seen.push(`${entry.writer}:${entry.sequence}`)
    if (seen.length === 3) abort.abort()
  }
  assert.deepEqual(seen, ['exc_two:1', 'exc_two:2', 'exc_two:3'])
})
