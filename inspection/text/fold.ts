// Characters that look like a digit, a blank or a hyphen but are not, made plain before scanning, with a way back to the
// original places: a card number in full-width digits or with no-break blanks is still a card number. Must never change
// text that holds none of them.
const plain = new Map<number, string>()
for (const code of [
  0xa0, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x202f, 0x205f, 0x3000,
])
  plain.set(code, ' ')
for (const code of [0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xfe63, 0xff0d]) plain.set(code, '-')
// Soft hyphen, zero-width characters, byte order mark: nothing at all.
for (const code of [0xad, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff]) plain.set(code, '')
plain.set(0xff20, '@').set(0xff0e, '.').set(0x2024, '.').set(0xff0b, '+').set(0xff08, '(').set(0xff09, ')')
// Decimal digits of other scripts, ten in a row each.
for (const zero of [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6])
  for (let digit = 0; digit < 10; digit++) plain.set(zero + digit, `${digit}`)
for (let letter = 0; letter < 26; letter++) {
  plain.set(0xff21 + letter, String.fromCharCode(65 + letter))
  plain.set(0xff41 + letter, String.fromCharCode(97 + letter))
}

/** Lead bytes of the characters above. */
const leads = new Uint8Array(256)
for (const code of plain.keys()) leads[Buffer.from(String.fromCodePoint(code))[0] ?? 0] = 1

export type Folded = {
  readonly bytes: Buffer
  /** Place in the folded text → place in the original. */
  readonly original: (place: number) => number
}

/** Null when there is nothing to fold. Valid UTF-8 in, valid UTF-8 out. */
export function fold(bytes: Buffer): Folded | null {
  let first = -1
  for (let at = 0; at < bytes.length; at++) {
    if (leads[bytes[at] as number] === 1 && replacementAt(bytes, at) !== undefined) {
      first = at
      break
    }
  }
  if (first < 0) return null
  const out = Buffer.allocUnsafe(bytes.length)
  bytes.copy(out, 0, 0, first)
  // Where the two texts part further: place in the folded one, and the original's lead from there on.
  const places: number[] = []
  const leadsBy: number[] = []
  let to = first
  let at = first
  while (at < bytes.length) {
    const byte = bytes[at] as number
    const text = leads[byte] === 1 ? replacementAt(bytes, at) : undefined
    if (text === undefined) {
      out[to++] = byte
      at++
      continue
    }
    at += lengthOf(byte)
    if (text !== '') out[to++] = text.charCodeAt(0)
    places.push(to)
    leadsBy.push(at - to)
  }
  return { bytes: out.subarray(0, to), original: (place) => place + (leadsBy[countUpTo(places, place) - 1] ?? 0) }
}

const lengthOf = (lead: number) => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)

function replacementAt(bytes: Buffer, at: number): string | undefined {
  const a = bytes[at] ?? 0
  const b = (bytes[at + 1] ?? 0) & 0x3f
  const c = (bytes[at + 2] ?? 0) & 0x3f
  const d = (bytes[at + 3] ?? 0) & 0x3f
  const length = lengthOf(a)
  const code =
    length === 2
      ? ((a & 0x1f) << 6) | b
      : length === 3
        ? ((a & 0xf) << 12) | (b << 6) | c
        : ((a & 7) << 18) | (b << 12) | (c << 6) | d
  return plain.get(code)
}

/** How many of the sorted places are at or before this one. */
function countUpTo(places: readonly number[], place: number): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((places[middle] ?? 0) <= place) low = middle + 1
    else high = middle
  }
  return low
}
