// Subjects that are known by what they are called: one way to write each, and what each of them covers. Must never read
// one text in two ways: what is contained under one spelling would be open under the other.
import { hostName, looseName } from '#core/names.ts'
import { isInRange, parseIpaddr, type Ipaddr } from '#core/policy/ipaddr.ts'
import type { NamedSubject } from './containment.ts'

/** Wider than this is nearly everybody: a mistype must not close a whole tenant. */
const LEAST_PREFIX = { 4: 8, 6: 19 } as const

const MAX_URL_CHARACTERS = 2000

/** Deeper than any page that people contain; what lies deeper is asked about as what cannot be read. */
const MAX_PATH_STEPS = 64

/** Texts that are still an escape after so many decodings are made to be misread. */
const MAX_DECODINGS = 3

/** The one form of it; null: it is none. */
export function canonicalName(kind: NamedSubject, text: string): string | null {
  switch (kind) {
    case 'network': {
      const range = parseIpaddr(text.trim())
      return range === null || range.prefix < LEAST_PREFIX[range.version] ? null : range.toString()
    }
    case 'host':
      return canonicalHost(text.trim())
    case 'url':
      return canonicalUrl(text.trim())
    case 'hash': {
      const hex = text.trim().toLowerCase()
      return /^[0-9a-f]{64}$/.test(hex) ? hex : null
    }
    case 'category': {
      const name = looseName.safeParse(text.trim())
      return name.success ? name.data : null
    }
  }
}

function canonicalHost(text: string): string | null {
  const host = text.toLowerCase().replace(/\.$/, '')
  if (hostName.safeParse(host).success) return host
  const address = parseIpaddr(host.replace(/^\[(.*)\]$/, '$1'))
  return address === null || host.includes('/') ? null : address.toString()
}

/** Host and path, without scheme, user, port, query, fragment and parameters: none of these makes it another page. */
function canonicalUrl(text: string): string | null {
  if (text.length > MAX_URL_CHARACTERS) return null
  let url: URL
  try {
    url = new URL(/^https?:\/\//i.test(text) ? text : `https://${text}`)
  } catch {
    return null
  }
  if (url.username !== '' || url.password !== '') return null
  const host = canonicalHost(url.hostname)
  if (host === null) return null
  return addressesAbove(host, url.pathname)?.at(-1) ?? null
}

/**
 * What a path comes to, however it is spelt: printable ASCII plain, other bytes as upper-case escapes, one slash between
 * steps, no `.`, no parameters. null: servers differ in what it is.
 */
function stepsOf(path: string): string[] | null {
  const plain = decoded(path)
  // Control characters end a path on some servers, and vanish on others.
  if (plain === null || /\p{Cc}|%[01][0-9A-F]|%7F/u.test(plain)) return null
  const steps: string[] = []
  for (const segment of plain.split(/[/\\]/)) {
    const step = segment.replace(/[;?#].*$/, '')
    // What is above an empty step, a parameter or an escaped slash each server decides by itself. Browsers send no `..`.
    if (/^\.(?:\.|%20)+$/.test(step)) return null
    if (step === '' || step === '.') continue
    if (steps.push(step) > MAX_PATH_STEPS) return null
  }
  return steps
}

/** Decoded until nothing is left to decode: some servers do it twice. A broken escape stays as it is. */
function decoded(path: string): string | null {
  let text = path.replace(/[^\p{ASCII}]/gu, escapedCharacter)
  for (let times = 0; times <= MAX_DECODINGS; times++) {
    const next = text.replace(/%[0-9a-f]{2}/gi, (escape) => {
      const code = Number.parseInt(escape.slice(1), 16)
      return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : escape.toUpperCase()
    })
    if (next === text) return text
    text = next
  }
  return null
}

/** A request's bytes are read as Latin-1, one character each; a text that people wrote was encoded before. */
function escapedCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code <= 0xff) return `%${code.toString(16).toUpperCase()}`
  return code >= 0xd800 && code <= 0xdfff ? '%EF%BF%BD' : encodeURIComponent(character)
}

/** The host itself, then each name above it: `a.b.test`, `b.test`, `test`. */
export function* namesAbove(host: string): Generator<string> {
  yield host
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) yield host.slice(dot + 1)
}

/** The host and each path down to the address itself: `h`, `h/a`, `h/a/b`. null: it cannot be known what is asked for. */
export function addressesAbove(host: string, path: string): string[] | null {
  const steps = stepsOf(path)
  if (steps === null) return null
  const addresses = [host]
  let address = host
  for (const step of steps) addresses.push((address += `/${step}`))
  return addresses
}

export function networkCovers(network: Ipaddr, clientIp: string): boolean {
  const plain = clientIp.startsWith('::ffff:') && clientIp.includes('.') ? clientIp.slice('::ffff:'.length) : clientIp
  const address = parseIpaddr(plain)
  return address !== null && isInRange(address, network)
}
