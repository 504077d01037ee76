// Puts marks in the place of found values without changing a length: a JSON number stays a number, a form stays a form, offsets
// and content-length stay true. Must never leave a part of a value behind that was asked to be masked.
import type { Hit } from '#inspection/text/page.ts'

const STAR = 0x2a
const ONE = 0x31
const ZERO = 0x30

/** Masks within `bytes`, in place. Separators stay, so that people see what was there. */
export function mask(bytes: Buffer, hits: readonly Hit[], kind: 'text' | 'json' | 'form'): void {
  for (const { start, end } of hits) {
    if (kind === 'json' && isBareNumber(bytes, start, end)) {
      // `0000` is no number in JSON, and a run of ones could be one that exists; 1 and zeros never satisfies Luhn.
      bytes.fill(ZERO, start, end)
      bytes[start] = ONE
      continue
    }
    for (let at = start; at < end; at++) if (!isKept(bytes, at, kind)) bytes[at] = STAR
  }
}

/** Blanks, hyphens, dots and slashes; in a form `+` is a blank, and escapes go wholly. */
function isKept(bytes: Buffer, at: number, kind: 'text' | 'json' | 'form'): boolean {
  const byte = bytes[at]
  if (kind === 'form') return byte === 0x2b || byte === 0x26 || byte === 0x3d || byte === 0x2d || byte === 0x2e
  return byte === 0x20 || byte === 0x2d || byte === 0x2e || byte === 0x0a || byte === 0x0d
}

function isBareNumber(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) < ZERO || (bytes[at] ?? 0) > 0x39) return false
  return isBetween(bytes[start - 1]) && isBetween(bytes[end]) && !isWithinString(bytes, start)
}

const isBetween = (byte: number | undefined) =>
  byte === undefined ||
  byte === 0x3a ||
  byte === 0x2c ||
  byte === 0x5b ||
  byte === 0x5d ||
  byte === 0x7d ||
  byte === 0x20 ||
  byte === 0x0a ||
  byte === 0x0d ||
  byte === 0x09

/** An odd number of quotes before the place, on its line or since the last bracket: enough to tell a number from a text. */
function isWithinString(bytes: Buffer, place: number): boolean {
  for (let at = place - 1; at >= 0 && place - at < 4096; at--) {
    const byte = bytes[at]
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue
    return byte !== 0x3a && byte !== 0x2c && byte !== 0x5b ? true : isTextComma(bytes, at)
  }
  return false
}

/** A comma, colon or bracket can itself lie within a text: quotes before it decide. */
function isTextComma(bytes: Buffer, place: number): boolean {
  let quotes = 0
  for (let at = 0; at < place; at++) {
    if (bytes[at] === 0x5c) at++
    else if (bytes[at] === 0x22) quotes++
  }
  return quotes % 2 === 1
}
