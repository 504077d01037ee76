// PostgreSQL behind Kysely. Every query runs in a transaction that first becomes the role that owns nothing and
// names its tenant, so that row security is a second wall. Must never leave a tenant set on a pooled connection.
import pg from 'pg'
import {
  type CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import { Fault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'

/** The role that queries run as: it can read and write rows, and owns nothing. */
export const APP_ROLE = 'sallyport_app'

/** What a connection says before queries: which tenant, or nobody, or the owner (migrations only). */
export type PostgresScope =
  | { readonly kind: 'tenant'; readonly tenantId: string }
  | { readonly kind: 'provider' }
  | { readonly kind: 'owner' }

export type PostgresServer = {
  readonly dialect: (scope: PostgresScope) => Dialect
  readonly close: () => Promise<void>
}

const INT8 = 20

/** Times and counters are below 2^53; text would make every comparison in the code wrong. */
export const numberParsers: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? (text: string) => Number(text) : pg.types.getTypeParser(oid, format ?? 'text'),
}

export function connectPostgres(url: string): PostgresServer {
  const pool = new pg.Pool({
    connectionString: url,
    max: caps.storeConnections.default,
    connectionTimeoutMillis: caps.storeWaitMs.default,
    statement_timeout: caps.storeWaitMs.default,
    idle_in_transaction_session_timeout: caps.handlerMs.default,
    application_name: 'sallyport',
    types: numberParsers,
  })
  // An idle connection that breaks is replaced by the pool; unheard, the event would end the process.
  pool.on('error', () => {})
  let closing: Promise<void> | undefined
  return {
    dialect: (scope) => ({
      createDriver: () => new PostgresDriver(pool, scope),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (db) => new PostgresIntrospector(db),
    }),
    close: () => (closing ??= pool.end()),
  }
}

class PostgresDriver implements Driver {
  readonly #pool: pg.Pool
  readonly #opening: string

  constructor(pool: pg.Pool, scope: PostgresScope) {
    this.#pool = pool
    this.#opening = openingOf(scope)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PostgresLease(await this.#pool.connect(), this.#opening)
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await lease(connection).begin()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await lease(connection).end('commit')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await lease(connection).end('rollback')
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    lease(connection).release()
  }

  async destroy(): Promise<void> {}
}

function lease(connection: DatabaseConnection): PostgresLease {
  if (connection instanceof PostgresLease) return connection
  throw new Fault('internal', { detail: { why: 'a connection of another driver' } })
}

function openingOf(scope: PostgresScope): string {
  switch (scope.kind) {
    case 'owner':
      return 'begin'
    case 'provider':
      return `begin; set local role ${APP_ROLE}; set local sallyport.tenant = ''`
    case 'tenant':
      // The id is put into the text, so its form is checked right here.
      if (!isId('tenant', scope.tenantId)) throw new Fault('not-found')
      return `begin; set local role ${APP_ROLE}; set local sallyport.tenant = '${scope.tenantId}'`
  }
}

class PostgresLease implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #opening: string
  #isInTransaction = false
  #isBroken = false

  constructor(client: pg.PoolClient, opening: string) {
    this.#client = client
    this.#opening = opening
  }

  async begin(): Promise<void> {
    this.#isInTransaction = true
    await this.#run(this.#opening, [])
    // Writers of one tenant take turns: references are checked against what the writer before left.
    const tenant = /tenant = '(ten_[a-z2-7]+)'$/.exec(this.#opening)?.[1]
    if (tenant !== undefined) await this.#run('select pg_advisory_xact_lock(hashtextextended($1, 0))', [tenant])
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    this.#isInTransaction = false
    const result = await this.#run(how, [])
    // A commit of a transaction that failed in between answers ROLLBACK and no error.
    if (how === 'commit' && result.command !== 'COMMIT')
      throw new Fault('store-failed', { detail: { why: 'the transaction had failed' } })
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#isInTransaction) return resultOf<R>(await this.#run(query.sql, query.parameters))
    await this.#run(this.#opening, [])
    try {
      const result = await this.#run(query.sql, query.parameters)
      await this.#run('commit', [])
      return resultOf<R>(result)
    } catch (error) {
      await this.#run('rollback', []).catch(() => {})
      throw error
    }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Fault('internal', { detail: { why: 'streaming queries would hold a connection' } })
  }

  release(): void {
    // A connection in an unknown state may carry someone's tenant: it is thrown away.
    this.#client.release(this.#isBroken || this.#isInTransaction)
  }

  async #run(sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return parameters.length > 0 ? await this.#client.query(sql, [...parameters]) : await this.#client.query(sql)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) this.#isBroken = true
      throw error
    }
  }
}

function resultOf<R>(result: pg.QueryResult): QueryResult<R> {
  const isChange = result.command === 'INSERT' || result.command === 'UPDATE' || result.command === 'DELETE'
  return {
    rows: result.rows,
    ...(isChange && { numAffectedRows: BigInt(result.rowCount ?? 0) }),
  }
}
