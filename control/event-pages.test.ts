// Pages of events while segments become files: every event once, in order, whatever has moved where meanwhile.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { type Journal, startJournal } from '#journal/journal.ts'
import { chainPlace, listSegments } from '#journal/layout.ts'
import { newTestKey } from '#journal/testing.ts'
import { type Lake, openLake } from '#lake/lake.ts'
import { decisionEvent, never, newTenant, newTestLake, START_MS, type TestLake } from '#lake/testing.ts'
import type { EventPage, EventQuery } from './context.ts'
import { pageOfEvents } from './event-pages.ts'

const keys = { exc_one: newTestKey('exc_one'), exc_two: newTestKey('exc_two'), control: newTestKey('control') }
type Name = keyof typeof keys
const names: readonly Name[] = ['exc_one', 'exc_two', 'control']

let at: TestLake
let lake: Lake
before(async () => {
  at = await newTestLake()
  lake = openLake({ folder: at.folder, journalRoot: at.journalRoot }, { report: () => {} })
})
after(async () => {
  await lake.close()
  await at[Symbol.asyncDispose]()
})

let clock = START_MS
async function startWriter(writer: Name): Promise<Journal> {
  return await startJournal(
    { root: at.journalRoot, writer, caps: { maxSegmentBytes: 6000 } },
    {
      signer: keys[writer].signer,
      keys: [keys[writer].key],
      report: ({ kind }) => assert.fail(kind),
      nowMs: () => clock,
    },
  )
}

/** `count` events of each writer, a minute apart, the second with an exchange that is often quiet. */
async function writeEvents(tenant: TenantId, from: number, count: number): Promise<void> {
  const journals = new Map<Name, Journal>()
  for (const name of names) journals.set(name, await startWriter(name))
  for (let n = from; n < from + count; n++) {
    clock += 60_000
    for (const [name, journal] of journals) {
      if (name === 'exc_two' && n % 10 > 2) continue
      const user = ['alice', 'bob', 'carol'][n % 3] ?? ''
      journal.append(
        tenant,
        decisionEvent({ n, tenant, timeMs: clock, user, app: name === 'control' ? 'mail' : 'wiki' }),
      )
    }
  }
  for (const journal of journals.values()) await journal.close()
}

/** Takes everything sealed into files, and lets go of segments up to a fraction of each chain. */
async function moveToLake(tenant: TenantId, fraction: number): Promise<void> {
  const { watermarks, problems } = await lake.compact(
    tenant,
    Object.values(keys).map(({ key }) => key),
    never,
  )
  assert.deepEqual(problems, [])
  for (const { writer, through } of watermarks) {
    const journal = await startWriter(writer as Name)
    const place = chainPlace(at.journalRoot, tenant, writer)
    await journal.removeSegments(place, { throughSequence: Math.floor(through * fraction), reason: 'retention' })
    await journal.close()
  }
}

const query = (changes: Partial<EventQuery> = {}): EventQuery => ({ limit: 1000, fields: {}, ...changes })
const uidsOf = (page: EventPage) =>
  page.items.map(({ writer, event }) => `${writer}/${(event['metadata'] as { uid: string }).uid}`)

async function readAll(tenant: TenantId, asked: EventQuery, between?: (page: number) => Promise<void>) {
  const seen: string[] = []
  let pages = 0
  for (let after: string | undefined; ;) {
    const page = await pageOfEvents(at.journalRoot, tenant, { ...asked, after }, lake)
    assert.ok(page.items.length <= asked.limit)
    seen.push(...uidsOf(page))
    if (page.next === null) return { seen, pages }
    after = page.next
    assert.ok(++pages < 1000, 'paging ends')
    await between?.(pages)
  }
}

test('pages give every event once and in the same order, before and after segments became files', async () => {
  const tenant = newTenant()
  await writeEvents(tenant, 0, 120)
  const { seen: expected } = await readAll(tenant, query())
  assert.equal(expected.length, 120 * 2 + 36)
  assert.equal(lake.pid(), undefined, 'no page of segments starts the engine')
  for (const fraction of [0, 0.4, 0.8, 1]) {
    await moveToLake(tenant, fraction)
    for (const limit of [1000, 7]) assert.deepEqual((await readAll(tenant, query({ limit }))).seen, expected)
  }
  const left = await listSegments(chainPlace(at.journalRoot, tenant, 'exc_one').dir)
  assert.ok(left.length <= 1, 'all that was sealed is gone from the journal')
})

test('an event that becomes a file between two pages is given neither twice nor never', async () => {
  for (const limit of [3, 40]) {
    const tenant = newTenant()
    await writeEvents(tenant, 0, 100)
    const { seen: expected } = await readAll(tenant, query())
    const { seen } = await readAll(tenant, query({ limit }), (page) =>
      page === 2 || page === 4 ? moveToLake(tenant, page / 5) : Promise.resolve(),
    )
    assert.deepEqual(seen, expected, `limit ${limit}`)
  }
})

test('what is written while somebody pages is not in the pages that follow', async () => {
  const tenant = newTenant()
  await writeEvents(tenant, 0, 60)
  await moveToLake(tenant, 0.7)
  const { seen: expected } = await readAll(tenant, query())
  const { seen } = await readAll(tenant, query({ limit: 9 }), (page) =>
    page === 3 ? writeEvents(tenant, 1000, 20) : Promise.resolve(),
  )
  assert.deepEqual(seen, expected)
})

test('the same filters hold on both sides: fields, text in any case, time, and no other tenant', async () => {
  const [tenant, other] = [newTenant(), newTenant()]
  const startMs = clock
  await writeEvents(tenant, 0, 90)
  await writeEvents(other, 500, 30)
  const asked: Partial<EventQuery>[] = [
    { fields: { 'actor.user.name': 'alice' } },
    { fields: { 'actor.user.name': 'bob', app_name: 'mail' } },
    { fields: { class_uid: 4002, status_id: 1 } },
    { fields: { status_id: 2 } },
    { fields: { 'metadata.uid': 'uid-17' } },
    { fields: { 'actor.session.uid': 'ses_carol' } },
    { text: 'UID-3', fields: {} },
    { text: '/page/1', fields: {} },
    { text: 'nobody says "this"\\', fields: {} },
    { fromMs: startMs + 20 * 60_000, untilMs: startMs + 70 * 60_000 },
  ]
  const expected = []
  for (const each of asked) expected.push((await readAll(tenant, query(each))).seen)
  assert.deepEqual(
    expected.map(({ length }) => length > 0),
    [true, true, true, false, true, true, true, true, false, true],
  )
  await moveToLake(tenant, 1)
  await moveToLake(other, 1)
  for (const [index, each] of asked.entries())
    for (const limit of [1000, 4])
      assert.deepEqual((await readAll(tenant, query({ ...each, limit }))).seen, expected[index], JSON.stringify(each))
})

test('a cursor that nobody was given is refused, or shows events of the same tenant at worst', async () => {
  const tenant = newTenant()
  await writeEvents(tenant, 0, 30)
  await moveToLake(tenant, 1)
  const cursor = (value: unknown) => `lake.${Buffer.from(JSON.stringify(value)).toString('base64url')}`
  for (const after of [
    'lake.',
    'lake.!!',
    cursor(null),
    cursor({ j: '', b: {}, l: ['1', 'exc_one', 1] }),
    cursor({ j: '', b: { "exc_one') --": 5 }, l: null }),
    cursor({ j: '', b: {}, l: [1, "x' OR 1=1", 1] }),
    cursor({ j: 'bad cursor', b: {}, l: null }),
    cursor({ j: '', b: { exc_one: -1 }, l: null }),
    cursor({ j: '', b: {}, l: null, more: 1 }),
  ])
    await assert.rejects(
      pageOfEvents(at.journalRoot, tenant, query({ after }), lake),
      (error) => isFault(error, 'request-malformed'),
      after,
    )
  const far = cursor({ j: '', b: { exc_one: Number.MAX_SAFE_INTEGER, exc_nobody: 7 }, l: null })
  const page = await pageOfEvents(at.journalRoot, tenant, query({ after: far }), lake)
  for (const { event } of page.items) assert.equal((event['metadata'] as { tenant_uid: string }).tenant_uid, tenant)
})

test('a damaged manifest keeps nobody from what the segments have, and is told where they end', async () => {
  const tenant = newTenant()
  await writeEvents(tenant, 0, 40)
  await moveToLake(tenant, 0.5)
  await writeFile(join(at.folder, `tenant=${tenant}`, 'manifest.json'), 'damaged')
  const first = await pageOfEvents(at.journalRoot, tenant, query({ limit: 5 }), lake)
  assert.equal(first.items.length, 5)
  await assert.rejects(readAll(tenant, query({ limit: 20 })), (error) => isFault(error, 'lake-corrupt'))
})
