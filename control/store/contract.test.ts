// One contract for every store: SQLite always, PostgreSQL where Debian's programs are installed.
import assert from 'node:assert/strict'
import { after, before, describe, it, type SuiteContext, type TestContext } from 'node:test'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { Change } from '#core/records/records.ts'
import { appendChanges, changesAfter, forgetOldChanges, lastSequence } from './changes.ts'
import { isUniqueViolation, startStore, type Store } from './store.ts'
import { tenantTables } from './schema.ts'
import { addTenant, postgresBin, sqliteStore, startCluster, type Cluster } from './testing.ts'

const guarded = (error: unknown) => isFault(error, 'internal') && /tenant guard/.test(String(error.detail['why']))
const removal = (id: string): Change => ({ op: 'remove', kind: 'user', id })
const group = (name: string) => ({
  id: newId('group'),
  kind: 'Group',
  name,
  spec: '{}',
  version: 1,
  createdAtMs: 1,
  updatedAtMs: 1,
  derived: null,
  sealed: null,
})

function contract(open: () => Promise<Store>) {
  let store: Store
  let acme: string
  let rival: string
  before(async () => {
    store = await open()
    acme = await addTenant(store, 'acme')
    rival = await addTenant(store, 'rival')
  })
  after(() => store.close())

  it('shows a tenant its own rows and nobody else', async () => {
    await store.forTenant(acme).insertInto('resources', group('acme-only')).execute()
    const seen = await store.forTenant(rival).selectFrom('resources').selectAll().execute()
    assert.deepEqual(seen, [])
    const own = await store.forTenant(acme).selectFrom('resources').selectAll().execute()
    assert.equal(own.length, 1)
    assert.equal(typeof own[0]?.createdAtMs, 'number')
  })

  it('changes and deletes nothing of another tenant', async () => {
    const row = group('steady')
    await store.forTenant(acme).insertInto('resources', row).execute()
    const other = store.forTenant(rival)
    const updated = await other
      .updateTable('resources')
      .set({ name: 'stolen' })
      .where('id', '=', row.id)
      .executeTakeFirst()
    const deleted = await other.deleteFrom('resources').where('id', '=', row.id).executeTakeFirst()
    assert.equal(updated.numUpdatedRows, 0n)
    assert.equal(deleted.numDeletedRows, 0n)
    const kept = await store.forTenant(acme).selectFrom('resources').select('name').where('id', '=', row.id).execute()
    assert.deepEqual(kept, [{ name: 'steady' }])
  })

  it('gives a row that claims another tenant to the tenant of the handle, and lets no row move', async () => {
    const row = { ...group('smuggled'), tenantId: acme }
    const query = store.forTenant(rival).insertInto('resources', row)
    await query.execute()
    assert.equal(
      (await store.forTenant(rival).selectFrom('resources').selectAll().where('name', '=', 'smuggled').execute())
        .length,
      1,
    )
    await assert.rejects(
      () => store.forTenant(rival).updateTable('resources').set({ tenantId: acme }).execute(),
      guarded,
    )
  })

  it('refuses a conflict target without the tenant', async () => {
    const query = store
      .forTenant(acme)
      .insertInto('resources', group('clash'))
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ name: 'taken' }))
    await assert.rejects(() => query.execute(), guarded)
  })

  it('refuses a joined or nested tenant table without its own predicate', async () => {
    const handle = store.forTenant(acme)
    const joined = handle.selectFrom('resources').innerJoin('devices', 'devices.userId', 'resources.id').selectAll()
    await assert.rejects(() => joined.execute(), guarded)
    const bound = handle
      .selectFrom('resources')
      .innerJoin('devices', (join) =>
        join.onRef('devices.userId', '=', 'resources.id').on('devices.tenantId', '=', acme),
      )
      .select('devices.id')
    assert.deepEqual(await bound.execute(), [])
    const left = handle
      .selectFrom('resources')
      .leftJoin('devices', (join) => join.onRef('devices.tenantId', '=', 'resources.tenantId'))
      .select('devices.id')
    await assert.rejects(() => left.execute(), guarded)
    const nested = handle
      .selectFrom('resources')
      .select('resources.id')
      .where('resources.id', 'in', (eb) => eb.selectFrom('devices').select('devices.userId'))
    await assert.rejects(() => nested.execute(), guarded)
    const weakened = handle
      .selectFrom('resources')
      .selectAll()
      .union((eb) => eb.selectFrom('resources').selectAll())
    await assert.rejects(() => weakened.execute(), guarded)
  })

  it('gives the handle of the provider no tenant table, not even by a join', async () => {
    const query = store.provider
      .selectFrom('tenants')
      .innerJoin('sessions', 'sessions.tenantId', 'tenants.id')
      .selectAll()
    await assert.rejects(() => query.execute(), guarded)
    const nested = store.provider
      .selectFrom('tenants')
      .select('tenants.id')
      .where('tenants.id', 'in', (eb) =>
        eb.selectFrom('keys').select('keys.tenantId').where('keys.tenantId', '=', acme),
      )
    await assert.rejects(() => nested.execute(), guarded)
  })

  it('reaches no table that is in no list', async () => {
    await assert.rejects(
      () =>
        store.provider
          .selectFrom('migrations' as 'settings')
          .selectAll()
          .execute(),
      guarded,
    )
  })

  it('answers not-found for an id that no tenant can have', () => {
    assert.throws(
      () => store.forTenant(`ten_x' or '1'='1`),
      (error) => isFault(error, 'not-found'),
    )
  })

  it('keeps all of a transaction or nothing', async () => {
    const handle = store.forTenant(acme)
    const before_ = await lastSequence(handle)
    const attempt = handle.transaction(async (tx) => {
      await tx.insertInto('resources', group('half')).execute()
      await tx.appendChanges([removal('a'), removal('b')])
      throw new Error('power cut')
    })
    await assert.rejects(attempt, /power cut/)
    assert.equal(await lastSequence(handle), before_)
    assert.deepEqual(await changesAfter(handle, before_, 10), [])
    assert.equal((await handle.selectFrom('resources').select('id').where('name', '=', 'half').execute()).length, 0)
  })

  it('gives strictly increasing numbers without gap to transactions that race', async () => {
    const handle = store.forTenant(acme)
    const from = await lastSequence(handle)
    const heard: number[] = []
    const stop = store.onChange((tenantId, sequence) => tenantId === acme && heard.push(sequence))
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        handle.transaction((tx) =>
          tx.appendChanges(Array.from({ length: (index % 3) + 1 }, () => removal(`r${index}`))),
        ),
      ),
    )
    stop()
    const changes = await changesAfter(handle, from, 100)
    assert.equal(changes.length, 24)
    assert.deepEqual(
      changes.map(({ sequence }) => sequence),
      Array.from({ length: 24 }, (_, index) => from + index + 1),
    )
    assert.equal(Math.max(...results), from + 24)
    assert.deepEqual(
      heard.toSorted((a, b) => a - b),
      results.toSorted((a, b) => a - b),
    )
    assert.equal(await lastSequence(store.forTenant(rival)), 0)
  })

  it('writes more changes at once than fit one statement, and forgets old ones', async () => {
    const handle = store.forTenant(rival)
    await handle.transaction((tx) =>
      appendChanges(
        tx,
        Array.from({ length: 1203 }, (_, index) => removal(`m${index}`)),
        5,
      ),
    )
    assert.equal(await lastSequence(handle), 1203)
    await forgetOldChanges(handle, 3)
    assert.deepEqual(
      (await changesAfter(handle, 0, 10)).map(({ sequence }) => sequence),
      [1201, 1202, 1203],
    )
  })

  it('says which error is a unique key', async () => {
    const handle = store.forTenant(acme)
    await handle.insertInto('resources', group('twice')).execute()
    await assert.rejects(() => handle.insertInto('resources', group('twice')).execute(), isUniqueViolation)
    await assert.doesNotReject(() => store.forTenant(rival).insertInto('resources', group('twice')).execute())
  })

  it('keeps a row of a tenant that does not exist out', async () => {
    await assert.rejects(() => store.forTenant(newId('tenant')).insertInto('resources', group('orphan')).execute())
  })

  it('reads nothing of another tenant from any tenant table', async () => {
    for (const table of tenantTables) {
      const handle = store.forTenant(newId('tenant'))
      assert.deepEqual(
        await handle
          .selectFrom(table as 'resources')
          .selectAll()
          .execute(),
        [],
        table,
      )
    }
  })
}

describe('SQLite', () => contract(() => sqliteStore()))

describe('PostgreSQL', (suite: SuiteContext) => {
  void suite
  const bin = postgresBin()
  if (bin === undefined) {
    it('keeps the contract', (test: TestContext) => test.skip('PostgreSQL is not installed (Debian: postgresql)'))
    return
  }
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster(bin)
  })
  after(() => cluster[Symbol.asyncDispose]())
  const open = async () => startStore({ kind: 'postgres', url: await cluster.newDatabase() }, { nowMs: Date.now })

  describe('keeps the contract', () => contract(open))

  it('has a second wall that holds even for SQL without a predicate', async () => {
    const url = await cluster.newDatabase()
    await using store = await startStore({ kind: 'postgres', url }, { nowMs: Date.now })
    const [acme, rival] = [await addTenant(store, 'acme'), await addTenant(store, 'rival')]
    await store.forTenant(acme).insertInto('resources', group('secret')).execute()
    const pg = await import('pg')
    const client = new pg.default.Client({ connectionString: url })
    await client.connect()
    const count = async (tenantId: string) => {
      await client.query(`begin; set local role sallyport_app; set local sallyport.tenant = '${tenantId}'`)
      const { rows } = await client.query('select count(*)::int as n from resources')
      await client.query('rollback')
      return rows[0].n
    }
    assert.equal(await count(acme), 1)
    assert.equal(await count(rival), 0)
    assert.equal(await count(''), 0)
    // The owner of the tables is bound too.
    const { rows } = await client.query('select count(*)::int as n from resources')
    assert.equal(rows[0].n, 0)
    await client.query(`begin; set local role sallyport_app; set local sallyport.tenant = '${rival}'`)
    await assert.rejects(
      client.query(`insert into keys values ('${acme}', 'k', 'p', 's', 'p', 1, null)`),
      /row-level security/,
    )
    await client.query('rollback')
    await client.end()
  })

  it('refuses a role that could pass the second wall', async () => {
    const url = await cluster.newDatabase()
    const pg = await import('pg')
    const client = new pg.default.Client({ connectionString: cluster.superuserUrl(url) })
    await client.connect()
    await client.query('alter role sallyport_app bypassrls')
    try {
      await assert.rejects(startStore({ kind: 'postgres', url }, { nowMs: Date.now }), (error) =>
        isFault(error, 'configuration-invalid'),
      )
    } finally {
      await client.query('alter role sallyport_app nobypassrls')
      await client.end()
    }
  })
})
