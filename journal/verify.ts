// Recomputes every chain of a root and says what is wrong. Must never change a file, and never stop at the first fault.
import { isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import {
  headPath,
  isMissing,
  listChains,
  listSegments,
  listTenants,
  names,
  sealPath,
  type ChainPlace,
} from './layout.ts'
import { genesisHash, type StoredRecord } from './record.ts'
import { readCheckpoint } from './recover.ts'
import { isWithin, readRefused } from './refuse.ts'
import { scanSegment, type ChainEnd, type Scan } from './scan.ts'
import { isAuthentic, type Checkpoint, type JournalKey } from './statement.ts'
import { readTombstones } from './tombstone.ts'

export type VerifyOptions = {
  readonly publicKeys: readonly JournalKey[]
  /** Only this tenant. */
  readonly tenant?: TenantId
  /** Checkpoints that somebody else remembers: they show that a whole chain was put back or removed. */
  readonly anchors?: readonly Checkpoint[]
  readonly signal?: AbortSignal
}

export type JournalReport = {
  readonly isIntact: boolean
  readonly chains: readonly ChainReport[]
}

export type ChainReport = {
  readonly tenant: TenantId
  readonly writer: string
  readonly records: number
  /** First and last sequence that are there; 0 when none is. */
  readonly firstSequence: number
  readonly lastSequence: number
  readonly lastHash: string
  readonly segments: number
  /** Checkpoints and seals that agree with the records. */
  readonly checkpoints: number
  /** Records up to here were removed under signed tombstones. */
  readonly removedThrough: number
  /** Records after the last checkpoint: chained, not yet signed. */
  readonly unsignedRecords: number
  /** Bytes of an unfinished line at the end: a writer at work, or a stop that the next start repairs. */
  readonly tornBytes: number
  /** Earlier torn ends that were cut and kept aside. */
  readonly tornFiles: number
  /** Records that are kept and are no events: the receiver refused them, and the custodian signed so. */
  readonly refusedRecords: number
  readonly problems: readonly ChainProblem[]
}

export type ChainProblemKind =
  | 'tombstone-invalid'
  | 'segment-missing'
  | 'segment-damaged'
  | 'checkpoint-invalid'
  | 'checkpoint-differs'
  | 'checkpoint-missing'
  | 'shorter-than-checkpoint'
  | 'chain-missing'
  | 'refusal-invalid'
  | 'refusal-differs'

export type ChainProblem = {
  readonly kind: ChainProblemKind
  /** Where it was noticed; 0 when it concerns the whole chain. */
  readonly sequence: number
  readonly detail: string
}

export async function verifyJournal(root: string, options: VerifyOptions): Promise<JournalReport> {
  const tenants = options.tenant === undefined ? await listTenants(root) : [options.tenant]
  const chains: ChainReport[] = []
  for (const tenant of tenants) {
    for (const place of await listChains(root, tenant)) {
      chains.push(await verifyChain(place, options))
    }
  }
  for (const anchor of options.anchors ?? []) {
    if (options.tenant !== undefined && anchor.tenant !== options.tenant) continue
    const isThere = chains.some((chain) => chain.tenant === anchor.tenant && chain.writer === anchor.writer)
    if (!isThere) chains.push(missingChain(anchor))
  }
  return { isIntact: chains.every((chain) => chain.problems.length === 0), chains }
}

export async function verifyChain(place: ChainPlace, options: VerifyOptions): Promise<ChainReport> {
  const keys = options.publicKeys
  const problems: ChainProblem[] = []
  // The head first: a live writer only adds, so what follows is at least as long as the head says.
  const expected: Checkpoint[] = []
  const expect = async (path: string): Promise<void> => {
    const found = await readCheckpoint(place, path, keys).catch((error: unknown) => invalid(error, problems, path))
    if (found !== undefined) expected.push(found)
  }
  await expect(headPath(place.dir))
  for (const anchor of options.anchors ?? []) {
    if (anchor.tenant !== place.tenant || anchor.writer !== place.writer) continue
    if (isAuthentic(anchor, place, keys)) expected.push(anchor)
    else problems.push({ kind: 'checkpoint-invalid', sequence: anchor.sequence, detail: 'anchor' })
  }
  let removed = await removedEnd(place, keys, problems)
  // A removal that a crash interrupted leaves segments below its tombstone; the next start finishes it.
  const segments = (await listSegments(place.dir)).filter((first) => first > removed.sequence)
  for (const first of segments) await expect(sealPath(place.dir, first))

  const bySequence = new Map<number, Checkpoint[]>()
  for (const one of expected) bySequence.set(one.sequence, [...(bySequence.get(one.sequence) ?? []), one])
  let checkpoints = 0
  let signedThrough = removed.sequence
  const refused = await readRefused(place, keys).catch((error: unknown) => {
    if (!isFault(error, 'journal-corrupt')) throw error
    problems.push({ kind: 'refusal-invalid', sequence: 0, detail: 'the list of refused records is not authentic' })
    return []
  })
  let refusedRecords = 0
  const compare = (end: ChainEnd & Pick<StoredRecord, 'refused'>): void => {
    const isRefused = end.refused !== undefined
    if (isRefused) refusedRecords++
    if (isRefused !== isWithin(refused, end.sequence)) {
      const detail = isRefused ? 'marked as refused, and nobody signed so' : 'refused, and stored as an event'
      problems.push({ kind: 'refusal-differs', sequence: end.sequence, detail })
    }
    for (const one of bySequence.get(end.sequence) ?? []) {
      if (one.hash !== end.hash) {
        problems.push({ kind: 'checkpoint-differs', sequence: end.sequence, detail: `${one.kind} says ${one.hash}` })
        continue
      }
      checkpoints++
      signedThrough = Math.max(signedThrough, end.sequence)
    }
  }
  let end = removed
  let records = 0
  let tornBytes = 0
  const { signal } = options
  const scanOptions = { parseEvents: true, onRecord: compare, ...(signal === undefined ? {} : { signal }) }
  const scanNext = async (first: number): Promise<Scan | undefined> =>
    first === end.sequence + 1 ? await scanIfThere(place, first, end, scanOptions) : undefined
  for (const [at, first] of segments.entries()) {
    if (first <= removed.sequence) continue
    let scan = await scanNext(first)
    if (scan === undefined) {
      // Perhaps retention is at work between our reads: then a newer tombstone says so, and we go on behind it.
      const later = await removedEnd(place, keys, [])
      if (later.sequence > end.sequence) {
        removed = end = later
        signedThrough = Math.max(signedThrough, later.sequence)
        records = 0
      }
      if (first <= removed.sequence) continue
      scan = await scanNext(first)
    }
    if (scan === undefined) {
      const detail = `record ${end.sequence + 1} and what follows up to ${first - 1} are not there`
      problems.push({ kind: 'segment-missing', sequence: end.sequence + 1, detail })
      break
    }
    records += scan.records
    end = { sequence: scan.sequence, hash: scan.hash }
    if (scan.damage === undefined) continue
    const isUnfinished = scan.damage.reason === 'unfinished-line' && at === segments.length - 1
    if (isUnfinished && scan.damage.kind === 'torn') {
      tornBytes = scan.totalBytes - scan.goodBytes
      continue
    }
    const detail = `${scan.damage.reason} at byte ${scan.goodBytes}`
    problems.push({ kind: 'segment-damaged', sequence: scan.sequence + 1, detail })
    break
  }
  for (const one of expected) {
    if (one.sequence <= end.sequence) continue
    const detail = `a ${one.kind} names record ${one.sequence}, the chain verifies up to ${end.sequence}`
    problems.push({ kind: 'shorter-than-checkpoint', sequence: one.sequence, detail })
  }
  if (end.sequence > 0 && signedThrough === 0) {
    problems.push({ kind: 'checkpoint-missing', sequence: 0, detail: 'no authentic checkpoint vouches for this chain' })
  }
  const tornFiles = (await names(place.dir)).filter((name) => name.includes('.torn-')).length
  return {
    tenant: place.tenant,
    writer: place.writer,
    records,
    firstSequence: records === 0 ? 0 : removed.sequence + 1,
    lastSequence: records === 0 ? 0 : end.sequence,
    lastHash: end.hash,
    segments: segments.length,
    checkpoints,
    removedThrough: removed.sequence,
    unsignedRecords: end.sequence - Math.min(signedThrough, end.sequence),
    tornBytes,
    tornFiles,
    refusedRecords,
    problems,
  }
}

async function removedEnd(place: ChainPlace, keys: readonly JournalKey[], problems: ChainProblem[]): Promise<ChainEnd> {
  try {
    const last = (await readTombstones(place, keys)).at(-1)
    if (last !== undefined) return { sequence: last.lastSequence, hash: last.lastHash }
  } catch (error) {
    if (!isFault(error, 'journal-corrupt')) throw error
    problems.push({ kind: 'tombstone-invalid', sequence: 0, detail: 'a tombstone is not authentic or not contiguous' })
  }
  return { sequence: 0, hash: genesisHash(place) }
}

async function scanIfThere(...scan: Parameters<typeof scanSegment>): Promise<Scan | undefined> {
  try {
    return await scanSegment(...scan)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function invalid(error: unknown, problems: ChainProblem[], path: string): undefined {
  if (!isFault(error, 'journal-corrupt')) throw error
  const detail = `${path.slice(path.lastIndexOf('/') + 1)} is not authentic`
  problems.push({ kind: 'checkpoint-invalid', sequence: 0, detail })
  return undefined
}

function missingChain(anchor: Checkpoint): ChainReport {
  const detail = `an anchor names record ${anchor.sequence}, and there is no such chain`
  const none = { records: 0, firstSequence: 0, lastSequence: 0, lastHash: '', segments: 0, checkpoints: 0 }
  const problems: ChainProblem[] = [{ kind: 'chain-missing', sequence: anchor.sequence, detail }]
  const { tenant, writer } = anchor
  const ends = { removedThrough: 0, unsignedRecords: 0, tornBytes: 0, tornFiles: 0, refusedRecords: 0 }
  return { tenant, writer, ...none, ...ends, problems }
}
