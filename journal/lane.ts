// One chain on its way to the receiver: what to send next, what is acknowledged. Must never send a record that is not
// on this disk yet, nor one whose hash does not follow.
import { MAX_BATCH_BYTES } from './caps.ts'
import { readSmallFile, replaceFile } from './disk.ts'
import type { Journal } from './journal.ts'
import { listSegments, sealPath, shippedPath, type ChainPlace } from './layout.ts'
import { genesisHash, hashPrefix, hashStored, isObject, wholeMs } from './record.ts'
import { corrupt } from './recover.ts'
import type { ShipBatch } from './shipment.ts'
import { parseStatement, signCheckpoint, type Checkpoint } from './statement.ts'
import { ChainTail } from './tail.ts'
import { readTombstones } from './tombstone.ts'

export type InFlight = { readonly sequence: number; readonly hash: string; readonly sentAtMs: number }

export class ShipLane {
  readonly place: ChainPlace
  acknowledged: number
  inFlight: InFlight[] = []
  /** The receiver refuses this chain: nothing more is sent until the next start. */
  isRefused = false
  isUnsaved = false
  /** Acknowledged more since removal was last tried. */
  hasNews = false
  /** Where the receiver last sent us back to, until it acknowledges more. */
  wentTo = -1
  /** Answers since then that go back behind an acknowledgement. */
  contradictions = 0
  #unsent: ShipBatch | undefined
  readonly #journal: Journal
  readonly #prefix: string
  #tail: ChainTail
  #hash: string
  #previousSegment = 0

  private constructor(place: ChainPlace, journal: Journal, after: number, hash: string) {
    this.place = place
    this.#journal = journal
    this.#prefix = hashPrefix(place)
    this.acknowledged = after
    this.#hash = hash
    this.#tail = new ChainTail(place, after)
  }

  /** Goes on where the last acknowledgement of an earlier run was, as far as that is known. */
  static async open(place: ChainPlace, journal: Journal): Promise<ShipLane> {
    const text = await readSmallFile(shippedPath(place.dir))
    let after = 0
    try {
      const value: unknown = JSON.parse(text ?? '{}')
      const known = isObject(value) ? value['sequence'] : undefined
      if (typeof known === 'number' && Number.isSafeInteger(known) && known > 0) after = known
    } catch {
      // Only a hint: from the beginning is always right, the receiver says where to go on.
    }
    const removed = (await readTombstones(place, journal.keys)).at(-1)
    after = Math.max(after, removed?.lastSequence ?? 0)
    const hash = await hashAt(place, after, journal)
    if (hash !== undefined) return new ShipLane(place, journal, after, hash)
    return new ShipLane(place, journal, removed?.lastSequence ?? 0, removed?.lastHash ?? genesisHash(place))
  }

  /** The next batch, or undefined when all that is durable was sent. Throws `journal-corrupt`. */
  async next(durableSequence: number): Promise<ShipBatch | undefined> {
    const unsent = this.#unsent
    this.#unsent = undefined
    if (unsent !== undefined) return unsent
    const chunk = await this.#tail.read(MAX_BATCH_BYTES, durableSequence)
    const first = chunk?.records[0]
    if (chunk === undefined || first === undefined) {
      await this.#tail.close()
      if ((chunk?.badLines ?? 0) > 0) throw corrupt(this.place, 'unreadable-line', this.#tail.sequence + 1)
      return undefined
    }
    const previousHash = this.#hash
    let hash = previousHash
    let sequence = first.sequence - 1
    let earliestMs = Number.MAX_SAFE_INTEGER
    let latestMs = 0
    for (const record of chunk.records) {
      if (record.sequence !== sequence + 1 || hashStored(this.#prefix, hash, record) !== record.hash) {
        throw corrupt(this.place, 'hash-wrong', record.sequence)
      }
      hash = record.hash
      sequence = record.sequence
      earliestMs = Math.min(earliestMs, record.timeMs)
      latestMs = Math.max(latestMs, record.timeMs)
    }
    if (chunk.badLines > 0) throw corrupt(this.place, 'unreadable-line', sequence)
    this.#hash = hash
    const { tenant, writer } = this.place
    const { segment } = chunk
    const body = { kind: 'checkpoint', tenant, writer, segment, sequence, hash, earliestMs, latestMs } as const
    const checkpoint = signCheckpoint({ ...body, timeMs: wholeMs(this.#journal.nowMs()) }, this.#journal.signer)
    const seal = segment === first.sequence ? await this.#sealBefore(segment) : undefined
    this.#previousSegment = segment
    const batch = {
      tenant,
      writer,
      segment,
      firstSequence: first.sequence,
      previousHash,
      checkpoint,
      lines: chunk.bytes,
    }
    return seal === undefined ? batch : { ...batch, seal }
  }

  /** The batch could not be sent: the next one is this one again. */
  putBack(batch: ShipBatch): void {
    this.#unsent = batch
  }

  /** Goes back, or forward, to send what follows `after`. False when this chain has no such record. */
  async goTo(after: number): Promise<boolean> {
    const hash = await hashAt(this.place, after, this.#journal)
    if (hash === undefined) return false
    await this.#tail.close()
    this.#tail = new ChainTail(this.place, after)
    this.#hash = hash
    this.inFlight = []
    this.#unsent = undefined
    return true
  }

  /** False when the receiver acknowledges what this chain does not say. */
  async acknowledge(sequence: number, hash: string): Promise<boolean> {
    if (sequence < this.acknowledged) return true
    const sent = this.inFlight.find((one) => one.sequence === sequence)
    const own = sent?.hash ?? (await hashAt(this.place, sequence, this.#journal))
    if (own !== hash) return false
    this.inFlight = this.inFlight.filter((one) => one.sequence > sequence)
    this.acknowledged = sequence
    this.wentTo = -1
    this.contradictions = 0
    this.isUnsaved = true
    this.hasNews = true
    // The receiver had more than we remembered: an acknowledgement was lost.
    return sequence <= this.#tail.sequence || (await this.goTo(sequence))
  }

  async save(): Promise<void> {
    if (!this.isUnsaved) return
    this.isUnsaved = false
    await replaceFile(shippedPath(this.place.dir), JSON.stringify({ sequence: this.acknowledged }))
  }

  async close(): Promise<void> {
    await this.#tail.close()
  }

  async #sealBefore(segment: number): Promise<Checkpoint | undefined> {
    const before = this.#previousSegment || (await listSegments(this.place.dir)).findLast((first) => first < segment)
    if (before === undefined) return undefined
    const seal = parseStatement((await readSmallFile(sealPath(this.place.dir, before))) ?? '')
    return seal?.kind === 'seal' ? seal : undefined
  }
}

/** The hash of a record that is there, or of the last one removed; undefined when there is neither. */
async function hashAt(place: ChainPlace, sequence: number, journal: Journal): Promise<string | undefined> {
  const removed = (await readTombstones(place, journal.keys)).at(-1)
  if (removed !== undefined && sequence <= removed.lastSequence) {
    return sequence === removed.lastSequence ? removed.lastHash : undefined
  }
  if (sequence === 0) return genesisHash(place)
  const tail = new ChainTail(place, sequence - 1)
  try {
    const record = (await tail.read(MAX_BATCH_BYTES, sequence))?.records[0]
    return record?.sequence === sequence ? record.hash : undefined
  } finally {
    await tail.close()
  }
}
