// One session's conversation with one site: connections to it, requests under way, and the person's own connections. Must
// never be shared between sessions, and never carry on a request whose permission is gone.
import type { Socket } from 'node:net'
import { Pool, type buildConnector, type Dispatcher } from 'undici'
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { caps as transportCaps } from '#transport/caps.ts'
import { hardClose } from '#transport/hard-close.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, reconsiderAtMs, standing, type Access } from '#exchange/decide.ts'
import { forbidsDownloads } from '#exchange/graded-answers.ts'
import type { Flow, FlowWay } from '#exchange/flows/live-flows.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { caps } from './caps.ts'

export type WebLaneFacts = {
  readonly tenant: Tenant
  /** Without a request: who, where to, from where. */
  readonly access: Access
  /** `https://host:port`: names the site; what is dialled is `connect`'s to say. */
  readonly origin: string
  readonly connect: () => Promise<Socket>
  /** A request's access with the categories of now. */
  readonly refreshed: (tenant: Tenant, access: Access) => Access
}

/** A request that is being answered. */
export type UnderWay = {
  readonly access: Access
  readonly cut: (reason: string) => void
  /** Its answer is held to a page's worth. */
  readonly isLimited: boolean
}

export class WebLane implements Flow {
  readonly id = newId('flow')
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay = 'web'
  readonly openedAtMs: number
  readonly isListed = true
  readonly dispatcher: Dispatcher
  readonly #context: ExchangeContext
  readonly #onEnd: (lane: WebLane) => void
  readonly #refreshed: WebLaneFacts['refreshed']
  readonly #underWay = new Set<UnderWay>()
  readonly #sockets = new Set<Socket>()
  #policies: readonly string[] = []
  #bytesIn = 0
  #bytesOut = 0
  #isEnded = false
  #idleSinceMs: number

  constructor(context: ExchangeContext, facts: WebLaneFacts, onEnd: (lane: WebLane) => void) {
    this.#context = context
    this.#onEnd = onEnd
    this.#refreshed = facts.refreshed
    this.tenantId = facts.tenant.id
    this.access = facts.access
    this.openedAtMs = context.now()
    this.#idleSinceMs = this.openedAtMs
    this.dispatcher = new Pool(facts.origin, {
      connections: caps.laneConnections.default,
      // Answers to pipelined requests can be mixed up by a bad site: one at a time.
      pipelining: 1,
      keepAliveTimeout: caps.laneIdleMs.default,
      maxHeaderSize: transportCaps.headerBytes.default,
      headersTimeout: transportCaps.upstreamHeadMs.default,
      bodyTimeout: transportCaps.upstreamIdleMs.default,
      connect: (_options, callback) => void dialFor(callback, facts.connect),
    })
    context.flows.add(this)
    context.count('flows')
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
    const wall = tenant?.webSettings === undefined ? 'no-policy' : standing(tenant, this.access, options)
    if (wall !== undefined) return this.cut(wall)
    let cut = 0
    for (const request of this.#underWay) {
      const access = tenant === undefined ? request.access : this.#refreshed(tenant, request.access)
      const decision = decide(tenant, access, options)
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

async function dialFor(callback: buildConnector.Callback, connect: () => Promise<Socket>): Promise<void> {
  let socket: Socket
  try {
    socket = await connect()
  } catch (error) {
    callback(error instanceof Error ? error : new Error('dial failed'), null)
    return
  }
  callback(null, socket)
}
