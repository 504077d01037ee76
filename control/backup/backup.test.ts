// Backups of a whole control plane that runs, put back into an empty place: SQLite and PostgreSQL, both ways.
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  writeFileSync,
  readFileSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createPublicKey } from 'node:crypto'
import { isFault } from '#core/fault.ts'
import { everythingOf, furnish, type Furnished } from '#control/api/isolation.ts'
import { enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import { type Cluster, postgresBin, startCluster } from '#control/store/testing.ts'
import { startTestControl, type TestControl } from '#control/testing.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { verifyJournal } from '#journal/verify.ts'
import { copyStore } from './copy-store.ts'
import { makeRecipient, readRecipient } from './recipient.ts'
import { restoreBackup, type RestoreRequest } from './restore-backup.ts'
import { takeBackup } from './take-backup.ts'

const keys = makeRecipient()
const recipient = readRecipient(keys.publicPem, 'public')
const opener = readRecipient(keys.privatePem, 'private')
const home = mkdtempSync(join(tmpdir(), 'sallyport-backup-'))
const deps = { nowMs: Date.now, signal: new AbortController().signal }
let count = 0
const fresh = (name: string) => join(home, `${++count}-${name}`)

const take = (folder: string, config: StoreConfig, to: string, more: { onListed?: () => Promise<void> } = {}) =>
  takeBackup(
    { folder, store: { config, pathBelowFolder: 'control.db' }, to, recipient, software: 'test' },
    { ...deps, ...more },
  )
const restore = (request: Pick<RestoreRequest, 'file' | 'folder'> & Partial<RestoreRequest>) =>
  restoreBackup({ recipient: opener, isKeepingSessions: false, ...request }, deps)
const sqliteOf = (folder: string): StoreConfig => ({ kind: 'sqlite', path: join(folder, 'control.db') })

const named = (records: readonly { kind: string; id?: string }[]) =>
  records.map(({ kind, id }) => `${kind} ${id}`).toSorted()

async function journalKeys(folder: string) {
  const found: { kind: 'writer' | 'custodian'; keyId: string; writer: string; pem: string }[] = JSON.parse(
    readFileSync(join(folder, 'journal', 'keys.json'), 'utf8'),
  )
  return found.map(({ pem, ...key }) => ({ ...key, publicKey: createPublicKey(pem) }))
}

describe('a backup of a running control plane', () => {
  let test: TestControl
  let acme: Furnished
  before(async () => {
    test = await startTestControl()
    acme = await furnish(test, 'acme', '-of-acme')
    await furnish(test, 'rival', '-of-rival')
  })
  after(async () => {
    await test.close()
    rmSync(home, { recursive: true, force: true })
  })

  it('taken while it is being written, put back, is what was acknowledged before it', async () => {
    const file = fresh('a.backup')
    const writing = Promise.all(
      Array.from({ length: 30 }, (_, index) => acme.call(`/resources/groups/late-${index}`, { spec: {} }, 'PUT')),
    )
    const taken = await take(test.folder, sqliteOf(test.folder), file)
    await writing
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const folder = fresh('back')
    const report = await restore({ file, folder })
    assert.deepEqual(report.rows, taken.rows)
    assert.ok(report.endedSessions > 0)
    assert.equal(report.hasKeyFile, true)
    const journal = await verifyJournal(join(folder, 'journal'), { publicKeys: await journalKeys(folder) })
    assert.deepEqual(
      journal.chains.flatMap(({ problems }) => problems),
      [],
    )
    assert.ok(journal.chains.length > 0)
    await using again = await startTestControl({}, folder)
    const left = await everythingOf(again, acme.id)
    for (const word of ['wiki-of-acme', 'boss-of-acme']) assert.ok(left.includes(word), word)
    const sessions = await again.call('/v1/tenants/acme/sessions', { token: acme.token })
    assert.deepEqual(sessions.body.items, [])
    const apps = await again.call('/v1/tenants/acme/resources/apps', { token: acme.token })
    assert.equal(apps.status, 200)
    assert.equal((await again.call('/v1/tenants/acme/resources/apps', { token: 'spt_wrong' })).status, 401)
    const events = await again.call('/v1/tenants/acme/events', { token: acme.token })
    assert.ok(events.body.items.length > 0)
  })

  it('leaves sessions alive for a move, and exchanges take the restored state for a new life', async () => {
    const file = fresh('b.backup')
    const exchange = await FakeExchange.start(test, await enrolExchange(test))
    await exchange.until(() => exchange.tenants.has(acme.id))
    const before = exchange.tenants.get(acme.id)
    await take(test.folder, sqliteOf(test.folder), file)
    const folder = fresh('moved')
    const { endedSessions } = await restore({ file, folder, isKeepingSessions: true })
    assert.equal(endedSessions, 0)
    await using again = await startTestControl({}, folder)
    const there = await FakeExchange.start(again, await enrolExchange(again))
    await there.until(() => there.tenants.has(acme.id))
    assert.notEqual(there.tenants.get(acme.id)?.epoch, before?.epoch)
    const restored = named(there.records(acme.id))
    for (const record of named(exchange.records(acme.id))) assert.ok(restored.includes(record), record)
    await there.close()
    await exchange.close()
  })

  it('is refused altered, cut short or for another key, and leaves no trace of itself', async () => {
    const file = fresh('c.backup')
    await take(test.folder, sqliteOf(test.folder), file)
    const other = readRecipient(makeRecipient().privatePem, 'private')
    const bytes = readFileSync(file)
    const folder = fresh('never')
    const isRefused = (error: unknown) => isFault(error, 'document-invalid')
    await assert.rejects(restore({ file, folder, recipient: other }), isRefused)
    for (const at of [30, 1200, Math.floor(bytes.length / 2), bytes.length - 3]) {
      const altered = Buffer.from(bytes)
      altered[at] = (altered[at] ?? 0) ^ 0x10
      writeFileSync(`${file}.altered`, altered)
      await assert.rejects(restore({ file: `${file}.altered`, folder }), isRefused)
    }
    truncateSync(file, bytes.length - 20)
    await assert.rejects(restore({ file, folder }), isRefused)
    await assert.rejects(restore({ file: `${file}.none`, folder }), (error) => isFault(error, 'not-found'))
    assert.deepEqual(
      readdirSync(home).filter((name) => name.includes('never')),
      [],
    )
  })

  it('never merges: neither into a folder, nor over a file', async () => {
    const file = fresh('d.backup')
    await take(test.folder, sqliteOf(test.folder), file)
    const isTaken = (error: unknown) => isFault(error, 'name-taken')
    await assert.rejects(take(test.folder, sqliteOf(test.folder), file), isTaken)
    await assert.rejects(restore({ file, folder: test.folder }), isTaken)
    assert.equal(existsSync(`${file}.partial`), false)
  })

  it('begins anew when the lake changed under its hands, and gives up after five times', async () => {
    const lake = join(test.folder, 'lake', 'tenant=ten_aaaaaaaaaaaaaaaaaaaa')
    mkdirSync(lake, { recursive: true })
    const manifest = join(lake, 'manifest.json')
    writeFileSync(manifest, '{"version":0}')
    let listings = 0
    const change = async () => writeFileSync(manifest, `{"version":${++listings}}`)
    await assert.rejects(take(test.folder, sqliteOf(test.folder), fresh('e.backup'), { onListed: change }), (error) =>
      isFault(error, 'at-capacity'),
    )
    assert.equal(listings, 5)
    listings = 0
    const file = fresh('f.backup')
    await take(test.folder, sqliteOf(test.folder), file, {
      onListed: async () => (listings === 0 ? await change() : void listings++),
    })
    const folder = fresh('settled')
    await restore({ file, folder })
    assert.equal(
      readFileSync(join(folder, 'lake', 'tenant=ten_aaaaaaaaaaaaaaaaaaaa', 'manifest.json'), 'utf8'),
      '{"version":1}',
    )
    rmSync(join(test.folder, 'lake'), { recursive: true })
  })
})

const bin = postgresBin()

describe(
  'stores of two kinds',
  { skip: bin === undefined && 'PostgreSQL is not installed (Debian: postgresql)' },
  () => {
    let cluster: Cluster
    before(async () => {
      cluster = await startCluster(bin ?? '')
    })
    after(() => cluster[Symbol.asyncDispose]())

    it('are moved from SQLite to PostgreSQL when control has stopped, and hold the same', async () => {
      const folder = fresh('sqlite')
      await using test = await startTestControl({}, folder, { keep: true })
      const acme = await furnish(test, 'acme', '-of-acme')
      await furnish(test, 'rival', '-of-rival')
      const kept = await everythingOf(test, acme.id)
      const url = await cluster.newDatabase()
      const request = {
        folder,
        source: { config: sqliteOf(folder), pathBelowFolder: 'control.db' },
        target: { kind: 'postgres', url } as const,
      }
      await assert.rejects(copyStore(request, Date.now), (error) => isFault(error, 'address-in-use'))
      await test.close()
      const digest = await copyStore(request, Date.now)
      assert.ok((digest['resources']?.count ?? 0) > 0)
      await assert.rejects(copyStore(request, Date.now), (error) => isFault(error, 'configuration-invalid'))
      const overrides = { store: { kind: 'postgres', urlFromEnvironment: 'SALLYPORT_DATABASE' } }
      await using again = await startTestControl({ environment: { SALLYPORT_DATABASE: url } }, folder, overrides)
      assert.equal(await everythingOf(again, acme.id), kept)
      const file = fresh('pg.backup')
      await take(folder, { kind: 'postgres', url }, file)
      const back = fresh('from-pg')
      await restore({ file, folder: back, isKeepingSessions: true })
      await using third = await startTestControl({}, back)
      assert.equal(await everythingOf(third, acme.id), await everythingOf(again, acme.id))
    })

    it('are read from PostgreSQL by a superuser without a row coming twice', async () => {
      const test = await startTestControl()
      await furnish(test, 'acme', '-of-acme')
      await furnish(test, 'rival', '-of-rival')
      const file = fresh('super.backup')
      const taken = await take(test.folder, sqliteOf(test.folder), file)
      await test.close()
      const url = cluster.superuserUrl(await cluster.newDatabase())
      const report = await restore({ file, folder: fresh('super'), postgresUrl: url, isKeepingSessions: true })
      assert.deepEqual(report.rows, taken.rows)
    })
  },
)
