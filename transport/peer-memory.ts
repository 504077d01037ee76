// Remembers what was read from a certificate, by its bytes: reading one takes two milliseconds, and a connector shows the
// same one for every flow of a day. Must never be asked about a certificate that no handshake verified.
import { caps } from './caps.ts'
import { readPeer, type PeerCertificate } from './peer-certificate.ts'
import { sha256 } from './secret.ts'

const known = new Map<string, PeerCertificate>()

/** As `readPeer`, of DER. */
export function rememberedPeer(der: Uint8Array): PeerCertificate {
  const key = sha256(der).toString('latin1')
  const found = known.get(key)
  if (found !== undefined) return found
  const read = readPeer(der)
  known.set(key, read)
  const [oldest] = known.keys()
  if (known.size > caps.rememberedPeers.default && oldest !== undefined) known.delete(oldest)
  return read
}
