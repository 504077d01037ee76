// A tenant with its authorities and an exchange of one port, for tests: real keys, real sockets, messages by hand.
// Must never be imported by product code.
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { newId } from '#core/ids.ts'
import { GRANT_PURPOSE, STATEMENT_PURPOSE, type Grant, type Statement } from '#core/wire/grant.ts'
import { linkFromConnector, type LinkFromConnector, type LinkFromExchange } from '#core/wire/link.ts'
import type { ConnectorSlice } from '#core/wire/snapshot.ts'
import { createAuthority, issueCertificate } from '#transport/certificate-authority.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { readCsr } from '#transport/read-csr.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { signToken } from '#transport/signed-token.ts'
import { leaf, listen, type Credentials } from '#transport/testing.ts'
import { certificateDoorTls, internalTls } from '#transport/tls-defaults.ts'
import { Identity } from './identity.ts'
import type { SliceApp } from './slice.ts'

const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
export const thumbprintOf = ({ cert }: Credentials) => keyThumbprint(new X509Certificate(cert))

export type Tenant = Awaited<ReturnType<typeof makeTenant>>

export async function makeTenant() {
  const ids = {
    tenantId: newId('tenant'),
    connectorId: newId('connector'),
    exchangeId: newId('exchange'),
    deviceId: newId('device'),
    sessionId: newId('session'),
    userId: newId('user'),
    appId: newId('app'),
  }
  const identityCa = await createAuthority({ commonName: 'acme identity', days: 30, pathLength: 0 })
  const exchangeCa = await createAuthority({ commonName: 'exchanges', days: 30, pathLength: 0 })
  const [statementKeys, sliceKeys] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  const exchange = await leaf(exchangeCa, {
    sanDns: ['acme.link.sallyport.test'],
    sanUris: [identityUri({ owner: 'provider', role: 'exchange', id: ids.exchangeId })],
  })
  const device = await leaf(identityCa, {
    sanUris: [identityUri({ owner: ids.tenantId, role: 'device', id: ids.deviceId })],
  })
  const { csrPem, privateKeyPem } = await createKeyAndCsr({ commonName: 'connector' })
  const certify = async (lifeMs: number, ageMs = 0) =>
    (
      await issueCertificate(identityCa, {
        publicKey: (await readCsr(csrPem)).publicKeySpki,
        commonName: 'connector',
        sanUris: [identityUri({ owner: ids.tenantId, role: 'connector', id: ids.connectorId })],
        usages: ['client', 'server'],
        notBefore: new Date(Date.now() - ageMs),
        notAfter: new Date(Date.now() + lifeMs),
      })
    ).certificatePem
  const identity = (certificatePem: string, exchanges: readonly string[] = []) =>
    new Identity(
      {
        connectorId: ids.connectorId,
        tenant: 'acme',
        tenantId: ids.tenantId,
        domain: 'sallyport.test',
        exchanges,
        doorsCaPem: exchangeCa.certificatePem,
        statementKeys: [pemOf(statementKeys.publicKey)],
        sliceKeys: [pemOf(sliceKeys.publicKey)],
        certificatePem,
        csrPem,
      },
      privateKeyPem,
    )
  return { ids, identityCa, exchangeCa, statementKeys, sliceKeys, exchange, device, certify, identity }
}

export function appOf(tenant: Tenant, upstreamPort: number | null, changes: Partial<SliceApp> = {}): SliceApp {
  return {
    id: tenant.ids.appId,
    name: 'echo',
    appKind: 'tcp',
    inspect: false,
    enabled: true,
    ports: ['7000-7001'],
    upstream: { host: '127.0.0.1', port: upstreamPort, tls: null },
    health: { kind: 'none' },
    ...changes,
  }
}

export function sliceOf(tenant: Tenant, changes: Partial<ConnectorSlice> = {}): ConnectorSlice {
  return {
    tenantId: tenant.ids.tenantId,
    connectorId: tenant.ids.connectorId,
    sequence: 1,
    issuedAtMs: Date.now(),
    identityCaPem: [tenant.identityCa.certificatePem],
    exchangeCaPem: [tenant.exchangeCa.certificatePem],
    statementKeys: [pemOf(tenant.statementKeys.publicKey)],
    apps: [],
    revokedSessionIds: [],
    revokedDeviceIds: [],
    revokedExchangeIds: [],
    staleAfterSeconds: 900,
    ...changes,
  }
}

export const signSlice = (tenant: Tenant, slice: ConnectorSlice) =>
  signToken('slice', slice, tenant.sliceKeys.privateKey)

export function statementOf(tenant: Tenant, changes: Partial<Statement> = {}): Statement {
  const { tenantId, sessionId, userId, deviceId } = tenant.ids
  return {
    tenantId,
    sessionId,
    userId,
    userName: 'alice',
    deviceId,
    deviceKeyThumbprint: thumbprintOf(tenant.device),
    issuedAtMs: Date.now() - 1000,
    expiresAtMs: Date.now() + 300_000,
    ...changes,
  }
}

export const signStatement = (tenant: Tenant, statement: Statement) =>
  signToken(STATEMENT_PURPOSE, statement, tenant.statementKeys.privateKey)

export function grantOf(tenant: Tenant, changes: Partial<Grant> = {}): Grant {
  const { tenantId, exchangeId, connectorId, appId } = tenant.ids
  return {
    flowId: newId('flow'),
    nonce: randomBytes(24).toString('base64url'),
    tenantId,
    exchangeId,
    connectorId,
    appId,
    port: 7000,
    peer: { kind: 'device', keyThumbprint: thumbprintOf(tenant.device) },
    expiresAtMs: Date.now() + 10_000,
    statement: changes.statement ?? signStatement(tenant, statementOf(tenant)),
    ...changes,
  }
}

export const exchangeKeyOf = (tenant: Tenant) => createPrivateKey(tenant.exchange.key)
export const signGrant = (tenant: Tenant, grant: Grant) => signToken(GRANT_PURPOSE, grant, exchangeKeyOf(tenant))

export async function stateFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-connector-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A queue of what arrives, to be awaited in order. */
export class Arrivals<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  push(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#items.push(item)
    else waiting(item)
  }

  next(): Promise<T> {
    const item = this.#items.shift()
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item)
  }
}

export type LinkPeer = {
  readonly frames: FrameConnection
  readonly socket: TLSSocket
  /** The next message of this type; others before it are dropped. */
  readonly next: <T extends LinkFromConnector['type']>(type: T) => Promise<Extract<LinkFromConnector, { type: T }>>
  readonly send: (message: LinkFromExchange) => void
}

/** An exchange's one port: links and parked sockets arrive, everything else is up to the test. */
export class TestExchange implements AsyncDisposable {
  readonly links = new Arrivals<LinkPeer>()
  readonly #parked = new Map<string, PromiseWithResolvers<Socket>>()
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  readonly #tenant: Tenant
  port = 0

  constructor(tenant: Tenant, credentials: Credentials = tenant.exchange) {
    this.#tenant = tenant
    const tls = createTlsServer({ ...certificateDoorTls, ...credentials, ca: [tenant.identityCa.certificatePem] })
    tls.on('secureConnection', (socket) => this.#onLink(socket))
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      void readPrefix(socket, (chunk) => chunk, { deadlineMs: 5000 }).then(
        (first) => {
          socket.unshift(first)
          if (first[0] === 0x16) tls.emit('connection', socket)
          else void this.#onParked(socket)
        },
        () => {},
      )
    })
  }

  async start(port = 0): Promise<void> {
    if (port === 0) this.port = await listen(this.#server)
    else await once(this.#server.listen(port, '127.0.0.1'), 'listening')
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The next link, greeted. */
  async welcome(exchanges: readonly string[] = []): Promise<LinkPeer> {
    const peer = await this.links.next()
    await peer.next('hello')
    peer.send({ type: 'welcome', version: 1, exchangeId: this.#tenant.ids.exchangeId, exchanges: [...exchanges] })
    return peer
  }

  /** The socket parked with this token. */
  parked(token: string): Promise<Socket> {
    let waiting = this.#parked.get(token)
    if (waiting === undefined) this.#parked.set(token, (waiting = Promise.withResolvers<Socket>()))
    return waiting.promise
  }

  async park(peer: LinkPeer): Promise<{ readonly token: string; readonly socket: Socket }> {
    const token = randomBytes(24).toString('base64url')
    peer.send({ type: 'park', tokens: [token], expiresInMs: 60_000 })
    return { token, socket: await this.parked(token) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #onParked(socket: Socket): Promise<void> {
    let line = ''
    const token = await readPrefix(
      socket,
      (chunk) => {
        line += chunk.toString('latin1')
        return /^SALLYPORT-PARK\/1 (\S+)\n$/.exec(line)?.[1]
      },
      { deadlineMs: 5000 },
    )
    this.parked(token).catch(() => {})
    this.#parked.get(token)?.resolve(socket)
  }

  #onLink(socket: TLSSocket): void {
    const arrivals = new Arrivals<LinkFromConnector>()
    const frames = startFrames(socket, { onMessage: (raw) => arrivals.push(linkFromConnector.parse(raw)) })
    const next: LinkPeer['next'] = async (type) => {
      for (;;) {
        const message = await arrivals.next()
        if (message.type === type) return message as never
      }
    }
    this.links.push({ frames, socket, next, send: (message) => void frames.send(message) })
  }
}

/** The other end of a flow: TLS client on the exchange's half, as agent or as exchange. */
export function openAsPeer(half: Socket, tenant: Tenant, credentials: Credentials): TLSSocket {
  const socket = connectTls({
    ...internalTls,
    ...credentials,
    socket: half,
    ca: [tenant.identityCa.certificatePem],
    servername: 'x.connector.invalid',
    checkServerIdentity: () => undefined,
  })
  socket.on('error', () => {})
  return socket
}

/** The first line that arrives. */
export async function firstLine(socket: Socket): Promise<string> {
  let text = ''
  return readPrefix(
    socket,
    (chunk) => {
      text += chunk.toString()
      return text.includes('\n') ? text : undefined
    },
    { deadlineMs: 5000 },
  )
}
