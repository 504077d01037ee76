// What exchanges said they have put in force, and who is waiting to hear it. Must never count a change as in force
// because time has passed.
import type { Effect } from '#core/api/views.ts'

export type Receipt = { readonly sequence: number; readonly cutFlows: number; readonly atMs: number }

const KEPT_RECEIPTS = 200

export class Receipts {
  /** `<tenant> <exchange>` → the newest last. */
  readonly #received = new Map<string, Receipt[]>()
  readonly #waiting = new Map<string, Set<() => void>>()

  add(tenantId: string, exchangeId: string, receipt: Receipt): void {
    const kept = this.#received.getOrInsertComputed(`${tenantId} ${exchangeId}`, () => [])
    kept.push(receipt)
    if (kept.length > KEPT_RECEIPTS) kept.splice(0, kept.length - KEPT_RECEIPTS)
    this.wake(tenantId)
  }

  /** Somebody's answer may no longer be expected: those who wait look again. */
  wake(tenantId: string): void {
    for (const look of this.#waiting.get(tenantId) ?? []) look()
  }

  /** Everything that this exchange said is of no use any more: it is gone, or will say it again. */
  forget(exchangeId: string): void {
    for (const place of this.#received.keys()) if (place.endsWith(` ${exchangeId}`)) this.#received.delete(place)
  }

  /**
   * Waits until each exchange for which `isExpected` says so has told that `sequence` is in force, at most until the
   * deadline. `serving` are all exchanges that serve the tenant: those without an answer are missing.
   */
  async effect(
    tenantId: string,
    sequence: number,
    serving: readonly string[],
    isExpected: (exchangeId: string) => boolean,
    deadlineMs: number,
  ): Promise<Effect> {
    const waiters = this.#waiting.getOrInsertComputed(tenantId, () => new Set())
    const isComplete = () => serving.every((id) => this.#find(tenantId, id, sequence) || !isExpected(id))
    if (!isComplete()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => isComplete() && resolve()
      const timer = setTimeout(resolve, deadlineMs)
      waiters.add(look)
      await promise
      clearTimeout(timer)
      waiters.delete(look)
    }
    if (waiters.size === 0) this.#waiting.delete(tenantId)
    const receipts: Effect['receipts'] = []
    const missing: string[] = []
    for (const exchangeId of serving) {
      const receipt = this.#find(tenantId, exchangeId, sequence)
      if (!receipt) missing.push(exchangeId)
      else receipts.push({ exchangeId, cutFlows: receipt.cutFlows, at: new Date(receipt.atMs).toISOString() })
    }
    return { sequence, receipts, missing }
  }

  #find(tenantId: string, exchangeId: string, sequence: number): Receipt | undefined {
    return this.#received.get(`${tenantId} ${exchangeId}`)?.find((receipt) => receipt.sequence >= sequence)
  }
}
