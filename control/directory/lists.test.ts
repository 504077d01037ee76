// Lists of a large tenant are pages of the database: what is read is what is shown, by an index, whatever the page.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { newId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import { inParts } from '#control/store/store.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { LastSeen } from './last-seen.ts'
import { sessionCount, sessionRows } from './session-list.ts'

const SESSIONS = 100_000
const T = '/v1/tenants/acme'
let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const get = (path: string) => test.call(`${T}${path}`, { token: acme.token })
const store = () => test.context.store.forTenant(acme.id)

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  await test.call(`${T}/apply`, { token: acme.token, body: { documents: documentsOfEverything() } })
  const mirror = await test.context.mirrors.current(acme.id)
  const users = ['ada', 'bob'].map((name) => mirror.byName('user', name)?.id ?? '')
  const nowMs = Date.now()
  const rows = Array.from({ length: SESSIONS }, (_, at) => ({
    id: newId('session'),
    userId: users[at % 2] ?? '',
    deviceId: null,
    door: 'console' as const,
    factors: '["pwd"]',
    ip: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    // Ten at a time, so that the order needs the id as well.
    createdAtMs: nowMs - Math.floor(at / 10),
    expiresAtMs: nowMs + (at % 100 === 0 ? -1 : 3_600_000),
    lastSeenAtMs: nowMs,
    endedAtMs: at % 50 === 1 ? nowMs : null,
    endReason: null,
  }))
  await store().transaction(async (tx) => {
    for (const part of inParts(rows)) await tx.insertInto('sessions', part).execute()
  })
})
after(() => test.close())

type Compiled = { readonly sql: string; readonly parameters: readonly unknown[] }

/** What SQLite would do for the query, one line for each step. */
function planOf({ sql, parameters }: Compiled): string {
  using database = new DatabaseSync(join(test.folder, 'control.db'), { readOnly: true })
  const steps = database.prepare(`explain query plan ${sql}`).all(...(parameters as SQLInputValue[]))
  return steps.map(({ detail }) => String(detail)).join('\n')
}

describe('a hundred thousand sessions', () => {
  it('are listed a page at a time by the index, without sorting, also after a cursor', async () => {
    const nowMs = Date.now()
    const first = await get('/sessions?limit=50')
    assert.equal(first.body.items.length, 50)
    assert.equal(first.body.total, SESSIONS - SESSIONS / 50 - SESSIONS / 100)
    for (const query of [{ limit: 50 }, { limit: 50, after: first.body.next }]) {
      const plan = planOf(sessionRows(store(), query, nowMs).compile())
      assert.match(plan, /^SEARCH sessions USING INDEX sessions_by_age/, plan)
      assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/, plan)
      assert.equal((await sessionRows(store(), query, nowMs).execute()).length, 51, 'one more than the page')
    }
    const count = planOf(sessionCount(store(), {}, nowMs).compile())
    assert.match(count, /USING COVERING INDEX sessions_by_age/, count)
  })

  it('give every live one once, newest first, over all pages', async () => {
    const seen = new Set<string>()
    let last = Number.POSITIVE_INFINITY
    let cursor: string | null = ''
    for (let pages = 0; cursor !== null && pages < 12; pages++) {
      const path: string = `/sessions?limit=1000${cursor === '' ? '' : `&after=${cursor}`}`
      const { body } = await get(path)
      for (const { id, createdAt } of body.items) {
        assert.ok(Date.parse(createdAt) <= last)
        last = Date.parse(createdAt)
        assert.ok(!seen.has(id))
        seen.add(id)
      }
      cursor = body.next
    }
    assert.equal(seen.size, 12_000)
  })

  it('are found by person, address and id; and what would be a wildcard finds nothing more', async () => {
    const { body } = await get('/sessions?search=10.1.2.3&limit=1000')
    assert.ok(body.total > 0 && body.items.every(({ ip }: { ip: string }) => ip.includes('10.1.2.3')))
    const ada = await get('/sessions?search=ADA&limit=5')
    assert.ok(ada.body.total > 40_000)
    assert.ok(ada.body.items.every(({ user }: { user: string }) => user === 'ada'))
    const { id } = ada.body.items[0]
    assert.equal((await get(`/sessions?search=${id}`)).body.total, 1)
    assert.equal((await get('/sessions?search=%25ada')).body.total, 0)
    assert.equal((await get('/sessions?search=no-body')).body.total, 0)
  })

  it('refuse a cursor that is none of theirs', async () => {
    const of = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const cursor of ['x', '', of('name'), of([1]), of([-1, 'x']), of(['1', 'x']), of({}), of([1, 'x'.repeat(99)])])
      assert.equal((await get(`/sessions?after=${cursor}x`)).body.error?.code, 'request-malformed', cursor)
  })
})

it('users are paged by name, and searched, in the database', async () => {
  const documents = Array.from({ length: 250 }, (_, at) => ({
    kind: 'User',
    name: `user-${String(at).padStart(3, '0')}`,
    spec: {},
  }))
  const applied = await test.call(`${T}/apply`, { token: acme.token, body: { documents } })
  assert.equal(applied.status, 200, applied.text)
  const names: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const path: string = `/resources/users?search=user-&limit=100${cursor === '' ? '' : `&after=${cursor}`}`
    const { body } = await get(path)
    assert.equal(body.total, 250)
    assert.ok(body.items.length <= 100)
    names.push(...body.items.map(({ name }: { name: string }) => name))
    cursor = body.next
  }
  assert.deepEqual(names, names.toSorted())
  assert.equal(new Set(names).size, 250)
})

describe('when something was last seen', () => {
  it('is written once a minute, never moves back, and not for what has ended', async () => {
    const seen = new LastSeen(test.context)
    const [row, ended] = [
      (await store().selectFrom('sessions').selectAll().where('endedAtMs', 'is', null).limit(1).execute())[0],
      (await store().selectFrom('sessions').selectAll().where('endedAtMs', 'is not', null).limit(1).execute())[0],
    ]
    assert.ok(row && ended)
    const of = async (id: string) =>
      (await store().selectFrom('sessions').select('lastSeenAtMs').where('id', '=', id).executeTakeFirst())
        ?.lastSeenAtMs
    const laterMs = Date.now()
    const event = { time: laterMs, actor: { session: { uid: row.id } }, device: { uid: 'dev_x' } }
    for (let at = 0; at < 1000; at++) seen.sawIn(acme.id, event)
    seen.saw(acme.id, 'session', ended.id)
    assert.equal(await of(row.id), row.lastSeenAtMs, 'nothing is written before its time')
    await seen.flush()
    const written = (await of(row.id)) ?? 0
    assert.ok(written >= laterMs && written <= Date.now())
    assert.equal(await of(ended.id), ended.lastSeenAtMs)
    seen.sawIn(acme.id, { ...event, time: 5 })
    await seen.flush()
    assert.equal(await of(row.id), written)
    seen.sawIn(acme.id, { ...event, time: Date.now() + 86_400_000 })
    await seen.flush()
    assert.ok(((await of(row.id)) ?? 0) <= Date.now(), 'the clock of an exchange is not believed about the future')
  })

  it('is gathered in a bounded place', async () => {
    const seen = new LastSeen(test.context)
    const taken: boolean[] = []
    for (let at = 0; at < caps.lastSeen.default + 10; at++) taken.push(seen.saw(acme.id, 'device', `dev_${at}`))
    assert.equal(taken.filter(Boolean).length, caps.lastSeen.default)
    assert.equal(seen.saw(acme.id, 'device', 'dev_0'), true, 'what is there is kept up to date')
    await seen.flush()
    assert.equal(seen.saw(acme.id, 'device', 'dev_new'), true)
  })
})
