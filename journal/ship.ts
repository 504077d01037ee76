// The sending side of shipping: brings every chain of a journal to a receiver and forgets what it acknowledged. Must
// never let go of a record before the receiver has it on its disk.
import { setTimeout as delay } from 'node:timers/promises'
import { isFault, type Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { MAX_QUEUED_ANSWERS, MAX_UNACKNOWLEDGED_BATCHES, RESEND_AFTER_MS, SHIP_LINGER_MS } from './caps.ts'
import type { Journal } from './journal.ts'
import type { ChainStand } from './journal-contract.ts'
import { ShipLane } from './lane.ts'
import type { ShipAnswer, ShipBatch } from './shipment.ts'

export type ShipperConfig = {
  /** Remove sealed segments here once they are acknowledged, leaving signed tombstones. */
  readonly removeAcknowledged: boolean
  readonly lingerMs?: number
  readonly resendAfterMs?: number
}

export type ShipperDeps = {
  readonly journal: Journal
  /** Resolves when the transport has taken the batch; rejects when there is no connection. Must obey the signal. */
  readonly send: (batch: ShipBatch, signal: AbortSignal) => Promise<void>
  /** After each acknowledgement. */
  readonly onAcknowledged?: (tenant: TenantId, writer: string, sequence: number) => void
  readonly monotonicMs?: () => number
}

const HOUSEKEEPING_MS = 1000
const PRESSURE = 0.75
/** Answers that go back behind what was acknowledged before they are believed: three full windows. */
const MAX_CONTRADICTIONS = 3 * MAX_UNACKNOWLEDGED_BATCHES

export function startShipper(config: ShipperConfig, deps: ShipperDeps): Shipper {
  return new Shipper(config, deps)
}

export class Shipper {
  readonly #config: ShipperConfig
  readonly #deps: ShipperDeps
  readonly #monotonicMs: () => number
  readonly #lanes = new Map<string, ShipLane>()
  readonly #abort = new AbortController()
  readonly #unsubscribe: () => void
  readonly #timer: NodeJS.Timeout
  readonly #loop: Promise<void>
  /** Tenants with something to look at. */
  readonly #pending = new Set<TenantId>()
  #answers: ShipAnswer[] = []
  #isHousekeepingDue = false
  #isDisconnected = false
  #bell = Promise.withResolvers<void>()

  /** Use `startShipper`. */
  constructor(config: ShipperConfig, deps: ShipperDeps) {
    this.#config = config
    this.#deps = deps
    this.#monotonicMs = deps.monotonicMs ?? (() => performance.now())
    this.#unsubscribe = deps.journal.subscribe((tenant) => {
      this.#pending.add(tenant)
      this.#bell.resolve()
    })
    this.#timer = setInterval(
      () => {
        this.#isHousekeepingDue = true
        this.#bell.resolve()
      },
      Math.min(HOUSEKEEPING_MS, config.resendAfterMs ?? RESEND_AFTER_MS),
    )
    this.#timer.unref()
    this.#loop = this.#run()
  }

  /** Hands over an answer of the receiver, in the order they came. */
  receive(answer: ShipAnswer): void {
    // What is dropped here is sent again after `resendAfterMs`.
    if (this.#answers.length < MAX_QUEUED_ANSWERS) this.#answers.push(answer)
    this.#bell.resolve()
  }

  /** The connection is new: what was sent and not acknowledged goes out again. */
  reconnected(): void {
    for (const lane of this.#lanes.values()) {
      lane.inFlight = lane.inFlight.map((one) => ({ ...one, sentAtMs: Number.NEGATIVE_INFINITY }))
    }
    this.#isDisconnected = false
    this.#isHousekeepingDue = true
    this.#bell.resolve()
  }

  /** Stops shipping a tenant that is about to be removed. */
  forgetTenant(tenant: TenantId): void {
    this.#pending.delete(tenant)
    for (const [name, lane] of this.#lanes) {
      if (lane.place.tenant !== tenant) continue
      lane.isRefused = true
      lane.inFlight = []
      lane.isUnsaved = lane.hasNews = false
      this.#lanes.delete(name)
      void lane.close()
    }
  }

  /** Stops sending and remembers what is acknowledged. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#bell.resolve()
    this.#unsubscribe()
    clearInterval(this.#timer)
    await this.#loop
  }

  async destroy(_fault: Fault): Promise<void> {
    await this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    for (const tenant of this.#deps.journal.tenants()) this.#pending.add(tenant)
    while (!signal.aborted) {
      this.#bell = Promise.withResolvers<void>()
      const answers = this.#answers
      this.#answers = []
      for (const answer of answers) await this.#hear(answer)
      if (this.#isHousekeepingDue) await this.#keepHouse()
      for (const tenant of this.#pending) {
        if (signal.aborted || this.#isDisconnected || this.#inFlight() >= MAX_UNACKNOWLEDGED_BATCHES) break
        // Before, not after: what is written meanwhile must not be forgotten.
        this.#pending.delete(tenant)
        const outcome = await this.#shipTenant(tenant)
        if (outcome !== 'done') this.#pending.add(tenant)
        this.#isDisconnected = outcome === 'disconnected'
      }
      const canGoOn = !this.#isDisconnected && this.#pending.size > 0 && this.#inFlight() < MAX_UNACKNOWLEDGED_BATCHES
      if (signal.aborted || canGoOn || this.#answers.length > 0) continue
      await this.#bell.promise
      if (this.#answers.length > 0 || this.#inFlight() > 0) continue
      await delay(this.#config.lingerMs ?? SHIP_LINGER_MS, undefined, { signal }).catch(() => undefined)
    }
    for (const lane of this.#lanes.values()) {
      await lane.save().catch(() => undefined)
      await lane.close()
    }
  }

  async #shipTenant(tenant: TenantId): Promise<'done' | 'more' | 'disconnected'> {
    for (const stand of this.#deps.journal.chainsOf(tenant)) {
      const lane = await this.#laneOf(stand)
      while (lane !== undefined && !lane.isRefused) {
        if (this.#abort.signal.aborted || this.#inFlight() >= MAX_UNACKNOWLEDGED_BATCHES) return 'more'
        const batch = await this.#guard(stand, async () => await lane.next(stand.durableSequence))
        if (batch === undefined) break
        const { sequence, hash } = batch.checkpoint
        lane.inFlight.push({ sequence, hash, sentAtMs: this.#monotonicMs() })
        try {
          await this.#deps.send(batch, this.#abort.signal)
        } catch {
          // No connection: this batch and what follows goes out when there is one.
          lane.inFlight = lane.inFlight.filter((one) => one.sequence !== sequence)
          lane.putBack(batch)
          return 'disconnected'
        }
      }
    }
    return 'done'
  }

  async #hear(answer: ShipAnswer): Promise<void> {
    const lane = this.#lanes.get(`${answer.tenant}/${answer.writer}`)
    if (lane === undefined || lane.isRefused) return
    switch (answer.kind) {
      case 'acknowledged': {
        const before = lane.acknowledged
        const agrees = await this.#guard(lane.place, async () => await lane.acknowledge(answer.sequence, answer.hash))
        if (agrees === undefined) return
        if (!agrees) return this.#giveUp(lane, 'receiver-differs')
        // Somebody has to look into what wrote it; the chain goes on.
        if (answer.refused !== undefined) {
          const detail = { records: answer.refused, through: answer.sequence }
          this.#deps.journal.problem('record-refused', lane.place, detail)
        }
        if (lane.acknowledged > before) this.#deps.onAcknowledged?.(answer.tenant, answer.writer, answer.sequence)
        return
      }
      case 'resend':
        return await this.#goBack(lane, answer.afterSequence)
      case 'refused':
        this.#giveUp(lane, answer.reason)
    }
  }

  async #goBack(lane: ShipLane, after: number): Promise<void> {
    // Answers can be old. What was acknowledged stays acknowledged, unless the receiver says otherwise again and again.
    if (after < lane.acknowledged && ++lane.contradictions < MAX_CONTRADICTIONS) return
    const sentAtMs = lane.inFlight[0]?.sentAtMs ?? Number.NEGATIVE_INFINITY
    const isUnderWay = this.#monotonicMs() - sentAtMs < (this.#config.resendAfterMs ?? RESEND_AFTER_MS)
    // Every batch after a gap asks for the same: one answer is enough.
    if (after === lane.wentTo && isUnderWay) return
    const found = await this.#guard(lane.place, async () => await lane.goTo(after))
    if (found === undefined) return
    if (!found) return this.#giveUp(lane, 'receiver-lost-records')
    lane.wentTo = after
    this.#pending.add(lane.place.tenant)
  }

  // The two sides do not agree on this chain and never will: keep it, say so, go on with a new epoch.
  #giveUp(lane: ShipLane, reason: string): void {
    if (lane.isRefused) return
    const { journal } = this.#deps
    lane.isRefused = true
    lane.inFlight = []
    journal.problem('shipping-refused', lane.place, { reason, acknowledged: lane.acknowledged })
    journal.endEpochOf(lane.place, reason)
  }

  async #keepHouse(): Promise<void> {
    this.#isHousekeepingDue = false
    this.#isDisconnected = false
    const { journal } = this.#deps
    const lateMs = this.#monotonicMs() - (this.#config.resendAfterMs ?? RESEND_AFTER_MS)
    const { bytes, maxBytes } = journal.status()
    for (const lane of this.#lanes.values()) {
      const oldest = lane.inFlight[0]
      if (oldest !== undefined && oldest.sentAtMs <= lateMs) {
        await this.#guard(lane.place, async () => await lane.goTo(lane.acknowledged))
        this.#pending.add(lane.place.tenant)
      }
      await this.#guard(lane.place, async () => await lane.save())
      if (!this.#config.removeAcknowledged || !lane.hasNews) continue
      const request = { throughSequence: lane.acknowledged, reason: 'shipped' } as const
      await this.#guard(lane.place, async () => await journal.removeSegments(lane.place, request))
      // Many tenants with a little each could fill the spool without one full segment: end them early.
      const isPressed = bytes > maxBytes * PRESSURE && lane.inFlight.length === 0
      lane.hasNews = isPressed && journal.seal(lane.place)
    }
  }

  async #laneOf(stand: ChainStand): Promise<ShipLane | undefined> {
    const key = `${stand.tenant}/${stand.writer}`
    const known = this.#lanes.get(key)
    if (known !== undefined) return known
    const lane = await this.#guard(stand, async () => await ShipLane.open(stand, this.#deps.journal))
    if (lane !== undefined) this.#lanes.set(key, lane)
    return lane
  }

  // A damaged chain or a full disk must not stop the others.
  async #guard<T>(place: ShipLane['place'], work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const lane = this.#lanes.get(`${place.tenant}/${place.writer}`)
      if (lane !== undefined && isFault(error, 'journal-corrupt')) this.#giveUp(lane, 'corrupt-here')
      else this.#deps.journal.problem('shipping-failed', place, { error: String(error) })
      return undefined
    }
  }

  #inFlight(): number {
    let count = 0
    for (const lane of this.#lanes.values()) count += lane.inFlight.length
    return count
  }
}
