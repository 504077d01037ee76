// Takes secrets out of text that leaves the house. Must never let one through because its form was only nearly known: what
// looks like one goes too, and the reader sees that something was there.

const GONE = '[removed]'

/** In this order: whole blocks first, then values by their name, then values by their look. */
const rules: readonly (readonly [RegExp, string])[] = [
  [
    /-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|CERTIFICATE REQUEST)[A-Z0-9 ]*-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g,
    GONE,
  ],
  [/(?:authorization|proxy-authorization|cookie|set-cookie)["']?\s*[:=]\s*[^\r\n]*/gi, `authorization: ${GONE}`],
  // By name: what follows in quotes (also escaped ones, of JSON within JSON), else to the end of the value or line.
  [
    /([\w.-]{0,64}(?:secret|passw(?:or)?d|passphrase|token|api[-_]?key|private[-_]?key|credential|client[-_]?assertion|nonce|cookie|kek|hmac|psk|seed|\bpin\b)[\w.-]{0,64}\\*["']?\s{0,8}[:=]\s{0,8})(?:(\\*)(["'])(?:(?!(?<!\\)\2\3)[^\r\n])*(?:(?<!\\)\2\3)?|[^\r\n,}"']*)/gi,
    `$1${GONE}`,
  ],
  [/\b(?:Bearer|Basic|Digest|Negotiate)\s+[A-Za-z0-9._~+/=-]{6,}/g, GONE],
  // user:password@host
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s"'<>]*@/gi, `$1${GONE}@`],
  // Query strings carry codes and tokens.
  [/(https?:\/\/[^\s?"'#]+)\?[^\s"']*/g, `$1?${GONE}`],
  [/\bsp_[a-z]{2,4}_[A-Za-z0-9_~-]{8,}/g, GONE],
  // What is sealed in the store: its form, its key, its text.
  [/\bs\d\.(?:[A-Za-z0-9_-]{10}\.)?[A-Za-z0-9_-]{16,}/g, GONE],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*/g, GONE],
  [/\$(?:argon2[a-z]*|scrypt|2[aby])\$[^\s"']+/g, GONE],
  [/\botpauth:\/\/[^\s"']+/g, GONE],
  // Long runs without a word in them: keys, tickets, hashes.
  [/\b(?=[A-Za-z0-9_-]*\d)(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_+/-]{40,}={0,2}/g, GONE],
]

/** `known` are values that are secret wherever they stand, such as those of our environment variables. */
export function removeSecrets(text: string, known: readonly string[] = []): string {
  let clean = text
  for (const value of known) if (value.length >= 6) clean = clean.replaceAll(value, GONE)
  const [blocks, ...others] = rules
  if (blocks) clean = clean.replace(...blocks)
  // In bounded pieces: no rule may take more than its share of time on a line that somebody made long.
  return clean.replaceAll(/[^\r\n]{1,8192}/g, (line) =>
    others.reduce((text_, [pattern, put]) => text_.replace(pattern, put), line),
  )
}

/** Values of variables whose name says that they are secret, or that may hold a password. */
export function secretValuesOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && /secret|token|passw|key|credential|url|auth|headers/i.test(name) ? [value] : [],
  )
}
