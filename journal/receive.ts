// The receiving side of shipping: keeps other writers' chains under its own root, byte for byte. Must never store what
// its writer did not sign, nor acknowledge what is not on the disk.
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault, isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { MAX_BATCH_BYTES, MAX_LINE_OVERHEAD_BYTES, MAX_QUEUED_BATCHES } from './caps.ts'
import { MAX_RECEIVED_SEGMENT_BYTES, MAX_RECEIVER_CHAINS, MAX_TOLD_CHARACTERS } from './caps.ts'
import { replaceFile, syncFolder } from './disk.ts'
import { chainPlace, headPath, parseWriter, sealPath, segmentPath, type ChainPlace } from './layout.ts'
import { formatRefused, hashPrefix, hashStored, parseEvent, parseLine, splitLines } from './record.ts'
import { recoverChain } from './recover.ts'
import { formatRanges, refuseRecords, refusedRanges } from './refuse.ts'
import type { RefusalReason, ShipAnswer, ShipBatch } from './shipment.ts'
import { EpochLimit } from './epoch-limit.ts'
import { isAuthentic, type JournalKey, type JournalSigner } from './statement.ts'

export type ReceiverDeps = {
  /** The keys that count now; asked for every batch, so that a revoked writer is refused at once. */
  readonly keys: () => readonly JournalKey[]
  readonly report: (problem: ReceiverProblem) => void
  /** Who may write what; a record that fails is kept, and is no event. Absent: everything is its writer's to tell. */
  readonly judge?: Judge
  readonly nowMs?: () => number
}

export type Judge = {
  /** Throwing is a no. */
  readonly mayWrite: (event: Readonly<Record<string, unknown>>, of: WriterOf) => boolean
  /** The custodian's: signs the list of what was set aside. */
  readonly signer: JournalSigner
}

/** `writer` without the epoch of its chain. */
export type WriterOf = { readonly tenant: TenantId; readonly writer: string }

export type ReceiverProblem = {
  readonly kind: 'refused' | 'record-refused' | 'chain-corrupt' | 'torn-cut' | 'too-many-epochs'
  readonly tenant: TenantId
  readonly writer: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Who is at the other end, as the transport authenticated it. */
export type ShipPeer = { readonly writer: string; readonly mayShip: (tenant: TenantId) => boolean }

/** Where a received chain stands, all of it on the disk. `segment` is 0 before the first record. */
type Lane = { sequence: number; hash: string; segment: number; bytes: number }
/** Lines as they will be stored, and the sequences of those that are marked. */
type Judged = { readonly lines: Buffer; readonly refused: readonly number[] }
type Waiting = { readonly count: number; readonly last: Promise<unknown> }

const lineFeed = Buffer.from('\n')

export class JournalReceiver {
  readonly #root: string
  readonly #deps: ReceiverDeps
  readonly #lanes = new Map<string, Lane>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #epochs: EpochLimit
  #isClosed = false

  constructor(root: string, deps: ReceiverDeps) {
    this.#root = root
    this.#deps = deps
    this.#epochs = new EpochLimit(root, deps)
  }

  /**
   * Stores a batch and says how far the chain is on the disk. Throws `journal-full` when the disk refused (nothing is
   * acknowledged, the sender tries again), `at-capacity` when too many batches of the chain wait, or when the writer
   * begins more epochs than any honest one: then the sender keeps what it has, and somebody must look.
   */
  async accept(batch: ShipBatch, peer: ShipPeer): Promise<ShipAnswer> {
    if (this.#isClosed) throw new Fault('closing')
    const { tenant, writer } = batch
    if (parseWriter(writer)?.name !== peer.writer || !peer.mayShip(tenant)) return this.#refuse(batch, 'not-permitted')
    const place = chainPlace(this.#root, tenant, writer)
    const before = this.#waiting.get(place.dir) ?? { count: 0, last: Promise.resolve() }
    if (before.count >= MAX_QUEUED_BATCHES) throw new Fault('at-capacity')
    // One batch of a chain at a time.
    const work = (async () => {
      await before.last.catch(() => undefined)
      return await this.#acceptNext(place, batch)
    })()
    this.#waiting.set(place.dir, { count: before.count + 1, last: work })
    try {
      return await work
    } finally {
      const now = this.#waiting.get(place.dir)
      if (now?.last === work) this.#waiting.delete(place.dir)
      else if (now !== undefined) this.#waiting.set(place.dir, { ...now, count: now.count - 1 })
    }
  }

  /** Takes no more and resolves when those at work are done. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#waiting.values()].map(({ last }) => last))
    this.#lanes.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Forgets what it knows of a tenant, before its folder is removed. */
  async forgetTenant(tenant: TenantId): Promise<void> {
    for (const [dir, { last }] of this.#waiting) if (dir.includes(tenant)) await last.catch(() => undefined)
    for (const dir of this.#lanes.keys()) if (dir.includes(tenant)) this.#lanes.delete(dir)
  }

  async #acceptNext(place: ChainPlace, batch: ShipBatch): Promise<ShipAnswer> {
    const keys = this.#deps.keys()
    const { checkpoint } = batch
    const isSigned = isAuthentic(checkpoint, place, keys) && checkpoint.segment === batch.segment
    if (!isSigned || (batch.seal !== undefined && !isAuthentic(batch.seal, place, keys))) {
      return this.#refuse(batch, 'not-authentic')
    }
    let lane: Lane
    try {
      lane = this.#lanes.get(place.dir) ?? (await this.#load(place, keys))
    } catch (error) {
      if (!isFault(error, 'journal-corrupt')) throw error
      const { tenant, writer } = place
      this.#deps.report({ kind: 'chain-corrupt', tenant, writer, detail: error.detail })
      return this.#refuse(batch, 'receiver-corrupt')
    }
    const { tenant, writer } = place
    if (batch.firstSequence > lane.sequence + 1) {
      return { kind: 'resend', tenant, writer, afterSequence: lane.sequence }
    }
    const fresh = freshLines(place, batch, lane)
    if (typeof fresh === 'string') return this.#refuse(batch, fresh)
    let refused: readonly number[] = []
    if (checkpoint.sequence > lane.sequence) {
      if (lane.sequence === 0) await this.#epochs.admit(place)
      const isNewSegment = batch.segment !== lane.segment
      if (isNewSegment && batch.segment !== lane.sequence + 1) return this.#refuse(batch, 'not-a-chain')
      if (!isNewSegment && lane.bytes + fresh.length > MAX_RECEIVED_SEGMENT_BYTES)
        return this.#refuse(batch, 'too-large')
      const judged = this.#judged(fresh, { tenant, writer: parseWriter(writer)?.name ?? writer })
      refused = judged.refused
      const isStored = await this.#store(place, batch, lane, judged, keys)
      if (!isStored) return this.#refuse(batch, 'not-its-events')
      if (refused.length > 0) {
        const sequences = formatRanges(refusedRanges([], refused)).slice(0, MAX_TOLD_CHARACTERS)
        this.#deps.report({ kind: 'record-refused', tenant, writer, detail: { count: refused.length, sequences } })
      }
    }
    const { sequence, hash } = lane
    return {
      kind: 'acknowledged',
      tenant,
      writer,
      sequence,
      hash,
      ...(refused.length > 0 && { refused: refused.length }),
    }
  }

  /** The lines as they are to be stored: what is not its writer's to tell is marked. */
  #judged(fresh: Buffer, of: WriterOf): Judged {
    const { judge } = this.#deps
    if (judge === undefined) return { lines: fresh, refused: [] }
    const refused: number[] = []
    const lines: Buffer[] = []
    for (const line of splitLines(fresh).lines) {
      const record = parseLine(line)
      const event = record && parseEvent(record.json)
      if (record === undefined || (event !== undefined && isAllowed(judge, event, of))) {
        lines.push(line, lineFeed)
        continue
      }
      refused.push(record.sequence)
      lines.push(formatRefused(record))
    }
    return refused.length === 0 ? { lines: fresh, refused } : { lines: Buffer.concat(lines), refused }
  }

  async #load(place: ChainPlace, keys: readonly JournalKey[]): Promise<Lane> {
    const found = await recoverChain(place, { keys, nowMs: this.#deps.nowMs ?? Date.now })
    if (found.tornBytes > 0) {
      const { tenant, writer } = place
      this.#deps.report({ kind: 'torn-cut', tenant, writer, detail: { bytes: found.tornBytes } })
    }
    const { sequence, hash } = found
    const lane = { sequence, hash, segment: found.segment?.first ?? 0, bytes: found.segment?.bytes ?? 0 }
    this.#lanes.set(place.dir, lane)
    for (const dir of this.#lanes.keys()) {
      if (this.#lanes.size <= MAX_RECEIVER_CHAINS) break
      if (!this.#waiting.has(dir)) this.#lanes.delete(dir)
    }
    return lane
  }

  /** False when the list of refused records is full: nothing is stored. */
  async #store(
    place: ChainPlace,
    batch: ShipBatch,
    lane: Lane,
    { lines, refused }: Judged,
    keys: readonly JournalKey[],
  ): Promise<boolean> {
    const { checkpoint, seal } = batch
    const isNewSegment = batch.segment !== lane.segment
    // Until it is all on the disk the memory is not to be trusted: a failure makes the next batch look at the files.
    this.#lanes.delete(place.dir)
    try {
      if (lane.sequence === 0) {
        await mkdir(place.dir, { recursive: true, mode: 0o700 })
        await syncFolder(dirname(dirname(place.dir)))
        await syncFolder(dirname(place.dir))
      }
      if (refused.length > 0 && this.#deps.judge !== undefined) {
        const deps = { keys, signer: this.#deps.judge.signer, nowMs: this.#deps.nowMs ?? Date.now }
        if (!(await refuseRecords(place, refused, lane.sequence, deps))) return false
      }
      const isEndOfLast = seal?.sequence === lane.sequence && seal.hash === lane.hash && seal.segment === lane.segment
      if (isNewSegment && isEndOfLast) await replaceFile(sealPath(place.dir, seal.segment), JSON.stringify(seal))
      const file = await open(segmentPath(place.dir, batch.segment), 'a', 0o600)
      try {
        const { size } = await file.stat()
        if (size !== (isNewSegment ? 0 : lane.bytes)) throw new Error('the segment is not as it was left')
        await file.appendFile(lines)
        await file.datasync()
      } finally {
        await file.close()
      }
      if (isNewSegment) await syncFolder(place.dir)
      await replaceFile(headPath(place.dir), JSON.stringify(checkpoint))
    } catch (cause) {
      const { tenant, writer } = place
      throw new Fault('journal-full', { cause, detail: { tenant, writer } })
    }
    lane.bytes = (await stat(segmentPath(place.dir, batch.segment))).size
    lane.segment = batch.segment
    lane.sequence = checkpoint.sequence
    lane.hash = checkpoint.hash
    this.#lanes.set(place.dir, lane)
    return true
  }

  #refuse(batch: ShipBatch, reason: RefusalReason): ShipAnswer {
    const { tenant, writer, firstSequence } = batch
    this.#deps.report({ kind: 'refused', tenant, writer, detail: { reason, firstSequence } })
    return { kind: 'refused', tenant, writer, reason }
  }
}

function isAllowed({ mayWrite }: Judge, event: Readonly<Record<string, unknown>>, of: WriterOf): boolean {
  try {
    return mayWrite(event, of)
  } catch {
    // One event that cannot be judged must not keep all that follow from being stored.
    return false
  }
}

// The part of the batch that is not stored yet, with every hash recomputed up to the signed end.
function freshLines(place: ChainPlace, batch: ShipBatch, lane: Lane): Buffer | RefusalReason {
  if (batch.lines.length > MAX_BATCH_BYTES + MAX_LINE_OVERHEAD_BYTES) return 'too-large'
  const { lines, rest } = splitLines(batch.lines)
  if (lines.length === 0 || rest.length > 0) return 'not-a-chain'
  const prefix = hashPrefix(place)
  let hash = batch.previousHash
  let sequence = batch.firstSequence - 1
  let skip = 0
  if (sequence === lane.sequence && hash !== lane.hash) return 'fork'
  for (const line of lines) {
    const record = parseLine(line)
    // Only a receiver marks what it refused.
    if (record === undefined || record.refused !== undefined || record.sequence !== sequence + 1) return 'not-a-chain'
    if (hashStored(prefix, hash, record) !== record.hash || parseEvent(record.json) === undefined) return 'not-a-chain'
    hash = record.hash
    sequence = record.sequence
    if (sequence <= lane.sequence) skip += line.length + 1
    if (sequence === lane.sequence && hash !== lane.hash) return 'fork'
  }
  if (sequence !== batch.checkpoint.sequence || hash !== batch.checkpoint.hash) return 'not-authentic'
  return batch.lines.subarray(skip)
}
