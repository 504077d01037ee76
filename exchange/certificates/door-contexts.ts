// One TLS context per tenant and door: a client certificate is checked against that tenant's authorities only. Must
// never share a context, and with it tickets or trust, between tenants or doors.
import { createHash } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { browserDoorTls, certificateDoorTls } from '#transport/tls-defaults.ts'
import { caps } from '#exchange/caps.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import type { IssuedPair, IssuedStore } from './issued-store.ts'

export type CertificateDoor = 'proxy' | 'link'

export type DoorContexts = {
  readonly certificateDoor: (door: CertificateDoor, tenant: Tenant) => Promise<SecureContext>
  readonly browserDoor: (tenant: Tenant, host: string) => Promise<SecureContext>
}

type Cached = { readonly stamp: string; readonly context: SecureContext }

export function createDoorContexts(store: IssuedStore): DoorContexts {
  const cache = new Map<string, Cached>()

  return {
    async certificateDoor(door, tenant) {
      const pair = await store.ensure('doors', null)
      const ca = tenant.record.identityCaPem
      return cached(`${door} ${tenant.id}`, stampOf(pair, ca), () =>
        createSecureContext({ ...certificateDoorTls, key: pair.keyPem, cert: pair.chainPem, ca: [...ca] }),
      )
    },
    async browserDoor(tenant, host) {
      const pair = await store.ensure('web', tenant.id)
      // A host published after the certificate was issued: the next handshake gets the new one.
      if (pair.certificate.checkHost(host) === undefined) store.replace('web', tenant.id)
      return cached(`web ${tenant.id}`, stampOf(pair, []), () =>
        createSecureContext({
          ...browserDoorTls,
          key: pair.keyPem,
          cert: pair.chainPem,
          sessionIdContext: webId(tenant),
        }),
      )
    },
  }

  function cached(key: string, stamp: string, make: () => SecureContext): SecureContext {
    const known = cache.get(key)
    if (known?.stamp === stamp) return known.context
    const context = make()
    cache.delete(key)
    cache.set(key, { stamp, context })
    const [oldest] = cache.keys()
    if (cache.size > caps.doorContexts.default && oldest !== undefined) cache.delete(oldest)
    return context
  }
}

function stampOf(pair: IssuedPair, ca: readonly string[]): string {
  return `${pair.certificate.fingerprint256} ${createHash('sha256').update(ca.join('\n')).digest('hex')}`
}

function webId(tenant: Tenant): string {
  return createHash('sha256').update(`web ${tenant.id}`).digest('hex').slice(0, 32)
}
