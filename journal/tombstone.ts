// What was removed from the front of a chain, and removing it. Must never remove a record before the signed tombstone
// that stands for it is on disk, nor one that does not verify.
import { rm, stat } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { MAX_STATEMENT_BYTES, MAX_TOMBSTONES } from './caps.ts'
import { readSmallFile, replaceFile, syncFolder } from './disk.ts'
import { isMissing, listSegments, sealPath, segmentPath, tombstonesPath, type ChainPlace } from './layout.ts'
import { genesisHash, wholeMs } from './record.ts'
import { scanSegment, type ChainEnd } from './scan.ts'
import { isAuthentic, parseStatement, signTombstone } from './statement.ts'
import type { JournalKey, JournalSigner, Tombstone, TombstoneReason } from './statement.ts'

export type RemoveRequest = {
  /** Remove whole sealed segments that end at or before this sequence … */
  readonly throughSequence?: number
  /** … and whose latest record is older than this (milliseconds since 1970, by the writer's clock). */
  readonly olderThanMs?: number
  readonly reason: Exclude<TombstoneReason, 'several'>
}

export type RemoveDeps = {
  readonly keys: readonly JournalKey[]
  readonly signer: JournalSigner
  readonly nowMs: () => number
}

export type Removal = { readonly segments: number; readonly bytes: number }

/** The tombstones of a chain: verified, without gap from record 1 on. Throws `journal-corrupt`. */
export async function readTombstones(chain: ChainPlace, keys: readonly JournalKey[]): Promise<Tombstone[]> {
  const text = await readSmallFile(tombstonesPath(chain.dir), MAX_STATEMENT_BYTES * (MAX_TOMBSTONES + 1))
  if (text === undefined) return []
  const tombstones: Tombstone[] = []
  let end: ChainEnd = { sequence: 0, hash: genesisHash(chain) }
  for (const line of text.trimEnd().split('\n')) {
    const tombstone = parseStatement(line)
    const isOurs = tombstone?.kind === 'tombstone' && isAuthentic(tombstone, chain, keys)
    if (!isOurs || tombstone.firstSequence !== end.sequence + 1 || tombstone.previousHash !== end.hash) {
      throw new Fault('journal-corrupt', {
        detail: { tenant: chain.tenant, writer: chain.writer, reason: 'tombstone-invalid', sequence: end.sequence + 1 },
      })
    }
    end = { sequence: tombstone.lastSequence, hash: tombstone.lastHash }
    tombstones.push(tombstone)
  }
  return tombstones
}

/**
 * Removes whole sealed segments from the front of a chain. One call per chain at a time is the caller's duty.
 * Throws `journal-corrupt`, removing nothing, when one of them does not verify.
 */
export async function removeSegments(chain: ChainPlace, request: RemoveRequest, deps: RemoveDeps): Promise<Removal> {
  const tombstones = await readTombstones(chain, deps.keys)
  const last = tombstones.at(-1)
  const start: ChainEnd = { sequence: last?.lastSequence ?? 0, hash: last?.lastHash ?? genesisHash(chain) }
  const segments = (await listSegments(chain.dir)).filter((first) => first > start.sequence)
  const gone: number[] = []
  let end = start
  let bytes = 0
  for (const [at, first] of segments.entries()) {
    // Without a seal the writer may still be busy with the segment, unless it is two segments further.
    if (at >= segments.length - 2 && !(await exists(sealPath(chain.dir, first)))) break
    const next = segments[at + 1]
    if (next !== undefined && next - 1 > (request.throughSequence ?? Number.MAX_SAFE_INTEGER)) break
    const scan = await scanSegment(chain, first, end)
    if (scan.damage !== undefined || scan.records === 0 || (next !== undefined && scan.sequence !== next - 1)) {
      throw new Fault('journal-corrupt', {
        detail: {
          tenant: chain.tenant,
          writer: chain.writer,
          reason: scan.damage?.reason,
          sequence: scan.sequence + 1,
        },
      })
    }
    if (scan.sequence > (request.throughSequence ?? Number.MAX_SAFE_INTEGER)) break
    if (scan.latestMs >= (request.olderThanMs ?? Number.MAX_SAFE_INTEGER)) break
    end = { sequence: scan.sequence, hash: scan.hash }
    bytes += scan.totalBytes
    gone.push(first)
  }
  if (gone.length === 0) return { segments: 0, bytes: 0 }
  const folded = tombstones.length >= MAX_TOMBSTONES
  const from: ChainEnd = folded ? { sequence: 0, hash: genesisHash(chain) } : start
  const tombstone = signTombstone(
    {
      kind: 'tombstone',
      tenant: chain.tenant,
      writer: chain.writer,
      firstSequence: from.sequence + 1,
      lastSequence: end.sequence,
      previousHash: from.hash,
      lastHash: end.hash,
      reason: folded ? 'several' : request.reason,
      timeMs: wholeMs(deps.nowMs()),
    },
    deps.signer,
  )
  const all = [...(folded ? [] : tombstones), tombstone]
  await replaceFile(tombstonesPath(chain.dir), all.map((one) => `${JSON.stringify(one)}\n`).join(''))
  await syncFolder(chain.dir)
  for (const first of gone) {
    await rm(segmentPath(chain.dir, first), { force: true })
    await rm(sealPath(chain.dir, first), { force: true })
  }
  return { segments: gone.length, bytes }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
