// Makes certificate requests (PKCS#10, RFC 2986): devices, connectors and exchanges make their key themselves and prove
// that they hold it. Must never send a private key anywhere, nor load what only reads requests.
import { createPublicKey, generateKeyPair, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { der, sequence, tags } from './der.ts'
import { keyThumbprint } from './secret.ts'

const OID_COMMON_NAME = Buffer.from('0603550403', 'hex')
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
const VERSION_1 = Buffer.from('020100', 'hex')
const NO_ATTRIBUTES = Buffer.from('a000', 'hex')

/** A new P-256 key and a request for it. The key never leaves the caller's hands. */
export async function createKeyAndCsr(request: {
  readonly commonName: string
}): Promise<{ readonly privateKeyPem: string; readonly csrPem: string; readonly thumbprint: string }> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csrPem: requestForKey(privateKey, request.commonName),
    thumbprint: keyThumbprint(privateKey),
  }
}

/** A request for a key that exists already: only ECDSA P-256. The name is for people; nobody is to believe it. */
export function requestForKey(key: KeyObject, commonName: string): string {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new RangeError('a P-256 key')
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  // RFC 5280 allows 64 characters.
  const text = der(tags.utf8String, Buffer.from(commonName.slice(0, 64), 'utf8'))
  const name = sequence(der(tags.set, sequence(OID_COMMON_NAME, text)))
  const info = sequence(VERSION_1, name, spki, NO_ATTRIBUTES)
  const signature = der(tags.bitString, Buffer.from([0]), sign('sha256', info, key))
  const base64 = sequence(info, ECDSA_WITH_SHA256, signature).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}
