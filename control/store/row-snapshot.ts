// All rows of a store as they were at one moment, while it goes on being written: for backups and for moving. Must never
// hold up a writer, and never give a tenant's rows under another tenant's name.
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { Fault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import { migrationLedger } from './migrate.ts'
import { numberParsers } from './postgres.ts'
import type { StoredRow } from './row-digest.ts'
import { providerTables, tenantTables } from './schema.ts'
import type { StoreConfig } from './store.ts'

const ALL_PAGES = 2 ** 31 - 1

export type RowBatch = { readonly table: string; readonly rows: readonly StoredRow[] }

export type RowSnapshot = {
  /** Names of the migrations that made its tables, in order. */
  readonly migrations: readonly string[]
  /** At most `insertRows` of one table each; of tenant tables, all of one tenant. Tenants come first. */
  readonly batches: () => AsyncIterable<RowBatch>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** `scratch` is a folder of ours for a copy of the SQLite file. Throws Fault `store-failed`. */
export async function openRowSnapshot(config: StoreConfig, scratch: string): Promise<RowSnapshot> {
  try {
    return config.kind === 'sqlite' ? await ofSqlite(config.path, scratch) : await ofPostgres(config.url)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('store-failed', { hint: 'The store cannot be read.', cause })
  }
}

async function ofSqlite(path: string, scratch: string): Promise<RowSnapshot> {
  const copy = `${scratch}/.rows-${randomBytes(8).toString('hex')}.db`
  const remove = () => {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${copy}${suffix}`, { force: true })
  }
  try {
    const source = new DatabaseSync(path, { readOnly: true, timeout: caps.storeBusyMs.default })
    try {
      // In one step: a writer is not held up by a reader of the log, and a copy by pages begins anew at each change.
      await backup(source, copy, { rate: ALL_PAGES })
    } finally {
      source.close()
    }
    const database = new DatabaseSync(copy, { readOnly: true })
    return {
      migrations: database
        .prepare(migrationLedger)
        .all()
        .map((row) => String(row['name'])),
      batches: async function* () {
        for (const table of tablesInOrder) {
          const isTenants = isTenantTable(table)
          const order = isTenants ? ' order by "tenantId"' : ''
          let batch: StoredRow[] = []
          for (const found of database.prepare(`select * from "${table}"${order}`).iterate()) {
            const row = { ...found } as StoredRow
            const isOther = isTenants && batch[0] !== undefined && batch[0]['tenantId'] !== row['tenantId']
            if (isOther || batch.length >= caps.insertRows.default) {
              yield { table, rows: batch }
              batch = []
            }
            batch.push(row)
          }
          if (batch.length > 0) yield { table, rows: batch }
        }
      },
      [Symbol.asyncDispose]: async () => {
        database.close()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

async function ofPostgres(url: string): Promise<RowSnapshot> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: caps.storeWaitMs.default,
    application_name: 'sallyport backup',
    types: numberParsers,
  })
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const { rows: ledger } = await client.query<{ name: string }>(migrationLedger)
    const { rows: tenants } = await client.query<{ id: string }>('select id from tenants order by id')
    return {
      migrations: ledger.map(({ name }) => name),
      batches: async function* () {
        for (const table of providerTables) yield* readTable(client, table, '')
        for (const { id } of tenants) {
          if (!isId('tenant', id)) throw new Fault('store-failed', { detail: { why: 'an id that is none' } })
          // Row security holds the owner of the tables too: it sees one tenant at a time.
          await client.query(`set local sallyport.tenant = '${id}'`)
          for (const table of tenantTables) yield* readTable(client, table, ` where "tenantId" = '${id}'`)
        }
      },
      [Symbol.asyncDispose]: () => client.end(),
    }
  } catch (error) {
    await client.end()
    throw error
  }
}

async function* readTable(client: pg.Client, table: string, predicate: string): AsyncGenerator<RowBatch> {
  await client.query(`declare batch no scroll cursor for select * from "${table}"${predicate}`)
  for (;;) {
    const { rows } = await client.query<StoredRow>(`fetch ${caps.insertRows.default} from batch`)
    if (rows.length > 0) yield { table, rows }
    if (rows.length < caps.insertRows.default) break
  }
  await client.query('close batch')
}

/** Tenants before what belongs to them. */
const tablesInOrder = [...providerTables, ...tenantTables]

export function isTenantTable(table: string): boolean {
  return tenantTables.includes(table)
}
