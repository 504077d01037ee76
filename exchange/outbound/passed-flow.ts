// A connection to the internet that is not looked into: bypassed by a rule, counted, and cut like any other flow when
// its permission goes. Must never be made for a connection whose reason is not in the journal.
import type { Socket } from 'node:net'
import { newId } from '#core/ids.ts'
import { hardClose } from '#transport/hard-close.ts'
import { relay, type Relay } from '#transport/relay.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, reconsiderAtMs, type Access } from '#exchange/decide.ts'
import type { Flow, FlowWay } from '#exchange/flows/live-flows.ts'
import type { WebAccess } from './web-access.ts'

export class PassedFlow implements Flow {
  readonly id = newId('flow')
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay = 'passed'
  readonly openedAtMs: number
  readonly isListed = true
  readonly #context: ExchangeContext
  readonly #policies: readonly string[]
  readonly #stillPasses: () => boolean
  readonly #refreshed: WebAccess['refreshed']
  readonly #mayCarry: ((bytes: number) => boolean) | undefined
  #relay: Relay | undefined
  #isEnded = false

  /** `stillPasses`: whether the rule that let it pass is still there. */
  constructor(
    context: ExchangeContext,
    tenantId: string,
    access: Access,
    policies: readonly string[],
    stillPasses: () => boolean,
    refreshed: WebAccess['refreshed'],
    /** Called with what has passed; false ends it. */
    mayCarry?: (bytes: number) => boolean,
  ) {
    context.flows.refuseOverLimit(tenantId, access.sessionId)
    this.#context = context
    this.#policies = policies
    this.#stillPasses = stillPasses
    this.#refreshed = refreshed
    this.#mayCarry = mayCarry
    this.tenantId = tenantId
    this.access = access
    this.openedAtMs = context.now()
    context.flows.add(this)
    context.count('flows')
    context.count('passed')
  }

  join(person: Socket, site: Socket): void {
    if (this.#isEnded) {
      hardClose(person)
      hardClose(site)
      return
    }
    const mayCarry = this.#mayCarry
    this.#relay = relay(person, site, {
      onBytes:
        mayCarry === undefined
          ? undefined
          : (_direction, count) => void (mayCarry(count) || this.cut('volume-used-up')),
      onEnd: (end) => this.end(end.kind === 'cut' ? end.reason : end.kind),
    })
  }

  get reconsiderAtMs(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    return tenant === undefined ? 0 : reconsiderAtMs(tenant, this.access, this.#context.now())
  }

  reconsider(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    const access = tenant === undefined ? this.access : this.#refreshed(tenant, this.access)
    const decision = decide(tenant, access, { nowMs: this.#context.now(), mayBeStale: true })
    if (decision.kind === 'deny') return this.cut(decision.reason)
    return this.#stillPasses() ? 0 : this.cut('inspection-required')
  }

  cut(reason: string): number {
    if (this.#isEnded) return 0
    this.#context.count('cut')
    this.#relay?.cut(reason)
    this.end(reason)
    return 1
  }

  bytes(): { readonly in: number; readonly out: number } {
    return { in: this.#relay?.bytesAtoB ?? 0, out: this.#relay?.bytesBtoA ?? 0 }
  }

  policies(): readonly string[] {
    return this.#policies
  }

  end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#context.flows.remove(this)
    this.#context.journal.closed(this.#context.directory.get(this.tenantId), this, reason)
  }
}
