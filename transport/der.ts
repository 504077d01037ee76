// The little of DER (X.690) that our own certificates and requests need. Must never accept what a second reader could
// read differently: lengths are definite and in their shortest form, and nothing is left over.
import { ByteReader } from './byte-reader.ts'

export const tags = {
  boolean: 0x01,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const

export type DerValue = { readonly tag: number; readonly content: Uint8Array }

/** The values that stand one after the other in `bytes`. Throws `RangeError`. */
export function readDer(bytes: Uint8Array): readonly DerValue[] {
  const reader = new ByteReader(bytes, (why) => new RangeError(`DER: ${why}`))
  const values: DerValue[] = []
  while (!reader.atEnd) {
    const tag = reader.u8()
    if ((tag & 0x1f) === 0x1f) throw new RangeError('DER: a tag of several bytes')
    values.push({ tag, content: reader.take(lengthIn(reader)) })
  }
  return values
}

function lengthIn(reader: ByteReader): number {
  const first = reader.u8()
  if (first < 0x80) return first
  const count = first & 0x7f
  if (count === 0 || count > 2) throw new RangeError('DER: a length that is indefinite or too long')
  const length = count === 1 ? reader.u8() : reader.u16()
  if (length < (count === 1 ? 0x80 : 0x100)) throw new RangeError('DER: a length that is not in its shortest form')
  return length
}

/** One value of up to 64 KiB. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(content)
  const { length } = value
  if (length > 0xffff) throw new RangeError('DER: too long')
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), value])
}

export function sequence(...content: readonly Uint8Array[]): Buffer {
  return der(tags.sequence, ...content)
}
