// For whom a backup is sealed: an X25519 and an ML-KEM-768 key together, so that one of them may be broken. The server has
// the public half only. Must never write the private half next to what it opens.
import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { Fault } from '#core/fault.ts'

export type Recipient = { readonly x25519: KeyObject; readonly mlKem: KeyObject }

const FILE_KEY_BYTES = 32
export const X25519_BYTES = 32
/** FIPS 203, table 3. */
export const ML_KEM_CIPHERTEXT_BYTES = 1088
const INFO = 'sallyport backup 1'

/** Two PEM blocks each: the private halves, and the public ones. */
export function makeRecipient(): { readonly privatePem: string; readonly publicPem: string } {
  const pairs = [generateKeyPairSync('x25519'), generateKeyPairSync('ml-kem-768')]
  return {
    privatePem: pairs.map(({ privateKey }) => privateKey.export({ type: 'pkcs8', format: 'pem' })).join(''),
    publicPem: pairs.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' })).join(''),
  }
}

/** Throws Fault `configuration-invalid` when the text is not what `makeRecipient` made. */
export function readRecipient(pem: string, half: 'private' | 'public'): Recipient {
  const label = half === 'private' ? 'PRIVATE KEY' : 'PUBLIC KEY'
  const blocks = pem.match(new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`, 'g')) ?? []
  try {
    if (blocks.length !== 2) throw new RangeError('two keys are expected')
    const [x25519, mlKem] = blocks.map((block) =>
      half === 'private' ? createPrivateKey(block) : createPublicKey(block),
    )
    if (x25519?.asymmetricKeyType !== 'x25519' || mlKem?.asymmetricKeyType !== 'ml-kem-768')
      throw new RangeError('an X25519 and an ML-KEM-768 key are expected')
    return { x25519, mlKem }
  } catch (cause) {
    throw new Fault('configuration-invalid', {
      hint: `That is no ${half} key of "sallyport backup key".`,
      cause,
    })
  }
}

/** A new file key, and what the holder of the private half needs to find it. */
export function sealFileKey(to: Recipient): { readonly fileKey: Buffer; readonly head: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const { sharedKey, ciphertext } = encapsulate(to.mlKem)
  const head = Buffer.concat([rawPublic(publicKey), ciphertext])
  const shared = diffieHellman({ privateKey, publicKey: to.x25519 })
  return { fileKey: derive(shared, sharedKey, head, to), head }
}

export function openFileKey(of: Recipient, head: Buffer): Buffer {
  const ephemeral = createPublicKey({
    key: { kty: 'OKP', crv: 'X25519', x: head.subarray(0, X25519_BYTES).toString('base64url') },
    format: 'jwk',
  })
  const publicHalves = { x25519: createPublicKey(of.x25519), mlKem: createPublicKey(of.mlKem) }
  // A wrong key gives another secret here and fails at the first chunk (FIPS 203: implicit rejection).
  const shared = diffieHellman({ privateKey: of.x25519, publicKey: ephemeral })
  return derive(shared, decapsulate(of.mlKem, head.subarray(X25519_BYTES)), head, publicHalves)
}

function derive(first: Buffer, second: Buffer, head: Buffer, to: Recipient): Buffer {
  const spki = [to.x25519, to.mlKem].map((key) => key.export({ type: 'spki', format: 'der' }))
  const salt = Buffer.concat([head, ...spki])
  return Buffer.from(hkdfSync('sha256', Buffer.concat([first, second]), salt, INFO, FILE_KEY_BYTES))
}

function rawPublic(key: KeyObject): Buffer {
  const { x } = key.export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url')
}
