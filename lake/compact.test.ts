// Segments become files, and questions see both as one.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { listSegments, chainPlace } from '#journal/layout.ts'
import { compactTenant, type Compaction } from './compact.ts'
import type { TenantId } from '#core/ids.ts'
import { queryClasses } from './class-query.ts'
import { countEvents } from './count.ts'
import type { DecisionClass } from './decisions.ts'
import { readManifest } from './manifest.ts'
import { queryEvents } from './query.ts'
import {
  DAY_MS,
  decisionEvent,
  inputsFor,
  never,
  newTenant,
  newTestLake,
  startTestWriter,
  START_MS,
  writerKey,
  type TestLake,
} from './testing.ts'

async function compact(lake: TestLake, tenant: TenantId): Promise<Compaction> {
  const { folder, journalRoot, caps } = lake
  return await compactTenant(lake.database, { folder, journalRoot, tenant, keys: [writerKey.key], caps, signal: never })
}

async function allUids(lake: TestLake, tenant: TenantId): Promise<(string | null)[]> {
  const uids: (string | null)[] = []
  for (let after: string | undefined; ;) {
    const page = await queryEvents(
      lake.database,
      { tenant, order: 'oldest-first', limit: 7, ...(after && { after }) },
      lake.reading,
    )
    uids.push(...page.items.map(({ uid }) => uid))
    if (page.next === null) return uids
    after = page.next
  }
}

test('every event is seen once, before, between and after compaction and removal', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(lake)
  const expected: string[] = []
  for (let n = 0; n < 30; n++) {
    journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n * 7_200_000 }))
    expected.push(`uid-${n}`)
  }
  await journal.sync()
  assert.deepEqual(await allUids(lake, tenant), expected)
  const first = await compact(lake, tenant)
  assert.deepEqual(first.problems, [])
  assert.ok(first.rows > 20 && first.files >= 3, JSON.stringify(first))
  assert.deepEqual(await allUids(lake, tenant), expected)
  const place = chainPlace(lake.journalRoot, tenant, 'exc_one')
  const before = await listSegments(place.dir)
  await journal.removeSegments(place, { throughSequence: first.watermarks[0]?.through ?? 0, reason: 'shipped' })
  assert.ok((await listSegments(place.dir)).length < before.length)
  assert.deepEqual(await allUids(lake, tenant), expected)
  journal.append(tenant, decisionEvent({ n: 30, tenant, timeMs: START_MS + 30 * 7_200_000 }))
  assert.deepEqual(await allUids(lake, tenant), [...expected, 'uid-30'])
  await compact(lake, tenant)
  assert.equal((await compact(lake, tenant)).rows, 0)
  assert.deepEqual(await allUids(lake, tenant), [...expected, 'uid-30'])
  const { files } = await readManifest(lake.folder, tenant)
  for (const { day } of files) assert.match(day, /^2026-11-2\d$/)
  assert.deepEqual(await readdir(`${lake.folder}/tenant=${tenant}/day=2026-11-24`), [
    `exc_one-${'1'.padStart(16, '0')}-${'12'.padStart(16, '0')}.parquet`,
  ])
})

test('classes carry the recorded inputs exactly, and add up to every decision', async () => {
  await using lake = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(lake)
  for (let n = 0; n < 40; n++) {
    const user = ['alice', 'bob', 'carol'][n % 3] ?? ''
    journal.append(
      tenant,
      decisionEvent({ n, tenant, user, timeMs: START_MS + n * 1000, kind: n % 10 === 9 ? 'deny' : 'allow' }),
    )
  }
  journal.append(tenant, decisionEvent({ n: 40, tenant, timeMs: START_MS + 50_000, inputs: null }))
  journal.append(tenant, decisionEvent({ n: 41, tenant, timeMs: START_MS + 51_000, inputs: { odd: true } }))
  await journal.sync()
  await compact(lake, tenant)
  const classes = async (distinguish?: readonly []): Promise<DecisionClass[]> => {
    const all: DecisionClass[] = []
    const query = { tenant, sinceMs: START_MS, untilMs: START_MS + DAY_MS, ...(distinguish && { distinguish }) }
    for await (const batch of queryClasses(lake.database, query, lake.reading)) all.push(...batch)
    return all.toSorted((a, b) => a.firstMs - b.firstMs)
  }
  const exact = await classes()
  assert.equal(exact.length, 42)
  assert.deepEqual(exact[0]?.inputs, inputsFor('alice', 'wiki', START_MS))
  assert.deepEqual([exact[40]?.inputs, exact[40]?.isForeign], [null, false])
  assert.deepEqual([exact[41]?.inputs, exact[41]?.isForeign], [null, true])
  const coarse = await classes([])
  assert.equal(
    coarse.reduce((sum, one) => sum + one.count, 0),
    42,
  )
  assert.equal(coarse.length, 8)
  const alice = coarse.find((one) => one.user?.name === 'alice' && one.inputs !== null && one.outcome === 'allow')
  assert.deepEqual(alice?.inputs, inputsFor('alice', 'wiki', alice?.lastMs ?? 0))
  const counts = await countEvents(lake.database, { tenant, by: ['user', 'decision'], limit: 10 }, lake.reading)
  assert.deepEqual(counts.groups[0]?.key, ['alice', 'allow'])
})
