// Takes a URL apart for judging it, in the form of SOURCES' protocol: scheme, `www.`, port and trailing slash are no
// part of what the model sees. Must never resolve or request anything, and never throw on what a line may hold.
import { domainToASCII, domainToUnicode } from 'node:url'
import { parse } from 'tldts'
import { phishingCaps } from './caps.ts'

export type Address = {
  readonly kind: 'address'
  /** ASCII, lower case, without `www.` and port. */
  readonly host: string
  /** The same as people read it. */
  readonly shownHost: string
  /** What one owner registered, private suffixes counted: `example.co.jp`, `someone.github.io`, or the whole host. */
  readonly registrable: string
  /** The first label of `registrable`. */
  readonly label: string
  /** Labels left of `registrable`. */
  readonly subdomains: readonly string[]
  readonly suffix: string
  readonly topLevel: string
  /** The suffix belongs to somebody who lets others put names or pages under it. */
  readonly isPrivateSuffix: boolean
  readonly isIp: boolean
  readonly hasUser: boolean
  readonly port: number
  /** Without the first and trailing slashes. */
  readonly path: string
  readonly query: string
  readonly fragment: string
  readonly isCut: boolean
}
export type Unreadable = { readonly kind: 'unreadable'; readonly why: string }

const refuse = (why: string): Unreadable => ({ kind: 'unreadable', why })
const tldtsOptions = {
  allowPrivateDomains: true,
  extractHostname: false,
  validateHostname: false,
  detectIp: true,
} as const

export function readAddress(line: string): Address | Unreadable {
  let text = line.length > phishingCaps.maxUrlChars ? line.slice(0, phishingCaps.maxUrlChars + 512) : line
  text = text.trim()
  if (text === '') return refuse('the line is empty')
  const isCut = line.length > phishingCaps.maxUrlChars
  if (isCut) text = text.slice(0, phishingCaps.maxUrlChars)
  const scheme = /^([a-z][a-z0-9+.-]{0,20}):\/\//i.exec(text)
  if (scheme) {
    if (!/^(?:https?|hxxps?|wss?|ftp)$/i.test(scheme[1] ?? '')) return refuse('the scheme is not one of the web')
    text = text.slice(scheme[0].length)
  } else if (/^(?:javascript|data|mailto|tel|blob|file|about):/i.test(text)) return refuse('the scheme has no host')
  text = text.replace(/^[/\\]{1,8}/, '')

  const end = text.search(/[/\\?#]/)
  let authority = end < 0 ? text : text.slice(0, end)
  const rest = end < 0 ? '' : text.slice(end)
  const at = authority.lastIndexOf('@')
  if (at >= 0) authority = authority.slice(at + 1)
  const split = splitPort(authority)
  if (split === null) return refuse('the host or port cannot be read')
  const host = readHost(split.host)
  if (host === null) return refuse('the host name cannot be read')

  const [beforeFragment, fragment] = cutAt(rest, '#')
  const [path, query] = cutAt(beforeFragment, '?')
  return {
    kind: 'address',
    ...namesOf(host),
    hasUser: at >= 0,
    port: split.port,
    path: path.replaceAll('\\', '/').replace(/^\/+|\/+$/g, ''),
    query,
    fragment,
    isCut,
  }
}

function cutAt(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function splitPort(authority: string): { readonly host: string; readonly port: number } | null {
  if (authority.startsWith('[')) {
    const match = /^\[([0-9a-f:.]{2,45})\](?::(\d{1,5}))?$/i.exec(authority)
    return match ? { host: match[1] ?? '', port: Number(match[2] ?? 0) } : null
  }
  const colon = authority.lastIndexOf(':')
  if (colon < 0) return { host: authority, port: 0 }
  const port = authority.slice(colon + 1)
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) return null
  return { host: authority.slice(0, colon), port: Number(port) }
}

const plainHost = /^[a-z0-9._-]+$/

/** Lower case and ASCII; `[.]` of defanged lists is undone. null for what no browser would take. */
function readHost(given: string): string | null {
  let host = given.toLowerCase().replaceAll('[.]', '.').replaceAll('(.)', '.')
  if (/^[0-9a-f:]*:[0-9a-f:.]*$/.test(host)) return host.length <= 45 ? host : null
  if (host.includes('%')) {
    try {
      host = decodeURIComponent(host).toLowerCase()
    } catch {
      return null
    }
  }
  if (!plainHost.test(host)) {
    if (/[\u0000-\u0020\u007f<>"'`{}|^\\/?#@:*,;!$&()+=~[\]]/.test(host) || host.length > phishingCaps.maxHostChars)
      return null
    host = domainToASCII(host)
    if (!plainHost.test(host)) return null
  }
  host = host.replace(/^\.+|\.+$/g, '')
  if (host === '' || host.length > phishingCaps.maxHostChars || host.includes('..')) return null
  if (!host.includes('.') && !/^(?:\d{6,10}|0x[0-9a-f]+)$/.test(host)) return null
  return host
}

type Names = Omit<Address, 'kind' | 'hasUser' | 'port' | 'path' | 'query' | 'fragment' | 'isCut'>

function namesOf(full: string): Names {
  const host = full.startsWith('www.') && full.indexOf('.', 4) > 0 ? full.slice(4) : full
  const shownHost = host.includes('xn--') ? domainToUnicode(host) || host : host
  const isIp = /^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}$/.test(host) || host.includes(':')
  if (isIp) {
    return {
      host,
      shownHost,
      registrable: host,
      label: host,
      subdomains: [],
      suffix: '',
      topLevel: '',
      isPrivateSuffix: false,
      isIp,
    }
  }
  const parsed = parse(host, tldtsOptions)
  const suffix = parsed.publicSuffix ?? ''
  const registrable = parsed.domain ?? host
  const label = parsed.domain === null ? (host.split('.')[0] ?? host) : (parsed.domainWithoutSuffix ?? '')
  const left = host.length > registrable.length ? host.slice(0, host.length - registrable.length - 1) : ''
  return {
    host,
    shownHost,
    registrable,
    label,
    subdomains: left === '' ? [] : left.split('.'),
    suffix,
    topLevel: host.slice(host.lastIndexOf('.') + 1),
    isPrivateSuffix: parsed.isPrivate === true,
    isIp,
  }
}
