// One connected exchange: hello and welcome, its tenants' news, its requests, receipts, status and journal batches.
// Must never send it a tenant that it does not serve, nor let it say anything about one.
import type { TLSSocket } from 'node:tls'
import { asFault, Fault, isFault } from '#core/fault.ts'
import type { Change } from '#core/records/records.ts'
import {
  FEED_VERSIONS,
  feedFromExchange,
  type FeedFromControl,
  type FeedFromExchange,
  type FlowSum,
  type LiveFlow,
} from '#core/wire/feed.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { caps } from '#control/caps.ts'
import type { ConnectorStatus, ControlContext } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { SnapshotDeps } from '#control/snapshot/snapshot.ts'
import { answerRequest, sliceOf, type FeedRequest } from './requests.ts'
import { TenantStream } from './tenant-stream.ts'

export type Hello = Extract<FeedFromExchange, { type: 'hello' }>
type Flows = {
  readonly flows: readonly LiveFlow[]
  readonly total: number
  readonly sums?: readonly FlowSum[] | undefined
}

export type LinkDeps = {
  readonly context: ControlContext
  readonly snapshots: SnapshotDeps
  readonly exchange: Row<'exchanges'>
  /** Stores what the exchange says of itself; resolves to the welcome. */
  readonly onHello: (hello: Hello) => Promise<Extract<FeedFromControl, { type: 'welcome' }>>
  readonly onReady: () => void
  readonly onReceipt: (tenantId: string, receipt: { sequence: number; cutFlows: number; atMs: number }) => void
  readonly onClose: (fault: Fault | undefined) => void
}

export class ExchangeLink {
  readonly exchangeId: string
  readonly #deps: LinkDeps
  readonly #frames: FrameConnection
  readonly #streams = new Map<string, TenantStream>()
  readonly #have = new Map<string, number>()
  readonly #connectors = new Map<string, readonly ConnectorStatus[]>()
  readonly #asked = new Map<number, (flows: Flows) => void>()
  readonly #helloTimer: NodeJS.Timeout
  #state: 'new' | 'greeting' | 'ready' | 'revoked' = 'new'
  #open = 0
  #lastRequestId = 0
  #journal: Promise<void> = Promise.resolve()
  #batches = 0
  readonly #slicing = new Map<string, 'once' | 'again'>()
  readonly #slicedMs = new Map<string, number>()
  #sending: Promise<void> = Promise.resolve()

  constructor(socket: TLSSocket, deps: LinkDeps) {
    this.#deps = deps
    this.exchangeId = deps.exchange.id
    this.#helloTimer = setTimeout(() => this.destroy(new Fault('request-timeout')), caps.feedHelloMs.default)
    this.#frames = startFrames(socket, {
      onMessage: (message) => this.#onMessage(message),
      onClose: (fault) => {
        clearTimeout(this.#helloTimer)
        for (const stream of this.#streams.values()) stream.stop()
        for (const answer of this.#asked.values()) answer({ flows: [], total: -1 })
        deps.onClose(fault)
      },
    })
  }

  get isReady(): boolean {
    return this.#state === 'ready' && this.#frames.isOpen
  }

  serves(tenantId: string): boolean {
    return this.#streams.has(tenantId)
  }

  connectors(): Iterable<readonly [string, readonly ConnectorStatus[]]> {
    return this.#connectors
  }

  connectorsOf(tenantId: string): readonly ConnectorStatus[] {
    return this.#connectors.get(tenantId) ?? []
  }

  /** Begins the news of tenants that are new, and ends that of those no longer served. */
  setTenants(tenantIds: readonly string[]): void {
    if (this.#state === 'revoked') return
    const wanted = new Set(tenantIds)
    for (const [tenantId, stream] of this.#streams) {
      if (wanted.has(tenantId)) continue
      stream.stop()
      this.#streams.delete(tenantId)
      this.#connectors.delete(tenantId)
      this.#slicedMs.delete(tenantId)
      this.#frames.send({ type: 'tenant-removed', tenantId } satisfies FeedFromControl)
    }
    for (const tenantId of wanted) {
      if (this.#streams.has(tenantId)) continue
      const stream = new TenantStream(tenantId, this.#have.get(tenantId), {
        context: this.#deps.context,
        snapshots: this.#deps.snapshots,
        send: (message) => this.#send(message),
        onSent: (changes) => this.#refreshSlices(tenantId, changes),
        onFault: (fault) => this.#onTenantFault(tenantId, fault),
      })
      this.#have.delete(tenantId)
      this.#streams.set(tenantId, stream)
      stream.wake()
    }
    // What it still has of tenants it does not serve is told to go.
    for (const tenantId of this.#have.keys())
      if (!wanted.has(tenantId)) this.#frames.send({ type: 'tenant-removed', tenantId } satisfies FeedFromControl)
    this.#have.clear()
  }

  tellExchanges(exchanges: readonly string[]): void {
    if (this.isReady) this.#frames.send({ type: 'exchanges', exchanges: [...exchanges] } satisfies FeedFromControl)
  }

  wake(tenantId: string): void {
    this.#streams.get(tenantId)?.wake()
  }

  /** Tokens for the tenants about which there is nothing newer than was sent. */
  async beat(tokenOf: (tenantId: string, sequence: number) => string): Promise<void> {
    const tokens: string[] = []
    for (const [tenantId, stream] of this.#streams) {
      try {
        await this.#keepSlicesFresh(tenantId)
        const sequence = await stream.look()
        if (sequence !== undefined) tokens.push(tokenOf(tenantId, sequence))
      } catch (error) {
        // Without heartbeats this tenant goes stale; the others are no part of it.
        this.#log('no heartbeat for a tenant', tenantId, error)
      }
    }
    for (let at = 0; at < tokens.length; at += 1000)
      await this.#send({ type: 'heartbeat', tokens: tokens.slice(at, at + 1000) })
  }

  /** Undefined when it did not answer in time. */
  async listFlows(
    tenantId: string,
    limit: number,
    deadlineMs: number,
    wants: { readonly sums?: true } = {},
  ): Promise<Flows | undefined> {
    const requestId = ++this.#lastRequestId
    const { promise, resolve } = Promise.withResolvers<Flows | undefined>()
    const timer = setTimeout(() => resolve(undefined), deadlineMs)
    this.#asked.set(requestId, (flows) => resolve(flows.total < 0 ? undefined : flows))
    this.#frames.send({ type: 'list-flows', requestId, tenantId, limit, ...wants } satisfies FeedFromControl)
    const answer = await promise
    clearTimeout(timer)
    this.#asked.delete(requestId)
    // An exchange has no say about other tenants, or in the name of other exchanges.
    return (
      answer && {
        total: answer.total,
        ...(answer.sums && { sums: answer.sums }),
        flows: answer.flows.filter((flow) => flow.tenantId === tenantId && flow.exchangeId === this.exchangeId),
      }
    )
  }

  /** The last words to it; from now on nothing that it says counts. */
  revoke(): void {
    this.setTenants([])
    this.#state = 'revoked'
    this.#frames.send({ type: 'revoked' } satisfies FeedFromControl)
    this.#frames.close().catch(() => undefined)
  }

  close(): Promise<void> {
    return this.#frames.close()
  }

  destroy(fault: Fault): void {
    this.#frames.destroy(fault)
  }

  #onMessage(value: unknown): void {
    if (this.#state === 'revoked') return
    const parsed = feedFromExchange.safeParse(value)
    if (!parsed.success) throw new Fault('wire-malformed', { cause: parsed.error })
    const message = parsed.data
    if (message.type === 'hello') return this.#onHello(message)
    if (this.#state !== 'ready') throw new Fault('wire-malformed', { detail: { why: 'no hello first' } })
    switch (message.type) {
      case 'receipt': {
        const { tenantId, sequence, cutFlows } = message
        // Our clock: what is shown to people must not depend on that of an exchange.
        const atMs = this.#deps.context.nowMs()
        if (this.serves(tenantId)) this.#deps.onReceipt(tenantId, { sequence, cutFlows, atMs })
        return
      }
      case 'connectors':
        return this.#onConnectors(message)
      case 'live-flows':
        this.#asked.get(message.requestId)?.(message)
        return
      case 'journal':
        return this.#onJournal(message.batch)
      case 'statement':
      case 'redeem-code':
      case 'end-session':
      case 'certificate':
      case 'renew-device':
      case 'renew-connector':
      case 'slice':
        return this.#onRequest(message)
    }
  }

  #onHello(hello: Hello): void {
    if (this.#state !== 'new') throw new Fault('wire-malformed', { detail: { why: 'hello twice' } })
    if (!FEED_VERSIONS.some((version) => hello.versions.includes(version))) throw new Fault('wire-version')
    this.#state = 'greeting'
    clearTimeout(this.#helloTimer)
    for (const { tenantId, epoch, sequence } of hello.have)
      if (epoch === this.#deps.snapshots.epoch) this.#have.set(tenantId, sequence)
    this.#deps
      .onHello(hello)
      .then((welcome) => {
        if (this.#state === 'revoked') return
        this.#frames.send(welcome)
        this.#state = 'ready'
        this.#deps.onReady()
      })
      .catch((error: unknown) => this.destroy(asFault(error)))
  }

  #onRequest(request: FeedRequest): void {
    const { requestId } = request
    const answer = (message: Omit<Extract<FeedFromControl, { type: 'answer' }>, 'type' | 'requestId'>) =>
      this.#frames.send({ type: 'answer', requestId, ...message } satisfies FeedFromControl)
    const refuse = (error: unknown) => {
      const { code, message } = asFault(error).toJSON()
      if (code === 'internal')
        this.#deps.context.log('feed request failed', { type: request.type, error: String(error) })
      answer({ fault: { code, message: message.slice(0, 500) } })
    }
    if (this.#open >= caps.feedRequests.default) return refuse(new Fault('at-capacity'))
    this.#open++
    inTime(answerRequest(request, { ...this.#deps, serves: (tenantId) => this.serves(tenantId) }))
      .then((value) => answer({ value }))
      // An answer that fits no message is a refusal of this request, never the end of the link.
      .catch(refuse)
      .finally(() => this.#open--)
  }

  #onConnectors({ tenantId, connected }: Extract<FeedFromExchange, { type: 'connectors' }>): void {
    if (!this.serves(tenantId)) return
    const before = new Set(this.connectorsOf(tenantId).map(({ connectorId }) => connectorId))
    const statuses = connected
      .slice(0, caps.connectorsReported.default)
      .map((status) => ({ ...status, exchangeId: this.exchangeId }))
    this.#connectors.set(tenantId, statuses)
    if (statuses.some(({ connectorId }) => !before.has(connectorId))) this.#refreshSlices(tenantId, 'snapshot')
  }

  /** Batches are stored one after the other; while many wait, the exchange is not read from. */
  #onJournal(batch: unknown): void {
    this.#batches++
    if (this.#batches > 8) this.#frames.pause()
    this.#journal = this.#journal
      .then(() => this.#deps.context.journal.receive(this.exchangeId, (tenantId) => this.serves(tenantId), batch))
      .then(
        (ack) => void this.#frames.send({ type: 'journal-ack', ack } satisfies FeedFromControl),
        (error: unknown) =>
          this.#deps.context.log('journal batch refused', { exchangeId: this.exchangeId, error: String(error) }),
      )
      .catch((error: unknown) => this.destroy(asFault(error)))
      .then(() => {
        this.#batches--
        if (this.#batches === 4) this.#frames.resume()
      })
  }

  /** Every connector's slice anew, now: an exchange was revoked. */
  refreshAllSlices(): void {
    for (const tenantId of this.#streams.keys()) this.#refreshSlices(tenantId, 'snapshot')
  }

  /** A connector believes its slice for `staleAfterSeconds`: long before, it gets a newer one. */
  async #keepSlicesFresh(tenantId: string): Promise<void> {
    if (this.connectorsOf(tenantId).length === 0) return
    const { mirrors, nowMs } = this.#deps.context
    // One that is being deleted is about to be told so.
    const mirror = await mirrors.current(tenantId).catch(() => undefined)
    const tenant = mirror?.get('tenant', tenantId)
    if (tenant === undefined) return
    const everyMs = Math.min(caps.sliceMs.default, tenant.staleAfterSeconds * 100)
    if (nowMs() - (this.#slicedMs.get(tenantId) ?? 0) >= everyMs) this.#refreshSlices(tenantId, 'snapshot')
  }

  /** One tenant's news cannot go on. The link is everybody's: it stays, and this tenant alone fails closed. */
  #onTenantFault(tenantId: string, fault: Fault): void {
    if (!this.#frames.isOpen) return
    this.#log('news of a tenant have stopped', tenantId, fault)
    // For any other fault the exchange keeps what it has until that is stale, and is sent the rest when it goes again.
    if (fault.code !== 'request-too-large' || !this.serves(tenantId)) return
    this.#frames.send({ type: 'tenant-removed', tenantId } satisfies FeedFromControl)
  }

  #log(what: string, tenantId: string, error: unknown): void {
    const { code, detail } = asFault(error)
    this.#deps.context.log(what, { exchangeId: this.exchangeId, tenantId, code, ...detail, error: String(error) })
  }

  /** Connectors hold their own signed copy of what concerns them; it follows what was just sent. */
  #refreshSlices(tenantId: string, changes: readonly Change[] | 'snapshot'): void {
    if (changes !== 'snapshot' && !changes.some(concernsConnectors)) return
    // A thousand sessions that end at once are one newer slice, not a thousand.
    if (this.#slicing.has(tenantId)) return void this.#slicing.set(tenantId, 'again')
    this.#slicing.set(tenantId, 'once')
    this.#sendSlices(tenantId).then(
      () => this.#slicing.delete(tenantId),
      (error: unknown) => {
        this.#slicing.delete(tenantId)
        if (this.#frames.isOpen) this.#log('slices were not sent', tenantId, error)
      },
    )
  }

  async #sendSlices(tenantId: string): Promise<void> {
    do {
      this.#slicing.set(tenantId, 'once')
      this.#slicedMs.set(tenantId, this.#deps.context.nowMs())
      for (const { connectorId } of this.connectorsOf(tenantId)) {
        // A connector that was just revoked has no slice; the exchange cuts its link.
        const token = await sliceOf(tenantId, connectorId, this.#deps).catch((error: unknown) => {
          if (isFault(error, 'not-found')) return undefined
          this.#log('no slice for a connector', tenantId, error)
          return null
        })
        if (token !== undefined) await this.#send({ type: 'slice', tenantId, connectorId, token })
      }
    } while (this.#slicing.get(tenantId) === 'again')
  }

  /** One message after the other, each when there is room: snapshots of many tenants at once fill no queue. */
  async #send(message: FeedFromControl): Promise<void> {
    const before = this.#sending
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#sending = promise
    await before
    try {
      await this.#frames.drained()
      this.#frames.send(message)
    } finally {
      resolve()
    }
  }
}

/** The exchange stops waiting at some point; so does what we hold for it. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Fault('request-timeout')), caps.feedRequestMs.default)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

function concernsConnectors(change: Change): boolean {
  if (change.op === 'remove') return ['app', 'session', 'device', 'connector'].includes(change.kind)
  return ['app', 'tenant', 'connector', 'device'].includes(change.record.kind)
}
