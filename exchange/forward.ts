// Step 5 of 6, forward: finds a connector for a flow that was decided, makes the grant, and joins the two halves. Must
// never be called before the decision is journalled, and never hand out a socket whose far end is not the connector.
import { randomBytes } from 'node:crypto'
import { connect, createSecureContext, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls'
import type { AppRecord } from '#core/records/app.ts'
import { GRANT_PURPOSE, type Grant } from '#core/wire/grant.ts'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { signToken } from '#transport/signed-token.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from '#exchange/caps.ts'
import type { OwnIdentity } from '#exchange/certificates/own-identity.ts'
import type { Access } from '#exchange/decide.ts'
import type { ConnectorLink } from '#exchange/doors/connector-link.ts'
import type { Hops } from '#exchange/hops.ts'
import type { ConnectorLinks } from '#exchange/doors/connector-links.ts'
import { readFlowStatus } from '#exchange/flows/flow-status.ts'
import type { ParkedSocket } from '#exchange/flows/parking.ts'
import type { Statements } from '#exchange/flows/statements.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type ForwardDeps = {
  readonly identity: () => OwnIdentity
  readonly links: ConnectorLinks
  readonly statements: Statements
  readonly now: () => number
}

/** A flow that a connector has accepted: its half is parked and waits for the TLS handshake of the peer. */
export type AcceptedFlow = {
  readonly flowId: string
  readonly link: ConnectorLink
  readonly connectorUri: string
  readonly parked: ParkedSocket
}

export type FlowRequest = {
  readonly tenant: Tenant
  readonly access: Access
  readonly app: AppRecord
  /** The port the person asked for. */
  readonly port: number
  readonly hops: Hops
}

export type Forward = {
  /** A flow whose TLS peer will be the device with this key. */
  readonly offerSealed: (request: FlowRequest, deviceKeyThumbprint: string) => Promise<AcceptedFlow>
  /** A flow that ends here: the socket carries the app's bytes. */
  readonly openInspected: (
    request: FlowRequest,
    signal?: AbortSignal,
  ) => Promise<AcceptedFlow & { readonly socket: TLSSocket }>
}

const GRANT_LIFE_MS = caps.ticketLifeMs.default + caps.flowStatusMs.default

export function createForward({ identity, links, statements, now }: ForwardDeps): Forward {
  return {
    offerSealed: (request, keyThumbprint) => offer(request, { kind: 'device', keyThumbprint }),
    async openInspected(request, signal) {
      const own = identity()
      const accepted = await offer(request, { kind: 'exchange', keyThumbprint: own.thumbprint })
      try {
        const socket = await handshake(accepted, request.tenant, own, signal)
        request.hops.lap('handshake')
        await readFlowStatus(socket, signal)
        request.hops.lap('app')
        return { ...accepted, socket }
      } catch (error) {
        accepted.parked.socket.destroy()
        throw error
      }
    },
  }

  /** Tries connectors until one accepts. Throws `no-connector`, or what the last one said. */
  async function offer(request: FlowRequest, peer: Grant['peer']): Promise<AcceptedFlow> {
    const { tenant, access, app, port, hops } = request
    const statement = await statements.of(tenant.id, access.sessionId)
    hops.lap('statement')
    const tried = new Set<string>()
    let last: Fault | undefined
    while (tried.size < caps.offerAttempts.default) {
      const link = links.choose(tenant, app, tried, now())
      if (link === undefined) break
      tried.add(link.connectorId)
      try {
        return await offerTo(link, { tenantId: tenant.id, appId: app.id, port, peer, statement }, hops)
      } catch (error) {
        last = asFault(error)
      }
    }
    throw last ?? new Fault('no-connector')
  }

  async function offerTo(
    link: ConnectorLink,
    facts: Pick<Grant, 'tenantId' | 'appId' | 'port' | 'peer' | 'statement'>,
    hops: Hops,
  ): Promise<AcceptedFlow> {
    const parked = await link.takeParked()
    hops.lap('park')
    const flowId = newId('flow')
    const grant: Grant = {
      ...facts,
      flowId,
      nonce: randomBytes(24).toString('base64url'),
      exchangeId: identity().exchangeId,
      connectorId: link.connectorId,
      expiresAtMs: now() + GRANT_LIFE_MS,
    }
    try {
      await link.offer(flowId, parked.token, signToken(GRANT_PURPOSE, grant, link.signingKey))
      hops.lap('offer')
    } catch (error) {
      parked.socket.destroy()
      throw error
    }
    if (parked.socket.destroyed) throw new Fault('no-connector', { detail: { why: 'the parked socket closed' } })
    const connectorUri = identityUri({ owner: link.tenantId, role: 'connector', id: link.connectorId })
    return { flowId, link, connectorUri, parked }
  }
}

/** TLS client on a parked socket: the other end must be the connector that the grant names, and nobody else. */
function handshake(
  { parked, link }: AcceptedFlow,
  tenant: Tenant,
  own: OwnIdentity,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const expected = tenant.connectors.get(link.connectorId)
  const socket = connect({
    secureContext: contextFor(own, tenant.record.identityCaPem),
    socket: parked.socket,
    servername: `${link.connectorId}.connector.invalid`,
    checkServerIdentity: (_name: string, peer: PeerCertificate) => {
      const read = readPeer(peer.raw)
      const name = identityOf(read)
      const isExpected =
        name?.role === 'connector' &&
        name.owner === tenant.id &&
        name.id === link.connectorId &&
        read.thumbprint === expected?.keyThumbprint
      return isExpected ? undefined : new Fault('certificate-refused', { detail: { why: 'not the connector' } })
    },
  })
  const timer = setTimeout(() => fail(new Fault('upstream-timeout')), caps.handshakeMs.default)
  const fail = (error: unknown) => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.destroy()
    parked.socket.destroy()
    // To the person it is one thing: the app was not reached. Whose certificate was wrong is for the log.
    const isOurs = isFault(error) && error.code !== 'certificate-refused'
    const detail = isFault(error) ? error.detail : { why: String(error) }
    reject(isOurs ? error : new Fault('upstream-unreachable', { detail, cause: error }))
  }
  const onAbort = () => fail(new Fault('closing'))
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  socket.on('error', fail)
  socket.once('close', () => fail(new Fault('upstream-unreachable')))
  socket.once('secureConnect', () => {
    if (!socket.authorized) return fail(new Fault('certificate-refused'))
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    resolve(socket)
  })
  return promise
}

/**
 * One for all inspected flows of a tenant: making one reads key, certificate and authorities (6 % of a busy exchange while
 * many flows opened), and letting go of it costs again when they are cut (9 %). A renewed identity or changed authorities
 * are other objects, and get another.
 */
const contexts = new WeakMap<OwnIdentity, WeakMap<readonly string[], SecureContext>>()

function contextFor(own: OwnIdentity, identityCaPem: readonly string[]): SecureContext {
  const known = contexts.getOrInsertComputed(own, () => new WeakMap<readonly string[], SecureContext>())
  return known.getOrInsertComputed(identityCaPem, () =>
    createSecureContext({ ...internalTls, key: own.keyPem, cert: own.certificatePem, ca: [...identityCaPem] }),
  )
}
