// A handle on the store for one tenant: whatever is built from it carries the tenant predicate.
// Must never give out a query on a tenant table without it; the guard refuses those that come from elsewhere.
import type {
  DeleteQueryBuilder,
  DeleteResult,
  InsertQueryBuilder,
  InsertResult,
  Insertable,
  Kysely,
  SelectQueryBuilder,
  UpdateQueryBuilder,
  UpdateResult,
} from 'kysely'
import type { Change } from '#core/records/records.ts'
import type { Database, ProviderTable, TenantTable } from './schema.ts'

type RowOf<T extends TenantTable> = Omit<Insertable<Database[T]>, 'tenantId'>

export type TenantHandle = {
  readonly tenantId: string
  readonly selectFrom: <T extends TenantTable>(table: T) => SelectQueryBuilder<Database, T, {}>
  /** The tenant is added to each row. */
  readonly insertInto: <T extends TenantTable>(
    table: T,
    rows: RowOf<T> | readonly RowOf<T>[],
  ) => InsertQueryBuilder<Database, T, InsertResult>
  readonly updateTable: <T extends TenantTable>(table: T) => UpdateQueryBuilder<Database, T, T, UpdateResult>
  readonly deleteFrom: <T extends TenantTable>(table: T) => DeleteQueryBuilder<Database, T, DeleteResult>
  /** Tables that belong to no tenant, on the same connection. */
  readonly provider: ProviderHandle
}

export type ProviderHandle = {
  readonly selectFrom: <T extends ProviderTable>(table: T) => SelectQueryBuilder<Database, T, {}>
  readonly insertInto: <T extends ProviderTable>(
    table: T,
    rows: Insertable<Database[T]> | readonly Insertable<Database[T]>[],
  ) => InsertQueryBuilder<Database, T, InsertResult>
  readonly updateTable: <T extends ProviderTable>(table: T) => UpdateQueryBuilder<Database, T, T, UpdateResult>
  readonly deleteFrom: <T extends ProviderTable>(table: T) => DeleteQueryBuilder<Database, T, DeleteResult>
}

export type TenantTransaction = TenantHandle & {
  /** Appends to the tenant's changes with the next sequence numbers; returns the last. */
  readonly appendChanges: (changes: readonly Change[]) => Promise<number>
}

// Kysely's builder types do not narrow through a generic table name; these two functions are the only casts.
type Untyped = {
  selectFrom(table: string): UntypedQuery
  insertInto(table: string): { values(rows: readonly object[]): unknown }
  updateTable(table: string): UntypedQuery
  deleteFrom(table: string): UntypedQuery
}
type UntypedQuery = { where(column: string, operator: '=', value: string): unknown }

export function tenantHandle(db: Kysely<Database>, tenantId: string): TenantHandle {
  const untyped = db as unknown as Untyped
  const scoped = (query: UntypedQuery, table: string): unknown => query.where(`${table}.tenantId`, '=', tenantId)
  return {
    tenantId,
    selectFrom: <T extends TenantTable>(table: T) =>
      scoped(untyped.selectFrom(table), table) as SelectQueryBuilder<Database, T, {}>,
    insertInto: <T extends TenantTable>(table: T, rows: RowOf<T> | readonly RowOf<T>[]) =>
      untyped.insertInto(table).values(listed(rows).map((row) => ({ ...row, tenantId }))) as InsertQueryBuilder<
        Database,
        T,
        InsertResult
      >,
    updateTable: <T extends TenantTable>(table: T) =>
      scoped(untyped.updateTable(table), table) as UpdateQueryBuilder<Database, T, T, UpdateResult>,
    deleteFrom: <T extends TenantTable>(table: T) =>
      scoped(untyped.deleteFrom(table), table) as DeleteQueryBuilder<Database, T, DeleteResult>,
    provider: providerHandle(db),
  }
}

export function providerHandle(db: Kysely<Database>): ProviderHandle {
  const untyped = db as unknown as Untyped
  return {
    selectFrom: <T extends ProviderTable>(table: T) =>
      untyped.selectFrom(table) as unknown as SelectQueryBuilder<Database, T, {}>,
    insertInto: <T extends ProviderTable>(
      table: T,
      rows: Insertable<Database[T]> | readonly Insertable<Database[T]>[],
    ) => untyped.insertInto(table).values(listed(rows)) as InsertQueryBuilder<Database, T, InsertResult>,
    updateTable: <T extends ProviderTable>(table: T) =>
      untyped.updateTable(table) as unknown as UpdateQueryBuilder<Database, T, T, UpdateResult>,
    deleteFrom: <T extends ProviderTable>(table: T) =>
      untyped.deleteFrom(table) as unknown as DeleteQueryBuilder<Database, T, DeleteResult>,
  }
}

function listed(rows: object): readonly object[] {
  return Array.isArray(rows) ? rows : [rows]
}
