// What a byte of UTF-8 text can be part of: the table behind the one pass over the text. Hot path: read, never built,
// while scanning.
export const DIGIT = 1
export const UPPER = 2
export const LOWER = 4
export const UNDERSCORE = 8
/** Any byte of a character outside ASCII: a letter as far as the ends of a word are concerned. */
export const WIDE = 16
export const LETTER = UPPER | LOWER | WIDE

export const classOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT
  if (byte >= 0x41 && byte <= 0x5a) return UPPER
  if (byte >= 0x61 && byte <= 0x7a) return LOWER
  if (byte === 0x5f) return UNDERSCORE
  return byte >= 0x80 ? WIDE : 0
})

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39
/** Letter, digit or underscore of ASCII, or a byte outside it: what a value cannot be glued to. */
export const isWord = (byte: number | undefined): boolean => byte !== undefined && classOf[byte] !== 0
