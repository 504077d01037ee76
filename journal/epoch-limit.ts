// How many chains one writer may begin at a receiver. Must never let a stolen writer make a tenant's journal a pile of
// chains, nor tell an honest one to begin yet another: it is asked to wait.
import { Fault } from '#core/fault.ts'
import { MAX_NEW_EPOCHS_PER_DAY, MAX_RECEIVED_EPOCHS, MAX_RECEIVER_CHAINS } from './caps.ts'
import { listChains, parseWriter, type ChainPlace } from './layout.ts'
import type { ReceiverDeps } from './receive.ts'

const DAY_MS = 86_400_000

export class EpochLimit {
  readonly #root: string
  readonly #deps: Pick<ReceiverDeps, 'report' | 'nowMs'>
  /** `tenant/name` → when its newest chains began here. */
  readonly #begun = new Map<string, number[]>()

  constructor(root: string, deps: Pick<ReceiverDeps, 'report' | 'nowMs'>) {
    this.#root = root
    this.#deps = deps
  }

  /** Called before the first record of a chain is stored. Throws Fault `at-capacity`. */
  async admit({ tenant, writer }: ChainPlace): Promise<void> {
    const { name, epoch } = parseWriter(writer) ?? { name: writer, epoch: 1 }
    const nowMs = (this.#deps.nowMs ?? Date.now)()
    const key = `${tenant}/${name}`
    const lately = (this.#begun.get(key) ?? []).filter((atMs) => atMs > nowMs - DAY_MS)
    const kept = (await listChains(this.#root, tenant)).filter((chain) => parseWriter(chain.writer)?.name === name)
    if (kept.length >= MAX_RECEIVED_EPOCHS || lately.length >= MAX_NEW_EPOCHS_PER_DAY) {
      const detail = { epoch, kept: kept.length, lately: lately.length }
      this.#deps.report({ kind: 'too-many-epochs', tenant, writer, detail })
      throw new Fault('at-capacity', { detail: { why: 'too many epochs', tenant, writer } })
    }
    this.#begun.delete(key)
    this.#begun.set(key, [...lately, nowMs])
    for (const oldest of this.#begun.keys()) {
      if (this.#begun.size <= MAX_RECEIVER_CHAINS) break
      this.#begun.delete(oldest)
    }
  }
}
