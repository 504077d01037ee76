// Runs of letters and digits of a text, in lower case, and hashes of neighbours joined: the common ground of row match, document
// match and dictionaries, so that `123-45-6789`, `Smith, John` and `JOHN SMITH` compare as people mean them.
const word = /[\p{L}\p{N}]+/gu

export type Token = { readonly text: string; readonly start: number; readonly end: number }

/** Places are UTF-16 code units. At most `limit` tokens. */
export function tokensOf(text: string, limit = 2_000_000): readonly Token[] {
  const out: Token[] = []
  for (const match of text.matchAll(word)) {
    if (out.length >= limit) break
    out.push({ text: match[0].normalize('NFKC').toLowerCase(), start: match.index, end: match.index + match[0].length })
  }
  return out
}

export const joined = (text: string): string =>
  tokensOf(text)
    .map((token) => token.text)
    .join('')

export const FNV_SEED = 0x811c9dc5 | 0
/** FNV-1a over UTF-16 code units, continued from `hash`. Not secret, not one-way: only ever a filter. */
export function fnv(text: string, hash: number = FNV_SEED): number {
  let value = hash
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value
}

/** Spreads the bits of an FNV hash. */
export function mix(hash: number): number {
  let value = hash ^ (hash >>> 16)
  value = Math.imul(value, 0x85ebca6b)
  value ^= value >>> 13
  value = Math.imul(value, 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** Code units → code points, for ascending places. */
export function pointsOf(text: string): (place: number) => number {
  let at = 0
  let points = 0
  return (place) => {
    if (place < at) {
      at = 0
      points = 0
    }
    while (at < place) {
      const code = text.charCodeAt(at)
      at += code >= 0xd800 && code < 0xdc00 ? 2 : 1
      points++
    }
    return points
  }
}
