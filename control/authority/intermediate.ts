// A certificate authority below one of ours for a key that somebody else holds: what an exchange needs to make
// certificates for inspection. Must never be given path length above 0 or go without name constraints.
import { createHash, createPublicKey, randomBytes, sign, X509Certificate } from 'node:crypto'
import type { Authority } from '#transport/certificate-authority.ts'

export type IntermediateRequest = {
  /** SPKI DER, already proven by the request of its holder. */
  readonly publicKeySpki: Uint8Array
  readonly commonName: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** DNS names that it may not speak for, with everything below them; at least one. */
  readonly excludedDns: readonly string[]
}

// OIDs as DER, of RFC 5280 and RFC 5758.
const oid = {
  ecdsaWithSha256: '06082a8648ce3d040302',
  commonName: '0603550403',
  basicConstraints: '0603551d13',
  keyUsage: '0603551d0f',
  extendedKeyUsage: '0603551d25',
  serverAuth: '06082b06010505070301',
  nameConstraints: '0603551d1e',
  subjectKeyIdentifier: '0603551d0e',
  authorityKeyIdentifier: '0603551d23',
} as const

/** PEM of an authority for server certificates only, path length 0, that can name no IP address. */
export function issueIntermediate(parent: Authority, request: IntermediateRequest): string {
  if (request.excludedDns.length === 0) throw new RangeError('an intermediate without name constraints')
  if (!request.excludedDns.every((name) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)))
    throw new RangeError('a name constraint is a lower case host name')
  if (!/^[\x20-\x7e]{1,64}$/.test(request.commonName)) throw new RangeError('a common name is plain text')
  const issuer = partsOf(new X509Certificate(parent.certificatePem).raw)
  // Through Node and back: one encoding, and a key that can be read.
  const spki = createPublicKey({ key: Buffer.from(request.publicKeySpki), format: 'der', type: 'spki' }).export({
    type: 'spki',
    format: 'der',
  })
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const algorithm = sequence(hex(oid.ecdsaWithSha256))
  const body = sequence(
    der(0xa0, hex('020102')),
    der(0x02, serial),
    algorithm,
    issuer.subject,
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    sequence(der(0x31, sequence(hex(oid.commonName), der(0x0c, Buffer.from(request.commonName))))),
    spki,
    der(0xa3, sequence(...extensions(spki, issuer.spki, request.excludedDns))),
  )
  const signature = sign('sha256', body, parent.privateKeyPem)
  return new X509Certificate(sequence(body, algorithm, bitString(signature))).toString()
}

function extensions(spki: Buffer, issuerSpki: Buffer, excludedDns: readonly string[]): Buffer[] {
  const excluded = [
    ...excludedDns.map((name) => sequence(der(0x82, Buffer.from(name, 'latin1')))),
    // Address and mask, all zero: every address of the family.
    sequence(der(0x87, Buffer.alloc(8))),
    sequence(der(0x87, Buffer.alloc(32))),
  ]
  return [
    extension(oid.basicConstraints, true, sequence(der(0x01, Buffer.from([0xff])), der(0x02, Buffer.from([0])))),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension(oid.keyUsage, true, der(0x03, Buffer.from([1, 0x06]))),
    extension(oid.extendedKeyUsage, false, sequence(hex(oid.serverAuth))),
    extension(oid.nameConstraints, true, sequence(der(0xa1, Buffer.concat(excluded)))),
    extension(oid.subjectKeyIdentifier, false, der(0x04, keyIdentifier(spki))),
    extension(oid.authorityKeyIdentifier, false, sequence(der(0x80, keyIdentifier(issuerSpki)))),
  ]
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(hex(id), ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the bits of the key. An identifier, not a proof of anything. */
function keyIdentifier(spki: Buffer): Buffer {
  const [, bits] = childrenOf(read(spki, 0).content)
  if (!bits) throw new RangeError('not a public key')
  return createHash('sha1').update(bits.content.subarray(1)).digest()
}

/** The subject and the key of a certificate, as encoded there: an issuer's name must match to the byte. */
function partsOf(certificate: Buffer): { readonly subject: Buffer; readonly spki: Buffer } {
  const [body] = childrenOf(read(certificate, 0).content)
  if (!body) throw new RangeError('not a certificate')
  const [, , , , , subject, spki] = childrenOf(body.content)
  if (!subject || !spki) throw new RangeError('not a certificate')
  return { subject: subject.whole, spki: spki.whole }
}

type Element = { readonly whole: Buffer; readonly content: Buffer }

function childrenOf(content: Buffer): Element[] {
  const children: Element[] = []
  for (let at = 0; at < content.length;) {
    const child = read(content, at)
    children.push(child)
    at += child.whole.length
  }
  return children
}

function read(bytes: Buffer, at: number): Element {
  const first = bytes[at + 1] ?? 0
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const start = at + 2 + lengthBytes
  return { whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) }
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  // RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime after it.
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function bitString(bytes: Uint8Array): Buffer {
  return der(0x03, Buffer.concat([Buffer.from([0]), bytes]))
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
