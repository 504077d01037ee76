// Disks that fill, fail and lie.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { systemDisk, type Disk } from './disk.ts'
import { segmentPath } from './layout.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'
import { verifyJournal } from './verify.ts'

const key = newTestKey('exc_one')
const tenant = newTenant()
const isFull = (error: unknown): boolean => isFault(error, 'journal-full')

function errorWith(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** A disk with so many bytes left, that takes part of a write before it refuses the rest. */
function smallDisk(room: { bytes: number }): Disk {
  return {
    ...systemDisk,
    write: (fd, bytes, offset) => {
      const count = Math.min(room.bytes, bytes.length - offset)
      if (count === 0) throw errorWith('ENOSPC')
      room.bytes -= count
      return systemDisk.write(fd, bytes.subarray(offset, offset + count), 0)
    },
  }
}

test('a full disk refuses, takes the half line back, and goes on when there is room', async () => {
  for (let room = 0; room < 260; room += 13) {
    await using dir = await newTestRoot()
    const left = { bytes: 130 + room }
    const { journal, problems } = await startTestJournal(dir, key, { disk: smallDisk(left) })
    let written = 0
    for (let n = 0; n < 6; n++) {
      try {
        journal.append(tenant, { n })
        written++
      } catch (error) {
        assert.ok(isFull(error))
      }
    }
    assert.ok(written >= 1 && written < 6)
    const text = readFileSync(segmentPath(join(dir.root, tenant, 'exc_one'), 1), 'utf8')
    assert.equal(text.split('\n').length, written + 1)
    assert.ok(text.endsWith('\n'))
    left.bytes = 1e6
    assert.equal(journal.append(tenant, { again: true }).sequence, written + 1)
    await journal.close()
    assert.deepEqual(problems, [])
    assert.equal((await verifyJournal(dir.root, { publicKeys: [key.key] })).isIntact, true)
  }
})

test('of a batch that did not fit, whole lines stay and the rest is refused', async () => {
  await using dir = await newTestRoot()
  const left = { bytes: 300 }
  const { journal } = await startTestJournal(dir, key, { disk: smallDisk(left) })
  const staged = [1, 2, 3, 4, 5].map((n) => journal.stage(tenant, { n }))
  const outcomes = staged.map((one) => {
    try {
      return one.commit().sequence
    } catch (error) {
      return isFull(error) ? 'full' : 'other'
    }
  })
  assert.deepEqual(outcomes, [1, 2, 3, 'full', 'full'])
  left.bytes = 1e6
  assert.equal(journal.append(tenant, { n: 4 }).sequence, 4)
  await journal.close()
  assert.equal((await verifyJournal(dir.root, { publicKeys: [key.key] })).isIntact, true)
})

test('a half line that cannot be taken back ends the epoch, and service goes on in the next one', async () => {
  await using dir = await newTestRoot()
  const left = { bytes: 150 }
  const disk: Disk = {
    ...smallDisk(left),
    truncate: () => {
      throw errorWith('EIO')
    },
  }
  const { journal, problems } = await startTestJournal({ ...dir, caps: { failurePauseMs: 0 } }, key, { disk })
  journal.append(tenant, { n: 1 })
  assert.throws(() => journal.append(tenant, { n: 2 }), isFull)
  assert.deepEqual(
    problems.map((one) => one.kind),
    ['epoch-ended'],
  )
  left.bytes = 1e6
  const receipt = journal.append(tenant, { n: 2 })
  assert.deepEqual([receipt.writer, receipt.sequence], ['exc_one.2', 1])
  await journal.close()
})

test('a failed sync acknowledges nothing, is never tried again on the same chain, and ends the epoch', async () => {
  await using dir = await newTestRoot()
  let failures = 1
  const disk: Disk = {
    ...systemDisk,
    sync: async (fd) => {
      if (failures-- > 0) throw errorWith('EIO')
      await systemDisk.sync(fd)
    },
  }
  const { journal, problems } = await startTestJournal({ ...dir, caps: { failurePauseMs: 0 } }, key, { disk })
  await assert.rejects(journal.appendDurable(tenant, { n: 1 }), isFull)
  assert.deepEqual(
    problems.map((one) => one.kind),
    ['epoch-ended'],
  )
  const receipt = await journal.appendDurable(tenant, { n: 2 })
  assert.equal(receipt.writer, 'exc_one.2')
  await journal.close()
})

test('after a failed sync the tenant is refused for a while, so that epochs do not pile up', async () => {
  await using dir = await newTestRoot()
  let nowMs = 0
  const disk: Disk = { ...systemDisk, sync: async () => await Promise.reject(errorWith('EIO')) }
  const { journal, problems } = await startTestJournal(dir, key, { disk, monotonicMs: () => nowMs })
  await assert.rejects(journal.appendDurable(tenant, {}), isFull)
  assert.throws(() => journal.append(tenant, {}), isFull)
  nowMs = 1000
  await assert.rejects(journal.appendDurable(tenant, {}), isFull)
  assert.equal(problems.length, 2)
  await journal.close()
})

test('the spool cap refuses, whatever room the disk has', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal({ ...dir, caps: { maxTotalBytes: 1000 } }, key)
  assert.throws(() => {
    for (let n = 0; n < 100; n++) journal.append(tenant, { n })
  }, isFull)
  assert.ok(journal.status().bytes <= 1000)
  await journal.close()
})

test('a real full file system refuses and recovers', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'journal-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root], { stdio: 'ignore' })
  } catch {
    rmSync(root, { recursive: true })
    return t.skip('needs the right to mount a tmpfs')
  }
  try {
    const ballast = join(root, 'ballast')
    writeFileSync(ballast, Buffer.alloc(700_000))
    const { journal } = await startTestJournal({ root }, key)
    let written = 0
    assert.throws(() => {
      for (; written < 2000; written++) journal.append(tenant, { written, text: 'x'.repeat(700) })
    }, isFull)
    assert.ok(written > 10)
    assert.throws(() => journal.append(tenant, { text: 'x'.repeat(9000) }), isFull)
    rmSync(ballast)
    const receipt = await journal.appendDurable(tenant, { text: 'x'.repeat(9000) })
    assert.equal(receipt.sequence, written + 1)
    await journal.close()
    const report = await verifyJournal(root, { publicKeys: [key.key] })
    assert.deepEqual(
      report.chains.map((chain) => [chain.records, chain.problems.length]),
      [[written + 1, 0]],
    )
  } finally {
    execFileSync('umount', [root])
    rmSync(root, { recursive: true })
  }
})
