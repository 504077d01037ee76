// Brings a chain back after a stop of any kind. Must never cut anything but a torn end, and never below a checkpoint.
import { open, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { readSmallFile, replaceFile, syncFile, syncFolder } from './disk.ts'
import { headPath, listSegments, names, sealPath, segmentPath, tornPath, type ChainPlace } from './layout.ts'
import { genesisHash, wholeMs } from './record.ts'
import { lastRecord, scanSegment, type ChainEnd, type Scan } from './scan.ts'
import { isAuthentic, parseStatement, signCheckpoint } from './statement.ts'
import type { Checkpoint, JournalKey, JournalSigner } from './statement.ts'
import { readTombstones } from './tombstone.ts'

/** Where a chain stands. `segment` is the one to go on writing; undefined when the next record starts a new one. */
export type Recovered = ChainEnd & {
  readonly segment:
    | (Pick<Scan, 'earliestMs' | 'latestMs'> & { readonly first: number; readonly bytes: number })
    | undefined
  readonly totalBytes: number
  readonly checkpointSequence: number
  /** Bytes that were cut off and put aside. */
  readonly tornBytes: number
}

/** `signer` completes seals that a crash prevented; without one (at a receiver) they stay as they are. */
export type RecoverDeps = {
  readonly keys: readonly JournalKey[]
  readonly signer?: JournalSigner
  readonly nowMs: () => number
}

/** Throws `journal-corrupt` for anything but a torn end, leaving every file as it is. */
export async function recoverChain(chain: ChainPlace, deps: RecoverDeps): Promise<Recovered> {
  const removed = (await readTombstones(chain, deps.keys)).at(-1)
  const head = await readCheckpoint(chain, headPath(chain.dir), deps.keys)
  const removedThrough = removed?.lastSequence ?? 0
  const listed = await listSegments(chain.dir)
  const segments = listed.filter((first) => first > removedThrough)
  const start: ChainEnd = { sequence: removedThrough, hash: removed?.lastHash ?? genesisHash(chain) }
  const first = segments[0]
  if (first !== undefined && first !== removedThrough + 1) throw corrupt(chain, 'segment-missing', first)

  const last = segments.at(-1)
  const before = last === undefined || last === first ? start : await endBefore(chain, segments.at(-2) ?? 0, last)
  let headHash: string | undefined
  const scan =
    last === undefined
      ? undefined
      : await scanSegment(chain, last, before, {
          onRecord: (record) => {
            if (record.sequence === head?.sequence) headHash = record.hash
          },
        })
  if (scan?.damage?.kind === 'corrupt') throw corrupt(chain, scan.damage.reason, scan.sequence + 1)
  const end: ChainEnd = scan ?? start
  if (head !== undefined) {
    if (head.sequence > end.sequence) throw corrupt(chain, 'shorter-than-checkpoint', head.sequence)
    if (last !== undefined && head.sequence >= last && headHash !== head.hash) {
      throw corrupt(chain, 'checkpoint-differs', head.sequence)
    }
  }
  const seal = last === undefined ? undefined : await readCheckpoint(chain, sealPath(chain.dir, last), deps.keys)
  if (seal !== undefined && (seal.sequence !== end.sequence || seal.hash !== end.hash)) {
    throw corrupt(chain, 'seal-differs', seal.sequence)
  }

  // From here on files change: everything above agreed on what is good.
  let tornBytes = 0
  if (last !== undefined && scan?.damage !== undefined) tornBytes = await cutTorn(chain, last, scan)
  for (const old of listed) if (old <= removedThrough) await removeSegment(chain, old)
  for (const name of await names(chain.dir)) if (name.endsWith('.tmp')) await rm(join(chain.dir, name), { force: true })
  // A head is signed only after all it names was synced: with nothing behind it there is nothing to sync.
  const isSynced = head !== undefined && head.sequence === end.sequence && tornBytes === 0
  if (last !== undefined && !isSynced) await syncFile(segmentPath(chain.dir, last))
  if (deps.signer !== undefined) await completeSeals(chain, segments.slice(0, -1), start, deps.signer, deps.nowMs)
  if (listed.length > 0 && !isSynced) await syncFolder(chain.dir)

  let totalBytes = 0
  for (const one of segments) totalBytes += (await stat(segmentPath(chain.dir, one))).size
  const isOpen = last !== undefined && scan !== undefined && seal === undefined
  return {
    sequence: end.sequence,
    hash: end.hash,
    segment: isOpen
      ? { first: last, bytes: scan.goodBytes, earliestMs: scan.earliestMs, latestMs: scan.latestMs }
      : undefined,
    totalBytes,
    checkpointSequence: head?.sequence ?? 0,
    tornBytes,
  }
}

/** A checkpoint file of this chain, verified; undefined when there is none. */
export async function readCheckpoint(
  chain: ChainPlace,
  path: string,
  keys: readonly JournalKey[],
): Promise<Checkpoint | undefined> {
  const text = await readSmallFile(path)
  if (text === undefined) return undefined
  const statement = parseStatement(text)
  if ((statement?.kind !== 'checkpoint' && statement?.kind !== 'seal') || !isAuthentic(statement, chain, keys)) {
    throw corrupt(chain, 'checkpoint-invalid', 0)
  }
  return statement
}

export async function removeSegment(chain: ChainPlace, first: number): Promise<void> {
  await rm(segmentPath(chain.dir, first), { force: true })
  await rm(sealPath(chain.dir, first), { force: true })
}

export function corrupt(chain: ChainPlace, reason: string, sequence: number): Fault {
  return new Fault('journal-corrupt', { detail: { tenant: chain.tenant, writer: chain.writer, reason, sequence } })
}

// Only the last segment is recomputed at a start, to keep starts short; the hash before it is taken from the line
// before it, and `verify` recomputes the rest.
async function endBefore(chain: ChainPlace, previous: number, first: number): Promise<ChainEnd> {
  const record = await lastRecord(chain, previous)
  if (record === undefined || record.sequence !== first - 1) throw corrupt(chain, 'segment-missing', first)
  return record
}

async function cutTorn(chain: ChainPlace, first: number, scan: Scan): Promise<number> {
  const path = segmentPath(chain.dir, first)
  const tornBytes = scan.totalBytes - scan.goodBytes
  const source = await open(path, 'r')
  try {
    const aside = await open(tornPath(chain.dir, first, scan.goodBytes), 'w', 0o600)
    try {
      const chunk = Buffer.allocUnsafe(64 * 1024)
      for (let position = scan.goodBytes; ;) {
        const { bytesRead } = await source.read(chunk, 0, chunk.length, position)
        if (bytesRead === 0) break
        await aside.write(chunk, 0, bytesRead)
        position += bytesRead
      }
      await aside.datasync()
    } finally {
      await aside.close()
    }
  } finally {
    await source.close()
  }
  await truncate(path, scan.goodBytes)
  return tornBytes
}

async function completeSeals(
  chain: ChainPlace,
  sealed: readonly number[],
  start: ChainEnd,
  signer: JournalSigner,
  nowMs: () => number,
): Promise<void> {
  let before = start
  for (const first of sealed) {
    const known = await readSmallFile(sealPath(chain.dir, first))
    if (known !== undefined) {
      const record = await lastRecord(chain, first)
      if (record === undefined) throw corrupt(chain, 'segment-missing', first)
      before = record
      continue
    }
    const scan = await scanSegment(chain, first, before)
    if (scan.damage !== undefined) throw corrupt(chain, scan.damage.reason, scan.sequence + 1)
    const { sequence, hash, earliestMs, latestMs } = scan
    const body = { kind: 'seal', tenant: chain.tenant, writer: chain.writer, segment: first, sequence, hash } as const
    const seal = signCheckpoint({ ...body, earliestMs, latestMs, timeMs: wholeMs(nowMs()) }, signer)
    await replaceFile(sealPath(chain.dir, first), JSON.stringify(seal))
    before = scan
  }
}
