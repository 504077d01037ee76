// A connector, running beside private apps: links to exchanges, waiting sockets, flows. Must never listen on the
// network, and never open a flow that the grant, the statement and the slice do not all allow.
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import type { LinkFromConnector, LinkFromExchange } from '#core/wire/link.ts'
import { hardClose } from '#transport/hard-close.ts'
import { caps } from './caps.ts'
import { dialLink } from './dial-exchange.ts'
import { Flow, type FlowEnd } from './flow.ts'
import { HealthWatch } from './health.ts'
import { loadIdentity, type Identity } from './identity.ts'
import type { Link } from './link.ts'
import { Links } from './links.ts'
import { NonceMemory } from './nonce-memory.ts'
import { PeerHandshakes } from './peer-handshake.ts'
import { Renewal } from './renewal.ts'
import { startSliceKeeper, type SliceInForce, type SliceKeeper } from './slice.ts'
import { lockFolder, type FolderLock } from '#transport/folder-lock.ts'
import { openFolder } from '#transport/state-folder.ts'
import { dialUpstream, type DialUpstream } from './upstream.ts'
import { verifyGrant, type VerifiedGrant } from './verify-grant.ts'

export type ConnectorConfig = {
  /** Where `enrolConnector` has put the identity. */
  readonly stateFolder: string
  /** `host:port` of exchanges to dial first; default: those named at enrolment. Others are learnt. */
  readonly exchanges?: readonly string[]
  readonly software?: string
  /** How long `close` waits for live flows, in ms; 0: not at all. */
  readonly drainMs?: number
}

export type ConnectorDeps = {
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly nowMs?: () => number
  readonly random?: () => number
  readonly dialUpstream?: DialUpstream
}

export type ConnectorMetrics = {
  readonly links: number
  readonly parked: number
  readonly liveFlows: number
  readonly flowsOpened: number
  readonly flowsFailed: number
  readonly offersRefused: number
  readonly slicesRefused: number
  readonly bytesFromPeers: number
  readonly bytesFromApps: number
}

type Offer = Extract<LinkFromExchange, { type: 'offer' }>

/** Throws `configuration-invalid` when the folder holds no identity, `address-in-use` when another runs with it. */
export async function startConnector(config: ConnectorConfig, deps: ConnectorDeps): Promise<Connector> {
  await openFolder(config.stateFolder)
  const identity = await loadIdentity(config.stateFolder)
  if (identity === undefined) {
    throw new Fault('configuration-invalid', { hint: `${config.stateFolder} holds no connector; enrol it first.` })
  }
  const { log, nowMs = Date.now } = deps
  const lock = await lockFolder(config.stateFolder)
  try {
    const slices = await startSliceKeeper(identity.enrolment, config.stateFolder, { log, nowMs })
    const connector = new Connector(config, deps, identity, slices, lock)
    connector.start()
    return connector
  } catch (error) {
    await lock.release()
    throw error
  }
}

export class Connector {
  readonly #config: ConnectorConfig
  readonly #deps: Required<ConnectorDeps>
  readonly #slices: SliceKeeper
  readonly #lock: FolderLock
  readonly #links: Links
  readonly #devicePeers: PeerHandshakes
  readonly #exchangePeers: PeerHandshakes
  readonly #nonces = new NonceMemory(caps.nonces.default)
  readonly #flows = new Map<string, Flow>()
  readonly #health: HealthWatch
  readonly #renewal: Renewal
  readonly #counts = { opened: 0, failed: 0, refused: 0, slicesRefused: 0, fromPeers: 0, fromApps: 0 }
  #identity: Identity
  #reportTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(config: ConnectorConfig, deps: ConnectorDeps, identity: Identity, slices: SliceKeeper, lock: FolderLock) {
    this.#lock = lock
    this.#config = config
    this.#deps = { nowMs: Date.now, random: Math.random, dialUpstream, ...deps }
    this.#identity = identity
    this.#slices = slices
    const credentials = identity.tlsCredentials
    const { nowMs: now } = this.#deps
    this.#devicePeers = new PeerHandshakes({ credentials, caPem: this.#identityCa() }, { nowMs: now, mayResume: true })
    this.#exchangePeers = new PeerHandshakes(
      { credentials, caPem: this.#exchangeCa() },
      { nowMs: now, mayResume: false },
    )
    const { random, log, nowMs } = this.#deps
    this.#health = new HealthWatch({ dial: this.#deps.dialUpstream, random, onChange: () => this.#reportHealth() })
    this.#links = new Links(config.exchanges ?? identity.enrolment.exchanges, {
      dialLink: (address, signal) => dialLink(address, this.#linkCredentials(), signal),
      software: config.software ?? 'sallyport',
      isRevoked: (exchangeId) => this.#slices.current()?.revokedExchanges.has(exchangeId) ?? false,
      random,
      log,
      onOpen: (link) => {
        link.send(this.#healthMessage())
        this.#renewal.start()
      },
      handlers: {
        onSlice: (token, link) => this.#takeSlice(token, link),
        onOffer: (offer, link) => void this.#answerOffer(offer, link),
        onCut: (flowIds, reason, link) => this.#cut(flowIds, reason, link),
        onRenewed: (message, link) => this.#renewal.onAnswer(message, link),
        onExchanges: () => this.#links.refresh(),
        onDraining: (link) => log('the exchange is draining', { exchangeId: link.exchangeId }),
      },
    })
    this.#renewal = new Renewal({
      links: () => this.#links.open,
      identity: () => this.#identity,
      onRenewed: (renewed) => this.#useIdentity(renewed),
      nowMs,
      random,
      log,
    })
  }

  start(): void {
    const kept = this.#slices.current()
    if (kept !== undefined) this.#applySlice(kept)
    this.#links.start()
    this.#renewal.start()
    this.#reportTimer = setInterval(() => this.#reportHealth(), caps.healthReportMs.default).unref()
  }

  get metrics(): ConnectorMetrics {
    const links = this.#links.open
    return {
      links: links.length,
      parked: links.reduce((sum, { parking }) => sum + parking.size, 0),
      liveFlows: this.#flows.size,
      flowsOpened: this.#counts.opened,
      flowsFailed: this.#counts.failed,
      offersRefused: this.#counts.refused,
      slicesRefused: this.#counts.slicesRefused,
      bytesFromPeers: this.#counts.fromPeers,
      bytesFromApps: this.#counts.fromApps,
    }
  }

  /** Takes no new flows, lets live ones finish for at most `drainMs`, then says goodbye. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** Cuts everything now. */
  destroy(fault: Fault): void {
    this.#closing ??= this.#lock.release()
    this.#stopTimers()
    for (const flow of this.#flows.values()) flow.cut(fault.code)
    this.#links.destroy(fault)
    this.#onIdle?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #drain(): Promise<void> {
    this.#stopTimers()
    for (const link of this.#links.open) {
      link.parking.close()
      link.send({ type: 'draining' })
    }
    const drainMs = this.#config.drainMs ?? caps.drainMs.default
    if (this.#flows.size > 0 && drainMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, drainMs)
      this.#onIdle = resolve
      await promise
      clearTimeout(timer)
    }
    for (const flow of this.#flows.values()) flow.cut('closing')
    await this.#links.close()
    await this.#slices.saved()
    await this.#lock.release()
  }

  #stopTimers(): void {
    clearInterval(this.#reportTimer)
    this.#health.close()
    this.#renewal.close()
  }

  #identityCa(): readonly string[] {
    return this.#slices.current()?.slice.identityCaPem ?? []
  }

  #exchangeCa(): readonly string[] {
    return this.#slices.current()?.slice.exchangeCaPem ?? [this.#identity.enrolment.doorsCaPem]
  }

  #linkCredentials() {
    const { tenant, domain } = this.#identity.enrolment
    return { serverName: `${tenant}.link.${domain}`, caPem: this.#exchangeCa(), ...this.#identity.tlsCredentials }
  }

  #updateHandshakes(): void {
    const credentials = this.#identity.tlsCredentials
    this.#devicePeers.update({ credentials, caPem: this.#identityCa() })
    this.#exchangePeers.update({ credentials, caPem: this.#exchangeCa() })
  }

  async #useIdentity(renewed: Identity): Promise<void> {
    await renewed.save(this.#config.stateFolder)
    this.#identity = renewed
    this.#updateHandshakes()
  }

  #takeSlice(token: string, link: Link): void {
    try {
      this.#applySlice(this.#slices.take(token))
    } catch (error) {
      // An exchange that lags behind another sends older ones: not worth a link. A forged one is worth a line.
      this.#counts.slicesRefused++
      const { code, detail } = asFault(error)
      this.#deps.log('slice refused', { exchangeId: link.exchangeId, code, ...detail })
    }
  }

  #applySlice(inForce: SliceInForce): void {
    this.#updateHandshakes()
    for (const link of this.#links.open) {
      if (!inForce.revokedExchanges.has(link.exchangeId)) continue
      this.#deps.log('control has revoked this exchange', { exchangeId: link.exchangeId })
      link.destroy(new Fault('certificate-refused', { detail: { why: 'exchange revoked' } }))
    }
    this.#health.setApps(inForce.slice.apps)
    for (const app of inForce.slice.apps) {
      if (app.upstream.tls?.insecureSkipVerify === true) {
        this.#deps.log('insecure: the certificate of this app is not verified', { app: app.name })
      }
    }
    for (const flow of this.#flows.values()) {
      const { sessionId, deviceId, appId, exchangeId } = flow.facts
      if (inForce.revokedExchanges.has(exchangeId)) flow.cut('exchange-revoked')
      else if (inForce.revokedSessions.has(sessionId)) flow.cut('session-revoked')
      else if (deviceId !== null && inForce.revokedDevices.has(deviceId)) flow.cut('device-revoked')
      else if (inForce.apps.get(appId)?.enabled !== true) flow.cut('app-removed')
    }
  }

  async #answerOffer(offer: Offer, link: Link): Promise<void> {
    let parked: Socket | undefined
    let flowId = ''
    try {
      const verified = verifyGrant(offer.grant, {
        tenantId: this.#identity.enrolment.tenantId,
        connectorId: this.#identity.enrolment.connectorId,
        exchangeId: link.exchangeId,
        exchangeKey: link.exchangeKey,
        slice: this.#slices.current(),
        nonces: this.#nonces,
        nowMs: this.#deps.nowMs(),
      })
      flowId = verified.grant.flowId
      if (this.#closing !== undefined) throw new Fault('closing')
      if (this.#flows.size >= caps.flows.default) throw new Fault('at-capacity')
      if (this.#flows.has(flowId)) throw new Fault('grant-refused', { detail: { why: 'the flow is live already' } })
      parked = await link.parking.take(offer.parkToken)
      if (parked === undefined) throw new Fault('ticket-refused')
      this.#openFlow(parked, verified, link)
      link.send({ type: 'flow-accepted', flowId })
    } catch (error) {
      const fault = asFault(error)
      this.#counts.refused++
      const { code, message, detail } = fault
      this.#deps.log('offer refused', { exchangeId: link.exchangeId, flowId, code, ...detail })
      // The socket of a refused offer is of no use to anyone: its token is spent.
      parked ??= await link.parking.take(offer.parkToken)
      if (parked !== undefined) hardClose(parked)
      link.send({ type: 'flow-refused', flowId: flowId || claimedFlowId(offer.grant), code, message })
    }
  }

  #openFlow(parked: Socket, verified: VerifiedGrant, link: Link): void {
    const { grant, statement, app } = verified
    const fields = { flowId: grant.flowId, app: app.name, user: statement.userName, exchangeId: link.exchangeId }
    const flow = new Flow(parked, verified, {
      handshakes: grant.peer.kind === 'device' ? this.#devicePeers : this.#exchangePeers,
      dial: this.#deps.dialUpstream,
      onOpen: (took) => {
        this.#counts.opened++
        link.send({ type: 'flow-opened', flowId: grant.flowId, ...took })
        this.#deps.log('flow opened', {
          ...fields,
          way: grant.peer.kind === 'device' ? 'sealed' : 'inspected',
          ...took,
        })
      },
      onFailure: ({ code, detail }) => {
        this.#counts.failed++
        this.#deps.log('flow failed', { ...fields, code, ...detail })
        this.#forget(grant.flowId)
      },
      onEnd: (end: FlowEnd) => {
        this.#counts.fromPeers += end.bytesFromPeer
        this.#counts.fromApps += end.bytesFromApp
        this.#deps.log('flow closed', { ...fields, ...end })
        this.#forget(grant.flowId)
      },
    })
    this.#flows.set(grant.flowId, flow)
  }

  #forget(flowId: string): void {
    this.#flows.delete(flowId)
    if (this.#flows.size === 0) this.#onIdle?.()
  }

  #cut(flowIds: readonly string[], reason: string, link: Link): void {
    for (const id of flowIds) {
      const flow = this.#flows.get(id)
      // An exchange ends its own flows and no other's.
      if (flow?.facts.exchangeId === link.exchangeId) flow.cut(reason)
    }
  }

  #healthMessage(): LinkFromConnector {
    return { type: 'health', apps: [...this.#health.report()], liveFlows: this.#flows.size }
  }

  #reportHealth(): void {
    const message = this.#healthMessage()
    for (const link of this.#links.open) link.send(message)
  }
}

/** The id that an unverified grant claims, so that the exchange can tell which of its offers was refused. */
function claimedFlowId(token: string): string {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[2] ?? '', 'base64url').toString())
    const id = typeof payload === 'object' && payload !== null && 'flowId' in payload ? payload.flowId : ''
    return typeof id === 'string' && id.length <= 64 ? id : ''
  } catch {
    return ''
  }
}
