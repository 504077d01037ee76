// One tcp flow through this exchange, sealed or inspected: waits for its two halves, relays, is decided again, ends once.
// Must never outlive its permission, and never relay before both halves are there.
import type { Socket } from 'node:net'
import type { HopTimes } from '#core/wire/hops.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { decide, reconsiderAtMs, type Access } from '#exchange/decide.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import type { Hops } from '#exchange/hops.ts'
import { wayOf } from '#exchange/inspect.ts'
import type { AcceptedFlow } from '#exchange/forward.ts'
import { hardClose } from '#transport/hard-close.ts'
import { relay, type Relay } from '#transport/relay.ts'
import type { Flow, FlowWay } from './live-flows.ts'

export type TcpFlowFacts = {
  readonly tenant: Tenant
  readonly access: Access
  readonly way: Extract<FlowWay, 'sealed' | 'inspected'>
  readonly policies: readonly string[]
  /** Of the decision that opened it: the one id from door to app. */
  readonly eventId: string
  readonly hops: Hops
}

export class TcpFlow implements Flow {
  readonly id: string
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay
  readonly openedAtMs: number
  readonly isListed = true
  readonly #context: ExchangeContext
  readonly #accepted: AcceptedFlow
  readonly #appSide: Socket
  readonly #policies: readonly string[]
  readonly #facts: TcpFlowFacts
  readonly #upstream: string
  #relay: Relay | undefined
  #isEnded = false

  constructor(context: ExchangeContext, facts: TcpFlowFacts, accepted: AcceptedFlow, appSide: Socket) {
    this.#context = context
    this.#accepted = accepted
    this.#appSide = appSide
    this.#policies = facts.policies
    this.#facts = facts
    this.#upstream = JSON.stringify(facts.tenant.apps.get(facts.access.appId)?.upstream)
    this.id = accepted.flowId
    this.tenantId = facts.tenant.id
    this.access = { ...facts.access, connectorId: accepted.link.connectorId }
    this.way = facts.way
    this.openedAtMs = context.now()
    accepted.link.liveFlows++
    context.flows.add(this)
    context.count('flows')
    // Of an inspected flow this end has measured both itself.
    if (facts.way === 'sealed') {
      accepted.link.onFlowTimes(this.id, ({ handshakeMs, appMs }) => {
        facts.hops.set('handshake', handshakeMs)
        facts.hops.set('app', appMs)
        this.#tell()
      })
    }
    appSide.once('close', () => {
      if (this.#relay === undefined) this.#end('connector-closed')
    })
  }

  /** The user's half is here: bytes run from now on. */
  join(userSide: Socket): void {
    if (this.#isEnded || this.#appSide.destroyed) return hardClose(userSide)
    if (this.way === 'sealed') this.#facts.hops.lap('claim')
    else this.#tell()
    this.#relay = relay(userSide, this.#appSide, {
      onEnd: (end) => this.#end(end.kind === 'cut' ? end.reason : end.kind),
    })
  }

  get reconsiderAtMs(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    return tenant === undefined ? 0 : reconsiderAtMs(tenant, this.access, this.#context.now())
  }

  reconsider(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    const decision = decide(tenant, this.access, { nowMs: this.#context.now(), mayBeStale: true })
    if (decision.kind === 'deny') return this.cut(decision.reason)
    const app = tenant?.apps.get(this.access.appId)
    if (JSON.stringify(app?.upstream) !== this.#upstream) return this.cut('app-changed')
    // What was sealed and must be looked into now has to be opened again the other way.
    const isSealable = app !== undefined && wayOf(app, decision) === 'sealed'
    return this.way === 'sealed' && !isSealable ? this.cut('inspection-required') : 0
  }

  cut(reason: string): number {
    if (this.#isEnded) return 0
    this.#context.count('cut')
    if (this.#relay === undefined) hardClose(this.#appSide)
    else this.#relay.cut(reason)
    this.#accepted.link.cut(this.id, reason)
    this.#end(reason)
    return 1
  }

  bytes(): { readonly in: number; readonly out: number } {
    return { in: this.#relay?.bytesAtoB ?? 0, out: this.#relay?.bytesBtoA ?? 0 }
  }

  get hops(): HopTimes {
    return this.#facts.hops.times
  }

  policies(): readonly string[] {
    return this.#policies
  }

  #tell(): void {
    const { eventId } = this.#facts
    this.#context.watch?.({
      kind: 'flow',
      id: this.id,
      eventId,
      way: this.way,
      endedAtMs: this.#context.now(),
      hops: this.hops,
    })
  }

  #end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#accepted.link.forgetFlowTimes(this.id)
    this.#accepted.link.liveFlows--
    this.#context.flows.remove(this)
    this.#context.journal.closed(this.#context.directory.get(this.tenantId), this, reason)
  }
}
