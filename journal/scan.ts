// Recomputes the chain through one segment. Must never call damage torn when a well-formed record follows it: torn ends
// are cut, damage is kept.
import { open, stat } from 'node:fs/promises'
import { MAX_LINE_BYTES, READ_CHUNK_BYTES } from './caps.ts'
import { segmentPath, type ChainPlace } from './layout.ts'
import { backwardLines, forwardLines } from './lines.ts'
import { hashPrefix, hashStored, parseEvent, parseLine, splitLines, type StoredRecord } from './record.ts'

export type ChainEnd = { readonly sequence: number; readonly hash: string }

export type Scan = ChainEnd & {
  readonly records: number
  readonly earliestMs: number
  readonly latestMs: number
  /** Bytes up to the end of the last good record. */
  readonly goodBytes: number
  readonly totalBytes: number
  /** What follows the last good record, when something does. */
  readonly damage: { readonly kind: 'torn' | 'corrupt'; readonly reason: DamageReason } | undefined
}

export type DamageReason = 'unfinished-line' | 'unreadable-line' | 'sequence-wrong' | 'hash-wrong' | 'event-unreadable'

export type ScanOptions = {
  /** Called for each good record, in order. */
  readonly onRecord?: (record: StoredRecord, endOffset: number) => void
  /** Also parse every event. */
  readonly parseEvents?: boolean
  readonly signal?: AbortSignal
}

export async function scanSegment(
  chain: ChainPlace,
  first: number,
  before: ChainEnd,
  options: ScanOptions = {},
): Promise<Scan> {
  const path = segmentPath(chain.dir, first)
  const prefix = hashPrefix(chain)
  let { sequence, hash } = before
  let records = 0
  let earliestMs = Number.MAX_SAFE_INTEGER
  let latestMs = 0
  let goodBytes = 0
  let reason: DamageReason | undefined
  // Before reading: what a live writer adds meanwhile is not damage.
  const totalBytes = (await stat(path)).size
  const groups = forwardLines(path, options.signal)
  for await (const { lines } of groups) {
    for (const line of lines) {
      const record = parseLine(line)
      reason = record === undefined ? 'unreadable-line' : check(prefix, sequence, hash, record, options)
      if (record === undefined || reason !== undefined) break
      sequence = record.sequence
      hash = record.hash
      records++
      if (record.timeMs < earliestMs) earliestMs = record.timeMs
      if (record.timeMs > latestMs) latestMs = record.timeMs
      goodBytes += line.length + 1
      options.onRecord?.(record, goodBytes)
    }
    if (reason !== undefined) break
  }
  if (records === 0) earliestMs = 0
  const found = { sequence, hash, records, earliestMs, latestMs, goodBytes, totalBytes }
  if (reason === undefined && totalBytes <= goodBytes) return { ...found, damage: undefined }
  const isCorrupt = await recordFollows(path, goodBytes, totalBytes, reason !== undefined)
  return { ...found, damage: { kind: isCorrupt ? 'corrupt' : 'torn', reason: reason ?? 'unfinished-line' } }
}

/** The last whole line of a segment as it stands, unverified; undefined when it has none. */
export async function lastRecord(chain: ChainPlace, first: number): Promise<StoredRecord | undefined> {
  for await (const { lines } of backwardLines(segmentPath(chain.dir, first))) {
    const line = lines.at(-1)
    return line === undefined ? undefined : parseLine(line)
  }
  return undefined
}

function check(
  prefix: string,
  sequence: number,
  hash: string,
  record: StoredRecord,
  options: ScanOptions,
): DamageReason | undefined {
  if (record.sequence !== sequence + 1) return 'sequence-wrong'
  if (hashStored(prefix, hash, record) !== record.hash) return 'hash-wrong'
  return options.parseEvents === true && parseEvent(record.json) === undefined ? 'event-unreadable' : undefined
}

// A crash leaves a torn end and nothing after it. A well-formed record behind the damage means that somebody, or the
// disk, changed what was already written.
async function recordFollows(path: string, offset: number, end: number, skipFirstLine: boolean): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    let isFirst = skipFirstLine
    let carry: Buffer = Buffer.alloc(0)
    let position = offset
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_CHUNK_BYTES)
      const { bytesRead } = await file.read(chunk, 0, Math.min(READ_CHUNK_BYTES, end - position), position)
      if (bytesRead === 0) return false
      position += bytesRead
      const { lines, rest } = splitLines(Buffer.concat([carry, chunk.subarray(0, bytesRead)]))
      for (const line of lines) {
        if (!isFirst && parseLine(line) !== undefined) return true
        isFirst = false
      }
      carry = rest
      // Too long for a record, and without a line feed: garbage whose bytes need not be kept.
      if (carry.length > MAX_LINE_BYTES) carry = carry.subarray(carry.length - 1)
    }
  } finally {
    await file.close()
  }
}
