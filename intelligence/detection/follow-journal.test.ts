import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Fault } from '#core/fault.ts'
import { newTenant, newTestKey, newTestRoot, startTestJournal } from '#journal/testing.ts'
import { startDetection } from './follow-journal.ts'
import type { Story } from './story.ts'
import { DAY_MS, eventOf, officeDays, startMs } from './testing.ts'
import { budgetsFor } from './thresholds.ts'

const key = newTestKey('exc_one')

function until(isSo: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = (): void => void (isSo() ? resolve() : setImmediate(look))
  look()
  return promise
}

test('learns from the journal, keeps it over a restart, and tells the story afterwards', async () => {
  await using dir = await newTestRoot()
  const tenant = newTenant()
  const { journal } = await startTestJournal({ root: dir.root }, key)
  const stories: Story[] = []
  const faults: Fault[] = []
  const config = {
    warmupMs: 14 * DAY_MS,
    budgets: budgetsFor(1),
    decoys: new Set<string>(),
    tenant,
    root: dir.root,
    stateFile: join(dir.root, 'detection.state'),
    saveEveryMs: 3_600_000,
    settleMs: 10,
  }
  const deps = {
    tell: (story: Story) => void stories.push(story),
    report: (fault: Fault) => void faults.push(fault),
    follow: { journal, pollMs: 3_600_000 },
  }
  const days = officeDays(60, 15)
  {
    await using live = await startDetection(config, deps)
    // Until it follows, nothing is due to arrive: the first event is asked for at once.
    await until(() => {
      if (live.status().events === 0) journal.append(tenant, eventOf({ user: 'u0', timeMs: startMs, app: 'g0-app-0' }))
      return live.status().events > 0
    })
    for (const happening of days) journal.append(tenant, eventOf(happening))
    await until(() => live.status().events >= days.length)
    assert.equal(live.status().users, 60)
  }
  {
    await using live = await startDetection(config, deps)
    assert.equal(live.status().users, 60)
    assert.equal(live.status().isLearning, false)
    for (let each = 0; each < 7; each++)
      journal.append(
        tenant,
        eventOf({ user: 'u1', group: 'g1', timeMs: startMs + 15 * DAY_MS + each * 60_000, app: `elsewhere-${each}` }),
      )
    await until(() => stories.length > 0)
    assert.ok(live.risk({ kind: 'user', id: 'u1' }).parts !== undefined)
  }
  assert.equal(stories[0]?.subject, 'u1')
  assert.deepEqual(faults, [])
  await journal.close()
})

test('a damaged state is reported and learned anew', async () => {
  await using dir = await newTestRoot()
  const stateFile = join(dir.root, 'detection.state')
  await writeFile(stateFile, 'sallyport-detection-2\nnot what was written')
  const faults: Fault[] = []
  const live = await startDetection(
    {
      warmupMs: DAY_MS,
      budgets: budgetsFor(1),
      decoys: new Set(),
      tenant: newTenant(),
      root: dir.root,
      stateFile,
      saveEveryMs: 3_600_000,
      settleMs: 1000,
    },
    { tell: () => {}, report: (fault) => void faults.push(fault), follow: { pollMs: 3_600_000 } },
  )
  assert.equal(faults[0]?.code, 'document-invalid')
  await live.close()
  await live.close()
})
