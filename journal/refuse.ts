// The records of a chain that its receiver set aside, as one signed list. Must never let a record be hidden, or come back,
// without the custodian's signature saying so.
import { MAX_REFUSED_BYTES, MAX_REFUSED_RANGES } from './caps.ts'
import { readSmallFile, replaceFile } from './disk.ts'
import { refusedPath, type ChainPlace } from './layout.ts'
import { wholeMs } from './record.ts'
import { corrupt } from './recover.ts'
import { isAuthentic, parseStatement, signRefused, type JournalKey, type JournalSigner } from './statement.ts'
import { readTombstones } from './tombstone.ts'

/** First and last sequence of a stretch, both refused. */
export type Range = readonly [first: number, last: number]

/** Throws `journal-corrupt` when the list is not the custodian's. */
export async function readRefused(chain: ChainPlace, keys: readonly JournalKey[]): Promise<readonly Range[]> {
  const text = await readSmallFile(refusedPath(chain.dir), MAX_REFUSED_BYTES)
  if (text === undefined) return []
  const statement = parseStatement(text, MAX_REFUSED_BYTES)
  const ranges =
    statement?.kind === 'refused' && isAuthentic(statement, chain, keys) ? parseRanges(statement.sequences) : undefined
  if (ranges === undefined) throw corrupt(chain, 'refused-invalid', 0)
  return ranges
}

export type RefuseDeps = {
  readonly keys: readonly JournalKey[]
  readonly signer: JournalSigner
  readonly nowMs: () => number
}

/**
 * Signs that these records, all behind `storedThrough`, are set aside, before they are stored so. False when the list is
 * full: no honest writer fills it.
 */
export async function refuseRecords(
  chain: ChainPlace,
  sequences: readonly number[],
  storedThrough: number,
  { keys, signer, nowMs }: RefuseDeps,
): Promise<boolean> {
  // What a stop left listed and not stored is judged again.
  let known = until(await readRefused(chain, keys), storedThrough)
  if (known.length + sequences.length > MAX_REFUSED_RANGES) {
    const removed = (await readTombstones(chain, keys)).at(-1)?.lastSequence ?? 0
    known = known.filter(([, last]) => last > removed)
  }
  const ranges = refusedRanges(known, sequences)
  if (ranges.length > MAX_REFUSED_RANGES) return false
  const { tenant, writer } = chain
  const body = { kind: 'refused', tenant, writer, sequences: formatRanges(ranges), timeMs: wholeMs(nowMs()) } as const
  await replaceFile(refusedPath(chain.dir), JSON.stringify(signRefused(body, signer)))
  return true
}

/** `sequences` ascend and lie behind all of `known`. */
export function refusedRanges(known: readonly Range[], sequences: readonly number[]): Range[] {
  const ranges = [...known]
  for (const sequence of sequences) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === sequence - 1) ranges[ranges.length - 1] = [last[0], sequence]
    else ranges.push([sequence, sequence])
  }
  return ranges
}

export function formatRanges(ranges: readonly Range[]): string {
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join()
}

/** Undefined for anything that `formatRanges` would not have written. */
export function parseRanges(text: string): readonly Range[] | undefined {
  const ranges: Range[] = []
  let before = -1
  for (const part of text.split(',', MAX_REFUSED_RANGES + 1)) {
    const match = /^([1-9]\d{0,15})(?:-([1-9]\d{0,15}))?$/.exec(part)
    const first = Number(match?.[1])
    const last = match?.[2] === undefined ? first : Number(match[2])
    if (match === null || !Number.isSafeInteger(last) || first <= before + 1 || last < first) return undefined
    if (match[2] !== undefined && last === first) return undefined
    ranges.push([first, last])
    before = last
  }
  return ranges.length > MAX_REFUSED_RANGES ? undefined : ranges
}

export function isWithin(ranges: readonly Range[], sequence: number): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const range = ranges[middle]
    if (range === undefined) return false
    if (sequence < range[0]) high = middle - 1
    else if (sequence > range[1]) low = middle + 1
    else return true
  }
  return false
}

function until(ranges: readonly Range[], through: number): Range[] {
  return ranges.flatMap(([first, last]) => (first > through ? [] : [[first, Math.min(last, through)] as const]))
}
