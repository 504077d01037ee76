// What we read from a peer's certificate after TLS has verified it: key, identities, end, serial. Must never be used
// to decide trust by itself: a certificate that no handshake verified proves nothing.
import { hash, X509Certificate } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { parseIdentityUri, type Identity } from './identity-uri.ts'
import { keyThumbprint } from './secret.ts'
import { uriNames } from './subject-names.ts'

export type PeerCertificate = {
  readonly thumbprint: string
  readonly uris: readonly string[]
  readonly notAfter: Date
  /** Lower case hexadecimal. */
  readonly serial: string
}

/** Reads DER or Node's certificate object. Throws Fault `certificate-refused` when it cannot be read whole. */
export function readPeer(certificate: Uint8Array | X509Certificate): PeerCertificate {
  const der = certificate instanceof X509Certificate ? certificate.raw : certificate
  if (der.length === 0 || der.length > caps.certificateBytes.default) throw new Fault('certificate-refused')
  const name = hash('sha256', der, 'base64url')
  const known = read.get(name)
  if (known !== undefined) return known
  try {
    const parsed = certificate instanceof X509Certificate ? certificate : new X509Certificate(der)
    const peer = {
      thumbprint: keyThumbprint(parsed),
      uris: uriNames(der, caps.certificateNames.default),
      notAfter: parsed.validToDate,
      serial: parsed.serialNumber.toLowerCase(),
    }
    read.set(name, peer)
    const [oldest] = read.keys()
    if (read.size > caps.readCertificates.default && oldest !== undefined) read.delete(oldest)
    return peer
  } catch (error) {
    throw new Fault('certificate-refused', { cause: error })
  }
}

/**
 * What certificates say, by the hash of their bytes: it follows from the bytes alone, whoever shows them. Reading one
 * was 9 % of an agent and 10 % of a connector that opened flows.
 */
const read = new Map<string, PeerCertificate>()

/** The one identity a certificate names. None, several or a malformed one: `undefined`. */
export function identityOf(peer: PeerCertificate): Identity | undefined {
  const [uri, ...others] = peer.uris
  return uri === undefined || others.length > 0 ? undefined : parseIdentityUri(uri)
}
