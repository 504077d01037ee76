// Brings the tables to the form that this version expects, each step all or nothing. The only place with SQL text.
// Must never run a step twice, and never start on tables that a newer version has changed.
import { sql, type Kysely } from 'kysely'
import { Fault } from '#core/fault.ts'
import { signInMigration } from '#control/sign-in/schema.ts'
import { coreMigration } from './migrations/001-core.ts'
import { drillMigration } from './migrations/003-drills.ts'
import { listMigration } from './migrations/004-lists.ts'
import { storyMigration } from './migrations/005-stories.ts'
import { webCredentialMigration } from './migrations/006-web-credentials.ts'
import { incidentMigration } from './migrations/007-incidents.ts'
import { streamMigration } from './migrations/008-streams.ts'
import { playbookMigration } from './migrations/009-playbooks.ts'
import { respondMigration } from './migrations/010-respond.ts'
import { policyHistoryMigration } from './migrations/011-policy-history.ts'
import { drillGapMigration } from './migrations/012-drill-gaps.ts'
import { APP_ROLE } from './postgres.ts'
import { tenantTables } from './schema.ts'

export type Migration = { readonly name: string; readonly up: (db: Kysely<unknown>) => Promise<void> }

export const migrations: readonly Migration[] = [
  coreMigration,
  signInMigration,
  drillMigration,
  listMigration,
  storyMigration,
  webCredentialMigration,
  incidentMigration,
  streamMigration,
  playbookMigration,
  respondMigration,
  policyHistoryMigration,
  drillGapMigration,
]

/** What was done to the tables, in order, as text for a connection without a query builder. */
export const migrationLedger = 'select name from migrations order by name'

type Ledger = { migrations: { name: string; atMs: number } }

export async function migrate(
  db: Kysely<unknown>,
  kind: 'sqlite' | 'postgres',
  nowMs: () => number,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // Two control planes that start at once must not both run a step.
    if (kind === 'postgres') await sql`select pg_advisory_xact_lock(7225521)`.execute(tx)
    await tx.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('atMs', 'bigint', (column) => column.notNull())
      .execute()
    const ledger = tx.withTables<Ledger>()
    const done = new Set((await ledger.selectFrom('migrations').select('name').execute()).map(({ name }) => name))
    for (const name of done)
      if (!steps.some((step) => step.name === name))
        throw new Fault('configuration-invalid', { hint: `The store was changed by a newer version (${name}).` })
    for (const step of steps) {
      if (done.has(step.name)) continue
      await step.up(tx)
      await ledger.insertInto('migrations').values({ name: step.name, atMs: nowMs() }).execute()
    }
    if (kind === 'postgres') await raiseSecondWall(tx)
  })
}

async function raiseSecondWall(db: Kysely<unknown>): Promise<void> {
  const role = sql.id(APP_ROLE)
  const { rows } = await sql<{ super: boolean; bypass: boolean; member: boolean }>`
    select rolsuper as super, rolbypassrls as bypass, pg_has_role(current_user, oid, 'member') as member
    from pg_roles where rolname = ${APP_ROLE}`.execute(db)
  const known = rows[0]
  if (!known) {
    await sql`create role ${role} nologin`.execute(db)
    await sql`grant ${role} to current_user`.execute(db)
  } else if (known.super || known.bypass || !known.member) {
    throw new Fault('configuration-invalid', {
      hint: `The database role ${APP_ROLE} must be plain (no superuser, no BYPASSRLS) and granted to the user of the URL.`,
    })
  }
  const owned = await sql`
    select 1 from pg_class join pg_roles on pg_roles.oid = relowner where rolname = ${APP_ROLE} limit 1`.execute(db)
  if (owned.rows.length > 0)
    throw new Fault('configuration-invalid', { hint: `The database role ${APP_ROLE} must own nothing.` })
  await sql`grant usage on schema public to ${role}`.execute(db)
  const { rows: tables } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'migrations'`.execute(db)
  for (const { name } of tables) {
    const table = sql.table(name)
    await sql`grant select, insert, update, delete on ${table} to ${role}`.execute(db)
    if (!tenantTables.includes(name)) continue
    await sql`alter table ${table} enable row level security`.execute(db)
    await sql`alter table ${table} force row level security`.execute(db)
    await sql`drop policy if exists tenant on ${table}`.execute(db)
    await sql`create policy tenant on ${table} using ("tenantId" = current_setting('sallyport.tenant', true))
      with check ("tenantId" = current_setting('sallyport.tenant', true))`.execute(db)
  }
}
