// Takes secrets out of text that leaves the house. Must never let one through because its form was only nearly known: what
// looks like one goes too, and the reader sees that something was there.

const GONE = '[removed]'

const MAX_LINE = 8192
/** No more than this is kept of a word that the end of a long line cut in two: none of it. */
const MAX_WORD = 512

/** Over lines. */
const keyBlock =
  /-----BEGIN [A-Z0-9 ]{0,64}(?:PRIVATE KEY|CERTIFICATE REQUEST)[A-Z0-9 ]{0,64}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,64}-----|$)/g

/** The value may hold spaces and commas: without quotes it goes to the end of the line. */
const loose =
  'secret|passw(?:or)?d|passphrase|passwd|pwd|psk|seed|(?<![a-z0-9])(?:user|device|sim|card)?pin(?:[_-]?code)?'
const tight = 'token|api[-_]?key|private[-_]?key|credential|client[-_]?assertion|nonce|cookie|kek|hmac'
/** Pins are named so exactly; of all others something may follow. Quotes may be escaped, again and again: JSON in JSON. */
const rest = String.raw`(?:(?<=pin|pin[_-]?code)|(?<!pin)[\w.-]{0,64})\\{0,32}["']?\s{0,64}[:=]\s{0,64}`
/** Up to the same quote, escaped as often, where a value may end; without such a one, everything. */
const quoted = String.raw`(\\{0,32})(["']).*?(?<!\\)\2\3(?=\s{0,64}(?:$|[,;}\])]|[\w.-]{1,64}[=:]))|\\{0,32}["'].*`

/** One line at a time, in this order: values by their name, then values by their look. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/(?:authorization|cookie)\\{0,32}["']?\s{0,64}[:=].*/gi, `authorization: ${GONE}`],
  [new RegExp(String.raw`((?:${loose})${rest})(?:${quoted}|.+)`, 'gi'), `$1${GONE}`],
  [new RegExp(String.raw`((?:${tight})${rest})(?:${quoted}|[^\s,;}&]+)`, 'gi'), `$1${GONE}`],
  [/\b(?:Bearer|Basic|Digest|Negotiate)\s+[A-Za-z0-9._~+/=-]{6,}/g, GONE],
  // user:password@host, whatever the password holds.
  [/([a-z][a-z0-9+.-]{0,32}:\/\/)[^\s"]{1,1024}@/gi, `$1${GONE}@`],
  // Query strings carry codes and tokens.
  [/(https?:\/\/[^\s?"'#]{1,512})\?[^\s"']*/g, `$1?${GONE}`],
  [/\bsp_[a-z]{2,4}_[A-Za-z0-9_~-]{8,}/g, GONE],
  [/\bs\d\.[A-Za-z0-9_.-]{16,}/g, GONE],
  [/\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*/g, GONE],
  [/\$(?:argon2[a-z]{0,8}|scrypt|2[aby])\$[^\s"']+/g, GONE],
  [/\botpauth:\/\/[^\s"']+/g, GONE],
  // Long runs without a word in them: keys, tickets, hashes.
  [/\b(?=[A-Za-z0-9_-]{0,128}\d)(?=[A-Za-z0-9_-]{0,128}[A-Za-z])[A-Za-z0-9_+/-]{40,}={0,2}/g, GONE],
]
/** A name whose value stands on the lines below, further in. */
const opens = new RegExp(String.raw`(?:${loose}|${tight})${rest}[|>[{]?[+-]?\s*$`, 'i')

/** `known` are values that are secret wherever they stand, such as those of our environment variables. */
export function removeSecrets(text: string, known: readonly string[] = []): string {
  let clean = text
  for (const value of known)
    if (value.length >= 6) clean = clean.replaceAll(value, GONE).replaceAll(JSON.stringify(value).slice(1, -1), GONE)
  let openedAt: number | undefined
  return clean
    .replace(keyBlock, GONE)
    .split('\n')
    .map((line) => {
      const indent = line.length - line.trimStart().length
      if (openedAt !== undefined && (indent > openedAt || line.trim() === '')) return GONE
      const short = cut(line)
      openedAt = opens.test(short) ? indent : undefined
      let left = short
      for (const [pattern, put] of rules) left = left.replace(pattern, put)
      return left
    })
    .join('\n')
}

/** What is beyond is not looked at and so not told; a word cut in two would not be known by its look. */
function cut(line: string): string {
  if (line.length <= MAX_LINE) return line
  let end = MAX_LINE
  while (end > MAX_LINE - MAX_WORD && /\S/.test(line.charAt(end - 1))) end--
  return `${line.slice(0, end)}[cut]`
}

/** Values of variables whose name says that they are secret, or that may hold a password. */
export function secretValuesOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && /secret|token|passw|key|credential|url|auth|headers/i.test(name) ? [value] : [],
  )
}
