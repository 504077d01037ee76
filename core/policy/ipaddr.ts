// Cedar's `ipaddr`: an IPv4 or IPv6 address or range, read exactly as strictly as Cedar reads it. Must never accept
// what Cedar refuses (leading zeros, zone ids, IPv4 inside IPv6): two readings of one address are a bypass.

export class Ipaddr {
  readonly kind = 'ipaddr'
  readonly version: 4 | 6
  /** Groups of 32 bits, highest first: one for IPv4, four for IPv6. */
  readonly words: readonly number[]
  readonly prefix: number

  constructor(version: 4 | 6, words: readonly number[], prefix: number) {
    this.version = version
    this.words = words
    this.prefix = prefix
  }

  toString(): string {
    const full = this.version === 4 ? 32 : 128
    const address = this.version === 4 ? writeIpv4(this.words[0] ?? 0) : writeIpv6(this.words)
    return this.prefix === full ? address : `${address}/${this.prefix}`
  }
}

/** The address or range, or null when Cedar would refuse the text. */
export function parseIpaddr(text: string): Ipaddr | null {
  if (text.length > 43) return null // the longest: eight groups of four, and /128
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const v4 = parseIpv4(address)
  const words = v4 === null ? parseIpv6(address) : [v4]
  if (words === null) return null
  const version = v4 === null ? 6 : 4
  const limit = version === 4 ? 32 : 128
  const prefix = slash === -1 ? limit : parsePrefix(text.slice(slash + 1), limit)
  return prefix === null ? null : new Ipaddr(version, words, prefix)
}

export function sameIpaddr(left: Ipaddr, right: Ipaddr): boolean {
  if (left.version !== right.version || left.prefix !== right.prefix) return false
  for (let at = 0; at < left.words.length; at++) if (left.words[at] !== right.words[at]) return false
  return true
}

/** True when every address of `inner` is in `outer`. */
export function isInRange(inner: Ipaddr, outer: Ipaddr): boolean {
  if (inner.version !== outer.version || inner.prefix < outer.prefix) return false
  let bits = outer.prefix
  for (let at = 0; bits > 0; at++, bits -= 32) {
    const difference = ((inner.words[at] ?? 0) ^ (outer.words[at] ?? 0)) >>> 0
    if (bits >= 32 ? difference !== 0 : difference >>> (32 - bits) !== 0) return false
  }
  return true
}

const ranges = {
  loopback4: new Ipaddr(4, [0x7f000000], 8),
  loopback6: new Ipaddr(6, [0, 0, 0, 1], 128),
  multicast4: new Ipaddr(4, [0xe0000000], 4),
  multicast6: new Ipaddr(6, [0xff000000, 0, 0, 0], 8),
}

export function isLoopback(ip: Ipaddr): boolean {
  return isInRange(ip, ip.version === 4 ? ranges.loopback4 : ranges.loopback6)
}

export function isMulticast(ip: Ipaddr): boolean {
  return isInRange(ip, ip.version === 4 ? ranges.multicast4 : ranges.multicast6)
}

function parsePrefix(text: string, limit: number): number | null {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return null
  const prefix = Number(text)
  return prefix <= limit ? prefix : null
}

function parseIpv4(text: string): number | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let value = 0
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return null
    const octet = Number(part)
    if (octet > 255) return null
    value = value * 256 + octet
  }
  return value
}

function parseIpv6(text: string): number[] | null {
  const gap = text.indexOf('::')
  const head = groups(gap === -1 ? text : text.slice(0, gap))
  if (head === null) return null
  if (gap === -1) return head.length === 8 ? toWords(head) : null
  const tail = groups(text.slice(gap + 2))
  // `::` stands for at least one group
  if (tail === null || head.length + tail.length > 7) return null
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  return toWords([...head, ...zeros, ...tail])
}

function groups(text: string): number[] | null {
  if (text === '') return []
  const found: number[] = []
  for (const part of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null
    found.push(Number.parseInt(part, 16))
  }
  return found
}

function toWords(eight: readonly number[]): number[] {
  return [0, 2, 4, 6].map((at) => (eight[at] ?? 0) * 65_536 + (eight[at + 1] ?? 0))
}

function writeIpv4(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
}

/** RFC 5952: the longest run of zero groups becomes `::`. */
function writeIpv6(words: readonly number[]): string {
  const parts = words.flatMap((word) => [word >>> 16, word & 65_535])
  let best = { start: -1, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && parts[at + length] === 0) length++
    if (length > best.length) best = { start: at, length }
  }
  const hex = parts.map((part) => part.toString(16))
  if (best.start === -1) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}
