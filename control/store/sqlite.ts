// The embedded store: node:sqlite behind Kysely. One connection, one transaction at a time; synchronous=FULL, so
// that what was acknowledged survives a power cut. Must never run on a thread that carries traffic.
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'

const PRIVATE_MODE = 0o600

export type SqliteFile = {
  readonly dialect: () => Dialect
  readonly close: () => void
}

/** Opens or makes the file. `path` may be `:memory:` in tests. */
export function openSqlite(path: string): SqliteFile {
  if (path !== ':memory:') keepPrivate(path)
  const database = new DatabaseSync(path, { timeout: caps.storeBusyMs.default, enableForeignKeyConstraints: true })
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on')
  database.exec('pragma trusted_schema = off; pragma secure_delete = on')
  const connection = new SqliteConnection(database)
  const turn = new Turn()
  let isOpen = true
  return {
    dialect: () => ({
      createDriver: () => new SqliteDriver(connection, turn),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    }),
    close: () => {
      if (!isOpen) return
      isOpen = false
      database.close()
    },
  }
}

/** SQLite gives its -wal and -shm the mode of the file, and the file itself, were it to make it, that of the umask. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', PRIVATE_MODE))
  // Those of an earlier version or of a copy that was put back may be open to others.
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, PRIVATE_MODE)
}

/** One connection for all: whoever holds the turn uses it. Waiting is bounded. */
class Turn {
  #tail: Promise<void> = Promise.resolve()

  async take(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#tail
    this.#tail = before.then(() => promise)
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<'late'>((late) => {
      timer = setTimeout(() => late('late'), caps.storeWaitMs.default)
    })
    const outcome = await Promise.race([before, tooLong])
    clearTimeout(timer)
    if (outcome === 'late') {
      resolve()
      throw new Fault('store-failed', { detail: { why: 'waited too long for the store' } })
    }
    return resolve
  }
}

class SqliteDriver implements Driver {
  readonly #connection: SqliteConnection
  readonly #turn: Turn
  readonly #held = new WeakMap<DatabaseConnection, () => void>()

  constructor(connection: SqliteConnection, turn: Turn) {
    this.#connection = connection
    this.#turn = turn
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const release = await this.#turn.take()
    const lease = new SqliteLease(this.#connection)
    this.#held.set(lease, release)
    return lease
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite itself rolls back on some errors (a full disk); then there is nothing left to undo.
    if (this.#connection.isInTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#held.get(connection)?.()
    this.#held.delete(connection)
  }

  async destroy(): Promise<void> {}
}

class SqliteLease implements DatabaseConnection {
  readonly #connection: SqliteConnection

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#connection.execute<R>(query)
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Fault('internal', { detail: { why: 'streaming queries would hold the store' } })
  }
}

class SqliteConnection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  execute<R>(query: CompiledQuery): QueryResult<R> {
    const statement = this.#prepare(query.sql)
    const parameters = query.parameters.map(bindable)
    if (statement.columns().length > 0) {
      // Rows come with a null prototype; a copy is what the rest of the code expects of JSON-like data.
      return { rows: statement.all(...parameters).map((row) => ({ ...row })) as R[] }
    }
    const { changes } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    if (this.#statements.size >= caps.storeStatements.default) this.#statements.clear()
    this.#statements.set(sql, statement)
    return statement
  }
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new Fault('internal', { detail: { why: `a ${typeof value} cannot be stored` } })
}
