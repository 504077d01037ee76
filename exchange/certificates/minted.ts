// Certificates for hosts that people reach through CONNECT with TLS, signed by the tenant's short-lived inspection
// intermediate. Must never mint a name that is not one of the tenant's own app names: the root is trusted by devices.
import { generateKeyPairSync } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { issueCertificate } from '#transport/certificate-authority.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import { caps } from '#exchange/caps.ts'
import type { IssuedStore } from './issued-store.ts'

export type Minted = { readonly contextFor: (tenantId: string, host: string) => Promise<SecureContext> }

type Entry = { readonly context: Promise<SecureContext>; readonly untilMs: number }

export function createMinted(store: IssuedStore, now: () => number): Minted {
  // One key for all leaves: it lives in this process only, and making one per host would cost more than the signature.
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const entries = new Map<string, Entry>()

  return {
    contextFor(tenantId, host) {
      const key = `${tenantId} ${host}`
      const known = entries.get(key)
      if (known !== undefined && known.untilMs > now()) return known.context
      const context = mint(tenantId, host)
      entries.delete(key)
      entries.set(key, { context, untilMs: now() + caps.mintedLifeMs.default / 2 })
      const [oldest] = entries.keys()
      if (entries.size > caps.mintedCertificates.default && oldest !== undefined) entries.delete(oldest)
      // A failure must not be remembered for half a day.
      context.catch(() => entries.delete(key))
      return context
    },
  }

  async function mint(tenantId: string, host: string): Promise<SecureContext> {
    const intermediate = await store.ensure('inspection', tenantId)
    const authority = { certificatePem: intermediate.certificate.toString(), privateKeyPem: intermediate.keyPem }
    const { certificatePem } = await issueCertificate(authority, {
      publicKey: spki,
      commonName: host.length <= 64 ? host : 'inspected',
      sanDns: [host],
      usages: ['server'],
      notAfter: new Date(now() + caps.mintedLifeMs.default),
    })
    return createSecureContext({
      ...browserDoorTls,
      key: keyPem,
      cert: `${certificatePem}\n${intermediate.chainPem}`,
    })
  }
}
