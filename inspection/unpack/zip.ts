// Entries of a zip file. Both directories are read, the central one at the end and the local headers before each entry, and
// where they differ the file is contradictory: two programs would open it as two different things. Must never trust a size.
import { crc32 } from 'node:zlib'
import type { Budget } from './budget.ts'
import { decode } from './decode.ts'

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50
const MAX_COMMENT = 65_535

export type ZipEntry = {
  readonly name: string
  readonly isEncrypted: boolean
  readonly method: number
  readonly compressedBytes: number
  readonly crc: number
  readonly dataAt: number
}

export type ZipListing = { readonly entries: readonly ZipEntry[] }

/** Null with a gap when the file is no readable zip. Contradictions leave a gap and go on. */
export function listZip(bytes: Buffer, budget: Budget, part?: string): ZipListing | null {
  const directory = findDirectory(bytes, budget, part)
  if (directory === null) {
    budget.unscannable('malformed', part)
    return null
  }
  const entries: ZipEntry[] = []
  const ranges: (readonly [number, number])[] = []
  let at = directory.at
  for (let each = 0; each < directory.count; each++) {
    if (each >= budget.limits.entries) {
      budget.partial('entries', part)
      break
    }
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) {
      budget.unscannable('malformed', part)
      break
    }
    const read = readEntry(bytes, at, directory.shift)
    at = read.next
    if (read.entry === null) {
      budget.unscannable('malformed', part)
      continue
    }
    if (read.differs) budget.unscannable('contradictory', part)
    entries.push(read.entry)
    ranges.push([read.localAt, read.entry.dataAt + read.entry.compressedBytes])
  }
  const isHidden = hasOverlap(ranges) || hasStranger(bytes, ranges, directory.at)
  if (isHidden) budget.unscannable('contradictory', part)
  return { entries }
}

type Directory = { readonly at: number; readonly count: number; readonly shift: number }

function findDirectory(bytes: Buffer, budget: Budget, part: string | undefined): Directory | null {
  const from = Math.max(0, bytes.length - 22 - MAX_COMMENT)
  const ends: number[] = []
  for (
    let at = bytes.lastIndexOf('PK\u0005\u0006', -1, 'latin1');
    at >= from && at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf('PK\u0005\u0006', at - 1, 'latin1')
  )
    if (at + 22 <= bytes.length && at + 22 + bytes.readUInt16LE(at + 20) <= bytes.length) ends.push(at)
  const end = ends[0]
  if (end === undefined || bytes.readUInt32LE(end) !== END) return null
  // A second end whose directory is really there: another reader takes that one.
  if (
    ends
      .slice(1)
      .some(
        (other) =>
          bytes.readUInt32LE(other + 16) + 4 <= bytes.length &&
          bytes.readUInt16LE(other + 10) > 0 &&
          bytes.readUInt32LE(bytes.readUInt32LE(other + 16)) === CENTRAL,
      )
  )
    budget.unscannable('contradictory', part)
  let count = bytes.readUInt16LE(end + 10)
  let size = bytes.readUInt32LE(end + 12)
  let at = bytes.readUInt32LE(end + 16)
  let limit = end
  if (end >= 20 && bytes.readUInt32LE(end - 20) === LOCATOR64) {
    const wide = Number(bytes.readBigUInt64LE(end - 12))
    if (wide + 56 > bytes.length || bytes.readUInt32LE(wide) !== END64) return null
    const wideCount = Number(bytes.readBigUInt64LE(wide + 32))
    if (count !== 0xffff && count !== wideCount) budget.unscannable('contradictory', part)
    count = wideCount
    size = Number(bytes.readBigUInt64LE(wide + 40))
    at = Number(bytes.readBigUInt64LE(wide + 48))
    limit = wide
  }
  // Something before the archive (a self-extractor): every place is off by as much.
  const shift = limit - size - at
  if (shift < 0 || at + shift > bytes.length) return null
  return { at: at + shift, count, shift }
}

type Read = {
  readonly entry: ZipEntry | null
  readonly next: number
  readonly differs: boolean
  readonly localAt: number
}

function readEntry(bytes: Buffer, at: number, shift: number): Read {
  const flags = bytes.readUInt16LE(at + 8)
  const method = bytes.readUInt16LE(at + 10)
  const crc = bytes.readUInt32LE(at + 16)
  const nameBytes = bytes.readUInt16LE(at + 28)
  const extraBytes = bytes.readUInt16LE(at + 30)
  const next = at + 46 + nameBytes + extraBytes + bytes.readUInt16LE(at + 32)
  const broken = { entry: null, next, differs: false, localAt: 0 }
  if (next > bytes.length) return broken
  const name = bytes.subarray(at + 46, at + 46 + nameBytes)
  let compressedBytes = bytes.readUInt32LE(at + 20)
  let localAt = bytes.readUInt32LE(at + 42)
  const wide = wideFields(bytes.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes))
  let index = bytes.readUInt32LE(at + 24) === 0xffffffff ? 1 : 0
  if (compressedBytes === 0xffffffff) compressedBytes = wide[index++] ?? Number.NaN
  if (localAt === 0xffffffff) localAt = wide[index] ?? Number.NaN
  localAt += shift
  if (!(localAt >= 0 && localAt + 30 <= bytes.length) || bytes.readUInt32LE(localAt) !== LOCAL) return broken
  const localName = bytes.readUInt16LE(localAt + 26)
  const dataAt = localAt + 30 + localName + bytes.readUInt16LE(localAt + 28)
  if (!(dataAt + compressedBytes <= bytes.length)) return broken
  const localFlags = bytes.readUInt16LE(localAt + 6)
  const localSize = bytes.readUInt32LE(localAt + 18)
  const isDescribedLater = (localFlags & 8) !== 0
  const differs =
    !name.equals(bytes.subarray(localAt + 30, localAt + 30 + localName)) ||
    bytes.readUInt16LE(localAt + 8) !== method ||
    (localFlags & 1) !== (flags & 1) ||
    (!isDescribedLater && localSize !== 0xffffffff && localSize !== compressedBytes) ||
    (!isDescribedLater && bytes.readUInt32LE(localAt + 14) !== crc)
  const text = name.toString((flags & 0x800) !== 0 ? 'utf8' : 'latin1')
  return {
    entry: { name: text, isEncrypted: ((flags | localFlags) & 1) !== 0, method, compressedBytes, crc, dataAt },
    next,
    differs,
    localAt,
  }
}

/** The 64-bit values of the zip64 extra field, in order. */
function wideFields(extra: Buffer): readonly number[] {
  for (let at = 0; at + 4 <= extra.length;) {
    const size = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1) {
      const out: number[] = []
      for (let from = at + 4; from + 8 <= Math.min(extra.length, at + 4 + size); from += 8)
        out.push(Number(extra.readBigUInt64LE(from)))
      return out
    }
    at += 4 + size
  }
  return []
}

function hasOverlap(ranges: readonly (readonly [number, number])[]): boolean {
  const sorted = ranges.toSorted((a, b) => a[0] - b[0])
  return sorted.some(([from], at) => at > 0 && from < (sorted[at - 1]?.[1] ?? 0))
}

/** A local header that no central entry speaks of, with a name that could be one. */
function hasStranger(bytes: Buffer, ranges: readonly (readonly [number, number])[], directoryAt: number): boolean {
  const sorted = ranges.toSorted((a, b) => a[0] - b[0])
  let at = 0
  for (const [from, to] of [...sorted, [directoryAt, directoryAt] as const]) {
    for (
      let found = bytes.indexOf('PK\u0003\u0004', at, 'latin1');
      found >= 0 && found < from;
      found = bytes.indexOf('PK\u0003\u0004', found + 4, 'latin1')
    )
      if (found + 30 < from && bytes.readUInt16LE(found + 26) > 0 && bytes.readUInt16LE(found + 26) < 1024) return true
    at = Math.max(at, to)
  }
  return false
}

/** The bytes of an entry, or null with a gap. */
export function readZipEntry(bytes: Buffer, entry: ZipEntry, budget: Budget, part: string): Buffer | null {
  if (entry.isEncrypted || entry.method === 99) {
    budget.unscannable('encrypted', part)
    return null
  }
  const data = bytes.subarray(entry.dataAt, entry.dataAt + entry.compressedBytes)
  let out: Buffer | null
  if (entry.method === 0) {
    out = data
    budget.spend(data.length)
  } else if (entry.method === 8) out = decode(data, 'deflate-raw', budget, part)
  else if (entry.method === 93) out = decode(data, 'zstd', budget, part)
  else {
    budget.unscannable('unknown-encoding', part)
    return null
  }
  // Looked at all the same: some programs open entries whose checksum is wrong.
  if (out !== null && crc32(out) !== entry.crc) budget.unscannable('malformed', part)
  return out
}
