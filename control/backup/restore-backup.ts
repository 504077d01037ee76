// Puts a backup back into an empty place. Must never merge, never show a folder under its name before all of it is there
// and compared, and never bring sessions back to life unless it is told to.
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import * as z from 'zod'
import { Fault, isFault } from '#core/fault.ts'
import { syncFolder } from '#journal/disk.ts'
import { differingTables, type RowDigest, RowSum } from '#control/store/row-digest.ts'
import { loadRows } from '#control/store/row-load.ts'
import { openRowSnapshot, type RowBatch } from '#control/store/row-snapshot.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { type About, type Entry, readEntries, wholeBody } from './entries.ts'
import type { Recipient } from './recipient.ts'
import { openStream } from './sealed-stream.ts'
import { settleRestored } from './settle-restored.ts'

export type RestoreRequest = {
  readonly file: string
  readonly recipient: Recipient
  /** Must not exist, or be empty. */
  readonly folder: string
  /** URL of an empty database; default: SQLite in the folder. */
  readonly postgresUrl?: string
  /** Sessions that were alive in the backup stay so. */
  readonly isKeepingSessions: boolean
}
export type RestoreReport = {
  readonly about: About
  readonly rows: RowDigest
  readonly files: number
  readonly endedSessions: number
  readonly hasKeyFile: boolean
}
export type RestoreDeps = { readonly nowMs: () => number; readonly signal: AbortSignal }

/** Throws Fault `document-invalid` for a file that does not verify, `name-taken` for a target that is not empty. */
export async function restoreBackup(request: RestoreRequest, deps: RestoreDeps): Promise<RestoreReport> {
  const folder = resolve(request.folder)
  const found = await readdir(folder).catch(() => undefined)
  if (found !== undefined && found.length > 0)
    throw new Fault('name-taken', { hint: `${folder} is not empty; a restore never merges.` })
  const beside = `${folder}.restoring-${randomBytes(6).toString('hex')}`
  await mkdir(beside, { recursive: true, mode: 0o700 })
  try {
    const report = await fill(request, beside, deps)
    if (found !== undefined) await rm(folder, { recursive: true })
    await rename(beside, folder)
    await syncFolder(dirname(folder))
    return report
  } catch (error) {
    await rm(beside, { recursive: true, force: true })
    throw error
  }
}

async function fill(request: RestoreRequest, folder: string, deps: RestoreDeps): Promise<RestoreReport> {
  const sealed = createReadStream(request.file, { signal: deps.signal })
  const plain = Readable.from(openStream(sealed, request.recipient)).compose(createZstdDecompress())
  try {
    return await fillFrom(readEntries(plain), request, folder, deps)
  } catch (error) {
    if (isFault(error) || (error instanceof Error && error.name === 'AbortError')) throw error
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isAbsent) throw new Fault('not-found', { hint: `${request.file} cannot be read.`, cause: error })
    throw new Fault('document-invalid', { hint: 'The backup cannot be unpacked.', cause: error })
  } finally {
    sealed.destroy()
  }
}

async function fillFrom(
  entries: AsyncGenerator<Entry>,
  request: RestoreRequest,
  folder: string,
  deps: RestoreDeps,
): Promise<RestoreReport> {
  const wrong = (why: string) => new Fault('document-invalid', { hint: `The backup cannot be read: ${why}.` })
  const first = (await entries.next()).value
  if (first?.header.kind !== 'about') throw wrong('it does not begin with what it is')
  const about = first.header
  const sum = new RowSum()
  let next = (await entries.next()).value
  async function* batches(): AsyncGenerator<RowBatch> {
    while (next?.header.kind === 'rows') {
      const batch = readRows(next.header.table, await wholeBody(next))
      for (const row of batch.rows) sum.add(batch.table, row)
      yield batch
      next = (await entries.next()).value
    }
  }
  const target: StoreConfig | null =
    about.storePath === null
      ? null
      : request.postgresUrl === undefined
        ? { kind: 'sqlite', path: join(folder, about.storePath) }
        : { kind: 'postgres', url: request.postgresUrl }
  if (target?.kind === 'sqlite') await mkdir(dirname(target.path), { recursive: true, mode: 0o700 })
  if (target) await loadRows(target, { migrations: about.migrations, batches: batches() }, deps.nowMs)
  let files = 0
  let hasKeyFile = false
  for (; next?.header.kind === 'file'; next = (await entries.next()).value) {
    await writeFile(folder, next)
    hasKeyFile ||= next.header.path.split('/').at(-1) === 'kek'
    files++
  }
  const end = next?.header
  if (end?.kind !== 'end' || end.files !== files) throw wrong('it has no end, or another one')
  if (!(await entries.next()).done) throw wrong('something comes after its end')
  if (differingTables(end.rows, sum.digest()).length > 0) throw wrong('rows are missing')
  if (target) await compareStore(target, folder, end.rows)
  const endedSessions = target ? await settleRestored(target, request.isKeepingSessions, deps.nowMs) : 0
  return { about, rows: end.rows, files, endedSessions, hasKeyFile }
}

const rowsBody = z.array(z.record(z.string().max(64), z.union([z.string(), z.number(), z.null()]))).min(1)

function readRows(table: string, body: Buffer): RowBatch {
  try {
    return { table, rows: rowsBody.parse(JSON.parse(body.toString())) }
  } catch (cause) {
    throw new Fault('document-invalid', { hint: 'The backup cannot be read: rows have another form.', cause })
  }
}

/** What the new store says must be what the old one said. Throws Fault `store-failed` naming the tables. */
export async function compareStore(target: StoreConfig, scratch: string, expected: RowDigest): Promise<void> {
  const sum = new RowSum()
  await using rows = await openRowSnapshot(target, scratch)
  for await (const batch of rows.batches()) for (const row of batch.rows) sum.add(batch.table, row)
  const differing = differingTables(expected, sum.digest())
  if (differing.length > 0)
    throw new Fault('store-failed', { hint: `The new store differs from the old one in: ${differing.join(', ')}.` })
}

async function writeFile(folder: string, entry: Entry): Promise<void> {
  const { header } = entry
  if (header.kind !== 'file') return
  const path = join(folder, header.path)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', header.mode)
  try {
    for await (const part of entry.body()) await file.write(part)
    await file.sync()
  } finally {
    await file.close()
  }
}
