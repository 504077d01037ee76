// One session's http conversation with one app: its upstream flows, the requests under way, and the browsers' sockets.
// Must never be shared between sessions, and never carry on a request whose permission is gone.
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { newId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import { hardClose } from '#transport/hard-close.ts'
import { startUpstream } from '#transport/upstream.ts'
import { caps } from '#exchange/caps.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, reconsiderAtMs, standing, type Access } from '#exchange/decide.ts'
import { forbidsDownloads } from '#exchange/graded-answers.ts'
import type { Flow, FlowWay } from '#exchange/flows/live-flows.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { Hops } from '#exchange/hops.ts'
import { openUpstreamFlow } from './upstream-flow.ts'

export type LaneFacts = {
  readonly tenant: Tenant
  readonly app: AppRecord
  /** Without a request: who, on what, from where. */
  readonly access: Access
  readonly way: Extract<FlowWay, 'browser' | 'inspected'>
}

/** A request that is being answered. */
export type UnderWay = {
  readonly access: Access
  readonly cut: (reason: string) => void
  /** Its answer is held to a page's worth. */
  readonly isLimited: boolean
}

export class Lane implements Flow {
  readonly id = newId('flow')
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay
  readonly openedAtMs: number
  readonly isListed = true
  readonly dispatcher: Dispatcher
  readonly #context: ExchangeContext
  readonly #onEnd: (lane: Lane) => void
  readonly #underWay = new Set<UnderWay>()
  readonly #sockets = new Set<Socket>()
  #policies: readonly string[] = []
  #hops = new Hops()
  #assertion: { readonly stamp: string; readonly token: string } | undefined
  #bytesIn = 0
  #bytesOut = 0
  #isEnded = false
  #idleSinceMs: number

  constructor(context: ExchangeContext, facts: LaneFacts, onEnd: (lane: Lane) => void) {
    const { tenant, access, way } = facts
    this.#context = context
    this.#onEnd = onEnd
    this.tenantId = tenant.id
    this.access = access
    this.way = way
    this.openedAtMs = context.now()
    this.#idleSinceMs = this.openedAtMs
    this.dispatcher = startUpstream(
      {
        origin: 'http://app.invalid',
        maxConnections: caps.laneConnections.default,
        keepAliveMs: caps.laneIdleMs.default,
      },
      {
        connect: () => {
          // The last connection to the app is what people ask about; the slowest answer of all stays.
          const { firstByte } = this.hops
          this.#hops = new Hops()
          if (firstByte !== undefined) this.#hops.set('firstByte', firstByte)
          return openUpstreamFlow(context, facts, this.#hops)
        },
      },
    )
    context.flows.add(this)
    context.count('flows')
  }

  get hops() {
    return this.#hops.times
  }

  /** The app has begun to answer. */
  answered(eventId: string, hops: Hops, traceparent: string | undefined): void {
    const { times } = hops
    this.#hops.most('firstByte', times.firstByte ?? 0)
    this.#context.watch?.({
      kind: 'request',
      id: this.id,
      eventId,
      way: this.way,
      endedAtMs: this.#context.now(),
      hops: times,
      traceparent,
    })
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Counts a request in; call what is returned when it is over. Throws Fault `at-capacity`. */
  begin(request: UnderWay, socket: Socket | undefined, policies: readonly string[]): () => void {
    if (this.#isEnded) throw new Fault('closing')
    if (this.#underWay.size >= caps.laneWaiting.default) throw new Fault('at-capacity', { detail: { why: 'lane' } })
    this.#underWay.add(request)
    this.#policies = policies
    if (socket !== undefined && !this.#sockets.has(socket)) {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    }
    return () => {
      this.#underWay.delete(request)
      this.#idleSinceMs = this.#context.now()
    }
  }

  /** One signature serves until a fact of the tenant changes, for half a minute at most. */
  assertion(stamp: string, make: () => string): string {
    const halfMinute = Math.floor(this.#context.now() / 30_000)
    const full = `${halfMinute} ${stamp}`
    if (this.#assertion?.stamp !== full) this.#assertion = { stamp: full, token: make() }
    return this.#assertion.token
  }

  addBytes(bytesIn: number, bytesOut: number): void {
    this.#bytesIn += bytesIn
    this.#bytesOut += bytesOut
  }

  get reconsiderAtMs(): number {
    const tenant = this.#context.directory.get(this.tenantId)
    return tenant === undefined ? 0 : reconsiderAtMs(tenant, this.access, this.#context.now())
  }

  reconsider(): number {
    const options = { nowMs: this.#context.now(), mayBeStale: true }
    const tenant = this.#context.directory.get(this.tenantId)
    const wall = standing(tenant, this.access, options)
    if (wall !== undefined) return this.cut(wall)
    let cut = 0
    for (const request of this.#underWay) {
      const decision = decide(tenant, request.access, options)
      const isTooMuch = forbidsDownloads(decision) && !request.isLimited
      if (decision.kind === 'allow' && !isTooMuch) continue
      request.cut(decision.kind === 'deny' ? decision.reason : 'restricted')
      cut++
    }
    return cut
  }

  cut(reason: string): number {
    if (this.#isEnded) return 0
    this.#context.count('cut')
    for (const request of this.#underWay) request.cut(reason)
    // Keep-alive connections of HTTP/1.1 are this person's alone; the next request opens another.
    for (const socket of this.#sockets) hardClose(socket)
    this.#end(reason)
    return 1
  }

  /** Ends it if nothing has happened for a while. */
  closeIfIdle(nowMs: number): void {
    const isIdle = this.#underWay.size === 0 && nowMs - this.#idleSinceMs > 2 * caps.laneIdleMs.default
    if (isIdle) this.#end('idle')
  }

  bytes(): { readonly in: number; readonly out: number } {
    return { in: this.#bytesIn, out: this.#bytesOut }
  }

  policies(): readonly string[] {
    return this.#policies
  }

  #end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.dispatcher.destroy(new Fault('closing')).catch(() => undefined)
    this.#context.flows.remove(this)
    this.#onEnd(this)
    this.#context.journal.closed(this.#context.directory.get(this.tenantId), this, reason)
  }
}
