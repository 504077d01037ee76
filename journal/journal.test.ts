// The contract of the writing side: when a record is in the kernel, when on the disk, what is refused.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Fault, isFault, type FaultCode } from '#core/fault.ts'
import { systemDisk, type Disk } from './disk.ts'
import { startJournal } from './journal.ts'
import { chainPlace, listSegments, segmentPath } from './layout.ts'
import { readEvents } from './read.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'
import { verifyJournal } from './verify.ts'

const key = newTestKey('exc_one')
const tenant = newTenant()
const code = (expected: FaultCode) => (error: unknown) => isFault(error, expected)

function linesOf(root: string, of = tenant): string[] {
  const { dir } = chainPlace(root, of, 'exc_one')
  const segments = readdirSync(dir).filter((name) => name.endsWith('.jsonl'))
  return segments.toSorted().flatMap((name) => readFileSync(`${dir}/${name}`, 'utf8').trimEnd().split('\n'))
}

test('append returns with the record in the file', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  const receipt = journal.append(tenant, { a: 1 })
  assert.deepEqual(linesOf(dir.root), [`[1,${receipt.timeMs},"${receipt.hash}",{"a":1}]`])
  await journal.close()
})

test('appendDurable resolves only after the record, and its folder, were synced', async () => {
  await using dir = await newTestRoot()
  let synced = 0
  const disk: Disk = { ...systemDisk, sync: async (fd) => void (await systemDisk.sync(fd), synced++) }
  const { journal } = await startTestJournal(dir, key, { disk })
  const receipts = await Promise.all([1, 2, 3, 4].map(async (n) => await journal.appendDurable(tenant, { n })))
  assert.deepEqual(
    receipts.map((one) => one.sequence),
    [1, 2, 3, 4],
  )
  assert.ok(synced >= 1 && synced <= 2, `${synced} syncs for four records`)
  await journal.close()
})

test('append never syncs on its own thread, yet the disk follows without being asked', async () => {
  await using dir = await newTestRoot()
  const started = Promise.withResolvers<void>()
  let isInAppend = false
  const disk: Disk = {
    ...systemDisk,
    sync: async (fd) => {
      assert.equal(isInAppend, false)
      await systemDisk.sync(fd)
      started.resolve()
    },
  }
  const { journal } = await startTestJournal(dir, key, { disk })
  isInAppend = true
  journal.append(tenant, {})
  isInAppend = false
  await started.promise
  await journal.close()
})

test('an unsynced record is not acknowledged: an aborted or overdue wait rejects', async () => {
  await using dir = await newTestRoot()
  const gate = Promise.withResolvers<void>()
  const disk: Disk = { ...systemDisk, sync: async () => await gate.promise }
  const { journal } = await startTestJournal({ ...dir, caps: { durableTimeoutMs: 20 } }, key, { disk })
  await assert.rejects(journal.appendDurable(tenant, {}), code('journal-full'))
  const abort = new AbortController()
  const waiting = journal.appendDurable(tenant, {}, { signal: abort.signal })
  abort.abort(new Fault('closing'))
  await assert.rejects(waiting, code('closing'))
  gate.resolve()
  await journal.close()
})

test('staged records share one write, and commit puts them into the file', async () => {
  await using dir = await newTestRoot()
  let writes = 0
  const disk: Disk = { ...systemDisk, write: (fd, bytes, at) => (writes++, systemDisk.write(fd, bytes, at)) }
  const { journal } = await startTestJournal(dir, key, { disk })
  const staged = [1, 2, 3].map((n) => journal.stage(tenant, { n }))
  assert.equal(writes, 0)
  assert.deepEqual(
    staged.map((one) => one.commit().sequence),
    [1, 2, 3],
  )
  assert.equal(writes, 1)
  assert.equal(linesOf(dir.root).length, 3)
  journal.stage(tenant, { n: 4 })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(linesOf(dir.root).length, 4, 'a record that nobody committed waits for no one')
  await journal.close()
})

test('refuses what is not an event, and writes nothing of it', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  for (const event of [[], new Date(), cyclic, { big: 1n }, { toJSON: () => undefined }]) {
    assert.throws(() => journal.append(tenant, event), code('document-invalid'))
  }
  assert.throws(() => journal.append(tenant, { text: 'x'.repeat(64 * 1024) }), code('request-too-large'))
  assert.throws(() => journal.append(tenant, { text: 'é'.repeat(33 * 1024) }), code('request-too-large'))
  assert.equal(journal.append(tenant, { text: 'x'.repeat(64 * 1024 - 11) }).sequence, 1)
  await journal.close()
})

test('refuses a tenant or writer that could leave the folder', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  for (const name of ['../x', 'ten_', '', 'ten_AAAAAAAAAAAAAAAAAAAA']) {
    assert.throws(() => journal.append(name as typeof tenant, {}), code('document-invalid'))
  }
  await journal.close()
  for (const writer of ['..', 'a/b', 'A', 'exc_one.2', '']) {
    const start = startJournal({ root: dir.root, writer }, { signer: key.signer, keys: [], report: () => undefined })
    await assert.rejects(start, code('configuration-invalid'))
  }
})

test('a clock that jumps changes neither order nor sequence', async () => {
  await using dir = await newTestRoot()
  const times = [5000, -20, 1e15, Number.NaN, 3]
  const { journal } = await startTestJournal(dir, key, { nowMs: () => times.shift() ?? 4 })
  for (let n = 1; n <= 5; n++) assert.equal(journal.append(tenant, { n }).sequence, n)
  await journal.close()
  const seen: unknown[] = []
  for await (const { event } of readEvents(dir.root, { tenant, order: 'oldest-first', limit: 10 }))
    seen.push(event['n'])
  assert.deepEqual(seen, [1, 2, 3, 4, 5])
  assert.equal((await verifyJournal(dir.root, { publicKeys: [key.key] })).isIntact, true)
})

test('segments rotate by size and by age, and the whole verifies', async () => {
  await using dir = await newTestRoot()
  let monotonic = 0
  const config = { ...dir, caps: { maxSegmentBytes: 1000, maxSegmentAgeMs: 60_000 } }
  const { journal } = await startTestJournal(config, key, { monotonicMs: () => monotonic })
  for (let n = 0; n < 60; n++) journal.append(tenant, { n })
  const { dir: chainDir } = chainPlace(dir.root, tenant, 'exc_one')
  const bySize = await listSegments(chainDir)
  assert.ok(bySize.length > 3)
  for (const first of bySize) assert.ok(readFileSync(segmentPath(chainDir, first)).length <= 1000)
  monotonic = 60_001
  const sealed = Promise.withResolvers<void>()
  const look = setInterval(() => {
    if (readdirSync(chainDir).filter((name) => name.endsWith('.seal')).length === bySize.length) sealed.resolve()
  }, 10)
  await sealed.promise
  clearInterval(look)
  journal.append(tenant, { late: true })
  assert.equal((await listSegments(chainDir)).length, bySize.length + 1)
  await journal.close()
  assert.equal((await verifyJournal(dir.root, { publicKeys: [key.key] })).isIntact, true)
})

test('more tenants than open files lose nothing', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal({ ...dir, caps: { maxOpenSegments: 4 } }, key)
  const tenants = Array.from({ length: 20 }, newTenant)
  for (let round = 1; round <= 5; round++) {
    for (const one of tenants) assert.equal(journal.append(one, { round }).sequence, round)
    assert.ok(journal.status().openSegments <= 4)
    if (round % 2 === 0) await journal.sync()
  }
  await journal.close()
  const report = await verifyJournal(dir.root, { publicKeys: [key.key] })
  assert.equal(report.isIntact, true)
  assert.deepEqual(
    report.chains.map((chain) => chain.records),
    tenants.map(() => 5),
  )
})

test('close ends with a checkpoint on the last record, and takes nothing afterwards', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  for (let n = 0; n < 10; n++) journal.append(tenant, { n })
  await journal.close()
  await journal.close()
  assert.throws(() => journal.append(tenant, {}), code('closing'))
  const report = await verifyJournal(dir.root, { publicKeys: [key.key] })
  assert.equal(report.chains[0]?.unsignedRecords, 0)
})

test('an acknowledged durable record is under a checkpoint from the first one on', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  await journal.appendDurable(tenant, {})
  const report = await verifyJournal(dir.root, { publicKeys: [key.key] })
  assert.deepEqual(
    report.chains.map((chain) => [chain.unsignedRecords, chain.problems.length]),
    [[0, 0]],
  )
  await journal.destroy(new Fault('closing'))
})
