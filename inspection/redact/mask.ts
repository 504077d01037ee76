// Puts marks in the place of found values without changing a length: a JSON number stays a number, a form stays a form, offsets
// and content-length stay true. Must never leave a part of a value behind that was asked to be masked.
import type { Hit } from '#inspection/text/page.ts'

const STAR = 0x2a
const ONE = 0x31
const ZERO = 0x30

/** Masks within `bytes`, in place; hits in ascending order. Separators stay, so that people see what was there. */
export function mask(bytes: Buffer, hits: readonly Hit[], kind: 'text' | 'json' | 'form'): void {
  let at = 0
  let isInString = false
  for (const { start, end } of hits) {
    if (kind === 'json') {
      // Read on from the last value: in JSON it is quotes that tell a number from a text.
      for (; at < start; at++) {
        if (isInString && bytes[at] === 0x5c) at++
        else if (bytes[at] === 0x22) isInString = !isInString
      }
      if (!isInString) {
        maskNumber(bytes, start, end)
        continue
      }
    }
    for (let place = start; place < end; place++) if (!isKept(bytes, place, kind)) bytes[place] = STAR
    at = Math.max(at, end)
  }
}

/** `0000` is no number in JSON, and a run of ones could be one that exists; 1 and zeros never satisfy Luhn. */
function maskNumber(bytes: Buffer, start: number, end: number): void {
  let isFirst = true
  for (let at = start; at < end; at++) {
    if ((bytes[at] ?? 0) < ZERO || (bytes[at] ?? 0) > 0x39) continue
    bytes[at] = isFirst ? ONE : ZERO
    isFirst = false
  }
}

/** Blanks, hyphens, dots and slashes; in a form `+` is a blank, and escapes go wholly. */
function isKept(bytes: Buffer, at: number, kind: 'text' | 'json' | 'form'): boolean {
  const byte = bytes[at]
  if (kind === 'form') return byte === 0x2b || byte === 0x26 || byte === 0x3d || byte === 0x2d || byte === 0x2e
  return byte === 0x20 || byte === 0x2d || byte === 0x2e || byte === 0x0a || byte === 0x0d
}
