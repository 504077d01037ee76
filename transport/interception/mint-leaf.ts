// Makes the certificates that intercepted TLS shows: one host name each, from a template of DER, with one shared key per
// process. A signature is all that a leaf costs. Must never name an address, a wildcard or two hosts, nor outlive the
// authority that signs it.
import { createHash, createPrivateKey, randomBytes, sign, type X509Certificate, type KeyObject } from 'node:crypto'
import { der, readDer, sequence, tags } from '#transport/der.ts'

export type Intermediate = { readonly certificate: X509Certificate; readonly keyPem: string }

export type LeafMint = {
  /** DER of a certificate for exactly `host`. Throws `RangeError` for what is no plain host name. */
  readonly mint: (host: string, nowMs: number) => Buffer
}

// OIDs as DER, of RFC 5280 and RFC 5758.
const oid = {
  ecdsaWithSha256: hex('06082a8648ce3d040302'),
  commonName: hex('0603550403'),
  basicConstraints: hex('0603551d13'),
  keyUsage: hex('0603551d0f'),
  extendedKeyUsage: hex('0603551d25'),
  serverAuth: hex('06082b06010505070301'),
  subjectAltName: hex('0603551d11'),
  subjectKeyIdentifier: hex('0603551d0e'),
  authorityKeyIdentifier: hex('0603551d23'),
} as const

const VERSION_3 = hex('a003020102')
const INTEGER = 0x02
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18
const DNS_NAME = 0x82
const KEY_IDENTIFIER = 0x80
const EXTENSIONS = 0xa3
const HOUR_MS = 3_600_000
/** RFC 5280, upper bound of a common name. */
const MAX_COMMON_NAME = 64

const hostName = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/
/** A last label of digits is an IPv4 address to some readers. */
const addressLike = /(^|\.)(\d+|0x[0-9a-f]*)$/

/** `leafKey` is the public key that every leaf names. */
export function createLeafMint(intermediate: Intermediate, leafKey: KeyObject, lifeMs: number): LeafMint {
  const key = createPrivateKey(intermediate.keyPem)
  const endMs = intermediate.certificate.validToDate.getTime()
  const beginMs = intermediate.certificate.validFromDate.getTime()
  const algorithm = sequence(oid.ecdsaWithSha256)
  const issuer = subjectOf(intermediate.certificate)
  const spki = leafKey.export({ type: 'spki', format: 'der' })
  const authorityKey = keyIdentifier(intermediate.certificate.publicKey.export({ type: 'spki', format: 'der' }))
  const extensions = Buffer.concat([
    extension(oid.basicConstraints, true, sequence()),
    // digitalSignature: bit 0.
    extension(oid.keyUsage, true, der(tags.bitString, Buffer.from([7, 0x80]))),
    extension(oid.extendedKeyUsage, false, sequence(oid.serverAuth)),
    extension(oid.subjectKeyIdentifier, false, der(tags.octetString, keyIdentifier(spki))),
    extension(oid.authorityKeyIdentifier, false, sequence(der(KEY_IDENTIFIER, authorityKey))),
  ])

  return {
    mint(host, nowMs) {
      if (host.length > 253 || !hostName.test(host) || addressLike.test(host)) throw new RangeError('not a host name')
      // An hour back, for clocks that run behind; never before the authority itself.
      const from = Math.max(nowMs - HOUR_MS, beginMs)
      const until = Math.min(nowMs + lifeMs, endMs)
      if (until <= from) throw new RangeError('the intermediate has ended')
      const body = sequence(
        VERSION_3,
        der(INTEGER, newSerial()),
        algorithm,
        issuer,
        sequence(time(from), time(until)),
        subject(host),
        spki,
        der(EXTENSIONS, sequence(extensions, extension(oid.subjectAltName, false, sequence(dnsName(host))))),
      )
      const signature = sign('sha256', body, key)
      return sequence(body, algorithm, der(tags.bitString, Buffer.from([0]), signature))
    },
  }
}

function dnsName(host: string): Buffer {
  return der(DNS_NAME, Buffer.from(host, 'latin1'))
}

function subject(host: string): Buffer {
  const name = host.length <= MAX_COMMON_NAME ? host : 'inspected'
  return sequence(der(tags.set, sequence(oid.commonName, der(tags.utf8String, Buffer.from(name, 'latin1')))))
}

function extension(id: Buffer, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der(tags.boolean, Buffer.from([0xff]))] : []
  return sequence(id, ...critical, der(tags.octetString, value))
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the bits of the key. An identifier, not a proof of anything. */
function keyIdentifier(spki: Uint8Array): Buffer {
  const [whole] = readDer(spki)
  const [, bits] = readDer(whole?.content ?? new Uint8Array())
  if (bits?.tag !== tags.bitString) throw new RangeError('not a public key')
  return createHash('sha1').update(bits.content.subarray(1)).digest()
}

/** The subject as it is encoded there: an issuer's name must match to the byte. */
function subjectOf(certificate: X509Certificate): Buffer {
  const [whole] = readDer(certificate.raw)
  const [body] = readDer(whole?.content ?? new Uint8Array())
  const name = readDer(body?.content ?? new Uint8Array())[5]
  if (name?.tag !== tags.sequence) throw new RangeError('not a certificate')
  return der(name.tag, name.content)
}

/** 128 bits with the top bit clear (DER integers are signed) and the next set (one length for all). */
function newSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

/** RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime after it. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? der(UTC_TIME, Buffer.from(digits.slice(2))) : der(GENERALIZED_TIME, Buffer.from(digits))
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
