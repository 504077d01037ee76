// One connector's control stream, on our side: what it says about itself, what we offer it, what it answered. Must never
// believe it about anything but its own flows and health.
import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { LINK_VERSIONS, linkFromConnector, type LinkFromConnector, type LinkFromExchange } from '#core/wire/link.ts'
import { asFault, Fault } from '#core/fault.ts'
import type { ConnectorId } from '#core/ids.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { caps } from '#exchange/caps.ts'
import type { Parking, ParkedSocket } from '#exchange/flows/parking.ts'

export type LinkConfig = {
  readonly tenantId: string
  readonly connectorId: ConnectorId
  readonly exchangeId: string
  readonly exchanges: readonly string[]
  /** The key of the certificate that this link was accepted with: the connector checks grants with it. */
  readonly signingKey: KeyObject
  readonly sinceMs: number
  /** Of the connector's certificate. */
  readonly notAfterMs: number
  readonly keyThumbprint: string
}

export type LinkDeps = {
  readonly parking: Parking
  readonly slice: (tenantId: string, connectorId: string) => Promise<string>
  readonly renew: (tenantId: string, connectorId: string, csrPem: string) => Promise<string>
  /** Spoken to and agreed on a version. */
  readonly onReady: (link: ConnectorLink) => void
  /** Whether it is an app of this connector's group. */
  readonly isOwnApp: (appId: string) => boolean
  readonly onChange: (link: ConnectorLink) => void
  readonly onClosed: (link: ConnectorLink, fault: Fault | undefined) => void
}

export type FlowTimes = { readonly handshakeMs: number; readonly appMs: number }

type Offer = { readonly resolve: () => void; readonly reject: (fault: Fault) => void; readonly timer: NodeJS.Timeout }

/** As many as the wire allows in one message. */
const MAX_CUT_IDS = 10_000

/** Part of the wanted sockets above which more are not asked for. */
const ENOUGH_PARKED = 0.75

/** As many as control takes; of a group with more that are down, the rest are tried like healthy ones. */
const MAX_UNHEALTHY = 1000

/** Without what JSON would write as six bytes each. */
function plain(text: string): string {
  return text.toWellFormed().replace(/\p{C}/gu, ' ')
}

export class ConnectorLink {
  readonly tenantId: string
  readonly connectorId: ConnectorId
  readonly sinceMs: number
  readonly signingKey: KeyObject
  readonly keyThumbprint: string
  readonly notAfterMs: number
  readonly unhealthy = new Map<string, string>()
  readonly #config: LinkConfig
  readonly #deps: LinkDeps
  readonly #frames: FrameConnection
  readonly #offers = new Map<string, Offer>()
  readonly #cuts = new Map<string, string[]>()
  /** Flows whose times the connector has yet to tell. */
  readonly #timed = new Map<string, (took: FlowTimes) => void>()
  #waiters = 0
  #state: 'new' | 'ready' | 'closed' = 'new'
  #wanted: number = caps.parkLowWater.default
  #isRenewing = false
  readonly #helloTimer: NodeJS.Timeout
  isDraining = false
  /** Flows that this exchange runs through it. */
  liveFlows = 0

  constructor(stream: Duplex, config: LinkConfig, deps: LinkDeps) {
    this.#config = config
    this.#deps = deps
    this.tenantId = config.tenantId
    this.connectorId = config.connectorId
    this.sinceMs = config.sinceMs
    this.signingKey = config.signingKey
    this.keyThumbprint = config.keyThumbprint
    this.notAfterMs = config.notAfterMs
    this.#helloTimer = setTimeout(() => this.destroy(new Fault('request-timeout')), caps.handshakeMs.default)
    this.#frames = startFrames(stream, {
      onMessage: (message) => this.#onMessage(message),
      onClose: (fault) => this.#onClose(fault),
    })
  }

  get parkedCount(): number {
    return this.#deps.parking.waiting(this.connectorId)
  }

  /** There are others now than the welcome said. */
  tellExchanges(exchanges: readonly string[]): void {
    if (this.#state === 'ready') this.send({ type: 'exchanges', exchanges: exchanges.slice(0, 64) })
  }

  /** A parked socket of this connector, waiting a moment for a new one when none is there. */
  async takeParked(): Promise<ParkedSocket> {
    if (this.#state !== 'ready') throw new Fault('no-connector')
    if (this.#waiters >= caps.parkWait.default) throw new Fault('at-capacity', { detail: { why: 'parked' } })
    // Demand outran supply: keep more waiting from now on.
    if (this.parkedCount === 0) this.#wanted = Math.min(this.#wanted * 2, caps.parkHighWater.default)
    this.#waiters++
    try {
      const taken = this.#deps.parking.take(this.connectorId)
      // Several at once: a message for each socket that was taken was 6 % of an exchange that opens flows.
      if (this.#there() < this.#wanted * ENOUGH_PARKED) this.#topUp()
      return await taken
    } finally {
      this.#waiters--
    }
  }

  /** Keeps the wanted number of sockets waiting; also called now and then, because parked sockets grow old. */
  topUp(): void {
    if (this.#waiters === 0 && this.#wanted > caps.parkLowWater.default) this.#wanted--
    this.#topUp()
  }

  #topUp(): void {
    if (this.#state !== 'ready' || this.isDraining) return
    const { parking } = this.#deps
    const missing = this.#wanted + this.#waiters - this.#there()
    if (missing <= 0) return
    const tokens = parking.issue(this.connectorId, Math.min(missing, 64))
    if (tokens.length > 0) this.send({ type: 'park', tokens, expiresInMs: parking.tokenLifeMs })
  }

  /** Sockets that wait or are on their way. */
  #there(): number {
    const { parking } = this.#deps
    return parking.waiting(this.connectorId) + parking.outstanding(this.connectorId)
  }

  /** Resolves when the connector accepted the flow; rejects with `grant-refused`, `request-timeout` and others. */
  offer(flowId: string, parkToken: string, grant: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#offers.delete(flowId)
      reject(new Fault('upstream-timeout', { detail: { why: 'the connector did not answer the offer' } }))
    }, caps.offerMs.default)
    this.#offers.set(flowId, { resolve, reject, timer })
    if (!this.send({ type: 'offer', parkToken, grant }) && !this.#frames.isOpen) {
      this.#settleOffer(flowId, new Fault('no-connector'))
    }
    return promise
  }

  /** What the connector measured when it opened this flow; told at most once. */
  onFlowTimes(flowId: string, take: (took: FlowTimes) => void): void {
    this.#timed.set(flowId, take)
  }

  forgetFlowTimes(flowId: string): void {
    this.#timed.delete(flowId)
  }

  send(message: LinkFromExchange): boolean {
    return this.#frames.send(message)
  }

  /** Null: control has none that it could send, and the connector must not go by an older one. */
  passSlice(token: string | null): void {
    if (token !== null) this.send({ type: 'slice', token })
    else this.destroy(new Fault('certificate-refused', { detail: { why: 'control has no slice for it' } }))
  }

  async sendSlice(): Promise<void> {
    const token = await this.#deps.slice(this.tenantId, this.connectorId)
    this.passSlice(token)
  }

  /** Says that a flow is over; many in one turn of the loop become one message, after the sockets were cut. */
  cut(flowId: string, reason: string): void {
    if (this.#state !== 'ready') return
    if (this.#cuts.size === 0) setImmediate(() => this.#sendCuts())
    const flowIds = this.#cuts.get(reason)
    if (flowIds === undefined) this.#cuts.set(reason, [flowId])
    else flowIds.push(flowId)
  }

  #sendCuts(): void {
    for (const [reason, flowIds] of this.#cuts) {
      for (let at = 0; at < flowIds.length; at += MAX_CUT_IDS) {
        this.send({ type: 'cut', flowIds: flowIds.slice(at, at + MAX_CUT_IDS), reason })
      }
    }
    this.#cuts.clear()
  }

  drain(): void {
    if (this.#state === 'ready') this.send({ type: 'draining' })
  }

  close(): Promise<void> {
    return this.#frames.close()
  }

  destroy(fault: Fault): void {
    this.#frames.destroy(fault)
  }

  #onMessage(raw: unknown): void {
    const parsed = linkFromConnector.safeParse(raw)
    if (!parsed.success) throw new Fault('wire-malformed', { cause: parsed.error })
    const message = parsed.data
    if ((message.type === 'hello') !== (this.#state === 'new')) throw new Fault('wire-malformed')
    this.#obey(message)
  }

  #obey(message: LinkFromConnector): void {
    switch (message.type) {
      case 'hello':
        return this.#welcome(message.versions)
      case 'flow-accepted':
        return this.#settleOffer(message.flowId, undefined)
      case 'flow-opened':
        this.#timed.get(message.flowId)?.(message)
        return this.forgetFlowTimes(message.flowId)
      case 'flow-refused':
        return this.#settleOffer(
          message.flowId,
          new Fault('grant-refused', { detail: { code: message.code, said: message.message } }),
        )
      case 'health':
        for (const { appId, healthy, detail } of message.apps) {
          if (healthy) this.unhealthy.delete(appId)
          else if (this.#deps.isOwnApp(appId) && (this.unhealthy.has(appId) || this.unhealthy.size < MAX_UNHEALTHY))
            this.unhealthy.set(appId, plain(detail))
        }
        return this.#deps.onChange(this)
      case 'renew':
        return this.#renew(message.requestId, message.csrPem)
      case 'draining':
        this.isDraining = true
        return this.#deps.onChange(this)
    }
  }

  #welcome(versions: readonly number[]): void {
    const version = LINK_VERSIONS.find((ours) => versions.includes(ours))
    if (version === undefined) throw new Fault('wire-version')
    clearTimeout(this.#helloTimer)
    this.#state = 'ready'
    const { exchangeId, exchanges } = this.#config
    this.send({ type: 'welcome', version, exchangeId, exchanges: exchanges.slice(0, 64) })
    this.#deps.onReady(this)
    // The slice first: without one the connector can only refuse. While control is away it goes by the one it has.
    this.sendSlice()
      .catch((error: unknown) => {
        // Control has one, and it fits no message: the older one does not name everyone who is revoked.
        if (asFault(error).code === 'request-too-large') this.destroy(asFault(error))
      })
      .finally(() => this.#topUp())
  }

  #renew(requestId: number, csrPem: string): void {
    if (this.#isRenewing) throw new Fault('wire-malformed', { detail: { why: 'two renewals at once' } })
    this.#isRenewing = true
    this.#deps
      .renew(this.tenantId, this.connectorId, csrPem)
      .then(
        (certificatePem) => this.send({ type: 'renewed', requestId, certificatePem }),
        (error: unknown) => this.send({ type: 'renewed', requestId, certificatePem: null, code: asFault(error).code }),
      )
      .finally(() => (this.#isRenewing = false))
  }

  #settleOffer(flowId: string, fault: Fault | undefined): void {
    const offer = this.#offers.get(flowId)
    if (offer === undefined) return
    this.#offers.delete(flowId)
    clearTimeout(offer.timer)
    if (fault === undefined) offer.resolve()
    else offer.reject(fault)
  }

  #onClose(fault: Fault | undefined): void {
    this.#state = 'closed'
    clearTimeout(this.#helloTimer)
    const gone = new Fault('no-connector', { detail: { why: 'the link closed' } })
    for (const flowId of this.#offers.keys()) this.#settleOffer(flowId, gone)
    this.#deps.onClosed(this, fault)
  }
}
