// Puts rows into a store that has none: the other half of row-snapshot.ts. Must never merge into rows that are there, nor
// leave half of them.
import { existsSync } from 'node:fs'
import { Kysely, type Dialect } from 'kysely'
import pg from 'pg'
import { Fault, isFault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import { migrate, migrations } from './migrate.ts'
import { connectPostgres } from './postgres.ts'
import type { StoredRow } from './row-digest.ts'
import { isTenantTable, type RowBatch } from './row-snapshot.ts'
import { providerTables } from './schema.ts'
import { openSqlite } from './sqlite.ts'
import type { StoreConfig } from './store.ts'

export type RowSource = { readonly migrations: readonly string[]; readonly batches: AsyncIterable<RowBatch> }

/**
 * All rows in one transaction, into tables of the form that `source` names; the next start brings them up to date.
 * Throws Fault `configuration-invalid` when the target has tables or the source is of a newer version, and
 * `store-failed` when a row does not fit.
 */
export async function loadRows(target: StoreConfig, source: RowSource, nowMs: () => number): Promise<void> {
  const steps = migrations.filter(({ name }) => source.migrations.includes(name))
  const unknown = source.migrations.find((name) => !migrations.some((step) => step.name === name))
  if (unknown !== undefined || steps.length === 0)
    throw new Fault('configuration-invalid', {
      hint: `The rows were written by another version (${unknown ?? 'no tables'}); install that one or a newer one.`,
    })
  const opened = target.kind === 'sqlite' ? ofSqlite(target.path) : ofPostgres(target.url)
  try {
    await opened.refuseTables()
    await migrate(new Kysely<unknown>({ dialect: opened.dialect() }), target.kind, nowMs, steps)
    await opened.fill(source.batches)
  } catch (cause) {
    throw isFault(cause) ? cause : new Fault('store-failed', { hint: 'The rows could not be put back.', cause })
  } finally {
    await opened.close()
  }
}

type Opened = {
  readonly dialect: () => Dialect
  readonly refuseTables: () => Promise<void>
  readonly fill: (batches: AsyncIterable<RowBatch>) => Promise<void>
  readonly close: () => Promise<void>
}

const notEmpty = () => new Fault('configuration-invalid', { hint: 'The target has tables already; nothing is merged.' })

function ofSqlite(path: string): Opened {
  if (existsSync(path)) throw notEmpty()
  const file = openSqlite(path)
  return {
    dialect: file.dialect,
    refuseTables: async () => {},
    fill: async (batches) => {
      const db = new Kysely<Record<string, StoredRow>>({ dialect: file.dialect() })
      await db.transaction().execute(async (tx) => {
        for await (const { table, rows } of batches) {
          await checkBatch(table, rows)
          await tx
            .insertInto(table)
            .values([...rows])
            .execute()
        }
      })
    },
    close: async () => file.close(),
  }
}

function ofPostgres(url: string): Opened {
  const server = connectPostgres(url)
  return {
    dialect: () => server.dialect({ kind: 'owner' }),
    refuseTables: async () => {
      const client = await connected(url)
      try {
        const { rows } = await client.query(`select 1 from pg_tables where schemaname = 'public' limit 1`)
        if (rows.length > 0) throw notEmpty()
      } finally {
        await client.end()
      }
    },
    fill: async (batches) => {
      const client = await connected(url)
      try {
        await client.query('begin')
        for await (const { table, rows } of batches) {
          const tenant = await checkBatch(table, rows)
          if (tenant !== undefined) await client.query(`set local sallyport.tenant = '${tenant}'`)
          const columns = Object.keys(rows[0] ?? {})
          const places = rows.map(
            (_, row) => `(${columns.map((__, column) => `$${row * columns.length + column + 1}`).join(', ')})`,
          )
          await client.query(
            `insert into "${table}" (${columns.map((name) => `"${name}"`).join(', ')}) values ${places.join(', ')}`,
            rows.flatMap((row) => columns.map((name) => row[name])),
          )
        }
        await client.query('commit')
      } finally {
        await client.end()
      }
    },
    close: server.close,
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: caps.storeWaitMs.default })
  await client.connect()
  return client
}

/** The tenant of the batch. A file that anyone may have made says which tables and columns: they are checked here. */
async function checkBatch(table: string, rows: readonly StoredRow[]): Promise<string | undefined> {
  const wrong = (why: string) => new Fault('store-failed', { hint: `A row of ${table.slice(0, 40)} ${why}.` })
  const isTenants = isTenantTable(table)
  if (!isTenants && !providerTables.includes(table)) throw wrong('belongs to no table of ours')
  const [first] = rows
  const columns = Object.keys(first ?? {})
  if (columns.length === 0 || rows.length > caps.insertRows.default) throw wrong('came in a batch of another size')
  const names = columns.join()
  for (const row of rows) {
    if (Object.keys(row).join() !== names) throw wrong('has other columns than its neighbours')
    if (isTenants && row['tenantId'] !== first?.['tenantId']) throw wrong('belongs to another tenant than its batch')
  }
  if (!columns.every((name) => /^[a-z][A-Za-z]{0,40}$/.test(name))) throw wrong('has a column that is no name')
  if (!isTenants) return undefined
  const tenant = first?.['tenantId']
  if (!isId('tenant', tenant)) throw wrong('names no tenant')
  return tenant
}
