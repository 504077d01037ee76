// The engine's process: started when asked, mortal, and apart.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import type { DecisionClass } from './decisions.ts'
import { openLake, type Lake } from './lake.ts'
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
import type { EngineProblem } from './engine-process.ts'
import type { LakeCaps } from './caps.ts'

function open(at: TestLake, caps: Partial<LakeCaps> = {}): { lake: Lake; problems: EngineProblem[] } {
  const problems: EngineProblem[] = []
  const { folder, journalRoot } = at
  const lake = openLake({ folder, journalRoot, caps }, { report: (problem) => void problems.push(problem) })
  return { lake, problems }
}

test('questions and work go through a process of their own, which starts when first asked', async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(at)
  for (let n = 0; n < 20; n++) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n * 1000 }))
  await journal.sync()
  const { lake, problems } = open(at)
  assert.equal(lake.pid(), undefined)
  const compaction = await lake.compact(tenant, [writerKey.key], never)
  assert.ok(compaction.rows > 0)
  assert.notEqual(lake.pid(), process.pid)
  const page = await lake.events({ tenant, limit: 5, users: ['alice'] }, never)
  assert.deepEqual(
    page.items.map(({ uid }) => uid),
    ['uid-19', 'uid-18', 'uid-17', 'uid-16', 'uid-15'],
  )
  const classes: DecisionClass[] = []
  const query = { tenant, sinceMs: START_MS, untilMs: START_MS + DAY_MS, distinguish: [] }
  for await (const batch of lake.decisionClasses(query, never)) classes.push(...batch)
  assert.deepEqual(
    classes.map(({ count }) => count),
    [20],
  )
  assert.deepEqual((await lake.verify(tenant, [writerKey.key], never)).problems, [])
  assert.equal((await lake.status(tenant)).rows, compaction.rows)
  assert.equal((await lake.counts({ tenant, by: ['app'], limit: 5 }, never)).groups[0]?.count, 20)
  await lake.close()
  await lake.close()
  assert.deepEqual(problems, [])
  await assert.rejects(lake.events({ tenant, limit: 1 }, never), (error) => isFault(error, 'closing'))
})

test('a death of the engine fails what waits, is reported, and the next call after the pause works', async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  let clock = 0
  const died = Promise.withResolvers<EngineProblem>()
  await using lake = openLake(
    { folder: at.folder, journalRoot: at.journalRoot },
    { report: (problem) => died.resolve(problem), monotonicMs: () => clock },
  )
  await lake.events({ tenant, limit: 1 }, never)
  process.kill(lake.pid() ?? 0, 'SIGKILL')
  assert.equal((await died.promise).detail['signal'], 'SIGKILL')
  await assert.rejects(lake.events({ tenant, limit: 1 }, never), (error) => isFault(error, 'lake-unavailable'))
  clock = 1e9
  assert.deepEqual((await lake.events({ tenant, limit: 1 }, never)).items, [])
})

test('a stream that is left, a call that is aborted and a query that is too slow free the engine', async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  await using journal = await startTestWriter(at, 1_000_000)
  for (let n = 0; n < 5000; n++) journal.append(tenant, decisionEvent({ n, tenant, timeMs: START_MS + n }))
  await journal.sync()
  const { lake, problems } = open(at, { maxConcurrentCalls: 1 })
  const query = { tenant, sinceMs: START_MS, untilMs: START_MS + DAY_MS }
  for await (const batch of lake.decisionClasses(query, never)) {
    assert.ok(batch.length > 0 && batch.length <= 2048)
    break
  }
  const controller = new AbortController()
  const aborted = lake.events({ tenant, limit: 1000 }, controller.signal)
  controller.abort()
  await assert.rejects(aborted)
  const slow = lake.events({ tenant, limit: 1000, timeoutMs: 1 }, never)
  await assert.rejects(slow, (error) => isFault(error, 'lake-timeout'))
  assert.equal((await lake.events({ tenant, limit: 1000 }, never)).items.length, 1000)
  await lake.close()
  assert.deepEqual(problems, [])
})

test('a second process does not compact the same lake, and still answers questions', async () => {
  await using at = await newTestLake()
  const tenant = newTenant()
  await using one = open(at).lake
  await using two = open(at).lake
  await one.compact(tenant, [], never)
  await assert.rejects(two.compact(tenant, [], never), (error) => isFault(error, 'address-in-use'))
  assert.deepEqual((await two.events({ tenant, limit: 1 }, never)).items, [])
})

test('an engine over its memory cap ends itself and says why', async () => {
  await using at = await newTestLake()
  const problem = Promise.withResolvers<EngineProblem>()
  await using lake = openLake(
    { folder: at.folder, journalRoot: null, caps: { maxProcessBytes: 32 * 1024 * 1024 } },
    { report: problem.resolve },
  )
  await lake.events({ tenant: newTenant(), limit: 1 }, never).catch(() => {})
  assert.match(String((await problem.promise).detail['words']), /more memory/)
})

test('an idle engine ends, and is no problem', async () => {
  await using at = await newTestLake()
  const { lake, problems } = open(at, { idleMs: 1 })
  await lake.events({ tenant: newTenant(), limit: 1 }, never)
  const timer = new EventTarget()
  const look = setInterval(() => lake.pid() === undefined && timer.dispatchEvent(new Event('gone')), 5)
  await once(timer, 'gone')
  clearInterval(look)
  assert.deepEqual((await lake.events({ tenant: newTenant(), limit: 1 }, never)).items, [])
  await lake.close()
  assert.deepEqual(problems, [])
})
