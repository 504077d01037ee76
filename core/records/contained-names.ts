// Subjects that are known by what they are called: one way to write each, and what each of them covers. Must never read
// one text in two ways: what is contained under one spelling would be open under the other.
import { hostName, looseName } from '#core/names.ts'
import { isInRange, parseIpaddr, type Ipaddr } from '#core/policy/ipaddr.ts'
import type { NamedSubject } from './containment.ts'

/** Wider than this is nearly everybody: a mistype must not close a whole tenant. */
const LEAST_PREFIX = { 4: 8, 6: 19 } as const

const MAX_URL_CHARACTERS = 2000

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

/** Host and path, without scheme, user, port, query and fragment: none of these makes it another page to a policy. */
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
  const path = decodedPath(url.pathname)
  return path === null ? null : `${host}${path.replace(/\/+$/, '')}`
}

/** As exchanges decide on it: percent-decoded once, so that `%61` is no way around `a`. */
function decodedPath(path: string): string | null {
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

/** The host itself, then each name above it: `a.b.test`, `b.test`, `test`. */
export function* namesAbove(host: string): Generator<string> {
  yield host
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) yield host.slice(dot + 1)
}

/** The address itself with each path above it: `h/a/b`, `h/a`, `h`. */
export function* addressesAbove(host: string, path: string): Generator<string> {
  const decoded = decodedPath(path) ?? path
  let address = `${host}${decoded.replace(/\/+$/, '')}`
  for (;;) {
    yield address
    const slash = address.lastIndexOf('/')
    if (slash < 0) return
    address = address.slice(0, slash)
  }
}

export function networkCovers(network: Ipaddr, clientIp: string): boolean {
  const plain = clientIp.startsWith('::ffff:') && clientIp.includes('.') ? clientIp.slice('::ffff:'.length) : clientIp
  const address = parseIpaddr(plain)
  return address !== null && isInRange(address, network)
}
