// What certificate authorities sign besides certificates: a body, an algorithm and a signature. Must never take SHA-1 or
// an algorithm that it does not know for a signature.
import { verify, type KeyObject } from 'node:crypto'
import { DerCursor, derTags, type Der } from './der-cursor.ts'

export type Signed = { readonly body: Der; readonly algorithm: string; readonly signature: Buffer }

/** Object identifiers as hexadecimal, of RFC 4055, RFC 5758 and RFC 8410. */
const hashes: ReadonlyMap<string, string | null> = new Map([
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', null],
])

export function readSigned(cursor: DerCursor): Signed {
  const body = cursor.next(derTags.sequence)
  const algorithm = cursor.into(derTags.sequence).next(derTags.objectIdentifier).content.toString('hex')
  const bits = cursor.next(derTags.bitString).content
  if (bits[0] !== 0) throw new RangeError('DER: a signature of odd bits')
  return { body, algorithm, signature: bits.subarray(1) }
}

export function isSignedBy({ body, algorithm, signature }: Signed, key: KeyObject): boolean {
  const hash = hashes.get(algorithm)
  if (hash === undefined) return false
  try {
    return verify(hash, body.whole, key, signature)
  } catch {
    // A key of another kind than the algorithm.
    return false
  }
}

export type CertificateNames = {
  /** Hexadecimal, without leading zeros. */
  readonly serial: string
  readonly issuer: Buffer
  readonly subject: Buffer
  /** The bits of the public key, as responders hash them. */
  readonly keyBits: Buffer
}

/** The names of a certificate as they are encoded there. Throws `RangeError`. */
export function namesOf(raw: Buffer): CertificateNames {
  const body = new DerCursor(raw).into(derTags.sequence).into(derTags.sequence)
  body.optional(VERSION)
  const serial = serialHex(body)
  body.next(derTags.sequence)
  const issuer = body.next(derTags.sequence).whole
  body.next(derTags.sequence)
  const subject = body.next(derTags.sequence).whole
  const key = body.into(derTags.sequence)
  key.next(derTags.sequence)
  return { serial, issuer, subject, keyBits: key.next(derTags.bitString).content.subarray(1) }
}

const VERSION = 0xa0

function serialHex(cursor: DerCursor): string {
  return cursor
    .next(derTags.integer)
    .content.toString('hex')
    .replace(/^0+(?=.)/, '')
}
