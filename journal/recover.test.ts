// What a start makes of what a stop left behind.
import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { isFault } from '#core/fault.ts'
import { headPath, segmentPath } from './layout.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'
import { verifyJournal } from './verify.ts'

const key = newTestKey('exc_one')

test('a last record cut at any byte is put aside and the chain goes on', async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const path = segmentPath(join(dir.root, tenant, 'exc_one'), 1)
  {
    const { journal } = await startTestJournal(dir, key)
    journal.append(tenant, { n: 1 })
    journal.append(tenant, { n: 2 })
    await journal.close()
  }
  const signed = await readFile(path)
  {
    const { journal } = await startTestJournal(dir, key)
    journal.append(tenant, { n: 3, text: 'é€\u{1f600}' })
    // The process dies before it could sign: the last checkpoint names record 2.
    await journal.destroy(new Fault('closing'))
  }
  const whole = await readFile(path)
  for (let length = signed.length; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length))
    const { journal, problems } = await startTestJournal(dir, key)
    const cut = length - signed.length
    assert.deepEqual(
      problems.map((one) => [one.kind, one.detail['bytes']]),
      cut === 0 ? [] : [['torn-cut', cut]],
    )
    assert.deepEqual(await readFile(path), signed)
    if (cut > 0) {
      const aside = (await readdir(join(dir.root, tenant, 'exc_one'))).filter((name) => name.includes('.torn-'))
      assert.equal(aside.length, 1)
    }
    await journal.destroy(new Fault('closing'))
  }
  const { journal } = await startTestJournal(dir, key)
  assert.equal(journal.append(tenant, { n: 4 }).sequence, 3)
  await journal.close()
  const report = await verifyJournal(dir.root, { publicKeys: [key.key] })
  assert.deepEqual(report.chains[0]?.problems, [])
  assert.equal(report.chains[0]?.records, 3)
})

test('a torn end of garbage without any line is cut', async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const path = segmentPath(join(dir.root, tenant, 'exc_one'), 1)
  const first = await startTestJournal(dir, key)
  first.journal.append(tenant, { n: 1 })
  await first.journal.close()
  await appendFile(path, Buffer.alloc(200_000))
  const second = await startTestJournal(dir, key)
  assert.deepEqual(
    second.problems.map((one) => one.kind),
    ['torn-cut'],
  )
  assert.equal(second.journal.append(tenant, {}).sequence, 2)
  await second.journal.close()
})

async function damagedStart(damage: (path: string, dir: string) => Promise<void>): Promise<void> {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const other = newTenant()
  const chainDir = join(dir.root, tenant, 'exc_one')
  const path = segmentPath(chainDir, 1)
  const first = await startTestJournal(dir, key)
  for (let n = 1; n <= 20; n++) first.journal.append(tenant, { n })
  first.journal.append(other, { n: 1 })
  await first.journal.close()
  await damage(path, chainDir)
  const damaged = await readFile(path).catch(() => undefined)

  const second = await startTestJournal(dir, key)
  assert.deepEqual(
    second.problems.map((one) => [one.kind, one.tenant]),
    [['chain-corrupt', tenant]],
  )
  const receipt = await second.journal.appendDurable(tenant, { after: true })
  assert.equal(receipt.writer, 'exc_one.2')
  assert.equal(receipt.sequence, 1)
  assert.equal(second.journal.append(other, { n: 2 }).sequence, 2)
  await second.journal.close()
  assert.deepEqual(await readFile(path).catch(() => undefined), damaged, 'the evidence was touched')

  const third = await startTestJournal(dir, key)
  assert.equal(third.journal.append(tenant, {}).sequence, 2)
  await third.journal.close()
  const report = await verifyJournal(dir.root, { publicKeys: [key.key] })
  const broken = report.chains.filter((chain) => chain.problems.length > 0)
  assert.deepEqual(
    broken.map((chain) => [chain.tenant, chain.writer]),
    [[tenant, 'exc_one']],
  )
}

test('a changed record in the middle is never cut: the chain is kept and a new epoch starts', async () => {
  await damagedStart(async (path) => {
    const bytes = await readFile(path, 'utf8')
    await writeFile(path, bytes.replace('{"n":7}', '{"n":8}'))
  })
})

test('an end cut below the last checkpoint is not taken for a torn one', async () => {
  await damagedStart(async (path) => {
    const bytes = await readFile(path)
    await truncate(path, bytes.length - 5)
  })
})

test('a removed segment is not taken for a new chain', async () => {
  await damagedStart(async (path) => await rm(path))
})

test('a forged head is refused', async () => {
  await damagedStart(async (_path, chainDir) => {
    const head: unknown = JSON.parse(await readFile(headPath(chainDir), 'utf8'))
    await writeFile(headPath(chainDir), JSON.stringify({ ...Object(head), sequence: 1, hash: 'a'.repeat(64) }))
  })
})

test('a second process with the same writer is refused', async () => {
  await using dir = await newTestRoot()
  const { journal } = await startTestJournal(dir, key)
  await assert.rejects(startTestJournal(dir, key), (error) => isFault(error, 'address-in-use'))
  await journal.close()
  const again = await startTestJournal(dir, key)
  await again.journal.close()
})

test('the lock of a process that is gone does not keep the next one out', async () => {
  await using dir = await newTestRoot()
  await writeFile(join(dir.root, 'exc_one.lock'), `${process.pid} another-boot:1 x`)
  const { journal } = await startTestJournal(dir, key)
  await journal.close()
})
