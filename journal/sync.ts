// Brings one chain's written records to the disk, apart from the thread that carries traffic, and signs where it ends.
// Must never sign a checkpoint for records that are not yet on the disk.
import { releaseDescriptor, type Chain, type Segment } from './chain.ts'
import { replaceFile, syncFile, syncFolder } from './disk.ts'
import { headPath, sealPath } from './layout.ts'
import { wholeMs } from './record.ts'
import { signCheckpoint, type Checkpoint, type JournalSigner } from './statement.ts'

/** Where a chain stood when its sync began: everything up to here is on the disk now. */
export type Synced = {
  readonly sequence: number
  readonly hash: string
  /** The segment that holds the last record, and the times in it so far. */
  readonly segment: number
  readonly earliestMs: number
  readonly latestMs: number
  /** Segments that ended before, all on the disk, waiting for their seals. */
  readonly ended: readonly Segment[]
}

/** Throws when it failed: then nobody knows what the disk holds. */
export async function syncRecords(chain: Chain): Promise<Synced> {
  const { sequence, hash } = chain
  const ended = [...chain.sealing]
  const current = chain.segment !== undefined && chain.segment.bytes > 0 ? chain.segment : undefined
  const holder = current ?? ended.at(-1)
  const { first: segment = 0, earliestMs = 0, latestMs = 0 } = holder ?? {}
  if (sequence > chain.durableSequence) {
    // Oldest first: a durable record with a hole before it would be no chain.
    for (const one of ended) await syncData(chain, one)
    if (current !== undefined) await syncData(chain, current)
  }
  for (const folder of chain.foldersToSync) {
    chain.foldersToSync.delete(folder)
    await syncFolder(folder)
  }
  return { sequence, hash, segment, earliestMs, latestMs, ended }
}

/** Writes the seals of ended segments and, when due or `isFinal`, the head. May be repeated after a failure. */
export async function signEnds(
  chain: Chain,
  synced: Synced,
  signer: JournalSigner,
  isFinal: boolean,
  release: (segment: Segment) => void,
): Promise<void> {
  const { dir } = chain.place
  if (synced.ended.length > 0 || isFinal || chain.checkpointSequence === 0 || isCheckpointDue(chain)) {
    if (synced.segment > 0 && synced.sequence > chain.checkpointSequence) {
      const head = checkpoint(chain, 'checkpoint', synced.segment, synced)
      await replaceFile(headPath(dir), JSON.stringify(signCheckpoint(head, signer)))
      chain.checkpointSequence = synced.sequence
      chain.checkpointAtMs = chain.host.monotonicMs()
    }
  }
  for (const one of synced.ended) {
    const { lastSequence: sequence, lastHash: hash, earliestMs, latestMs } = one
    const seal = checkpoint(chain, 'seal', one.first, { sequence, hash, earliestMs, latestMs })
    await replaceFile(sealPath(dir, one.first), JSON.stringify(signCheckpoint(seal, signer)))
    chain.sealing = chain.sealing.filter((other) => other !== one)
    release(one)
  }
  if (synced.ended.length > 0) await syncFolder(dir)
}

/** True when the unsigned tail is longer or older than the caps allow. */
export function isCheckpointDue(chain: Chain): boolean {
  const { caps, monotonicMs } = chain.host
  const unsigned = chain.sequence - chain.checkpointSequence
  if (unsigned <= 0) return false
  return unsigned >= caps.checkpointRecords || monotonicMs() - chain.checkpointAtMs >= caps.checkpointIntervalMs
}

async function syncData(chain: Chain, segment: Segment): Promise<void> {
  if (segment.fd === undefined) return await syncFile(segment.path)
  segment.users++
  try {
    await chain.host.disk.sync(segment.fd)
  } finally {
    segment.users--
    if (segment.isReleased) releaseDescriptor(segment, chain.host.disk)
  }
}

function checkpoint(
  chain: Chain,
  kind: Checkpoint['kind'],
  segment: number,
  at: Pick<Synced, 'sequence' | 'hash' | 'earliestMs' | 'latestMs'>,
): Omit<Checkpoint, 'keyId' | 'signature'> {
  const { tenant, writer } = chain.place
  const { sequence, hash, earliestMs, latestMs } = at
  const timeMs = wholeMs(chain.host.nowMs())
  return { kind, tenant, writer, segment, sequence, hash, earliestMs, latestMs, timeMs }
}
