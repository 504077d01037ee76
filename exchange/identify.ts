// Step 2 of 6, identify: from a verified certificate or a signed cookie to the records of a device, a connector or a
// session. Must never go by a certificate alone: tenant, id and key must agree with the snapshot on every connection.
import type { KeyObject } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import * as wire from '#core/wire/grant.ts'
import type { ConnectorRecord, DeviceRecord, SessionRecord } from '#core/records/records.ts'
import { Fault } from '#core/fault.ts'
import type { IdentityRole } from '#transport/identity-uri.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { secretEquals, sha256 } from '#transport/secret.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from '#exchange/caps.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

/** The device at the other end of a connection to the agent door. Throws Fault `certificate-refused`. */
export function identifyDevice(tenant: Tenant, socket: TLSSocket): DeviceRecord {
  const { id, thumbprint } = verifiedPeer(tenant, socket, 'device')
  const device = tenant.devices.get(id)
  if (device === undefined || device.status !== 'active') throw refuse('device unknown or revoked', id)
  if (!secretEquals(device.keyThumbprint, thumbprint)) throw refuse('another key than the device has', id)
  return device
}

/** The connector at the other end of a link. Throws Fault `certificate-refused`. */
export function identifyConnector(tenant: Tenant, socket: TLSSocket): ConnectorRecord {
  const { id, thumbprint } = verifiedPeer(tenant, socket, 'connector')
  const connector = tenant.connectors.get(id)
  if (connector === undefined || connector.status !== 'active') throw refuse('connector unknown or revoked', id)
  if (!secretEquals(connector.keyThumbprint, thumbprint)) throw refuse('another key than the connector has', id)
  return connector
}

/** The live session of an agent on this device, the newest if there are several. */
export function agentSession(tenant: Tenant, device: DeviceRecord, nowMs: number): SessionRecord | undefined {
  let newest: SessionRecord | undefined
  let newestExpired: SessionRecord | undefined
  for (const id of tenant.sessionsOfDevice.get(device.id)) {
    const session = tenant.sessions.get(id)
    if (session?.door !== 'agent' || session.userId !== device.userId) continue
    if (session.expiresAtMs > nowMs) newest = newer(newest, session)
    else newestExpired = newer(newestExpired, session)
  }
  // An expired one tells the person what to do; `decide` refuses it.
  return newest ?? newestExpired
}

export type BrowserSessions = {
  /** The session that this cookie names on this host, if control signed it and it still exists. */
  readonly find: (tenant: Tenant, host: string, cookie: string) => SessionRecord | undefined
}

/** Verified cookies are remembered by their hash, so that a request costs a look-up and not a signature. */
export function createBrowserSessions(keys: () => readonly KeyObject[], now: () => number): BrowserSessions {
  const verified = new Map<string, wire.HostCookie>()
  let keysInUse = keys()

  return {
    find(tenant, host, cookie) {
      const claims = claimsOf(cookie)
      if (claims === undefined || claims.expiresAtMs <= now()) return undefined
      if (claims.tenantId !== tenant.id || claims.host !== host) return undefined
      const session = tenant.sessions.get(claims.sessionId)
      return session?.door === 'browser' ? session : undefined
    },
  }

  function claimsOf(cookie: string): wire.HostCookie | undefined {
    if (keys() !== keysInUse) {
      // A key that was withdrawn takes what it signed with it.
      verified.clear()
      keysInUse = keys()
    }
    const key = sha256(cookie).toString('latin1')
    const known = verified.get(key)
    if (known !== undefined) return known
    try {
      const claims = wire.hostCookie.parse(verifyToken(wire.HOST_COOKIE_PURPOSE, cookie, keys(), { nowMs: now() }))
      verified.set(key, claims)
      const [oldest] = verified.keys()
      if (verified.size > caps.verifiedCookies.default && oldest !== undefined) verified.delete(oldest)
      return claims
    } catch {
      return undefined
    }
  }
}

function newer(left: SessionRecord | undefined, right: SessionRecord): SessionRecord {
  return left === undefined || right.createdAtMs > left.createdAtMs ? right : left
}

function verifiedPeer(
  tenant: Tenant,
  socket: TLSSocket,
  role: IdentityRole,
): { readonly id: string; readonly thumbprint: string } {
  // TLS has refused strangers already; said again because everything rests on it.
  if (!socket.authorized) throw refuse('not verified')
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) throw refuse('no certificate')
  const peer = readPeer(certificate)
  const identity = identityOf(peer)
  if (identity?.role !== role || identity.owner !== tenant.id) throw refuse('a certificate of another tenant or role')
  return { id: identity.id, thumbprint: peer.thumbprint }
}

function refuse(why: string, id?: string): Fault {
  return new Fault('certificate-refused', { detail: { why, ...(id !== undefined && { id }) } })
}
