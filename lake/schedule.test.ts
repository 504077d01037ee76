// What keeps the lake by the clock: rounds, removal of segments, retention, copies, and the end of it.
import assert from 'node:assert/strict'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { listSegments, chainPlace } from '#journal/layout.ts'
import { verifyJournal } from '#journal/verify.ts'
import { openFolderStore } from './folder-store.ts'
import { readManifest } from './manifest.ts'
import { startLake, type LakeProblemReport, type LakeService, type LakeServiceDeps } from './schedule.ts'
import {
  DAY_MS,
  decisionEvent,
  never,
  newTenant,
  newTestLake,
  startTestWriter,
  START_MS,
  writerKey,
  type TestLake,
} from './testing.ts'

type Started = { readonly service: LakeService; readonly problems: LakeProblemReport[] }

function start(
  at: TestLake,
  tenants: readonly TenantId[],
  deps: Partial<LakeServiceDeps>,
  retentionDays = 30,
): Started {
  const problems: LakeProblemReport[] = []
  const { folder, journalRoot } = at
  const service = startLake(
    { folder, journalRoot, keepSegmentsMs: 0 },
    {
      tenants: () => Promise.resolve(tenants.map((tenant) => ({ tenant, retentionDays }))),
      keys: () => [writerKey.key],
      removeSegments: () => Promise.resolve(),
      store: null,
      report: (problem) => void problems.push(problem),
      // Rounds only when asked for.
      pause: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('over')))),
      ...deps,
    },
  )
  return { service, problems }
}

test('a round takes segments in, lets them go under a tombstone, copies files, and removes old days everywhere', async () => {
  await using at = await newTestLake()
  const [tenant, other] = [newTenant(), newTenant()]
  let clock = START_MS
  await using journal = await startTestWriter(at, 4000, () => clock)
  for (let n = 0; n < 40; n++) {
    clock = START_MS + n * 7_200_000
    journal.append(tenant, decisionEvent({ n, tenant, timeMs: clock }))
    journal.append(other, decisionEvent({ n, tenant: other, timeMs: clock }))
  }
  await journal.sync()
  const store = openFolderStore(join(at.root, 'copies'))
  const { service, problems } = start(at, [tenant, other], {
    store,
    nowMs: () => clock,
    removeSegments: (place, request) => journal.removeSegments(place, request),
  })
  await service.runNow()
  const place = chainPlace(at.journalRoot, tenant, 'exc_one')
  assert.equal((await listSegments(place.dir)).length, 1)
  assert.equal((await verifyJournal(at.journalRoot, { publicKeys: [writerKey.key] })).isIntact, true)
  const all = await service.lake.events({ tenant, limit: 100 }, never)
  assert.equal(all.items.length, 40)
  const copied = await readdir(join(at.root, 'copies', `tenant=${tenant}`), { recursive: true })
  assert.equal(
    copied.filter((name) => name.endsWith('.parquet')).length,
    (await readManifest(at.folder, tenant)).files.length,
  )
  clock += 29 * DAY_MS
  await service.runNow()
  const left = await service.lake.events({ tenant, limit: 100 }, never)
  assert.ok(left.items.every(({ timeMs }) => timeMs >= START_MS + 2 * DAY_MS) && left.items.length > 5)
  assert.deepEqual((await service.lake.verify(tenant, [writerKey.key], never)).problems, [])
  // The copies stand for themselves: a lake can be read from them.
  await cp(join(at.root, 'copies'), join(at.folder, 'copies'), { recursive: true })
  const copy = await readManifest(join(at.folder, 'copies'), tenant)
  assert.deepEqual(copy, await readManifest(at.folder, tenant))
  await service.removeTenant(tenant)
  assert.deepEqual(
    (await readdir(at.folder)).filter((name) => name.startsWith('tenant=')),
    [`tenant=${other}`],
  )
  assert.deepEqual(await readdir(join(at.root, 'copies', `tenant=${tenant}`)).catch(() => []), [])
  assert.ok((await readdir(join(at.root, 'copies', `tenant=${other}`))).length > 1)
  await service.close()
  await service.close()
  assert.deepEqual(problems, [])
})

test("one tenant's trouble does not keep the others from their round, and is reported", async () => {
  await using at = await newTestLake()
  const [bad, good] = [newTenant(), newTenant()]
  await using journal = await startTestWriter(at)
  for (let n = 0; n < 20; n++) {
    for (const tenant of [bad, good]) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n }))
  }
  await journal.sync()
  const { service, problems } = start(at, [bad, good], {
    removeSegments: ({ tenant }) => (tenant === bad ? Promise.reject(new Fault('journal-corrupt')) : Promise.resolve()),
  })
  await service.runNow()
  await service.destroy(new Fault('closing'))
  assert.deepEqual(
    problems.map((problem) => [problem.kind, problem.detail['code']]),
    [['compact-failed', 'journal-corrupt']],
  )
  assert.ok((await readManifest(at.folder, good)).files.length > 0)
})
