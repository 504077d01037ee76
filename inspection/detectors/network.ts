// Addresses: e-mail, URL and host names, IP, MAC. Each is found by its anchor (`@`, `://`, `.` and `:` among digits) and
// read in both directions from there. Must never resolve or request what it finds.
import { isIPv6 } from 'node:net'
import { parse } from 'tldts'
import { classOf, DIGIT, LETTER } from '#inspection/text/byte-class.ts'
import { familyIndexes, type Page } from '#inspection/text/page.ts'

const MAX_LOCAL_BYTES = 64
const MAX_HOST_BYTES = 253
const MAX_URL_BYTES = 2048
const ipWords = familyIndexes(['ip'])
const versionWords = familyIndexes(['version'])
const macWords = familyIndexes(['mac'])

// RFC 5321 dot-atom without the characters that in running text are mostly something else (quotes, brackets, slash).
const isLocal = (byte: number) =>
  classOf[byte] !== 0 ||
  byte === 0x2e ||
  byte === 0x2d ||
  byte === 0x2b ||
  byte === 0x27 ||
  byte === 0x25 ||
  byte === 0x26 ||
  byte === 0x7e ||
  byte === 0x21 ||
  byte === 0x23
const isHost = (byte: number) => ((classOf[byte] ?? 0) & (LETTER | DIGIT)) !== 0 || byte === 0x2e || byte === 0x2d

function hostEnd(bytes: Buffer, from: number): number {
  const limit = Math.min(bytes.length, from + MAX_HOST_BYTES)
  let end = from
  while (end < limit && isHost(bytes[end] ?? 0)) end++
  while (end > from && (bytes[end - 1] === 0x2e || bytes[end - 1] === 0x2d)) end--
  return end
}

/** True for a name under a suffix of the public list's ICANN part. */
function isPublicHost(host: string): boolean {
  if (/\.\.|^[.-]|-\.|\.-/.test(host)) return false
  const { domain, isIcann } = parse(host, { validateHostname: true, allowPrivateDomains: false })
  return domain !== null && isIcann === true
}

export function findEmails(page: Page): void {
  const { bytes } = page
  for (let at = bytes.indexOf(0x40); at >= 0; at = bytes.indexOf(0x40, at + 1)) {
    let start = at
    const limit = Math.max(0, at - MAX_LOCAL_BYTES)
    while (start > limit && isLocal(bytes[start - 1] ?? 0)) start--
    // A quote, dot or hyphen before the address belongs to the sentence, as does a word in another script.
    while (start < at && ((classOf[bytes[start] ?? 0] ?? 0) & (LETTER | DIGIT)) === 0 && bytes[start] !== 0x5f) start++
    if (start === at || bytes[at - 1] === 0x2e) continue
    const end = hostEnd(bytes, at + 1)
    if (end - at < 5) continue
    const host = bytes.toString('utf8', at + 1, end)
    if (!host.includes('.') || !isPublicHost(host)) continue
    page.add('EMAIL_ADDRESS', start, end, 0.97)
  }
}

const isUrlByte = (byte: number) =>
  byte > 0x20 &&
  byte !== 0x22 &&
  byte !== 0x3c &&
  byte !== 0x3e &&
  byte !== 0x5c &&
  byte !== 0x5e &&
  byte !== 0x60 &&
  byte !== 0x7b &&
  byte !== 0x7d &&
  byte !== 0x7c
const trailing = new Set(Array.from(`.,;:!?'")]*_`, (character) => character.charCodeAt(0)))

/** Called at the colon of `://`. */
export function findUrl(page: Page, at: number): void {
  const { bytes } = page
  // Within a URL another may stand, as in a redirect; it was read with the first.
  if (at < page.urlEnd) return
  let start = at
  while (
    start > at - 12 &&
    start > 0 &&
    (((classOf[bytes[start - 1] ?? 0] ?? 0) & (6 | DIGIT)) !== 0 || bytes[start - 1] === 0x2b)
  )
    start--
  if (start === at) return
  const limit = Math.min(bytes.length, at + MAX_URL_BYTES)
  let end = at + 3
  while (end < limit && isUrlByte(bytes[end] ?? 0)) end++
  while (
    end > at + 3 &&
    trailing.has(bytes[end - 1] ?? 0) &&
    !(bytes[end - 1] === 0x29 && bytes.subarray(at, end).includes(0x28))
  )
    end--
  page.urlEnd = end
  readUrl(page, start, at, end)
}

function readUrl(page: Page, start: number, at: number, end: number): void {
  const scheme = page.ascii(start, at).toLowerCase()
  const rest = page.bytes.toString('utf8', at + 3, end)
  const authority = rest.split(/[/?#]/, 1)[0] ?? ''
  const user = authority.lastIndexOf('@')
  const host = (user < 0 ? authority : authority.slice(user + 1)).replace(/:\d*$/, '')
  if (user > 0) {
    const [name = '', ...password] = authority.slice(0, user).split(':')
    const secret = password.join(':')
    if (secret.length > 2 && !/^[*x$<{]|[$<{]|password|^pass$|^pw$/i.test(secret)) {
      const from = at + 3 + Buffer.byteLength(name) + 1
      page.add('URL_PASSWORD', from, from + Buffer.byteLength(secret), 0.98)
    }
  }
  if (!/^(?:https?|ftps?|wss?|sftp)$/.test(scheme)) return
  if (isPublicHost(host)) page.add('DOMAIN_NAME', start, end, 0.95, 'url')
  if (scheme === 'https' && host === 'hooks.slack.com' && /^[^/]*\/services\/T\w{8,}\/B\w{8,}\/\w{20,}/.test(rest))
    page.add('SLACK_TOKEN', start, end, 0.97, 'Slack webhook')
}

/** Four groups of digits with dots between them, beginning at the first. */
export function findIpv4(page: Page, start: number, end: number): void {
  const text = page.ascii(start, end)
  if (!/^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/.test(text)) return
  const parts = text.split('.').map(Number)
  if (parts.some((part) => part > 255)) return
  const { bytes, context } = page
  const left = bytes[start - 1]
  if (left === 0x2e || (left === 0x2d && classOf[bytes[start - 2] ?? 0] === DIGIT)) return
  context.look(start, end)
  const isAddress = context.nearest(ipWords) >= 0
  const isVersion = context.nearest(versionWords) >= 0 || left === 0x76
  const isPlain = (parts[0] ?? 0) > 0 && parts.some((part) => part > 31)
  const confidence = isAddress ? 0.97 : isVersion ? 0.3 : isPlain ? 0.9 : 0.55
  page.add('IP_ADDRESS', start, end, confidence, 'IPv4')
}

const isHex = (byte: number) =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)

/** Called where a token of at most four characters is followed by `:`, or at `::`. Returns the end of what it took. */
export function findColonForm(page: Page, start: number): number {
  const { bytes } = page
  let end = start
  let colons = 0
  while (
    end < bytes.length &&
    end - start < 48 &&
    (isHex(bytes[end] ?? 0) || bytes[end] === 0x3a || bytes[end] === 0x2e)
  ) {
    if (bytes[end] === 0x3a) colons++
    end++
  }
  while (end > start && (bytes[end - 1] === 0x2e || (bytes[end - 1] === 0x3a && bytes[end - 2] !== 0x3a))) {
    if (bytes[end - 1] === 0x3a) colons--
    end--
  }
  if (colons < 2 || (classOf[bytes[end] ?? 0] !== 0 && end < bytes.length)) return start
  // `::ffff:x` in a description: a piece of an address is none.
  if (bytes[end] === 0x3a) return end
  const text = page.ascii(start, end)
  if (colons === 5 && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) {
    addMac(page, start, end, text)
    return end
  }
  // No piece of something that is no address is one.
  if (!isIPv6(text) || text === '::') return colons > 2 ? end : start
  const groups = text.split(':').filter((group) => group !== '').length
  // `12:30::` and the like of source code are short; a whole address is not.
  const confidence = groups >= 5 ? 0.95 : groups >= 3 ? 0.85 : 0.4
  page.context.look(start, end)
  page.add(
    'IP_ADDRESS',
    start,
    end,
    page.context.nearest(ipWords) >= 0 ? Math.max(0.9, confidence) : confidence,
    'IPv6',
  )
  return end
}

/** Six pairs with hyphens: `00-1B-44-11-3A-B7`, called at the first pair. */
export function findHyphenMac(page: Page, start: number): number {
  const text = page.ascii(start, start + 17)
  if (!/^[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}$/.test(text)) return start
  const end = start + 17
  if (classOf[page.bytes[end] ?? 0] !== 0 || page.bytes[end] === 0x2d) return start
  addMac(page, start, end, text)
  return end
}

function addMac(page: Page, start: number, end: number, text: string): void {
  const hex = text.replaceAll(/[:-]/g, '').toLowerCase()
  if (hex === '000000000000' || hex === 'ffffffffffff') return
  page.context.look(start, end)
  const isPlain = !/[a-f]/.test(hex)
  page.add('MAC_ADDRESS', start, end, page.context.nearest(macWords) >= 0 ? 0.97 : isPlain ? 0.6 : 0.88)
}
