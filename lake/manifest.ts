// What a tenant's lake consists of: one file, replaced as a whole, so that a reader sees one version and a crash leaves
// the old one or the new one. Must never list a file that is not on the disk, nor be guessed when it is damaged.
import { hash } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { readSmallFile, syncFolder } from '#journal/disk.ts'
import { parseWriter } from '#journal/layout.ts'
import { isHash, isObject } from '#journal/record.ts'
import { readStatement, type Checkpoint } from '#journal/statement.ts'
import { MAX_MANIFEST_BYTES } from './caps.ts'
import { isDay, isRange, manifestPath, tenantFolder, type FileName } from './layout.ts'

/** A Parquet file. Its name follows from `day`, `writer`, `first` and `last`. */
export type LakeFile = FileName & {
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
  /** Earliest and latest `time` inside: what a query's range is held against, whatever the day is called. */
  readonly minMs: number
  readonly maxMs: number
}

/** A stretch of a chain as the journal had it: enough to prove its rows again when the segments are gone. */
export type Head = {
  readonly first: number
  readonly last: number
  readonly previousHash: string
  readonly lastHash: string
  /** The writer's own signature over the end. */
  readonly seal: Checkpoint
  /** Rows of it that retention has removed since: with any gone, the rest cannot be proven. */
  readonly removedRows: number
}

export type LakeChain = {
  /** The watermark: everything up to here is in files, or was removed. The journal's segments count from here on. */
  readonly through: number
  readonly hash: string
  readonly heads: readonly Head[]
  /** Records that the journal removed before the lake had them. */
  readonly missedRows: number
}

export type Manifest = {
  readonly tenant: TenantId
  /** One more with each change. 0: there is none yet. */
  readonly version: number
  readonly files: readonly LakeFile[]
  readonly chains: Readonly<Record<string, LakeChain>>
  /** Days before this one were removed, for good: nothing of them is taken in again. */
  readonly removedBefore: string | null
}

/** Named moments of writing, so that tests can stop the process at each. */
export type Step =
  | 'parquet-written'
  | 'parquet-synced'
  | 'parquet-renamed'
  | 'folder-synced'
  | 'manifest-written'
  | 'manifest-renamed'
  | 'manifest-synced'
  | 'files-removed'
export type OnStep = (step: Step) => void

const FORMAT = 'sallyport-lake-manifest-v1'

function emptyManifest(tenant: TenantId): Manifest {
  return { tenant, version: 0, files: [], chains: {}, removedBefore: null }
}

/** The version in force. Throws `lake-corrupt` when it is damaged: then nothing may be taken for complete. */
export async function readManifest(folder: string, tenant: TenantId): Promise<Manifest> {
  const text = await readSmallFile(manifestPath(folder, tenant), MAX_MANIFEST_BYTES)
  return text === undefined ? emptyManifest(tenant) : manifestOf(text, tenant)
}

/** As `readManifest`, from the file's text. */
export function manifestOf(text: string, tenant: TenantId): Manifest {
  const [body = '', sum = '', ...rest] = text.split('\n')
  const isWhole = rest.length === 1 && rest[0] === '' && sum === hash('sha256', body, 'hex')
  const manifest = isWhole ? parseManifest(body) : undefined
  if (manifest === undefined || manifest.tenant !== tenant) {
    throw new Fault('lake-corrupt', { detail: { tenant, reason: 'manifest' } })
  }
  return manifest
}

/** Puts the next version in force. Returns when a power cut can no longer undo it. */
export async function commitManifest(folder: string, manifest: Manifest, onStep?: OnStep): Promise<void> {
  const { tenant } = manifest
  const body = JSON.stringify({ format: FORMAT, ...manifest })
  const text = `${body}\n${hash('sha256', body, 'hex')}\n`
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) {
    throw new Fault('lake-full', { hint: 'The tenant has too many files.', detail: { tenant } })
  }
  const path = manifestPath(folder, tenant)
  await mkdir(tenantFolder(folder, tenant), { recursive: true, mode: 0o700 })
  // Not the journal's `replaceFile`: tests stop the process between these steps.
  const handle = await open(`${path}.tmp`, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  onStep?.('manifest-written')
  await rename(`${path}.tmp`, path)
  onStep?.('manifest-renamed')
  await syncFolder(tenantFolder(folder, tenant))
  await syncFolder(folder)
  onStep?.('manifest-synced')
}

function parseManifest(body: string): Manifest | undefined {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!isObject(value) || value['format'] !== FORMAT || Object.keys(value).length !== 6) return undefined
  const { tenant, version, files, chains, removedBefore } = value
  if (!isCount(version) || !Array.isArray(files) || !isObject(chains)) return undefined
  if (removedBefore !== null && !(typeof removedBefore === 'string' && isDay(removedBefore))) return undefined
  if (!files.every(isFile) || !Object.entries(chains).every(([writer, chain]) => isChain(writer, chain))) {
    return undefined
  }
  return { tenant, version, files, chains, removedBefore } as Manifest
}

function isFile(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 9) return false
  const { day, writer, first, last, rows, bytes, sha256, minMs, maxMs } = value
  if (typeof day !== 'string' || !isDay(day) || typeof writer !== 'string' || !parseWriter(writer)) return false
  return isSpan(first, last) && [rows, bytes, minMs, maxMs].every(isCount) && isHash(sha256)
}

function isChain(writer: string, value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 4 || !parseWriter(writer)) return false
  const { through, hash: end, heads, missedRows } = value
  return isCount(through) && isHash(end) && Array.isArray(heads) && heads.every(isHead) && isCount(missedRows)
}

function isHead(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 6) return false
  const { first, last, previousHash, lastHash, seal, removedRows } = value
  const isSealed = readStatement(seal)?.kind === 'seal'
  return isSpan(first, last) && isHash(previousHash) && isHash(lastHash) && isSealed && isCount(removedRows)
}

function isSpan(first: unknown, last: unknown): boolean {
  return typeof first === 'number' && typeof last === 'number' && isRange(first, last)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
