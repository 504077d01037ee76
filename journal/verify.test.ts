// Attacks on the files of a journal: each must show in the report, and only where it was made.
import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TenantId } from '#core/ids.ts'
import type { Journal } from './journal.ts'
import { chainPlace, headPath, listSegments, sealPath, segmentPath, tombstonesPath } from './layout.ts'
import { genesisHash, hashPrefix, hashRecord, formatLine } from './record.ts'
import { parseStatement, signTombstone, type Checkpoint } from './statement.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from './testing.ts'
import { verifyJournal, type ChainProblemKind, type JournalReport } from './verify.ts'

const key = newTestKey('exc_one')
const thief = newTestKey('exc_two')
const publicKeys = [key.key, thief.key]
const caps = { maxSegmentBytes: 2000 }

type World = { root: string; victim: TenantId; other: TenantId; dir: string; segments: number[] }

async function world(root: string, prepare?: (journal: Journal, victim: TenantId) => Promise<void>): Promise<World> {
  const [victim, other] = [newTenant(), newTenant()]
  const { journal, problems } = await startTestJournal({ root, caps }, key)
  for (let n = 1; n <= 60; n++) {
    journal.append(victim, { n, text: 'a decision' })
    journal.append(other, { n, text: 'a decision' })
  }
  await journal.sync()
  await prepare?.(journal, victim)
  await journal.close()
  assert.deepEqual(problems, [])
  const dir = chainPlace(root, victim, 'exc_one').dir
  return { root, victim, other, dir, segments: await listSegments(dir) }
}

function kinds(report: JournalReport, tenant: TenantId): ChainProblemKind[] {
  return report.chains
    .filter((chain) => chain.tenant === tenant)
    .flatMap((chain) => chain.problems.map((one) => one.kind))
}

async function attack(
  expected: ChainProblemKind,
  strike: (world: World) => Promise<void>,
  prepare?: (journal: Journal, victim: TenantId) => Promise<void>,
): Promise<void> {
  await using dir = await newTestRoot()
  const made = await world(dir.root, prepare)
  const before = await verifyJournal(dir.root, { publicKeys })
  assert.equal(before.isIntact, true, JSON.stringify(before))
  await strike(made)
  const after = await verifyJournal(dir.root, { publicKeys })
  assert.equal(after.isIntact, false)
  assert.ok(kinds(after, made.victim).includes(expected), JSON.stringify(after.chains))
  assert.deepEqual(kinds(after, made.other), [])
}

const at = (list: readonly number[], index: number): number => list.at(index) ?? 0

test('an intact journal verifies and is described', async () => {
  await using dir = await newTestRoot()
  const { victim, segments } = await world(dir.root)
  const report = await verifyJournal(dir.root, { publicKeys, tenant: victim })
  assert.equal(report.isIntact, true)
  const chain = report.chains[0]
  assert.equal(chain?.records, 60)
  assert.equal(chain?.firstSequence, 1)
  assert.equal(chain?.lastSequence, 60)
  assert.equal(chain?.unsignedRecords, 0)
  assert.equal(chain?.segments, segments.length)
  assert.equal(chain?.checkpoints, segments.length)
})

test('a journal that is being written, rotated and thinned out verifies at any moment', async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const { journal } = await startTestJournal({ ...dir, caps: { maxSegmentBytes: 20_000, syncDelayMs: 1 } }, key)
  await journal.appendDurable(tenant, {})
  const place = chainPlace(dir.root, tenant, 'exc_one')
  let isDone = false
  const writing = (async () => {
    for (let n = 0; !isDone; n++) {
      for (let burst = 0; burst < 20; burst++) journal.append(tenant, { n, burst, text: 'x'.repeat(n % 300) })
      if (n % 20 === 0) await journal.removeSegments(place, { throughSequence: n * 18, reason: 'retention' })
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  try {
    for (let look = 0; look < 30; look++) {
      const report = await verifyJournal(dir.root, { publicKeys })
      assert.deepEqual(
        report.chains.flatMap((chain) => chain.problems),
        [],
      )
    }
  } finally {
    isDone = true
    await writing
    await journal.close()
  }
})

test('notices an edited event', async () => {
  await attack('segment-damaged', async ({ dir }) => {
    const path = segmentPath(dir, 1)
    await writeFile(path, (await readFile(path, 'utf8')).replace('"n":3', '"n":4'))
  })
})

test('notices an edited event with all later hashes made anew', async () => {
  await attack('checkpoint-differs', async ({ dir, victim }) => {
    const chain = { tenant: victim, writer: 'exc_one' }
    let [hash, sequence] = [genesisHash(chain), 0]
    for (const first of await listSegments(dir)) {
      const lines = (await readFile(segmentPath(dir, first), 'utf8')).trimEnd().split('\n')
      let text = ''
      for (const line of lines) {
        const [, timeMs, , event]: [number, number, string, { n: number }] = JSON.parse(line)
        const json = JSON.stringify(event.n === 3 ? { n: 3, text: 'nothing happened' } : event)
        hash = hashRecord(hashPrefix(chain), ++sequence, hash, timeMs, json)
        text += formatLine(sequence, timeMs, hash, json)
      }
      await writeFile(segmentPath(dir, first), text)
    }
  })
})

test('notices two records that changed places', async () => {
  await attack('segment-damaged', async ({ dir }) => {
    const path = segmentPath(dir, 1)
    const lines = (await readFile(path, 'utf8')).split('\n')
    await writeFile(path, [lines[1], lines[0], ...lines.slice(2)].join('\n'))
  })
})

test('notices a deleted record', async () => {
  await attack('segment-damaged', async ({ dir }) => {
    const path = segmentPath(dir, 1)
    await writeFile(path, (await readFile(path, 'utf8')).split('\n').toSpliced(2, 1).join('\n'))
  })
})

test('notices a segment removed from the middle', async () => {
  await attack('segment-missing', async ({ dir, segments }) => await rm(segmentPath(dir, at(segments, 1))))
})

test('notices a first segment removed without a tombstone', async () => {
  await attack('segment-missing', async ({ dir }) => await rm(segmentPath(dir, 1)))
})

test('notices a last segment removed', async () => {
  await attack('shorter-than-checkpoint', async ({ dir, segments }) => await rm(segmentPath(dir, at(segments, -1))))
})

test('notices a tail cut at a record boundary', async () => {
  await attack('shorter-than-checkpoint', async ({ dir, segments }) => {
    const path = segmentPath(dir, at(segments, -1))
    const text = await readFile(path, 'utf8')
    await truncate(path, text.slice(0, -1).lastIndexOf('\n') + 1)
  })
})

test('notices a removed head with a cut tail when only the seals are left to contradict it', async () => {
  await attack('shorter-than-checkpoint', async ({ dir, segments }) => {
    await rm(headPath(dir))
    const path = segmentPath(dir, at(segments, 0))
    await writeFile(path, `${(await readFile(path, 'utf8')).split('\n')[0]}\n`)
    for (const first of segments.slice(1)) await rm(segmentPath(dir, first))
  })
})

test('notices a chain without any checkpoint', async () => {
  await attack('checkpoint-missing', async ({ dir, segments }) => {
    await rm(headPath(dir))
    for (const first of segments) await rm(sealPath(dir, first), { force: true })
  })
})

test('notices the folder of another tenant in place of this one', async () => {
  await using dir = await newTestRoot()
  const { victim, other } = await world(dir.root)
  await rm(join(dir.root, victim), { recursive: true })
  await cp(join(dir.root, other), join(dir.root, victim), { recursive: true })
  const report = await verifyJournal(dir.root, { publicKeys })
  assert.ok(kinds(report, victim).includes('segment-damaged'))
  assert.ok(kinds(report, victim).includes('checkpoint-invalid'))
  assert.deepEqual(kinds(report, other), [])
})

test("notices another writer's chain under this writer's name", async () => {
  await attack('segment-damaged', async ({ dir, root, victim }) => {
    const { journal } = await startTestJournal({ root, writer: 'exc_two' }, thief)
    journal.append(victim, { forged: true })
    await journal.close()
    await rm(dir, { recursive: true })
    await rename(join(root, victim, 'exc_two'), dir)
  })
})

test('a head signed by another writer does not count', async () => {
  await attack('checkpoint-invalid', async ({ dir }) => {
    const head = parseStatement(await readFile(headPath(dir), 'utf8'))
    assert.ok(head !== undefined && head.kind !== 'tombstone')
    await writeFile(headPath(dir), JSON.stringify({ ...head, keyId: thief.signer.keyId }))
  })
})

async function removeFirst(journal: Journal, tenant: TenantId): Promise<void> {
  const place = chainPlace(journal.root, tenant, 'exc_one')
  const removal = await journal.removeSegments(place, { throughSequence: 30, reason: 'retention' })
  assert.ok(removal.segments > 0 && removal.bytes > 0)
}

test('what retention removed is vouched for by its tombstone, and the rest verifies', async () => {
  await using dir = await newTestRoot()
  const { victim } = await world(dir.root, removeFirst)
  const chain = (await verifyJournal(dir.root, { publicKeys, tenant: victim })).chains[0]
  assert.deepEqual(chain?.problems, [])
  assert.ok(chain !== undefined && chain.removedThrough > 0 && chain.removedThrough <= 30)
  assert.equal(chain.firstSequence, chain.removedThrough + 1)
  const { journal, problems } = await startTestJournal({ root: dir.root, caps }, key)
  assert.equal(journal.append(victim, {}).sequence, 61)
  await journal.close()
  assert.deepEqual(problems, [])
})

test('notices a removed tombstone', async () => {
  await attack('segment-missing', async ({ dir }) => await rm(tombstonesPath(dir)), removeFirst)
})

test('notices a tombstone that claims more than was removed', async () => {
  await attack(
    'tombstone-invalid',
    async ({ dir, segments }) => {
      const text = await readFile(tombstonesPath(dir), 'utf8')
      const tombstone: object = JSON.parse(text)
      await writeFile(tombstonesPath(dir), `${JSON.stringify({ ...tombstone, lastSequence: at(segments, 1) - 1 })}\n`)
      await rm(segmentPath(dir, at(segments, 0)))
    },
    removeFirst,
  )
})

test('a tombstone signed by another writer does not count', async () => {
  await attack('tombstone-invalid', async ({ dir, victim, segments }) => {
    const lines = (await readFile(segmentPath(dir, 1), 'utf8')).trimEnd().split('\n')
    const [lastSequence, , lastHash]: [number, number, string] = JSON.parse(lines.at(-1) ?? '')
    const chain = { tenant: victim, writer: 'exc_one' }
    const range = { firstSequence: 1, lastSequence, previousHash: genesisHash(chain), lastHash }
    const body = { kind: 'tombstone', ...chain, ...range, reason: 'retention', timeMs: 1 } as const
    const forged = signTombstone(body, thief.signer)
    await writeFile(tombstonesPath(dir), `${JSON.stringify(forged)}\n`)
    await rm(segmentPath(dir, at(segments, 0)))
  })
})

test('a chain put back to an earlier state, or removed, contradicts what others remember', async () => {
  await using dir = await newTestRoot()
  const { victim, dir: chainDir } = await world(dir.root)
  const copy = join(dir.root, 'copy')
  await cp(chainDir, copy, { recursive: true })
  const { journal } = await startTestJournal({ root: dir.root, caps }, key)
  journal.append(victim, { bad: 'deed' })
  await journal.close()
  const anchor = parseStatement(await readFile(headPath(chainDir), 'utf8'))
  assert.ok(anchor?.kind === 'checkpoint')
  const anchors: Checkpoint[] = [anchor]
  assert.equal((await verifyJournal(dir.root, { publicKeys, anchors })).isIntact, true)
  await rm(chainDir, { recursive: true })
  assert.deepEqual(kinds(await verifyJournal(dir.root, { publicKeys, anchors }), victim), ['chain-missing'])
  await cp(copy, chainDir, { recursive: true })
  assert.equal((await verifyJournal(dir.root, { publicKeys })).isIntact, true)
  assert.deepEqual(kinds(await verifyJournal(dir.root, { publicKeys, anchors }), victim), ['shorter-than-checkpoint'])
})

test('a deleted tenant leaves the others verifiable', async () => {
  await using dir = await newTestRoot()
  const { victim, other } = await world(dir.root, async (journal, tenant) => {
    const before = journal.status().bytes
    await journal.removeTenant(tenant)
    assert.ok(journal.status().bytes < before && journal.status().bytes > 0)
  })
  assert.deepEqual((await readdir(dir.root)).toSorted(), [other])
  const report = await verifyJournal(dir.root, { publicKeys })
  assert.equal(report.isIntact, true)
  assert.equal(
    report.chains.some((chain) => chain.tenant === victim),
    false,
  )
})
