// Checksums of a release and their Ed25519 signature. Must never sign what it has not read, nor make a key where one was
// named.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** As `sha256sum` writes and checks it, in the order of names. */
export function checksums(files: readonly string[]): string {
  return files
    .toSorted((left, right) => (basename(left) < basename(right) ? -1 : 1))
    .map((file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${basename(file)}\n`)
    .join('')
}

/** Raw signature in base64, as `openssl pkeyutl -verify -rawin` checks it. */
export function signChecksums(
  text: string,
  privateKeyPem: string,
): { readonly signature: string; readonly publicKeyPem: string } {
  const key = createPrivateKey(privateKeyPem)
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('a release is signed with an Ed25519 key')
  const publicKeyPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  return { signature: `${sign(null, Buffer.from(text), key).toString('base64')}\n`, publicKeyPem }
}

export function isSigned(text: string, signature: string, publicKeyPem: string): boolean {
  return verify(null, Buffer.from(text), publicKeyPem, Buffer.from(signature.trim(), 'base64'))
}
