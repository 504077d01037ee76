// TLS contexts for intercepted hosts, one per tenant and host, minted when first asked for and kept for a while. Must
// never hand one tenant a certificate of another tenant's authority, nor keep more than its cap.
import { constants, generateKeyPairSync, type X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import { createLeafMint, type Intermediate, type LeafMint } from './mint-leaf.ts'

/** An intermediate with what leads to its root, as PEM. */
export type IntermediateChain = Intermediate & { readonly chainPem: string }

export type LeafContextsConfig = { readonly maxContexts: number; readonly lifeMs: number }

export type LeafContextsDeps = {
  readonly intermediate: (tenantId: string) => Promise<IntermediateChain>
  readonly now: () => number
}

export type LeafContexts = { readonly contextFor: (tenantId: string, host: string) => Promise<SecureContext> }

type Entry = { readonly context: Promise<SecureContext>; readonly untilMs: number }

/** Our order: SHA-256 has instructions of its own, and half of a handshake is hashing. A phone's ChaCha is let be. */
const leafTls = {
  ...browserDoorTls,
  honorCipherOrder: true,
  secureOptions: browserDoorTls.secureOptions | constants.SSL_OP_PRIORITIZE_CHACHA,
}

export function createLeafContexts({ maxContexts, lifeMs }: LeafContextsConfig, deps: LeafContextsDeps): LeafContexts {
  // One key for all leaves: it lives in this process only, and making one per host would cost more than the signature.
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const mints = new WeakMap<X509Certificate, LeafMint>()
  const entries = new Map<string, Entry>()

  return {
    contextFor(tenantId, host) {
      const key = `${tenantId} ${host}`
      const known = entries.get(key)
      entries.delete(key)
      if (known !== undefined && known.untilMs > deps.now()) {
        // Used last: goes last.
        entries.set(key, known)
        return known.context
      }
      const context = make(tenantId, host)
      entries.set(key, { context, untilMs: deps.now() + lifeMs / 2 })
      const [oldest] = entries.keys()
      if (entries.size > maxContexts && oldest !== undefined) entries.delete(oldest)
      // A failure must not be remembered for half a day.
      context.catch(() => entries.delete(key))
      return context
    },
  }

  async function make(tenantId: string, host: string): Promise<SecureContext> {
    const intermediate = await deps.intermediate(tenantId)
    const { certificate, chainPem } = intermediate
    const mint = mints.get(certificate) ?? createLeafMint(intermediate, publicKey, lifeMs)
    mints.set(certificate, mint)
    const leaf = mint.mint(host, deps.now())
    return createSecureContext({ ...leafTls, key: keyPem, cert: `${pemOf(leaf)}${chainPem}` })
  }
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
