// Taking things out of the lake: whole days by retention, a whole tenant, and files that no manifest names. Must never
// remove a file before the manifest that does without it is on the disk, nor anything outside the tenant's own folder.
import { rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TenantId } from '#core/ids.ts'
import { syncFolder } from '#journal/disk.ts'
import type { Database } from './database.ts'
import { chainPlace, errorCode, listSegments } from '#journal/layout.ts'
import {
  dayFolder,
  dayStartMs,
  filePath,
  listDayFolders,
  parseFileName,
  tenantFolder,
  type FileName,
} from './layout.ts'
import { countRows } from './parquet.ts'
import {
  commitManifest,
  readManifest,
  type Head,
  type LakeChain,
  type LakeFile,
  type Manifest,
  type OnStep,
} from './manifest.ts'

export type RetainRequest = {
  readonly folder: string
  readonly tenant: TenantId
  /** The first day that stays. */
  readonly before: string
  readonly signal: AbortSignal
  readonly onStep?: OnStep | undefined
}

type CountRows = (file: LakeFile, first: number, last: number) => Promise<number>

export type Removed = { readonly files: number; readonly rows: number; readonly bytes: number }

/** Removes every file whose events are all of days before `day`. They never come back, whatever the journal brings. */
export async function removeDaysBefore(database: Database, request: RetainRequest): Promise<Removed> {
  const { folder, tenant, before: day, signal, onStep } = request
  const manifest = await readManifest(folder, tenant)
  const cutoffMs = dayStartMs(day)
  const gone = manifest.files.filter(({ maxMs }) => maxMs < cutoffMs)
  const isNew = manifest.removedBefore === null || manifest.removedBefore < day
  if (manifest.version === 0 || (gone.length === 0 && !isNew)) return { files: 0, rows: 0, bytes: 0 }
  const chains: Record<string, LakeChain> = {}
  for (const [writer, chain] of Object.entries(manifest.chains)) {
    const own = gone.filter((file) => file.writer === writer)
    chains[writer] = await withoutRows(chain, own, async (file, first, last) => {
      using session = await database.connect(signal)
      return await countRows(session, filePath(folder, tenant, file), first, last)
    })
  }
  const files = manifest.files.filter((file) => !gone.includes(file))
  const removedBefore = isNew ? day : manifest.removedBefore
  await commitManifest(folder, { ...manifest, version: manifest.version + 1, files, chains, removedBefore }, onStep)
  await removeFiles(folder, tenant, gone)
  onStep?.('files-removed')
  return {
    files: gone.length,
    rows: gone.reduce((sum, { rows }) => sum + rows, 0),
    bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** Removes a tenant with every file of it, the manifest first: what is not named is not read. */
export async function removeTenant(folder: string, tenant: TenantId): Promise<void> {
  const own = tenantFolder(folder, tenant)
  await rm(join(own, 'manifest.json'), { force: true })
  await syncFolder(own).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error
  })
  await rm(own, { recursive: true, force: true })
}

export async function removeFiles(folder: string, tenant: TenantId, files: readonly FileName[]): Promise<void> {
  for (const file of files) await rm(filePath(folder, tenant, file), { force: true })
  for (const day of new Set(files.map((file) => file.day))) await removeIfEmpty(dayFolder(folder, tenant, day))
}

export type Sweep = {
  readonly removed: number
  /** Files that nothing explains: kept under another name, and never read. */
  readonly setAside: readonly string[]
}

/**
 * After a crash: removes half-written files, and whole ones whose records are elsewhere. Only for who holds the lake's
 * lock. A file that holds the only copy of its records is set aside, not removed: perhaps somebody put back an older
 * manifest.
 */
export async function sweepTenant(folder: string, journalRoot: string, tenant: TenantId): Promise<Sweep> {
  const manifest = await readManifest(folder, tenant)
  const named = new Set(manifest.files.map((file) => filePath(folder, tenant, file)))
  const setAside: string[] = []
  let removed = 0
  await rm(join(tenantFolder(folder, tenant), 'manifest.json.tmp'), { force: true })
  for (const { day, names } of await listDayFolders(folder, tenant)) {
    for (const name of names) {
      const path = join(dayFolder(folder, tenant, day), name)
      if (named.has(path)) continue
      const file = parseFileName(day, name)
      const isHalf = name.endsWith('.parquet.tmp')
      if (isHalf || (file !== undefined && (await isElsewhere(file, manifest, journalRoot)))) {
        await rm(path, { force: true })
        removed++
      } else if (file !== undefined) {
        await rename(path, `${path}.orphan`)
        setAside.push(`${day}/${name}`)
      }
    }
    await removeIfEmpty(dayFolder(folder, tenant, day))
  }
  return { removed, setAside }
}

async function isElsewhere(file: FileName, manifest: Manifest, journalRoot: string): Promise<boolean> {
  const { day, writer, first, last } = file
  if (manifest.removedBefore !== null && day < manifest.removedBefore) return true
  const isIn = (other: LakeFile): boolean =>
    other.day === day && other.writer === writer && other.first <= first && other.last >= last
  if (manifest.files.some(isIn)) return true
  // What was merged into this file, before the manifest said so.
  const parts = manifest.files.filter((one) => one.day === day && one.writer === writer && one.first >= first)
  if (parts.some((one) => one.first === first) && parts.some((one) => one.last === last)) return true
  if (first <= (manifest.chains[writer]?.through ?? 0)) return false
  const place = chainPlace(journalRoot, manifest.tenant, writer)
  const oldest = (await listSegments(place.dir))[0]
  return oldest !== undefined && oldest <= first
}

// Heads say how many of their rows are gone, so that a check knows what to expect; one without rows goes too.
async function withoutRows(chain: LakeChain, gone: readonly LakeFile[], count: CountRows): Promise<LakeChain> {
  if (gone.length === 0) return chain
  const heads: Head[] = []
  for (const head of chain.heads) {
    let rows = 0
    for (const file of gone) {
      const [first, last] = [Math.max(file.first, head.first), Math.min(file.last, head.last)]
      if (first > last) continue
      // A file whose records all follow each other needs no look inside.
      rows += file.rows === file.last - file.first + 1 ? last - first + 1 : await count(file, first, last)
    }
    const removedRows = head.removedRows + rows
    if (removedRows < head.last - head.first + 1) heads.push(rows === 0 ? head : { ...head, removedRows })
  }
  return { ...chain, heads }
}

async function removeIfEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir)
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes(errorCode(error))) throw error
  }
}
