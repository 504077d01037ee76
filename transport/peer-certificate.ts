// What we read from a peer's certificate after TLS has verified it: key, identities, end, serial. Must never be used
// to decide trust by itself: a certificate that no handshake verified proves nothing.
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import { SubjectAlternativeNameExtension, X509Certificate as Decoded } from '@peculiar/x509'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { parseIdentityUri, type Identity } from './identity-uri.ts'
import { keyThumbprint } from './secret.ts'

export type PeerCertificate = {
  readonly thumbprint: string
  readonly uris: readonly string[]
  readonly notAfter: Date
  /** Lower case hexadecimal. */
  readonly serial: string
}

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'

/** Reads DER or Node's certificate object. Throws Fault `certificate-refused` when it cannot be read whole. */
export function readPeer(certificate: Uint8Array | X509Certificate): PeerCertificate {
  const der = certificate instanceof X509Certificate ? certificate.raw : certificate
  if (der.length === 0 || der.length > caps.certificateBytes.default) throw new Fault('certificate-refused')
  try {
    const parsed = certificate instanceof X509Certificate ? certificate : new X509Certificate(der)
    // Names come from the structure, not from Node's printed list, in which a comma inside a name once
    // looked like the start of the next one (CVE-2021-44532).
    const decoded = new Decoded(new Uint8Array(der))
    const uris = decoded
      .getExtensions(SUBJECT_ALTERNATIVE_NAME)
      .flatMap((extension) => new SubjectAlternativeNameExtension(extension.rawData).names.items)
      .filter((name) => name.type === 'url')
      .map((name) => name.value)
    if (uris.length > caps.certificateNames.default) throw new Fault('certificate-refused')
    return {
      thumbprint: keyThumbprint(parsed),
      uris,
      notAfter: decoded.notAfter,
      serial: parsed.serialNumber.toLowerCase(),
    }
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('certificate-refused', { cause: error })
  }
}

/** The one identity a certificate names. None, several or a malformed one: `undefined`. */
export function identityOf(peer: PeerCertificate): Identity | undefined {
  const [uri, ...others] = peer.uris
  return uri === undefined || others.length > 0 ? undefined : parseIdentityUri(uri)
}
