// A certificate request (PKCS#10, RFC 2986) for a key that exists already: the exchange keeps one key for identity,
// doors and grants. Must never be used for a key that is not ECDSA P-256.
import { createPublicKey, sign, type KeyObject } from 'node:crypto'

const OID_COMMON_NAME = Buffer.from('0603550403', 'hex')
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

export function requestForKey(key: KeyObject, commonName: string): string {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new RangeError('a P-256 key')
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const name = sequence(der(0x31, sequence(OID_COMMON_NAME, der(0x0c, Buffer.from(commonName, 'utf8')))))
  const info = sequence(Buffer.from([2, 1, 0]), name, spki, Buffer.from([0xa0, 0]))
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', info, key)]))
  const base64 = sequence(info, ECDSA_WITH_SHA256, signature).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, value: Buffer): Buffer {
  const { length } = value
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), value])
}
