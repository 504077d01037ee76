// Takes a backup of a folder and of the store that belongs to it, while both are in use. Must never write what it read to
// the disk unsealed, nor call a backup whole that was changed under its hands.
import { lstat, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { Fault } from '#core/fault.ts'
import { syncFolder } from '#journal/disk.ts'
import { caps } from '#control/caps.ts'
import { type RowDigest, RowSum } from '#control/store/row-digest.ts'
import { openRowSnapshot } from '#control/store/row-snapshot.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { type EntryHeader, writeHeader } from './entries.ts'
import type { Recipient } from './recipient.ts'
import { sealStream } from './sealed-stream.ts'

export type BackupRequest = {
  readonly folder: string
  /** Where the store of this folder is; null: it has none (an exchange, a connector). */
  readonly store: { readonly config: StoreConfig; readonly pathBelowFolder: string } | null
  readonly to: string
  readonly recipient: Recipient
  readonly software: string
}
export type BackupReport = {
  readonly bytes: number
  readonly takenAtMs: number
  readonly rows: RowDigest
  readonly files: number
}
export type BackupDeps = {
  readonly nowMs: () => number
  readonly signal: AbortSignal
  /** For tests: between the listing and the reading of files. */
  readonly onListed?: () => Promise<void>
}

/** Something was removed or compacted between listing and reading. */
class ChangedMeanwhile extends Error {}

/** Throws Fault `store-failed`, `name-taken` when the file is there, `at-capacity` when the folder never stood still. */
export async function takeBackup(request: BackupRequest, deps: BackupDeps): Promise<BackupReport> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await takeOnce(request, deps)
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error
      if (attempt >= caps.backupAttempts.default)
        throw new Fault('at-capacity', {
          hint: `${request.folder} changed while it was read, ${attempt} times: ${error.message}. Try again later.`,
        })
    }
  }
}

async function takeOnce(request: BackupRequest, deps: BackupDeps): Promise<BackupReport> {
  const partial = `${request.to}.partial`
  const takenAtMs = deps.nowMs()
  const told: { rows: RowDigest; files: number } = { rows: {}, files: 0 }
  await refuseExisting(request.to)
  await rm(partial, { force: true })
  try {
    const compressed = Readable.from(entriesOf(request, takenAtMs, told, deps)).compose(createZstdCompress())
    await pipeline(
      Readable.from(sealStream(compressed, request.recipient)),
      createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }),
      { signal: deps.signal },
    )
    const { size } = await lstat(partial)
    await refuseExisting(request.to)
    await rename(partial, request.to)
    await syncFolder(dirname(request.to))
    return { bytes: size, takenAtMs, ...told }
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

async function refuseExisting(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found) throw new Fault('name-taken', { hint: `${path} is there already; a backup never writes over anything.` })
}

async function* entriesOf(
  request: BackupRequest,
  takenAtMs: number,
  told: { rows: RowDigest; files: number },
  deps: BackupDeps,
): AsyncGenerator<Buffer> {
  const { folder, store, software } = request
  const listed = await listFiles(folder)
  await deps.onListed?.()
  const sum = new RowSum()
  {
    await using rows = store ? await openRowSnapshot(store.config, folder) : undefined
    const storePath = store?.pathBelowFolder ?? null
    yield writeHeader({
      kind: 'about',
      software,
      takenAtMs,
      storePath,
      migrations: [...(rows?.migrations ?? [])],
      bytes: 0,
    })
    for await (const { table, rows: batch } of rows?.batches() ?? []) {
      for (const row of batch) sum.add(table, row)
      yield* rowEntries(table, batch)
    }
  }
  told.rows = sum.digest()
  for (const file of listed) yield* fileEntry(folder, file)
  for (const file of listed)
    if (file.content && file.path.endsWith('manifest.json')) {
      const now = await readFile(join(folder, file.path)).catch(() => undefined)
      if (!now?.equals(file.content)) throw new ChangedMeanwhile(`${file.path} is another one now`)
    }
  told.files = listed.length
  yield writeHeader({ kind: 'end', rows: told.rows, files: told.files, bytes: 0 })
}

/** Parts of a batch that each fit an entry; a row that fits none is refused, loudly. */
function* rowEntries(table: string, batch: readonly object[]): Generator<Buffer> {
  const body = Buffer.from(JSON.stringify(batch))
  if (body.length <= caps.backupRowsBytes.default) {
    yield writeHeader({ kind: 'rows', table, bytes: body.length })
    yield body
    return
  }
  if (batch.length === 1) throw new Fault('store-failed', { hint: `A row of ${table} is larger than a backup takes.` })
  const half = Math.ceil(batch.length / 2)
  yield* rowEntries(table, batch.slice(0, half))
  yield* rowEntries(table, batch.slice(half))
}

type Listed = { readonly path: string; readonly mode: 0o600 | 0o644; readonly bytes: number; readonly content?: Buffer }

/**
 * Every file worth keeping. Small files that are replaced as a whole are read at once, before the lengths of those that
 * only grow are taken: a checkpoint is then never of records that were left out.
 */
async function listFiles(folder: string): Promise<readonly Listed[]> {
  const growing: string[] = []
  const listed: Listed[] = []
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (
        entry.isDirectory() &&
        !entry.name.startsWith('.') &&
        path.split('/').slice(-2).join('/') !== 'lake/temporary'
      )
        await walk(path)
      else if (!entry.isFile() || isLeftOut(entry.name)) continue
      else if (isGrowing(entry.name)) growing.push(path)
      else listed.push(await listFile(folder, path))
      if (growing.length + listed.length > caps.backupFiles.default)
        throw new Fault('at-capacity', { hint: `${folder} holds more files than a backup takes.` })
    }
  }
  await walk('')
  for (const path of growing) listed.push(await listFile(folder, path))
  return listed
}

async function listFile(folder: string, path: string): Promise<Listed> {
  try {
    const { size, mode } = await lstat(join(folder, path))
    const kept = (mode & 0o044) === 0 ? 0o600 : 0o644
    if (isGrowing(path) || size > caps.backupSmallBytes.default) return { path, mode: kept, bytes: size }
    const content = await readFile(join(folder, path))
    return { path, mode: kept, bytes: content.length, content }
  } catch (error) {
    throw missingIsChange(error, path)
  }
}

async function* fileEntry(folder: string, { path, mode, bytes, content }: Listed): AsyncGenerator<Buffer> {
  const header: EntryHeader = { kind: 'file', path, mode, bytes }
  if (content) {
    yield writeHeader(header)
    yield content
    return
  }
  const file = await open(join(folder, path), 'r').catch((error: unknown) => {
    throw missingIsChange(error, path)
  })
  try {
    if ((await file.stat()).size < bytes) throw new ChangedMeanwhile(`${path} is shorter now`)
    yield writeHeader(header)
    if (bytes > 0) yield* file.createReadStream({ start: 0, end: bytes - 1, autoClose: false }) as AsyncIterable<Buffer>
  } finally {
    await file.close()
  }
}

/** Only ever appended to: a prefix of it is a whole. */
function isGrowing(name: string): boolean {
  return name.endsWith('.jsonl')
}

function isLeftOut(name: string): boolean {
  return name.startsWith('.') || name.endsWith('.lock') || /\.db(-wal|-shm|-journal)?$/.test(name)
}

function missingIsChange(error: unknown, path: string): unknown {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
  return isMissing ? new ChangedMeanwhile(`${path} was removed`) : error
}
