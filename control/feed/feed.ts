// The feed: every connected exchange, and what the API asks of all of them together. Must never count an exchange in
// that did not authenticate as one that is enrolled and not revoked.
import { createPublicKey } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { asFault, Fault } from '#core/fault.ts'
import type { FeedFromControl } from '#core/wire/feed.ts'
import { startFrames } from '#transport/frames.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext, FeedPort } from '#control/context.ts'
import type { Row } from '#control/records/from-rows.ts'
import { inParts } from '#control/store/store.ts'
import { readEpoch } from '#control/snapshot/epoch.ts'
import { makeHeartbeat, type SnapshotDeps } from '#control/snapshot/snapshot.ts'
import { ExchangeLink, type Hello } from './exchange-link.ts'
import { Receipts } from './receipts.ts'

export type Feed = FeedPort & {
  /** A TLS connection whose client certificate chains to the exchange authority. */
  readonly accept: (socket: TLSSocket) => void
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => void
}

const MAX_JOURNAL_KEYS = 50

/** Older keys stay, all of them: what they signed must go on verifying. */
function withKey(known: readonly string[], pem: string): string[] {
  const key = createPublicKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Fault('wire-malformed', { detail: { why: 'journal key' } })
  const text = key.export({ type: 'spki', format: 'pem' }).toString()
  // None is ever dropped for a newer one: a thief of the exchange could make old chains unverifiable.
  if (known.length >= MAX_JOURNAL_KEYS && !known.includes(text))
    throw new Fault('at-capacity', { detail: { why: 'journal keys' } })
  return [...known.filter((each) => each !== text), text]
}

export type FeedConfig = { readonly heartbeatMs?: number }

export async function startFeed(context: ControlContext, config: FeedConfig = {}): Promise<Feed> {
  const { store, authority, nowMs } = context
  const snapshots: SnapshotDeps = { epoch: await readEpoch(store), sign: authority.signSnapshot, nowMs }
  const links = new Map<string, ExchangeLink>()
  const opening = new Set<TLSSocket>()
  const receipts = new Receipts()
  let isClosing = false

  const stopListening = store.onChange((tenantId) => {
    for (const link of links.values()) link.wake(tenantId)
  })
  const timer = setInterval(() => {
    beat().catch((error: unknown) => context.log('heartbeat failed', { error: String(error) }))
  }, config.heartbeatMs ?? caps.heartbeatMs.default)
  timer.unref()

  async function beat(): Promise<void> {
    const tokens = new Map<string, string>()
    const tokenOf = (tenantId: string, sequence: number) =>
      tokens.getOrInsertComputed(`${tenantId} ${sequence}`, () => makeHeartbeat(tenantId, sequence, snapshots))
    await Promise.all(
      [...links.values()].map((link) => link.beat(tokenOf).catch((error: unknown) => link.destroy(asFault(error)))),
    )
  }

  async function tenantsOf(exchange: Row<'exchanges'>): Promise<string[]> {
    const rows = await store.provider
      .selectFrom('tenants')
      .select('tenants.id')
      .where('tenants.isProvider', '=', 0)
      .execute()
    const only: readonly string[] | null = exchange.tenantIds === null ? null : JSON.parse(exchange.tenantIds)
    return rows.map(({ id }) => id).filter((id) => only === null || only.includes(id))
  }

  const exchangeRows = () =>
    store.provider.selectFrom('exchanges').selectAll().where('exchanges.status', '=', 'active').execute()

  async function servingIds(tenantId: string): Promise<string[]> {
    const rows = await exchangeRows()
    return rows
      .filter(({ tenantIds }) => tenantIds === null || JSON.parse(tenantIds).includes(tenantId))
      .map(({ id }) => id)
  }

  async function identify(socket: TLSSocket): Promise<Row<'exchanges'>> {
    const certificate = socket.getPeerX509Certificate()
    if (!socket.authorized || !certificate) throw new Fault('certificate-refused')
    const peer = readPeer(certificate)
    const identity = identityOf(peer)
    if (identity?.role !== 'exchange' || identity.owner !== 'provider') throw new Fault('certificate-refused')
    const exchange = await store.provider
      .selectFrom('exchanges')
      .selectAll()
      .where('exchanges.id', '=', identity.id)
      .executeTakeFirst()
    if (exchange?.keyThumbprint !== peer.thumbprint) throw new Fault('certificate-refused')
    if (exchange.status !== 'active') {
      // An honest one that was away when it was revoked ends at once, instead of going on with what it has kept.
      const frames = startFrames(socket, { onMessage: () => undefined })
      frames.send({ type: 'revoked' } satisfies FeedFromControl)
      await frames.close()
      throw new Fault('certificate-refused', { detail: { why: 'revoked', exchangeId: exchange.id } })
    }
    return exchange
  }

  async function onHello(
    exchange: Row<'exchanges'>,
    hello: Hello,
  ): Promise<Extract<FeedFromControl, { type: 'welcome' }>> {
    await store.provider
      .updateTable('exchanges')
      .set({
        address: hello.address,
        software: hello.software,
        assertionKey: JSON.stringify(hello.assertionKey),
        journalKeys: JSON.stringify(withKey(JSON.parse(exchange.journalKeys), hello.journalKeyPem)),
        lastSeenAtMs: nowMs(),
      })
      .where('exchanges.id', '=', exchange.id)
      .execute()
    await context.journal.keysChanged()
    const serving = await exchangeRows()
    // Revoked while it was being greeted.
    if (!serving.some(({ id }) => id === exchange.id)) throw new Fault('certificate-refused')
    const { domain, appsDomain, publicPort } = context.config
    if (hello.address !== exchange.address) tellExchanges(serving)
    return {
      type: 'welcome',
      version: 1,
      exchangeId: exchange.id,
      domain,
      appsDomain,
      publicPort,
      exchanges: addressesOf(serving),
      snapshotKeys: [...authority.snapshotKeys],
      statementKeys: [...authority.statementKeys],
    }
  }

  /** Agents and connectors hear of an exchange that came, moved or went from those that they are connected to. */
  function tellExchanges(serving: readonly Row<'exchanges'>[]): void {
    for (const link of links.values()) link.tellExchanges(addressesOf(serving))
  }

  async function open(socket: TLSSocket): Promise<void> {
    const exchange = await identify(socket)
    if (isClosing) throw new Fault('closing')
    const link: ExchangeLink = new ExchangeLink(socket, {
      context,
      snapshots,
      exchange,
      onHello: (hello) => onHello(exchange, hello),
      onReady: () => {
        // One connection per exchange: the newest is the one that is alive.
        const before = links.get(exchange.id)
        links.set(exchange.id, link)
        before?.destroy(new Fault('closing', { detail: { why: 'connected again' } }))
        tenantsOf(exchange)
          .then((tenantIds) => link.setTenants(tenantIds))
          .catch((error: unknown) => link.destroy(asFault(error)))
      },
      onReceipt: (tenantId, receipt) => receipts.add(tenantId, exchange.id, receipt),
      onClose: (fault) => {
        if (links.get(exchange.id) === link) links.delete(exchange.id)
        if (fault && !isClosing) context.log('exchange lost', { exchangeId: exchange.id, code: fault.code })
        wakeAll()
      },
    })
  }

  function wakeAll(): void {
    store.provider
      .selectFrom('tenants')
      .select('tenants.id')
      .execute()
      .then(
        (rows) => rows.forEach(({ id }) => receipts.wake(id)),
        () => undefined,
      )
  }

  return {
    accept: (socket) => {
      socket.on('error', () => socket.destroy())
      if (isClosing) return void socket.destroy()
      opening.add(socket)
      open(socket)
        .catch((error: unknown) => {
          context.log('exchange refused', { code: asFault(error).code })
          socket.destroy()
        })
        .finally(() => opening.delete(socket))
    },
    awaitEffect: async (tenantId, sequence, deadlineMs) =>
      receipts.effect(
        tenantId,
        sequence,
        await servingIds(tenantId),
        (exchangeId) => links.get(exchangeId)?.isReady ?? false,
        deadlineMs,
      ),
    listFlows: async (tenantId, limit, deadlineMs) => {
      const serving = await servingIds(tenantId)
      const answers = await Promise.all(
        serving.map(async (id) => ({ id, answer: await links.get(id)?.listFlows(tenantId, limit, deadlineMs) })),
      )
      return {
        items: answers.flatMap(({ answer }) => answer?.flows ?? []).slice(0, limit),
        total: answers.reduce((sum, { answer }) => sum + (answer?.total ?? 0), 0),
        missing: answers.filter(({ answer }) => !answer).map(({ id }) => id),
      }
    },
    sumFlows: async (tenantId, deadlineMs) => {
      const serving = await servingIds(tenantId)
      const answers = await Promise.all(
        serving.map(async (id) => ({
          id,
          answer: await links.get(id)?.listFlows(tenantId, 1, deadlineMs, { sums: true }),
        })),
      )
      return {
        sums: answers.flatMap(({ answer }) => answer?.sums ?? []),
        total: answers.reduce((sum, { answer }) => sum + (answer?.total ?? 0), 0),
        answered: answers.filter(({ answer }) => answer !== undefined).length,
        missing: answers.filter(({ answer }) => !answer).map(({ id }) => id),
      }
    },
    connectorsOf: (tenantId) => [...links.values()].flatMap((link) => [...link.connectorsOf(tenantId)]),
    sawConnected: async (seen) => {
      const ready = [...links.values()].filter((link) => link.isReady)
      for (const link of ready)
        for (const [tenantId, statuses] of link.connectors())
          for (const { connectorId } of statuses) seen.saw(tenantId, 'connector', connectorId)
      if (ready.length === 0) return
      const ids = ready.map(({ exchangeId }) => exchangeId)
      const atMs = nowMs()
      for (const part of inParts(ids))
        await store.provider
          .updateTable('exchanges')
          .set({ lastSeenAtMs: atMs })
          .where('exchanges.id', 'in', part)
          .execute()
    },
    isConnected: (exchangeId) => links.get(exchangeId)?.isReady ?? false,
    dropExchange: (exchangeId) => {
      receipts.forget(exchangeId)
      links.get(exchangeId)?.revoke()
      links.delete(exchangeId)
      for (const link of links.values()) link.refreshAllSlices()
      exchangeRows().then(tellExchanges, (error: unknown) =>
        context.log('the others were not told that an exchange went', { error: String(error) }),
      )
    },
    dropTenant: () => retarget(),
    tenantsChanged: () => retarget(),
    close: async () => {
      isClosing = true
      clearInterval(timer)
      stopListening()
      for (const socket of opening) socket.destroy()
      await Promise.all([...links.values()].map((link) => link.close()))
    },
    destroy: (fault) => {
      isClosing = true
      clearInterval(timer)
      stopListening()
      for (const socket of opening) socket.destroy()
      for (const link of links.values()) link.destroy(fault)
    },
  }

  function retarget(): void {
    exchangeRows()
      .then(async (rows) => {
        for (const row of rows) links.get(row.id)?.setTenants(await tenantsOf(row))
      })
      .catch((error: unknown) => context.log('tenants of exchanges unknown', { error: String(error) }))
  }
}

function addressesOf(exchanges: readonly Row<'exchanges'>[]): string[] {
  return exchanges.map(({ address }) => address).filter((address) => address !== '')
}
