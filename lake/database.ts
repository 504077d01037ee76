// DuckDB, locked down: no extension is fetched or loaded, no file outside the lake is touched, memory, threads and spill
// are capped, and none of that can be changed afterwards. Must only be loaded by the engine's process and by tests.
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DuckDBDataChunk, DuckDBInstance, listValue } from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBConnection, DuckDBResult, DuckDBValue } from '@duckdb/node-api'
import { Fault } from '#core/fault.ts'
import { ROWS_PER_CHUNK, type LakeCaps } from './caps.ts'
import { columnNames, columnsSql, columnTypes } from './columns.ts'
import { names } from '#journal/layout.ts'
import { temporaryFolder } from './layout.ts'
import { engineValues, type Row } from './row.ts'

export type Parameters = Readonly<Record<string, string | number | boolean | bigint | readonly string[] | null>>

export class Database {
  readonly #instance: DuckDBInstance
  readonly #spill: string

  constructor(instance: DuckDBInstance, spill: string) {
    this.#instance = instance
    this.#spill = spill
  }

  /** A connection of its own for one piece of work, with its own temporary tables; `signal` interrupts it. */
  async connect(signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted()
    return new Session(await this.#instance.connect(), signal)
  }

  async close(): Promise<void> {
    this.#instance.closeSync()
    await rm(this.#spill, { recursive: true, force: true })
  }
}

export async function openDatabase(folder: string, caps: LakeCaps): Promise<Database> {
  const root = resolve(folder)
  const spill = await makeSpillFolder(root)
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    threads: String(caps.threads),
  })
  const connection = await instance.connect()
  try {
    for (const setting of [
      `memory_limit = '${Math.floor(caps.maxMemoryBytes / 1024)}KiB'`,
      `temp_directory = ${quoteText(spill)}`,
      `max_temp_directory_size = '${Math.floor(caps.maxSpillBytes / 1024)}KiB'`,
      `preserve_insertion_order = false`,
      `enable_progress_bar = false`,
      `allowed_directories = [${quoteText(`${root}/`)}]`,
      `enable_external_access = false`,
      `lock_configuration = true`,
    ]) {
      await connection.run(`SET ${setting}`)
    }
  } finally {
    connection.closeSync()
  }
  return new Database(instance, spill)
}

// One for each process, by its id, so that a command beside a running engine does not take away its files.
async function makeSpillFolder(root: string): Promise<string> {
  const parent = temporaryFolder(root)
  for (const name of await names(parent)) {
    if (/^\d+$/.test(name) && !isRunning(Number(name))) await rm(join(parent, name), { recursive: true, force: true })
  }
  const spill = join(parent, String(process.pid))
  await mkdir(spill, { recursive: true, mode: 0o700 })
  return spill
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** At most 2,048 rows: the values of each column, in the order of `names`. */
export type ColumnChunk = {
  readonly names: readonly string[]
  readonly values: readonly (readonly DuckDBValue[])[]
  readonly rowCount: number
}

export class Session {
  readonly #connection: DuckDBConnection
  readonly #signal: AbortSignal
  readonly #interrupt = (): void => this.#connection.interrupt()

  constructor(connection: DuckDBConnection, signal: AbortSignal) {
    this.#connection = connection
    this.#signal = signal
    signal.addEventListener('abort', this.#interrupt, { once: true })
  }

  /** Runs one statement to its end. Values come in as parameters only. */
  async run(sql: string, parameters: Parameters = {}): Promise<void> {
    await this.#guard(() => this.#connection.run(sql, values(parameters)))
  }

  /** All rows at once: for statements that give few. */
  async rows(sql: string, parameters: Parameters = {}): Promise<Record<string, DuckDBValue>[]> {
    return await this.#guard(async () =>
      (await this.#connection.runAndReadAll(sql, values(parameters))).getRowObjects(),
    )
  }

  /** Rows as they come, a chunk (at most 2,048) at a time. */
  async *stream(sql: string, parameters: Parameters = {}): AsyncGenerator<Record<string, DuckDBValue>[], void> {
    const result = await this.#guard(() => this.#connection.stream(sql, values(parameters)))
    const named = result.deduplicatedColumnNames()
    for (;;) {
      const chunk = await this.#guard<Awaited<ReturnType<DuckDBResult['fetchChunk']>>>(() => result.fetchChunk())
      if (chunk === null || chunk.rowCount === 0) return
      yield chunk.getRowObjects(named)
    }
  }

  /** As `stream`, by column: several times quicker where there are many rows. */
  async *streamColumns(sql: string, parameters: Parameters = {}): AsyncGenerator<ColumnChunk, void> {
    const result = await this.#guard(() => this.#connection.stream(sql, values(parameters)))
    const names = result.columnNames()
    for (;;) {
      const chunk = await this.#guard<Awaited<ReturnType<DuckDBResult['fetchChunk']>>>(() => result.fetchChunk())
      if (chunk === null || chunk.rowCount === 0) return
      yield { names, values: chunk.getColumns(), rowCount: chunk.rowCount }
    }
  }

  /** A temporary table of the lake's columns, of this connection alone. */
  async createRows(table: 'batch' | 'hot'): Promise<RowWriter> {
    await this.run(`CREATE OR REPLACE TEMP TABLE ${table} (${columnsSql})`)
    return new RowWriter(await this.#connection.createAppender(table, null, 'temp'))
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#interrupt)
    this.#connection.closeSync()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      this.#signal.throwIfAborted()
      throw databaseFault(error)
    }
  }
}

/** Rows into a temporary table, 2,048 at a time. */
export class RowWriter {
  readonly #appender: DuckDBAppender
  #columns: DuckDBValue[][] = columnNames.map(() => [])
  #count = 0

  constructor(appender: DuckDBAppender) {
    this.#appender = appender
  }

  add(row: Row): void {
    const all = engineValues(row)
    for (const [at, value] of all.entries()) {
      this.#columns[at]?.push(isTexts(value) ? listValue(value) : value)
    }
    if (++this.#count === ROWS_PER_CHUNK) this.#flush()
  }

  /** All rows are in the table when this returns. */
  finish(): void {
    if (this.#count > 0) this.#flush()
    this.#appender.flushSync()
    this.#appender.closeSync()
  }

  #flush(): void {
    const chunk = DuckDBDataChunk.create(columnTypes, this.#count)
    chunk.setColumns(this.#columns)
    this.#appender.appendDataChunk(chunk)
    this.#columns = columnNames.map(() => [])
    this.#count = 0
  }
}

/** Text of ours in a statement that takes no parameter there: paths. Never for text of a caller. */
export function quoteText(text: string): string {
  if (text.includes('\0')) throw new Fault('configuration-invalid', { hint: 'The folder has a NUL in its name.' })
  return `'${text.replaceAll("'", "''")}'`
}

/** What DuckDB said, as a fault of ours; its words stay internal. */
export function databaseFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const said = error instanceof Error ? error.message : String(error)
  const detail = { said: said.slice(0, 500) }
  if (/No space left|Disk quota|max_temp_directory_size/i.test(said)) {
    return new Fault('lake-full', { cause: error, detail })
  }
  if (/^(?:Error: )?Out of Memory/i.test(said)) {
    return new Fault('lake-timeout', { hint: 'It needs more memory than the lake has.', cause: error, detail })
  }
  if (isFileProblem(said)) return new Fault('lake-corrupt', { cause: error, detail })
  return new Fault('lake-unavailable', { cause: error, detail })
}

function isFileProblem(said: string): boolean {
  return /(?:IO Error|Invalid (?:Input )?Error|No files found|not a parquet|magic bytes|Thrift|corrupt|ZSTD)/i.test(
    said,
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}

function values(parameters: Parameters): Record<string, DuckDBValue> {
  const bound: Record<string, DuckDBValue> = {}
  for (const [name, value] of Object.entries(parameters)) {
    if (isTexts(value)) bound[name] = listValue(value)
    else bound[name] = typeof value === 'number' ? BigInt(value) : value
  }
  return bound
}
