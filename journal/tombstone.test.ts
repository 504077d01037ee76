// Removing from the front of a chain: who may, what stays behind, and what a crash in between leaves.
import assert from 'node:assert/strict'
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { MAX_TOMBSTONES } from './caps.ts'
import { chainPlace, listSegments, segmentPath, type ChainPlace } from './layout.ts'
import { removeSegments, readTombstones } from './tombstone.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'
import { verifyJournal } from './verify.ts'

const key = newTestKey('exc_one')
const custodian = newTestKey(undefined)
const publicKeys = [key.key, custodian.key]
const deps = { keys: publicKeys, signer: custodian.signer, nowMs: () => 9 }

async function filled(
  root: string,
  records: number,
  maxSegmentBytes: number,
  nowMs?: () => number,
): Promise<ChainPlace> {
  const tenant = newTenant()
  const clock = nowMs === undefined ? {} : { nowMs }
  const { journal } = await startTestJournal({ root, caps: { maxSegmentBytes } }, key, clock)
  for (let n = 0; n < records; n++) journal.append(tenant, { n })
  await journal.close()
  return chainPlace(root, tenant, 'exc_one')
}

test('a custodian may remove what another wrote, and cannot vouch for records', async () => {
  await using dir = await newTestRoot()
  const place = await filled(dir.root, 50, 1000)
  const removal = await removeSegments(place, { throughSequence: 25, reason: 'retention' }, deps)
  assert.ok(removal.segments >= 2)
  const report = await verifyJournal(dir.root, { publicKeys })
  assert.equal(report.isIntact, true, JSON.stringify(report))
  assert.equal((await verifyJournal(dir.root, { publicKeys: [key.key] })).isIntact, false)
  const asWriter = { ...custodian.key, kind: 'custodian' } as const
  const onlyCustodian = await verifyJournal(dir.root, { publicKeys: [asWriter] })
  assert.ok(onlyCustodian.chains[0]?.problems.some((one) => one.kind === 'checkpoint-invalid'))
})

test('age removes by the latest time in a segment, oldest segments first', async () => {
  await using dir = await newTestRoot()
  let clock = 0
  const place = await filled(dir.root, 60, 1000, () => (clock += 10))
  assert.deepEqual(await removeSegments(place, { olderThanMs: 1, reason: 'retention' }, deps), {
    segments: 0,
    bytes: 0,
  })
  await removeSegments(place, { olderThanMs: 300, reason: 'retention' }, deps)
  const tombstone = (await readTombstones(place, publicKeys)).at(-1)
  assert.ok(tombstone !== undefined && tombstone.lastSequence < 30 && tombstone.lastSequence > 15)
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
})

test('what does not verify is not removed', async () => {
  await using dir = await newTestRoot()
  const place = await filled(dir.root, 50, 1000)
  const path = segmentPath(place.dir, 1)
  await writeFile(path, (await readFile(path, 'utf8')).replace('"n":2}', '"n":3}'))
  const before = await readdir(place.dir)
  const removal = removeSegments(place, { throughSequence: 50, reason: 'retention' }, deps)
  await assert.rejects(removal, (error) => isFault(error, 'journal-corrupt'))
  assert.deepEqual(await readdir(place.dir), before)
})

test('the segment being written is never removed', async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const { journal } = await startTestJournal({ ...dir, caps: { maxSegmentBytes: 1000 } }, key)
  for (let n = 0; n < 50; n++) journal.append(tenant, { n })
  await journal.sync()
  const place = chainPlace(dir.root, tenant, 'exc_one')
  await journal.removeSegments(place, { reason: 'retention' })
  assert.equal((await listSegments(place.dir)).length, 1)
  assert.equal(journal.append(tenant, {}).sequence, 51)
  await journal.close()
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
})

test('a crash between tombstone and removal is finished by the next start, and verifies before it', async () => {
  await using dir = await newTestRoot()
  const place = await filled(dir.root, 50, 1000)
  const copy = join(dir.root, 'copy')
  await cp(place.dir, copy, { recursive: true })
  await removeSegments(place, { throughSequence: 30, reason: 'retention' }, { ...deps, signer: key.signer })
  const left = await listSegments(place.dir)
  for (const name of await readdir(copy)) if (/\d/.test(name)) await cp(join(copy, name), join(place.dir, name))
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
  const { journal, problems } = await startTestJournal({ ...dir, caps: { maxSegmentBytes: 1000 } }, key)
  assert.deepEqual(await listSegments(place.dir), left)
  assert.equal(journal.append(place.tenant, {}).sequence, 51)
  await journal.close()
  assert.deepEqual(problems, [])
  await rm(copy, { recursive: true })
})

test('tombstones are folded, so that a chain can live for ever', async () => {
  await using dir = await newTestRoot()
  const place = await filled(dir.root, MAX_TOMBSTONES + 10, 150)
  for (let through = 1; through <= MAX_TOMBSTONES + 3; through++) {
    await removeSegments(place, { throughSequence: through, reason: 'retention' }, deps)
  }
  const tombstones = await readTombstones(place, publicKeys)
  assert.ok(tombstones.length <= MAX_TOMBSTONES)
  assert.equal(tombstones[0]?.reason, 'several')
  assert.equal(tombstones.at(-1)?.lastSequence, MAX_TOMBSTONES + 3)
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
})
