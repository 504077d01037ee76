// Secrets that are not one word: private keys in armour, tokens in three parts, passwords and keys given to a name
// (`password = …`). Must never report what stands in a document in a secret's place.
import { Buffer as NodeBuffer } from 'node:buffer'
import type { Page } from '#inspection/text/page.ts'
import { entropyOf, isPlaceholder, type SecretRule, secretRules } from './secrets.ts'

const MAX_ARMOUR_BYTES = 32 * 1024
const MAX_JWT_BYTES = 4096
const BEGIN = '-----BEGIN '

/** Called at the word BEGIN behind a hyphen. */
export function findArmour(page: Page, word: number): void {
  const { bytes } = page
  const at = word - 5
  if (at < 0 || page.ascii(at, word + 6) !== BEGIN) return
  // A little first: the words alone, over and over, must not cost a look at the whole block each time.
  const head = /^-----BEGIN ((?:[A-Z0-9]{2,12} )?(?:ENCRYPTED )?PRIVATE KEY(?: BLOCK)?)-----[\s\\]/.exec(
    page.ascii(at, at + 80),
  )
  if (!head) return
  const text = page.ascii(at, Math.min(bytes.length, at + MAX_ARMOUR_BYTES))
  const foot = text.indexOf(`-----END ${head[1]}-----`)
  const body = text.slice(head[0].length, foot < 0 ? undefined : foot)
  // In JSON and shell scripts the lines end in an escaped \n.
  const base64 = body
    .replaceAll(/\\[rn]/g, '\n')
    .split('\n')
    .filter((line) => !line.includes(':') && !line.startsWith('='))
    .join('')
    .replaceAll(/[\s"'\\]/g, '')
  if (base64.length < 40) return
  if (!/^[A-Za-z0-9+/]+=*(?:=[A-Za-z0-9+/]{4})?$/.test(foot < 0 ? base64.slice(0, 64) : base64)) return
  if (entropyOf(base64.slice(0, 400)) < 3.5) return
  const end = foot < 0 ? at + head[0].length : at + foot + `-----END ${head[1]}-----`.length
  page.add('PRIVATE_KEY', at, end, foot < 0 ? 0.8 : 0.99, head[1]?.toLowerCase() ?? '')
}

/** Called at the word PuTTY before a hyphen. */
export function findPutty(page: Page, at: number): void {
  if (!/^PuTTY-User-Key-File-[23]: [\w-]{3,40}\r?\n/.test(page.ascii(at, at + 80))) return
  const text = page.ascii(at, Math.min(page.bytes.length, at + MAX_ARMOUR_BYTES))
  const match = /^PuTTY-User-Key-File-[23]: [\s\S]{20,12000}?Private-Lines: \d+\r?\n/.exec(text)
  if (match) page.add('PRIVATE_KEY', at, at + match[0].length, 0.97, 'PuTTY')
}

// One lookup for every word: a bit by a hash of its first three bytes; the list is read only when the bit is set.
const bits = new Uint8Array(65_536)
const byPrefix = new Map<number, SecretRule[]>()
const hashOf = (a: number, b: number, c: number) => ((a * 31 + b) * 37 + c) & 0xffff
for (const rule of secretRules)
  for (const prefix of rule.prefixes) {
    const [a = 0, b = 0, c = 0] = NodeBuffer.from(prefix.slice(0, 3))
    bits[hashOf(a, b, c)] = 1
    const key = (a << 16) | (b << 8) | c
    const list = byPrefix.get(key) ?? []
    if (!list.includes(rule)) list.push(rule)
    byPrefix.set(key, list)
  }
bits[hashOf(0x65, 0x79, 0x4a)] = 1 // eyJ

/** Hot path: called at the beginning of every word of three bytes or more. Returns the end of what was found, or 0. */
export function findSecret(page: Page, start: number): number {
  const { bytes } = page
  const a = bytes[start] ?? 0
  const b = bytes[start + 1] ?? 0
  const c = bytes[start + 2] ?? 0
  return bits[hashOf(a, b, c)] === 0 ? 0 : readSecret(page, start, (a << 16) | (b << 8) | c)
}

function readSecret(page: Page, start: number, key: number): number {
  if (key === 0x65794a) return readJwt(page, start)
  const rules = byPrefix.get(key)
  if (rules === undefined) return 0
  const left = page.bytes[start - 1]
  // + and / before it: most likely the middle of a base64 body.
  if (left === 0x2b) return 0
  const text = page.ascii(start, Math.min(page.bytes.length, start + 1600))
  for (const rule of rules) {
    if (!rule.prefixes.some((prefix) => text.startsWith(prefix))) continue
    rule.pattern.lastIndex = 0
    const match = rule.pattern.exec(text)
    if (!match) continue
    const prefix = rule.prefixes.find((each) => text.startsWith(each)) ?? ''
    const secret = match[0].slice(prefix.length)
    const end = start + match[0].length
    // Passed over as a whole, so that a text of nothing but prefixes is not read once per prefix.
    if (entropyOf(secret) < rule.entropy || isPlaceholder(secret)) return end
    if (isInBase64(page.bytes, start, end)) continue
    const confidence = match[0].endsWith('EXAMPLE') ? rule.confidence * 0.65 : rule.confidence
    page.add(rule.type, start, end, confidence, rule.label)
    return end
  }
  return 0
}

const isBase64 = (byte: number | undefined) =>
  byte !== undefined &&
  ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x2f && byte <= 0x39) || byte === 0x2b)

/** True when base64 goes on beyond both ends far enough for the match to be a coincidence within it. */
export function isInBase64(bytes: Buffer, start: number, end: number): boolean {
  let left = start
  while (left > 0 && start - left < 60 && isBase64(bytes[left - 1])) left--
  let right = end
  while (right < bytes.length && right - end < 60 && isBase64(bytes[right])) right++
  if (start - left + (right - end) < 24) return false
  // A path or URL is no base64 body: its parts are words.
  return !/^(?:[a-z0-9.-]{0,24}\/)+$/.test(bytes.toString('latin1', left, start))
}

function readJwt(page: Page, start: number): number {
  const text = page.ascii(start, Math.min(page.bytes.length, start + MAX_JWT_BYTES))
  const match = /^(eyJ[\w-]{6,1000})\.(eyJ[\w-]{2,3000})\.([\w-]{16,1400})?(?![\w-])/.exec(text)
  if (!match) return 0
  try {
    const head: unknown = JSON.parse(NodeBuffer.from(match[1] ?? '', 'base64url').toString('utf8'))
    if (typeof head !== 'object' || head === null || !('alg' in head || 'typ' in head || 'enc' in head)) return 0
  } catch {
    return 0
  }
  page.add('JWT', start, start + match[0].length, match[3] === undefined ? 0.7 : 0.96)
  return start + match[0].length
}

const names =
  /(?:(pass(?:word|wd|phrase)?|pwd)|((?:api|secret|access|private|auth|client|encryption|signing|account|storage|shared)[_. -]?(?:access)?[_. -]?(?:key|token|secret)|secret|token|credentials?|apikey|bearer))$/i
const value = /^["'`]?\s{0,4}(?:[:=]|=>|:=)\s{0,4}(?:["'`]|(?=\S))([^\s"'`,;&<>()[\]{}]{6,256})/

/** Called where a word that may name a secret ends. */
export function findAssigned(page: Page, wordStart: number, wordEnd: number): void {
  const name = names.exec(page.ascii(Math.max(0, wordStart - 16), wordEnd))
  if (!name) return
  const rest = page.ascii(wordEnd, Math.min(page.bytes.length, wordEnd + 280))
  const match = value.exec(rest)
  const secret = match?.[1]
  if (match === null || secret === undefined || isPlaceholder(secret)) return
  const start = wordEnd + match[0].length - secret.length
  const end = start + secret.length
  const kinds =
    Number(/[a-z]/.test(secret)) +
    Number(/[A-Z]/.test(secret)) +
    Number(/\d/.test(secret)) +
    Number(/[^\w.]/.test(secret))
  if (name[1] !== undefined) {
    if (
      kinds >= 2 &&
      !/^[\w-]+\.[\w.-]+$|^\/|^https?:/.test(secret) &&
      secret.length <= 64 &&
      /\d|[^\w.-]/.test(secret)
    )
      page.add('PASSWORD', start, end, kinds >= 3 ? 0.75 : 0.6)
    return
  }
  const entropy = entropyOf(secret)
  const isAws = /aws/i.test(page.ascii(Math.max(0, wordStart - 40), wordEnd))
  if (isAws && /^[A-Za-z0-9/+]{40}$/.test(secret) && entropy > 4) return page.add('AWS_SECRET_KEY', start, end, 0.96)
  if (/^[A-Za-z0-9+/]{86}==$/.test(secret)) return page.add('AZURE_STORAGE_KEY', start, end, 0.97)
  if (/^[\w~.-]{3}\dQ~[\w~.-]{31,34}$/.test(secret)) return page.add('AZURE_CLIENT_SECRET', start, end, 0.97)
  if (secret.length < 16 || kinds < 2 || !/\d/.test(secret) || !/^[\w+/=.~-]+$/.test(secret)) return
  const isHex = /^[0-9a-f-]+$/i.test(secret)
  if (entropy < (isHex ? 3 : 3.6)) return
  page.add('GENERIC_SECRET', start, end, isHex ? 0.65 : 0.72)
}
