// One tenant's news to one exchange: a snapshot first where needed, then deltas in order, each after the one before
// was handed to the kernel's queue. Must never skip a change or send one twice,
// nor let a fault of this tenant reach the news of another.
import { asFault, isFault, type Fault } from '#core/fault.ts'
import type { Change } from '#core/records/records.ts'
import type { FeedFromControl } from '#core/wire/feed.ts'
import type { ControlContext } from '#control/context.ts'
import { changesAfter, lastSequence } from '#control/store/changes.ts'
import { makeSnapshot, nextDelta, type SnapshotDeps } from '#control/snapshot/snapshot.ts'

export type StreamDeps = {
  readonly context: ControlContext
  readonly snapshots: SnapshotDeps
  /** Resolves when there is room for more; rejects when the exchange is gone. */
  readonly send: (message: FeedFromControl) => Promise<void>
  readonly onSent: (changes: readonly Change[] | 'snapshot') => void
  /** This tenant's news have stopped; they are tried again with the next heartbeat. */
  readonly onFault: (fault: Fault) => void
}

export class TenantStream {
  readonly tenantId: string
  readonly #deps: StreamDeps
  /** What the exchange has or is being sent; undefined: it needs a snapshot. */
  #sent: number | undefined
  #isRunning = false
  #isDirty = false
  #isStopped = false
  #hasFailed = false

  constructor(tenantId: string, have: number | undefined, deps: StreamDeps) {
    this.tenantId = tenantId
    this.#sent = have
    this.#deps = deps
  }

  /** The last sequence that was sent, once everything was. */
  get settled(): number | undefined {
    return this.#isRunning || this.#isDirty || this.#hasFailed ? undefined : this.#sent
  }

  wake(): void {
    this.#isDirty = true
    if (this.#isRunning || this.#isStopped || this.#hasFailed) return
    this.#isRunning = true
    this.#run().then(
      () => {
        this.#isRunning = false
      },
      (error: unknown) => {
        this.#isRunning = false
        this.#hasFailed = true
        // A tenant that was deleted meanwhile is told by its removal.
        if (this.#isStopped || isFault(error, 'not-found')) return
        const fault = asFault(error)
        // What was sent of it will never be followed: the exchange is told to let go of it, and starts over.
        if (fault.code === 'request-too-large') this.#sent = undefined
        this.#deps.onFault(fault)
      },
    )
  }

  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false
      if (this.#sent === undefined) await this.#sendSnapshot()
      while (!this.#isStopped && (await this.#sendDelta()));
    }
  }

  async #sendSnapshot(): Promise<void> {
    const { context, snapshots, send, onSent } = this.#deps
    const snapshot = makeSnapshot(await context.mirrors.current(this.tenantId), snapshots)
    await send({ type: 'snapshot-root', token: snapshot.rootToken })
    for (const [index, text] of snapshot.chunks.entries())
      await send({ type: 'snapshot-chunk', tenantId: this.tenantId, index, text })
    this.#sent = snapshot.sequence
    onSent('snapshot')
  }

  /** False when there is nothing newer. */
  async #sendDelta(): Promise<boolean> {
    const { context, snapshots, send, onSent } = this.#deps
    const handle = context.store.forTenant(this.tenantId)
    const from = this.#sent ?? 0
    const delta = await nextDelta(handle, from, snapshots)
    if (delta === 'current') return false
    if (delta === 'gap') {
      await this.#sendSnapshot()
      return true
    }
    await send({ type: 'delta', token: delta.token })
    this.#sent = delta.to
    const changes = await changesAfter(handle, from, delta.to - from)
    onSent(changes.map(({ change }) => change))
    return true
  }

  /** Compares with the store: changes may come from another process. */
  async look(): Promise<number | undefined> {
    if (this.#hasFailed) {
      this.#hasFailed = false
      this.wake()
      return undefined
    }
    if (this.#sent === undefined) return undefined
    const last = await lastSequence(this.#deps.context.store.forTenant(this.tenantId))
    if (last !== this.#sent) this.wake()
    return this.settled === last ? last : undefined
  }
}
