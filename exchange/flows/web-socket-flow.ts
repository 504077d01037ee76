// A WebSocket through this exchange: decided once as a request, held as a flow, decided again like any other. Must never
// outlive the permission of the request that opened it.
import type { Duplex } from 'node:stream'
import { newId } from '#core/ids.ts'
import { hardClose } from '#transport/hard-close.ts'
import type { Relay } from '#transport/relay.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, reconsiderAtMs, type Access } from '#exchange/decide.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import type { Flow, FlowWay } from './live-flows.ts'

export class WebSocketFlow implements Flow {
  readonly id: string = newId('flow')
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay = 'websocket'
  readonly openedAtMs: number
  readonly isListed = true
  readonly #context: ExchangeContext
  readonly #policies: readonly string[]
  readonly #client: Duplex
  readonly #cutting = new AbortController()
  #relay: Relay | undefined
  #isEnded = false

  /** Throws Fault `at-capacity`. */
  constructor(context: ExchangeContext, tenant: Tenant, access: Access, policies: readonly string[], client: Duplex) {
    context.flows.refuseOverLimit(tenant.id, access.sessionId)
    this.#context = context
    this.#policies = policies
    this.#client = client
    this.tenantId = tenant.id
    this.access = access
    this.openedAtMs = context.now()
    context.flows.add(this)
    context.count('flows')
  }

  /** Aborted when the flow is cut while the app is still being asked. */
  get signal(): AbortSignal {
    return this.#cutting.signal
  }

  began(relay: Relay): void {
    this.#relay = relay
    if (this.#isEnded) relay.cut('closing')
  }

  get reconsiderAtMs(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    return tenant === undefined ? 0 : reconsiderAtMs(tenant, this.access, this.#context.now())
  }

  reconsider(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    const decision = decide(tenant, this.access, { nowMs: this.#context.now(), mayBeStale: true })
    return decision.kind === 'deny' ? this.cut(decision.reason) : 0
  }

  cut(reason: string): number {
    if (this.#isEnded) return 0
    this.#context.count('cut')
    this.#cutting.abort()
    this.#relay?.cut(reason)
    hardClose(this.#client)
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
