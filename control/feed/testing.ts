// For tests only: an exchange reduced to its feed. It enrols by the real API, verifies what it is sent, and answers.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import type { Change, TenantRecords } from '#core/records/records.ts'
import { feedFromControl, type FeedFromControl, type FeedFromExchange } from '#core/wire/feed.ts'
import { delta, heartbeat, snapshotRoot } from '#core/wire/snapshot.ts'
import { toBase64url } from '#transport/base64url.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { sha256 } from '#transport/secret.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { domain, newCsr, providerToken, type TestControl } from '#control/testing.ts'

export type Identity = {
  readonly id: string
  readonly key: string
  readonly cert: string
  readonly ca: string
  readonly csrPem: string
}
type Tenant = {
  sequence: number
  epoch: string
  readonly records: Map<string, TenantRecords>
  snapshots: number
  heartbeats: number
}

export async function enrolExchange(test: TestControl, name = 'one'): Promise<Identity> {
  const token = await providerToken(test)
  const made = await test.call('/v1/exchanges/enrolment-tokens', { token, body: { name } })
  const { privateKeyPem, csrPem } = await newCsr()
  const reply = await test.call('/v1/enrol', { body: { token: made.body.token, csrPem } })
  if (reply.status !== 201) throw new Error(reply.text)
  return { id: reply.body.id, key: privateKeyPem, cert: reply.body.certificatePem, ca: reply.body.doorsCaPem, csrPem }
}

export async function dialFeed(
  test: TestControl,
  credentials: { key?: string; cert?: string; ca: string },
): Promise<TLSSocket> {
  const socket = connect({
    ...internalTls,
    ...credentials,
    host: '127.0.0.1',
    port: test.control.port,
    servername: `feed.${domain}`,
    ALPNProtocols: ['sallyport-feed'],
  })
  await once(socket, 'secureConnect')
  return socket
}

export class FakeExchange {
  readonly id: string
  readonly tenants = new Map<string, Tenant>()
  readonly told: FeedFromControl[] = []
  readonly slices = new Map<string, string>()
  readonly refusedSlices = new Set<string>()
  answersReceipts = true
  welcome: Extract<FeedFromControl, { type: 'welcome' }> | undefined
  readonly #frames: FrameConnection
  readonly #watchers = new Set<() => void>()
  readonly #answers = new Map<number, (answer: Extract<FeedFromControl, { type: 'answer' }>) => void>()
  #keys: KeyObject[] = []
  readonly #arriving = new Map<string, { root: ReturnType<typeof snapshotRoot.parse>; texts: string[] }>()
  #lastRequestId = 0
  readonly #journalKeyPem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()

  constructor(
    id: string,
    socket: TLSSocket,
    have: readonly { tenantId: string; epoch: string; sequence: number }[] = [],
  ) {
    this.id = id
    this.#frames = startFrames(socket, { onMessage: (message) => this.#onMessage(feedFromControl.parse(message)) })
    this.tell({
      type: 'hello',
      versions: [1],
      software: 'test',
      address: 'exchange.test:8443',
      assertionKey: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k' },
      journalKeyPem: this.#journalKeyPem,
      have: [...have],
    })
  }

  static async start(
    test: TestControl,
    identity: Identity,
    have: { tenantId: string; epoch: string; sequence: number }[] = [],
  ): Promise<FakeExchange> {
    const exchange = new FakeExchange(identity.id, await dialFeed(test, identity), have)
    await exchange.until(() => exchange.welcome !== undefined)
    return exchange
  }

  /** Resolves once `condition` holds; looked at whenever something arrives. */
  until(condition: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (!condition()) return
      this.#watchers.delete(look)
      resolve()
    }
    this.#watchers.add(look)
    look()
    return promise
  }

  tell(message: FeedFromExchange): void {
    this.#frames.send(message)
  }

  async ask(message: Record<string, unknown>): Promise<Extract<FeedFromControl, { type: 'answer' }>> {
    const requestId = ++this.#lastRequestId
    const { promise, resolve } = Promise.withResolvers<Extract<FeedFromControl, { type: 'answer' }>>()
    this.#answers.set(requestId, resolve)
    this.#frames.send({ ...message, requestId })
    return promise
  }

  records(tenantId: string): TenantRecords[] {
    return [...(this.tenants.get(tenantId)?.records.values() ?? [])]
  }

  get closed(): Promise<void> {
    return this.#frames.closed
  }

  close(): Promise<void> {
    return this.#frames.close()
  }

  #onMessage(message: FeedFromControl): void {
    this.told.push(message)
    switch (message.type) {
      case 'welcome':
        this.welcome = message
        this.#keys = message.snapshotKeys.map((pem) => createPublicKey(pem))
        break
      case 'exchanges':
        break
      case 'snapshot-root':
        this.#onRoot(message.token)
        break
      case 'snapshot-chunk':
        this.#onChunk(message.tenantId, message.text)
        break
      case 'delta':
        this.#onDelta(delta.parse(this.#verify('delta', message.token)))
        break
      case 'heartbeat':
        for (const token of message.tokens) {
          const beat = heartbeat.parse(this.#verify('heartbeat', token))
          const tenant = this.tenants.get(beat.tenantId)
          if (tenant?.sequence !== beat.sequence) throw new Error('a heartbeat for another sequence')
          tenant.heartbeats++
        }
        break
      case 'tenant-removed':
        this.tenants.delete(message.tenantId)
        break
      case 'slice':
        if (message.token === null) this.refusedSlices.add(message.connectorId)
        else this.slices.set(message.connectorId, message.token)
        break
      case 'answer':
        this.#answers.get(message.requestId)?.(message)
        break
      case 'list-flows':
      case 'revoked':
      case 'journal-ack':
        break
    }
    for (const look of this.#watchers) look()
  }

  #verify(purpose: string, token: string): unknown {
    return verifyToken(purpose, token, this.#keys, { maxBytes: 2_000_000 })
  }

  #onRoot(token: string): void {
    const root = snapshotRoot.parse(this.#verify('snapshot-root', token))
    this.#arriving.set(root.tenantId, { root, texts: [] })
  }

  #onChunk(chunkTenantId: string, text: string): void {
    const open = this.#arriving.get(chunkTenantId)
    if (!open) throw new Error('a chunk without a root')
    if (toBase64url(sha256(text)) !== open.root.chunkHashes[open.texts.length]) throw new Error('another chunk')
    open.texts.push(text)
    if (open.texts.length < open.root.chunkHashes.length) return
    const { tenantId, sequence, epoch } = open.root
    const records = open.texts.flatMap((part) => JSON.parse(part) as TenantRecords[])
    const before = this.tenants.get(tenantId)
    this.tenants.set(tenantId, {
      sequence,
      epoch,
      records: new Map(records.map((record) => [`${record.kind} ${record.id}`, record])),
      snapshots: (before?.snapshots ?? 0) + 1,
      heartbeats: before?.heartbeats ?? 0,
    })
    this.#arriving.delete(chunkTenantId)
    this.#receipt(tenantId, sequence)
  }

  #onDelta({ tenantId, epoch, from, to, changes }: ReturnType<typeof delta.parse>): void {
    const tenant = this.tenants.getOrInsertComputed(tenantId, () => ({
      sequence: from,
      epoch,
      records: new Map(),
      snapshots: 0,
      heartbeats: 0,
    }))
    if (tenant.sequence !== from) throw new Error(`a gap: ${tenant.sequence} ${from}`)
    if (changes.length !== to - from) throw new Error('a delta with another number of changes')
    for (const change of changes as Change[]) {
      if (change.op === 'put') tenant.records.set(`${change.record.kind} ${change.record.id}`, change.record)
      else tenant.records.delete(`${change.kind} ${change.id}`)
    }
    tenant.sequence = to
    this.#receipt(tenantId, to)
  }

  #receipt(tenantId: string, sequence: number): void {
    if (this.answersReceipts) this.tell({ type: 'receipt', tenantId, sequence, cutFlows: 2, atMs: 1 })
  }
}
