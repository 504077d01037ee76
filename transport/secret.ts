// Random secrets, their hashes and their comparison. Must never compare a secret with ===, and never return
// or log anything from which a secret could be told.
import { createHash, createPublicKey, randomBytes, timingSafeEqual, KeyObject, X509Certificate } from 'node:crypto'
import { toBase64url } from './base64url.ts'

export function sha256(data: Uint8Array | string): Buffer {
  return createHash('sha256').update(data).digest()
}

/** Whether two secrets are the same, in time that depends on neither their content nor a shared prefix. */
export function secretEquals(left: Uint8Array | string, right: Uint8Array | string): boolean {
  // Hashing first gives equal lengths, so that not even the length takes a different path.
  return timingSafeEqual(sha256(left), sha256(right))
}

/** A new secret `prefix_random`: the prefix lets a leak be searched for. Default 256 bits. */
export function newSecret(prefix: string, bytes = 32): string {
  if (!/^[a-z][a-z0-9]{1,15}$/.test(prefix)) throw new RangeError('a secret prefix is 2 to 16 lower case characters')
  if (bytes < 16) throw new RangeError('a secret has at least 128 bits')
  return `${prefix}_${toBase64url(randomBytes(bytes))}`
}

/** base64url SHA-256 of the public key (SPKI DER): of a key, of a certificate, or of a certificate's DER. */
export function keyThumbprint(of: KeyObject | X509Certificate | Uint8Array): string {
  const key = of instanceof KeyObject ? of : of instanceof X509Certificate ? of.publicKey : publicKeyOfDer(of)
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return toBase64url(sha256(publicKey.export({ type: 'spki', format: 'der' })))
}

function publicKeyOfDer(der: Uint8Array): KeyObject {
  return new X509Certificate(der).publicKey
}
