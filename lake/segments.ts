// Sealed segments of one chain, in order, each proven before it is used: the chain's hashes recomputed from where the
// lake stands, and the writer's signature over the end. Must never hand on a segment that does not verify.
import { stat } from 'node:fs/promises'
import { isFault } from '#core/fault.ts'
import { isMissing, listSegments, sealPath, segmentPath, type ChainPlace } from '#journal/layout.ts'
import { genesisHash, parseEvent, type StoredRecord } from '#journal/record.ts'
import { readCheckpoint } from '#journal/recover.ts'
import { scanSegment, type ChainEnd } from '#journal/scan.ts'
import type { Checkpoint, JournalKey } from '#journal/statement.ts'
import { readTombstones } from '#journal/tombstone.ts'
import type { Head, LakeChain } from './manifest.ts'

export type SegmentProblem = {
  readonly kind: 'tombstone-invalid' | 'seal-invalid' | 'segment-damaged' | 'segment-missing' | 'records-missed'
  readonly writer: string
  readonly sequence: number
  readonly detail: string
}

export type EventRecord = { readonly record: StoredRecord; readonly event: Readonly<Record<string, unknown>> }

/** What is to be taken next: where it begins, and sealed segments up to the byte cap. Empty when there is nothing. */
export type Batch = {
  readonly place: ChainPlace
  readonly start: ChainEnd
  readonly segments: readonly { readonly first: number; readonly seal: Checkpoint }[]
  /** Records that the journal's retention removed before the lake came. */
  readonly missedRows: number
  readonly problems: readonly SegmentProblem[]
}

export async function nextBatch(
  place: ChainPlace,
  chain: LakeChain | undefined,
  keys: readonly JournalKey[],
  maxBytes: number,
): Promise<Batch> {
  const { writer } = place
  const problems: SegmentProblem[] = []
  const problem = (kind: SegmentProblem['kind'], sequence: number, detail: string): Batch => {
    problems.push({ kind, writer, sequence, detail })
    return { place, start, segments: [], missedRows: 0, problems }
  }
  let start: ChainEnd = { sequence: chain?.through ?? 0, hash: chain?.hash ?? genesisHash(place) }
  let missedRows = 0
  try {
    const removed = (await readTombstones(place, keys)).at(-1)
    if (removed !== undefined && removed.lastSequence > start.sequence) {
      missedRows = removed.lastSequence - start.sequence
      start = { sequence: removed.lastSequence, hash: removed.lastHash }
    }
  } catch (error) {
    if (!isFault(error, 'journal-corrupt')) throw error
    return problem('tombstone-invalid', start.sequence + 1, 'a tombstone is not authentic or not contiguous')
  }
  const segments: { first: number; seal: Checkpoint }[] = []
  let bytes = 0
  let end = start.sequence
  for (const first of (await listSegments(place.dir)).filter((one) => one > start.sequence)) {
    if (first !== end + 1) return problem('segment-missing', end + 1, `the next segment begins at ${first}`)
    const seal = await readSeal(place, first, keys)
    if (seal === 'invalid') return problem('seal-invalid', first, 'the seal is not authentic')
    // The segment being written.
    if (seal === undefined) break
    bytes += await sizeOf(segmentPath(place.dir, first))
    if (segments.length > 0 && bytes > maxBytes) break
    segments.push({ first, seal })
    end = seal.sequence
  }
  return { place, start, segments, missedRows, problems }
}

/**
 * Recomputes one segment from `before`, handing each record on. Gives the stretch it proves, or what is wrong: then
 * whatever was handed on must be forgotten.
 */
export async function proveSegment(
  place: ChainPlace,
  { first, seal }: Batch['segments'][number],
  before: ChainEnd,
  onEvent: (one: EventRecord) => void,
  signal: AbortSignal,
): Promise<Head | SegmentProblem> {
  const { writer } = place
  let unreadable: number | undefined
  const onRecord = (record: StoredRecord): void => {
    const event = parseEvent(record.json)
    if (event === undefined) unreadable ??= record.sequence
    else if (unreadable === undefined) onEvent({ record, event })
  }
  const scan = await scanSegment(place, first, before, { onRecord, signal })
  const wrong = (sequence: number, detail: string): SegmentProblem => ({
    kind: 'segment-damaged',
    writer,
    sequence,
    detail,
  })
  if (unreadable !== undefined) return wrong(unreadable, 'event-unreadable')
  if (scan.damage !== undefined) return wrong(scan.sequence + 1, scan.damage.reason)
  if (scan.sequence !== seal.sequence || scan.hash !== seal.hash || seal.segment !== first) {
    return wrong(scan.sequence, `the seal names record ${seal.sequence}`)
  }
  return { first, last: scan.sequence, previousHash: before.hash, lastHash: scan.hash, seal, removedRows: 0 }
}

async function readSeal(
  place: ChainPlace,
  first: number,
  keys: readonly JournalKey[],
): Promise<Checkpoint | undefined | 'invalid'> {
  try {
    const seal = await readCheckpoint(place, sealPath(place.dir, first), keys)
    return seal === undefined || seal.kind === 'seal' ? seal : 'invalid'
  } catch (error) {
    if (isFault(error, 'journal-corrupt')) return 'invalid'
    throw error
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
