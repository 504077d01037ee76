// Writes one Parquet file so that it is there whole or not at all: temporary name, fsync, rename, fsync of the folder.
// Must never put a file under its name before its bytes are on the disk.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { syncFile, syncFolder } from '#journal/disk.ts'
import { ROWS_PER_GROUP } from './caps.ts'
import { columnNames, quoteName } from './columns.ts'
import { quoteText, type Session } from './database.ts'
import { dayFolder, filePath, tenantFolder, type FileName } from './layout.ts'
import type { LakeFile, OnStep } from './manifest.ts'

export type ParquetTarget = {
  readonly folder: string
  readonly tenant: TenantId
  readonly file: FileName
  readonly onStep?: OnStep | undefined
}

/** `source` is SQL of ours that gives the rows in the lake's columns. */
export async function writeParquet(session: Session, source: string, target: ParquetTarget): Promise<LakeFile> {
  const { folder, tenant, file, onStep } = target
  const path = filePath(folder, tenant, file)
  const temporary = `${path}.tmp`
  const parent = dayFolder(folder, tenant, file.day)
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const list = columnNames.map(quoteName).join(', ')
  try {
    await session.run(
      `COPY (SELECT ${list} FROM (${source}) ORDER BY sequence) TO ${quoteText(temporary)}
       (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROWS_PER_GROUP}, PRESERVE_ORDER true)`,
    )
    onStep?.('parquet-written')
    await syncFile(temporary)
    onStep?.('parquet-synced')
    const facts = await factsOf(session, temporary)
    if (facts === undefined) throw new Fault('internal', { detail: { reason: 'empty file' } })
    const { size } = await stat(temporary)
    const sha256 = await hashFile(temporary)
    await rename(temporary, path)
    onStep?.('parquet-renamed')
    await syncFolder(parent)
    await syncFolder(tenantFolder(folder, tenant))
    onStep?.('folder-synced')
    return { ...file, ...facts, bytes: size, sha256 }
  } catch (error) {
    await rm(temporary, { force: true })
    throw diskFault(error)
  }
}

/** What the manifest keeps of a file, read back from the file itself; undefined when it holds no row. */
export async function factsOf(
  session: Session,
  path: string,
): Promise<Pick<LakeFile, 'first' | 'last' | 'rows' | 'minMs' | 'maxMs'> | undefined> {
  const [found] = await session.rows(
    `SELECT count(*)::DOUBLE AS "rows", min(sequence)::DOUBLE AS "first", max(sequence)::DOUBLE AS "last",
       min("time")::DOUBLE AS "minMs", max("time")::DOUBLE AS "maxMs"
     FROM read_parquet(${quoteText(path)}, hive_partitioning = false)`,
  )
  if (found === undefined || found['rows'] === 0) return undefined
  return {
    first: Number(found['first']),
    last: Number(found['last']),
    rows: Number(found['rows']),
    minMs: Number(found['minMs']),
    maxMs: Number(found['maxMs']),
  }
}

/** Rows of a file whose sequence lies in a range, ends included. */
export async function countRows(session: Session, path: string, first: number, last: number): Promise<number> {
  const [found] = await session.rows(
    `SELECT count(*)::DOUBLE AS n FROM read_parquet(${quoteText(path)}, hive_partitioning = false)
     WHERE sequence BETWEEN $first AND $last`,
    { first, last },
  )
  return Number(found?.['n'] ?? 0)
}

export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const sum = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), sum, signal === undefined ? {} : { signal })
  return sum.digest('hex')
}

/** A disk that is full is said to be full, whoever noticed it. */
export function diskFault(error: unknown): unknown {
  if (error instanceof Fault || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return new Fault('lake-full', { cause: error })
  return error
}
