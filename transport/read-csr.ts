// Reads a certificate request (PKCS#10, RFC 2986) that somebody sent. Must never hand on a name, usage or extension that
// a request asks for: only the key is believed, and only once proven.
import 'reflect-metadata'
import { createPublicKey, webcrypto, type KeyObject } from 'node:crypto'
import { Pkcs10CertificateRequest } from '@peculiar/x509'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { keyThumbprint } from './secret.ts'

const hashes = new Set(['SHA-256', 'SHA-384', 'SHA-512'])

/** The key of a request whose sender holds it. Throws Fault `certificate-refused`. */
export async function readCsr(
  csrPem: string,
): Promise<{ readonly publicKeySpki: Uint8Array; readonly thumbprint: string }> {
  const refuse = (why: string, cause?: unknown) => new Fault('certificate-refused', { detail: { why }, cause })
  if (typeof csrPem !== 'string' || csrPem.length > caps.csrBytes.default) throw refuse('size')
  const body =
    /^-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(csrPem)
  if (body?.[1] === undefined) throw refuse('form')
  try {
    const csr = new Pkcs10CertificateRequest(new Uint8Array(Buffer.from(body[1], 'base64')))
    const spki = Buffer.from(csr.publicKey.rawData)
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    if (!isAllowedKey(key)) throw refuse('key type')
    if (!hasAllowedHash(csr, key)) throw refuse('signature hash')
    if (!(await csr.verify(webcrypto as Crypto))) throw refuse('proof of possession')
    // Exported again by Node, so that what is certified has one encoding whatever the request wrote.
    return {
      publicKeySpki: new Uint8Array(key.export({ type: 'spki', format: 'der' })),
      thumbprint: keyThumbprint(key),
    }
  } catch (error) {
    throw error instanceof Fault ? error : refuse('unreadable', error)
  }
}

function isAllowedKey(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ed25519') return true
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined
  return curve === 'prime256v1' || curve === 'secp384r1'
}

function hasAllowedHash(csr: Pkcs10CertificateRequest, key: KeyObject): boolean {
  // The library types this with a browser's global type, which Node code does not have.
  const { name, hash } = csr.signatureAlgorithm as {
    readonly name?: string
    readonly hash?: { readonly name?: string }
  }
  if (key.asymmetricKeyType === 'ed25519') return name === 'Ed25519'
  return name === 'ECDSA' && hashes.has(hash?.name ?? '')
}
