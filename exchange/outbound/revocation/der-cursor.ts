// Reads DER (X.690) out of files of others that may be megabytes long, without copying. Must never accept a length that
// is indefinite, not in its shortest form, or beyond the end.
export type Der = {
  readonly tag: number
  readonly content: Buffer
  /** Tag and length included: what signatures are made over. */
  readonly whole: Buffer
}

export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const

export class DerCursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Tag of the next value; `undefined` at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** Throws `RangeError`, also when it has another tag than the one given. */
  next(tag?: number): Der {
    const from = this.#at
    const found = this.#byte()
    if ((found & 0x1f) === 0x1f) throw new RangeError('DER: a tag of several bytes')
    if (tag !== undefined && found !== tag) throw new RangeError('DER: another tag than expected')
    const length = this.#length()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('DER: longer than what is there')
    const content = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return { tag: found, content, whole: this.#bytes.subarray(from, end) }
  }

  /** The next value if it has this tag; else nothing is read. */
  optional(tag: number): Der | undefined {
    return this.tag === tag ? this.next() : undefined
  }

  /** Into the next value. */
  into(tag: number): DerCursor {
    return new DerCursor(this.next(tag).content)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('DER: it ends too early')
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new RangeError('DER: a length that is indefinite or too long')
    let length = 0
    for (let each = 0; each < count; each++) length = length * 256 + this.#byte()
    if (length < 0x80 || length < 256 ** (count - 1)) throw new RangeError('DER: a length not in its shortest form')
    return length
  }
}

/** An integer as hexadecimal without leading zeros, as serial numbers are compared. Negative ones are nobody's. */
export function serialOf({ content }: Der): string {
  if (content.length === 0 || ((content[0] ?? 0) & 0x80) !== 0) throw new RangeError('DER: not a serial number')
  return content.toString('hex').replace(/^0+(?=.)/, '')
}

/** RFC 5280, 4.1.2.5: UTCTime with years 1950 to 2049, GeneralizedTime without fractions. */
export function timeOf({ tag, content }: Der): number {
  const text = content.toString('latin1')
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
  const [, year = '', ...rest] = match ?? []
  const isShort = tag === derTags.utcTime
  if (match === null || (year.length === 2) !== isShort) throw new RangeError('DER: not a time')
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number)
  const century = isShort ? (Number(year) < 50 ? 2000 : 1900) : 0
  return Date.UTC(century + Number(year), month - 1, day, hour, minute, second)
}
