// One running exchange: puts the steps, doors and the feed together, starts them in order and ends them in order. Holds
// no rule of its own.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { asFault, Fault } from '#core/fault.ts'
import { startAccept, type Accept } from '#exchange/accept.ts'
import { caps } from '#exchange/caps.ts'
import { createDoorContexts } from '#exchange/certificates/door-contexts.ts'
import { openIssuedStore } from '#exchange/certificates/issued-store.ts'
import { createMinted } from '#exchange/certificates/minted.ts'
import { readIdentity } from '#exchange/certificates/own-identity.ts'
import { openOwnKeys } from '#exchange/certificates/own-keys.ts'
import { createWarming } from '#exchange/certificates/warming.ts'
import { startRenewal } from '#exchange/certificates/renewal.ts'
import type { ExchangeConfig } from '#exchange/config.ts'
import { logFault, type Counter, type ExchangeContext, type Log } from '#exchange/context.ts'
import { createAgentApi } from '#exchange/doors/agent-api.ts'
import { createAgentDoor } from '#exchange/doors/agent-door.ts'
import { createAgentTraffic } from '#exchange/doors/agent-traffic.ts'
import { createBrowserDoor } from '#exchange/doors/browser-door.ts'
import { ConnectorLinks } from '#exchange/doors/connector-links.ts'
import { startUpkeep } from '#exchange/doors/connector-link-upkeep.ts'
import { createLinkDoor } from '#exchange/doors/link-door.ts'
import { createPassthrough } from '#exchange/doors/passthrough.ts'
import { createSealedFlows } from '#exchange/doors/sealed-flow.ts'
import { createTlsDoors } from '#exchange/doors/tls-doors.ts'
import { dialControl } from '#exchange/feed/dial-control.ts'
import { startFeed, type Feed, type Told, type Welcome } from '#exchange/feed/feed.ts'
import { openLastGood } from '#exchange/feed/last-good.ts'
import { createToldWelcome } from '#exchange/feed/told-welcome.ts'
import { listFlows } from '#exchange/feed/live-flow-list.ts'
import { createNews, type Applied } from '#exchange/feed/news.ts'
import { startShipping, type Shipping } from '#exchange/feed/shipping.ts'
import { readKeys } from '#exchange/feed/signed-news.ts'
import { openSpool } from '#exchange/feed/spool.ts'
import { LiveFlows } from '#exchange/flows/live-flows.ts'
import { createSourceLimits } from '#exchange/flows/source-limits.ts'
import { Parking } from '#exchange/flows/parking.ts'
import { openKeptStatements } from '#exchange/flows/kept-statements.ts'
import { createStatements } from '#exchange/flows/statements.ts'
import { createForward } from '#exchange/forward.ts'
import { createLanes } from '#exchange/http/lanes.ts'
import { createBrowserSessions } from '#exchange/identify.ts'
import { createJournal } from '#exchange/journal.ts'
import { withShares } from '#exchange/spool-shares.ts'
import { createLiveState } from '#exchange/live-state.ts'
import { startOutbound, type OutboundDeps } from '#exchange/outbound/outbound.ts'
import { flowsOfTenants, newCounts, readMetrics, whyNotReady, type ExchangeMetrics } from '#exchange/metrics.ts'
import { createReDecide } from '#exchange/re-decide.ts'
import { TenantDirectory } from '#exchange/tenant/directory.ts'

export type ExchangeDeps = {
  readonly log: Log
  readonly now?: () => number
  readonly random?: () => number
  /** Inspectors and categories for the way to the internet. */
  readonly outbound?: OutboundDeps
  readonly watch?: ExchangeContext['watch']
  readonly traceHeaders?: ExchangeContext['traceHeaders']
}

export type Exchange = {
  readonly exchangeId: string
  readonly port: number
  readonly metrics: () => ExchangeMetrics
  readonly flowsOfTenants: () => ReadonlyMap<string, number>
  readonly whyNotReady: () => readonly string[]
  /** Resolves when there is something to decide on, from control or from an earlier run, and doors have certificates. */
  readonly ready: (signal?: AbortSignal) => Promise<void>
  /** Stops accepting, tells links and agents, lets flows end for a while, then cuts. */
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const SOFTWARE = 'sallyport-exchange/0.1.0'

/** Throws Faults `configuration-invalid`, `address-in-use`. */
export async function startExchange(config: ExchangeConfig, deps: ExchangeDeps): Promise<Exchange> {
  const { log, now = Date.now, random = Math.random } = deps
  let identity = await readIdentity(config.identityFolder)
  const { exchangeId } = identity
  const ownKeys = await openOwnKeys(config.dataFolder, exchangeId)
  const counts = newCounts()
  const count = (what: Counter) => void counts[what]++
  const journal = await openSpool(
    { root: join(config.dataFolder, 'journal'), writer: exchangeId, maxBytes: config.journalSpoolBytes },
    { key: ownKeys.journal, now, log },
  )

  const lastGood = openLastGood(join(config.dataFolder, 'tenants'), (error) =>
    log('the last good snapshot could not be kept', { error: String(error) }),
  )
  const saved = await lastGood.readWelcome()
  let snapshotKeys = readKeys(saved?.snapshotKeys ?? identity.snapshotKeys)
  let statementKeys: readonly KeyObject[] = readKeys(saved?.statementKeys ?? identity.statementKeys)
  const welcome = createToldWelcome(saved, lastGood, (exchanges) => {
    for (const link of links) link.tellExchanges(exchanges)
  })
  let isDraining = false
  let closed: Promise<void> | undefined
  const heard = Promise.withResolvers<void>()
  /** What has been started so far, to be ended in reverse. */
  const endings: (() => void)[] = []

  // `appsDomain` is control's word too: until it was heard once, no browser host is claimed below it.
  const directory = new TenantDirectory({ domain: identity.domain, appsDomain: saved?.appsDomain ?? identity.domain })
  const { limits } = config
  const flows = new LiveFlows(now, {
    total: limits?.flows ?? caps.flowsTotal.default,
    perTenant: limits?.flowsPerTenant ?? caps.flowsPerTenant.default,
    perSession: limits?.flowsPerSession ?? caps.flowsPerSession.default,
  })
  const links = new ConnectorLinks()
  const parking = new Parking()
  const reDecide = createReDecide({ flows })
  const statements = createStatements({
    ask: async (tenantId, sessionId) => (await feed.ask({ type: 'statement', tenantId, sessionId })).token,
    keys: () => statementKeys,
    now,
    kept: await openKeptStatements(join(config.dataFolder, 'statements'), (error) =>
      log('statements could not be kept', { error: String(error) }),
    ),
  })
  const issued = openIssuedStore({
    folder: join(config.dataFolder, 'certificates'),
    ask: (use, tenantId, csrPem) => feed.ask({ type: 'certificate', use, tenantId, csrPem }),
    ownKey: identity,
    now,
    onFailure: (fault, use, tenantId) => log('no certificate', { use, tenantId, code: fault.code }),
    onRenewed: (use, tenantId) => log('certificate renewed', { use, tenantId }),
  })
  const liveState = createLiveState({
    flows,
    links,
    statements,
    reDecide,
    feed: () => feed,
    recheckDevice: (deviceId) => agentDoor.recheckDevice(deviceId),
    now,
    log,
  })
  const warming = createWarming(issued, (tenantId, error) =>
    log('no certificate for a tenant yet', { tenantId, code: asFault(error).code }),
  )
  const news = createNews({
    directory,
    lastGood,
    keys: () => snapshotKeys,
    log,
    onRemoved: liveState.onRemoved,
    onApplied(applied: Applied) {
      liveState.onApplied(applied)
      if (feed.isConnected && applied.changes === 'all') warming.add(applied.tenant)
    },
  })
  const feed: Feed = startFeed({
    dial: (signal) =>
      dialControl(
        { ...config.feed, serverName: `feed.${identity.domain}` },
        { key: identity.keyPem, cert: identity.certificatePem, ca: identity.exchangeCaPem },
        signal,
      ),
    hello: () => ({
      software: SOFTWARE,
      address: config.publicAddress,
      assertionKey: ownKeys.assertion.jwk,
      journalKeyPem: ownKeys.journal.publicPem,
      have: [...directory].map(({ id, position }) => ({
        tenantId: id,
        epoch: position.epoch,
        sequence: position.sequence,
      })),
    }),
    onWelcome,
    onTold,
    onLost(fault) {
      news.abandon()
      log('feed lost', { code: fault?.code ?? 'ended', ...fault?.detail })
    },
    random,
    // What an earlier run has kept is in force before control is heard.
    after: restore(),
  })
  const shipping: Shipping = startShipping(journal, () => feed)
  const context: ExchangeContext = {
    identity: () => identity,
    publicAddress: config.publicAddress,
    directory,
    links,
    flows,
    forward: createForward({ identity: () => identity, links, statements, now }),
    journal: createJournal({
      sink: withShares(journal),
      exchangeId,
      now,
      onLost(tenantId, fault) {
        count('eventsLost')
        log('an event could not be written', { tenantId, code: fault.code })
      },
    }),
    feed,
    contexts: createDoorContexts(issued),
    minted: createMinted(issued, now),
    browserSessions: createBrowserSessions(() => statementKeys, now),
    assertionKey: ownKeys.assertion,
    welcome: welcome.current,
    prepareSession: (tenantId, sessionId) => void statements.of(tenantId, sessionId).catch(() => undefined),
    now,
    log,
    isDraining: () => isDraining,
    count,
    watch: deps.watch,
    traceHeaders: deps.traceHeaders,
  }
  const sealed = createSealedFlows(context)
  const lanes = createLanes(context)
  const web = await startOutbound({ ...config.outbound, dataFolder: config.dataFolder }, context, deps.outbound ?? {})
  const agentTraffic = createAgentTraffic(context, lanes, web)
  const agentDoor = createAgentDoor(context, createAgentApi(context, sealed, web.dns), agentTraffic)
  const browserDoor = createBrowserDoor(context, lanes)
  const linkDoor = createLinkDoor(context, parking)
  const passthrough = createPassthrough(config.control, (fault) => logFault(log, 'control hosts', fault))
  const tlsDoors = createTlsDoors({
    directory,
    contexts: context.contexts,
    onSecured: { proxy: agentDoor.enter, link: linkDoor.enter, browser: browserDoor.enter, web: web.enter },
    onFailed(fault, kind, incoming) {
      count('refused')
      log('handshake failed', { door: kind, ip: incoming?.clientIp, ...fault.detail })
    },
  })
  const accept: Accept = await startAccept(
    { listen: config.listen, balancers: config.balancers ?? [] },
    {
      directory,
      limits: createSourceLimits({
        total: limits?.connections ?? caps.connections.default,
        perSource: limits?.connectionsPerSource ?? caps.connectionsPerSource.default,
      }),
      doors: {
        park: linkDoor.park,
        flow: sealed.enter,
        certificate: (door, incoming) => tlsDoors.enter(door.kind, incoming),
        browser: (incoming) => tlsDoors.enter('browser', incoming),
        web: (incoming) => tlsDoors.enter('web', incoming),
        control: passthrough.enter,
      },
      onRefused(fault, clientIp) {
        count('refused')
        log('connection refused', { ip: clientIp, code: fault.code, ...fault.detail })
      },
    },
  ).catch(async (error: unknown) => {
    await release(asFault(error))
    throw error
  })
  endings.push(() => accept.destroy())
  const renewal = startRenewal({
    identityFolder: config.identityFolder,
    identity: () => identity,
    setIdentity: (renewed) => (identity = renewed),
    feed,
    now,
    log,
    onTick() {
      issued.renewDue()
    },
  })
  endings.push(startUpkeep({ links, tell: (report) => feed.tell(report), now, log }).close)
  const sweeping = setInterval(() => {
    reDecide.sweep().catch((error: unknown) => log('re-decide failed', { error: String(error) }))
  }, caps.sweepMs.default)
  sweeping.unref()
  endings.push(
    () => clearInterval(sweeping),
    () => renewal.close(),
  )

  if (closed !== undefined) for (const end of endings.toReversed()) end() // revoked while it was starting
  const exchange: Exchange = {
    exchangeId,
    port: accept.port,
    metrics: () => readMetrics({ counts, accept, flows, parking, links, directory, feed }),
    flowsOfTenants: () => flowsOfTenants({ flows, directory }),
    whyNotReady: () => whyNotReady(isDraining, issued.current('doors', null) !== undefined, { directory }),
    async ready(signal) {
      const stop = Promise.withResolvers<never>()
      signal?.addEventListener('abort', () => stop.reject(new Fault('closing')), { once: true })
      await Promise.race([heard.promise.then(() => issued.ensure('doors', null)), stop.promise])
    },
    close: () => (closed ??= drain()),
    destroy: (fault) => (closed ??= release(fault)),
    [Symbol.asyncDispose]: () => exchange.close(),
  }
  return exchange

  async function restore(): Promise<void> {
    const kept = await lastGood.read()
    news.restore(kept, (error) => log('a saved tenant was refused', { error: String(error) }))
    // With tenants and a door certificate from an earlier run, service goes on before control is heard.
    if (saved === undefined || kept.length === 0) return
    await issued.ensure('doors', null)
    heard.resolve()
  }

  function onWelcome(said: Welcome): void {
    if (said.exchangeId !== exchangeId) throw new Fault('wire-malformed', { detail: { why: 'for another exchange' } })
    snapshotKeys = readKeys(said.snapshotKeys)
    statementKeys = said.statementKeys.map((pem) => createPublicKey(pem))
    directory.setDomains({ domain: said.domain, appsDomain: said.appsDomain })
    const { appsDomain, publicPort, exchanges } = said
    const keys = { snapshotKeys: said.snapshotKeys, statementKeys: said.statementKeys }
    welcome.keep({ ...keys, appsDomain, publicPort, exchanges })
    shipping.reconnected()
    links.reportAll()
    for (const link of links) link.sendSlice().catch(() => undefined)
    issued.ensure('doors', null).then(
      () => heard.resolve(),
      (error: unknown) => log('no door certificate', { code: asFault(error).code }),
    )
    log('feed connected', { exchangeId })
  }

  function onTold(message: Told): void {
    switch (message.type) {
      case 'snapshot-root':
        return news.root(message.token)
      case 'snapshot-chunk':
        return news.chunk(message.tenantId, message.index, message.text)
      case 'delta':
        return news.delta(message.token)
      case 'heartbeat':
        return news.heartbeat(message.tokens)
      case 'exchanges':
        return welcome.setExchanges(message.exchanges)
      case 'tenant-removed':
        return news.removed(message.tenantId)
      case 'revoked':
        return onRevoked()
      case 'slice':
        return links.get(message.tenantId, message.connectorId)?.passSlice(message.token)
      case 'list-flows': {
        const { requestId, tenantId } = message
        const tenant = directory.get(tenantId)
        const list = tenant === undefined ? { flows: [], total: 0 } : listFlows(tenant, flows, exchangeId, message)
        return void feed.tell({ type: 'live-flows', requestId, ...list })
      }
      case 'journal-ack':
        return shipping.onAck(message.ack)
    }
  }

  /** Control's last word: what was kept for a time without it must serve nobody any more. */
  function onRevoked(): void {
    if (closed !== undefined) return
    log('control has revoked this exchange: it ends, and must be enrolled anew', { exchangeId })
    for (const { id } of directory) news.removed(id)
    closed = Promise.allSettled([feed.close(), release(new Fault('certificate-refused'))]).then(() => undefined)
  }

  async function drain(): Promise<void> {
    isDraining = true
    await accept.stop()
    for (const link of links) link.drain()
    agentDoor.drain()
    agentTraffic.drain()
    web.drain()
    browserDoor.drain()
    const untilMs = performance.now() + (config.drainMs ?? caps.drainMs.default)
    while (flows.count > 0 && performance.now() < untilMs) {
      lanes.closeIdle()
      await delay(50)
    }
    await release(new Fault('closing'))
  }

  async function release(_fault: Fault): Promise<void> {
    isDraining = true
    sealed.close()
    for (const flow of flows) flow.cut('exchange-closed')
    flows.close()
    lanes.close()
    web.close()
    agentDoor.close()
    browserDoor.close()
    passthrough.destroy()
    for (const end of endings.toReversed()) end()
    parking.destroy()
    context.journal.flush()
    await Promise.allSettled([shipping.close(), journal.sync()])
    await feed.close()
    await issued.close()
    await lastGood.settled()
    await journal.close()
  }
}
