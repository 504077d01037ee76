// Every live flow of this exchange, found by whatever it rests on: tenant, session, user, device, app, connector. Must
// never hold a flow that has ended, nor let one past the limits.
import type { HopTimes } from '#core/wire/hops.ts'
import type { LiveFlow } from '#core/wire/feed.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import type { Access } from '#exchange/decide.ts'
import { Multimap } from '#exchange/tenant/multimap.ts'

export type FlowWay = LiveFlow['way']

/** What the index needs of a flow. `access` may gain a connector; the rest never changes. */
export type Flow = {
  readonly id: string
  readonly tenantId: string
  readonly access: Access
  readonly way: FlowWay
  readonly openedAtMs: number
  /** When time alone may end it, by the facts of now. */
  readonly reconsiderAtMs: number
  /** Decides again and cuts what is no longer allowed; the number of things cut. */
  readonly reconsider: () => number
  /** Ends it now: both sockets destroyed. */
  readonly cut: (reason: string) => number
  readonly bytes: () => { readonly in: number; readonly out: number }
  /** Names of the policies that allowed it. */
  readonly policies: () => readonly string[]
  /** What its way took, where somebody measures it. */
  readonly hops?: HopTimes
  /** False for the inner halves of an http conversation, which is one flow to people. */
  readonly isListed: boolean
}

export type FlowIndexKind = 'session' | 'user' | 'device' | 'app' | 'connector'

export type FlowLimits = {
  readonly perSession: number
  readonly perTenant: number
  readonly total: number
}

const defaultLimits: FlowLimits = {
  perSession: caps.flowsPerSession.default,
  perTenant: caps.flowsPerTenant.default,
  total: caps.flowsTotal.default,
}

export class LiveFlows {
  readonly #flows = new Set<Flow>()
  readonly #byTenant = new Multimap<string, Flow>()
  readonly #byKey = new Multimap<string, Flow>()
  readonly #limits: FlowLimits
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Infinity

  constructor(now: () => number, limits: FlowLimits = defaultLimits) {
    this.#now = now
    this.#limits = limits
  }

  get count(): number {
    return this.#flows.size
  }

  [Symbol.iterator](): IterableIterator<Flow> {
    return this.#flows.values()
  }

  /** Throws Fault `at-capacity` when a limit would be passed: to be called before any effect of the flow. */
  refuseOverLimit(tenantId: string, sessionId: string): void {
    const isOver =
      this.#flows.size >= this.#limits.total ||
      this.#byTenant.get(tenantId).size >= this.#limits.perTenant ||
      this.of(tenantId, 'session', sessionId).size >= this.#limits.perSession
    if (isOver) throw new Fault('at-capacity')
  }

  add(flow: Flow): void {
    this.#flows.add(flow)
    this.#byTenant.add(flow.tenantId, flow)
    for (const key of keysOf(flow)) this.#byKey.add(key, flow)
    this.#wakeAt(flow.reconsiderAtMs)
  }

  remove(flow: Flow): void {
    if (!this.#flows.delete(flow)) return
    this.#byTenant.delete(flow.tenantId, flow)
    for (const key of keysOf(flow)) this.#byKey.delete(key, flow)
  }

  of(tenantId: string, kind: FlowIndexKind, id: string): ReadonlySet<Flow> {
    return this.#byKey.get(`${tenantId} ${kind} ${id}`)
  }

  ofTenant(tenantId: string): ReadonlySet<Flow> {
    return this.#byTenant.get(tenantId)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timerAtMs = -Infinity
  }

  /** Its times may have changed: an end that came nearer is not slept through. */
  reschedule(flow: Flow): void {
    if (this.#flows.has(flow)) this.#wakeAt(flow.reconsiderAtMs)
  }

  /** One timer for the next end of any flow; a scan when it rings costs less than a timer per flow. */
  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || atMs === Infinity) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    const waitMs = Math.min(Math.max(0, atMs - this.#now()) + 1, MAX_TIMER_MS)
    this.#timer = setTimeout(() => this.#ring(), waitMs).unref()
  }

  #ring(): void {
    this.#timerAtMs = Infinity
    const nowMs = this.#now()
    for (const flow of this.#flows) if (flow.reconsiderAtMs <= nowMs) flow.reconsider()
    let nextMs = Infinity
    for (const flow of this.#flows) {
      // One that outlived its time is looked at again by the sweep.
      if (flow.reconsiderAtMs > nowMs) nextMs = Math.min(nextMs, flow.reconsiderAtMs)
    }
    this.#wakeAt(nextMs)
  }
}

/** Node's timers hold 31 bits; a longer wait simply rings early. */
const MAX_TIMER_MS = 2 ** 31 - 1

function* keysOf({ tenantId, access }: Flow): Generator<string> {
  yield `${tenantId} session ${access.sessionId}`
  yield `${tenantId} user ${access.userId}`
  yield `${tenantId} app ${access.appId}`
  if (access.deviceId !== null) yield `${tenantId} device ${access.deviceId}`
  if (access.connectorId !== null) yield `${tenantId} connector ${access.connectorId}`
}
