// A pile of epochs, as a stolen exchange can make one: it is not taken, and one that is there keeps nobody from reading.
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { MAX_NEW_EPOCHS_PER_DAY, MAX_OPEN_SOURCES, MAX_RECEIVED_EPOCHS } from './caps.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { followEvents } from './follow.ts'
import { chainPlace, formatWriter, listChains, segmentPath } from './layout.ts'
import { Merge } from './merge.ts'
import { readEvents } from './read.ts'
import { formatLine, genesisHash, hashPrefix, hashRecord } from './record.ts'
import { JournalReceiver, type ReceiverProblem } from './receive.ts'
import type { ShipBatch } from './shipment.ts'
import { Source } from './source.ts'
import { signCheckpoint } from './statement.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'

const tenant = newTenant()
const key = newTestKey('exc_thief')
const peer = { writer: 'exc_thief', mayShip: () => true }
const DAY_MS = 86_400_000

function firstBatch(writer: string): ShipBatch {
  const prefix = hashPrefix({ tenant, writer })
  const previousHash = genesisHash({ tenant, writer })
  const hash = hashRecord(prefix, 1, previousHash, 5, '{}')
  const body = { kind: 'checkpoint', tenant, writer, segment: 1, sequence: 1, hash } as const
  const checkpoint = signCheckpoint({ ...body, earliestMs: 5, latestMs: 5, timeMs: 5 }, key.signer)
  const lines = Buffer.from(formatLine(1, 5, hash, '{}'))
  return { tenant, writer, segment: 1, firstSequence: 1, previousHash, checkpoint, lines }
}

/** Chains as they lie on the disk, each with these events: `time` → what is in it. */
async function pile(root: string, name: string, epochs: number, timesOf: (epoch: number) => readonly number[]) {
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const { writer, dir } = chainPlace(root, tenant, formatWriter(name, epoch))
    await mkdir(dir, { recursive: true })
    const prefix = hashPrefix({ tenant, writer })
    let hash = genesisHash({ tenant, writer })
    let text = ''
    for (const [at, timeMs] of timesOf(epoch).entries()) {
      const json = JSON.stringify({ by: writer, n: at + 1 })
      hash = hashRecord(prefix, at + 1, hash, timeMs, json)
      text += formatLine(at + 1, timeMs, hash, json)
    }
    await writeFile(segmentPath(dir, 1), text)
  }
}

test('a writer that begins epoch after epoch is told to wait, is reported, and its other chains go on', async () => {
  await using dir = await newTestRoot()
  const problems: ReceiverProblem[] = []
  let nowMs = 1_000_000
  const deps = { keys: () => [key.key], report: (problem: ReceiverProblem) => void problems.push(problem) }
  await using receiver = new JournalReceiver(dir.root, { ...deps, nowMs: () => nowMs })
  const ship = (epoch: number) => receiver.accept(firstBatch(formatWriter('exc_thief', epoch)), peer)
  const isFull = (error: unknown) => isFault(error, 'at-capacity')
  for (let epoch = 1; epoch <= MAX_NEW_EPOCHS_PER_DAY; epoch++) assert.equal((await ship(epoch)).kind, 'acknowledged')
  await assert.rejects(ship(MAX_NEW_EPOCHS_PER_DAY + 1), isFull)
  assert.equal((await ship(1)).kind, 'acknowledged', 'a duplicate of a known chain')
  const [problem] = problems
  assert.equal(problem?.kind, 'too-many-epochs')
  nowMs += DAY_MS
  for (let epoch = MAX_NEW_EPOCHS_PER_DAY + 1; epoch <= MAX_RECEIVED_EPOCHS; epoch++) {
    nowMs += DAY_MS / 4
    await ship(epoch)
  }
  nowMs += DAY_MS * 10
  await assert.rejects(ship(MAX_RECEIVED_EPOCHS + 1), isFull, 'patience does not help either')
  assert.equal((await readdir(`${dir.root}/${tenant}`)).length, MAX_RECEIVED_EPOCHS)
})

test('two thousand epochs of thieves do not keep anybody from reading, page by page, newest first', async () => {
  await using dir = await newTestRoot()
  await pile(dir.root, 'exc_a', 999, (epoch) => [epoch, 5000 + epoch])
  await pile(dir.root, 'exc_b', 999, (epoch) => [2000 + epoch])
  await pile(dir.root, 'control', 1, () => [1, 4000, 9000])
  const seen: string[] = []
  let cursor: string | undefined
  let longest = 0
  for (;;) {
    const reading = readEvents(dir.root, {
      tenant,
      limit: 1700,
      ...(cursor !== undefined && { afterCursor: cursor }),
    })
    let last = Number.MAX_SAFE_INTEGER
    for await (const { timeMs, writer, sequence } of reading) {
      assert.ok(timeMs <= last)
      last = timeMs
      seen.push(`${writer} ${sequence}`)
    }
    cursor = reading.cursor()
    longest = Math.max(longest, cursor.length)
    if (reading.end() === 'all') break
  }
  assert.equal(seen.length, 999 * 3 + 3)
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen[0], 'control 3')
})

test('the cursor of a reading names no epoch that it has not come to, and those that are done as ranges', async () => {
  await using dir = await newTestRoot()
  await pile(dir.root, 'exc_a', 500, (epoch) => [epoch])
  const reading = readEvents(dir.root, { tenant, limit: 400 })
  assert.equal((await Array.fromAsync(reading)).length, 400)
  assert.ok(reading.cursor().length < 200, reading.cursor())
  await pile(dir.root, 'exc_b', 1, () => [10_000])
  const rest = readEvents(dir.root, { tenant, limit: 400, afterCursor: reading.cursor() })
  assert.equal((await Array.fromAsync(rest)).length, 100, 'and a writer that appeared since is no part of the rest')
})

test('ranges of a cursor cannot be made to cost more than their text', () => {
  const of = (d: unknown) => Buffer.from(JSON.stringify({ n: {}, d })).toString('base64url')
  const hostile = [
    { exc_a: '1-1000' },
    { exc_a: '5-1' },
    { exc_a: '0' },
    { exc_a: '1,,2' },
    { '../x': '1' },
    { exc_a: 1 },
  ]
  for (const ranges of [...hostile, { 'exc_a.2': '1' }, Object.fromEntries(names(40).map((name) => [name, '1-999']))])
    assert.throws(
      () => parseCursor('newest-first', of(ranges)),
      (error) => isFault(error, 'request-malformed'),
    )
  const done = new Set(['exc_a', 'exc_a.2', 'exc_a.4'])
  const positions = parseCursor('newest-first', formatCursor('newest-first', new Map([['exc_a.5', 7]]), done))
  assert.deepEqual(
    [...positions],
    [
      ['exc_a', 1],
      ['exc_a.2', 1],
      ['exc_a.4', 1],
      ['exc_a.5', 7],
    ],
  )
})

const names = (count: number) =>
  Array.from({ length: count }, (_, at) => `exc_${String.fromCharCode(97 + (at % 26))}${at}`)

test('however many chains there are, only a bounded number is open at once', async () => {
  await using dir = await newTestRoot()
  await pile(dir.root, 'exc_a', 300, (epoch) => [epoch, 1000 - epoch])
  for (const order of ['newest-first', 'oldest-first'] as const) {
    const merge = new Merge(order, 8)
    let most = 0
    for (const [rank, place] of (await listChains(dir.root, tenant)).entries()) {
      await merge.add(new Source(place, rank, undefined, { order }))
      most = Math.max(most, merge.openSources)
    }
    const seen = new Set<string>()
    for (let taken = await merge.take(); taken !== undefined; taken = await merge.take()) {
      seen.add(`${taken.source.place.writer} ${taken.record.sequence}`)
      most = Math.max(most, merge.openSources)
    }
    await merge.close()
    assert.equal(seen.size, 600)
    assert.ok(most <= 8, `${most} open`)
  }
  assert.ok(MAX_OPEN_SOURCES < 1024)
})

test('a pile of one writer does not hide what another writes from those who follow', async () => {
  await using dir = await newTestRoot()
  await pile(dir.root, 'exc_a', 999, (epoch) => [epoch])
  await pile(dir.root, 'exc_b', 999, (epoch) => [epoch])
  const { journal } = await startTestJournal({ root: dir.root, writer: 'exc_z' }, newTestKey('exc_z'))
  journal.append(tenant, { n: 0 })
  const abort = new AbortController()
  const following = followEvents(dir.root, { tenant, signal: abort.signal }, { journal, pollMs: 3_600_000 })
  const iterator = following[Symbol.asyncIterator]()
  const first = iterator.next()
  const writing = setInterval(() => journal.append(tenant, { n: 1 }), 10)
  const { value } = await first
  clearInterval(writing)
  assert.equal(value?.writer, 'exc_z')
  abort.abort()
  await iterator.return?.()
  await journal.close()
})
