// When chains are synced: many writes share one fdatasync, those that wait go first. Must never run more syncs at once
// than the cap, nor acknowledge a record before its own sync ended.
import { Fault } from '#core/fault.ts'
import type { Chain, Segment } from './chain.ts'
import type { JournalCaps } from './caps.ts'
import type { JournalSigner } from './statement.ts'
import { isCheckpointDue, signEnds, syncRecords } from './sync.ts'

type Waiter = { readonly sequence: number; readonly settle: (fault?: unknown) => void }

export type GroupSyncDeps = {
  readonly caps: JournalCaps
  readonly signer: JournalSigner
  readonly monotonicMs: () => number
  readonly release: (segment: Segment) => void
  readonly broken: (chain: Chain, fault: Fault) => void
  readonly unsigned: (chain: Chain, error: unknown) => void
  readonly durable: (chain: Chain) => void
}

const TICK_MS = 1000

export class GroupSync {
  readonly #deps: GroupSyncDeps
  readonly #dirty = new Set<Chain>()
  readonly #running = new Map<Chain, Promise<void>>()
  readonly #waiters = new Map<Chain, Set<Waiter>>()
  /** Chains with an open segment, an unsigned tail or a missing seal. */
  readonly #watched = new Set<Chain>()
  readonly #tick: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  #waiting = 0
  #isFinal = false
  #isStopped = false

  constructor(deps: GroupSyncDeps) {
    this.#deps = deps
    this.#tick = setInterval(() => this.#lookAround(), TICK_MS)
    this.#tick.unref()
  }

  /** The chain has something to bring to the disk within the sync delay. Called for every write: stay cheap. */
  markDirty(chain: Chain): void {
    this.#dirty.add(chain)
    this.#watched.add(chain)
    this.#timer ??= setTimeout(() => this.#expire(), this.#deps.caps.syncDelayMs)
  }

  watch(chain: Chain): void {
    this.#watched.add(chain)
  }

  /** Resolves once the record is on the disk. Rejects with `journal-full`, `at-capacity` or the signal's reason. */
  async waitDurable(chain: Chain, sequence: number, signal: AbortSignal | undefined): Promise<void> {
    if (chain.durableSequence >= sequence) return
    const { caps } = this.#deps
    if (chain.isBroken) throw new Fault('journal-full', { detail: { reason: 'epoch-ended' } })
    if (this.#isStopped) throw new Fault('closing')
    if (this.#waiting >= caps.maxDurableWaiters) throw new Fault('at-capacity')
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const list = this.#waiters.get(chain) ?? new Set<Waiter>()
      this.#waiters.set(chain, list)
      const abort = (): void => waiter.settle(signal?.reason ?? new Fault('closing'))
      const late = setTimeout(
        () => waiter.settle(new Fault('journal-full', { detail: { reason: 'sync-timeout' } })),
        caps.durableTimeoutMs,
      )
      const waiter: Waiter = {
        sequence,
        settle: (fault) => {
          if (!list.delete(waiter)) return
          if (list.size === 0 && this.#waiters.get(chain) === list) this.#waiters.delete(chain)
          this.#waiting--
          clearTimeout(late)
          signal?.removeEventListener('abort', abort)
          if (fault === undefined) resolve()
          else reject(fault)
        },
      }
      list.add(waiter)
      this.#waiting++
      signal?.addEventListener('abort', abort, { once: true })
      this.#dirty.add(chain)
      this.#pump()
    })
  }

  /** Everything written so far is on the disk. */
  async waitAll(): Promise<void> {
    await Promise.all([...this.#watched].map((chain) => this.waitDurable(chain, chain.sequence, undefined)))
  }

  /** As `waitAll`, and every chain ends with a checkpoint. Only once nothing more is written. */
  async finish(): Promise<void> {
    this.#isFinal = true
    for (const chain of this.#watched) this.#dirty.add(chain)
    while (this.#dirty.size > 0 || this.#running.size > 0) {
      this.#pump()
      await Promise.race(this.#running.values())
    }
  }

  /** Stops caring for a chain; those waiting for it get the fault. Resolves when nothing uses its files any more. */
  async forget(chain: Chain, fault: Fault): Promise<void> {
    this.#dirty.delete(chain)
    this.#watched.delete(chain)
    for (const waiter of this.#waiters.get(chain) ?? []) waiter.settle(fault)
    await this.#running.get(chain)
    this.#dirty.delete(chain)
    this.#watched.delete(chain)
  }

  /** Resolves when no sync is at work any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  /** Starts no further sync; everyone who waits gets the fault. */
  stop(fault: Fault): void {
    this.#isStopped = true
    clearInterval(this.#tick)
    clearTimeout(this.#timer)
    this.#dirty.clear()
    for (const list of this.#waiters.values()) for (const waiter of list) waiter.settle(fault)
  }

  #pump(): void {
    for (const chain of this.#dirty) {
      if (this.#running.size >= this.#deps.caps.maxConcurrentSyncs) return
      if (this.#running.has(chain)) continue
      this.#dirty.delete(chain)
      this.#running.set(chain, this.#round(chain))
    }
  }

  async #round(chain: Chain): Promise<void> {
    const { signer, release, broken, unsigned, durable } = this.#deps
    try {
      const synced = await syncRecords(chain)
      try {
        // A chain's first acknowledged record is already under a checkpoint: a removed head cannot go unnoticed.
        if (chain.checkpointSequence === 0) await signEnds(chain, synced, signer, this.#isFinal, release)
        chain.durableSequence = synced.sequence
        this.#acknowledge(chain)
        durable(chain)
        await signEnds(chain, synced, signer, this.#isFinal, release)
      } catch (error) {
        unsigned(chain, error)
      }
    } catch (cause) {
      broken(chain, new Fault('journal-full', { cause, detail: { reason: 'sync-failed' } }))
    } finally {
      this.#running.delete(chain)
    }
    if (this.#isStopped) return
    if (this.#dirty.size > 0 && this.#waiting > 0) this.#pump()
    else if (this.#dirty.size > 0) this.#timer ??= setTimeout(() => this.#expire(), this.#deps.caps.syncDelayMs)
  }

  #expire(): void {
    this.#timer = undefined
    this.#pump()
  }

  #acknowledge(chain: Chain): void {
    for (const waiter of this.#waiters.get(chain) ?? []) {
      if (waiter.sequence <= chain.durableSequence) waiter.settle()
    }
  }

  #lookAround(): void {
    const { caps, monotonicMs } = this.#deps
    for (const chain of this.#watched) {
      const { segment } = chain
      if (segment !== undefined && segment.bytes > 0 && monotonicMs() - segment.startedAtMs >= caps.maxSegmentAgeMs) {
        chain.seal()
      }
      const isBehind = chain.sequence > chain.durableSequence || chain.sealing.length > 0
      if (isBehind || isCheckpointDue(chain)) this.markDirty(chain)
      else if (chain.segment === undefined) this.#watched.delete(chain)
    }
  }
}
