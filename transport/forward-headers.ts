// Which header fields pass a proxy. Must never pass a field that belongs to one connection only (RFC 9110, 7.6.1),
// whether it is known as such or named by Connection.

export type HeaderField = readonly [name: string, value: string]
export type HeaderFields = readonly HeaderField[]

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])
/** What a trailer must not say (RFC 9110, 6.5.1): framing, routing, authentication, cookies. */
const notInTrailers =
  /^(content-(length|encoding|type|range)|host|cache-control|expect|max-forwards|pragma|range|authorization|cookie|set-cookie|www-authenticate|age|date|expires|location|retry-after|vary|warning)$/

/** Pairs from Node's flat list, names in lower case, pseudo-headers left out. */
export function fieldsOf(rawHeaders: readonly string[]): HeaderField[] {
  const fields: HeaderField[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (!name.startsWith(':')) fields.push([name, rawHeaders[at + 1] ?? ''])
  }
  return fields
}

/** The fields that go on to the next hop. */
export function endToEnd(fields: HeaderFields): HeaderField[] {
  let named: Set<string> | undefined
  let cookies = 0
  for (const [name, value] of fields) {
    if (name === 'cookie') cookies++
    else if (name === 'connection') named = namedBy(value, named)
  }
  const kept: HeaderField[] = []
  for (const field of fields) if (!hopByHop.has(field[0]) && named?.has(field[0]) !== true) kept.push(field)
  return cookies < 2 ? kept : joinCookies(kept)
}

/** What a Connection field names besides what never passes. */
function namedBy(value: string, known: Set<string> | undefined): Set<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return known
  const named = known ?? new Set<string>()
  for (const option of value.toLowerCase().split(',')) named.add(option.trim())
  // A client cannot have the fields removed by which a body or a host is told.
  for (const kept of ['host', 'content-length', 'content-type']) named.delete(kept)
  return named
}

/** HTTP/2 clients split cookies over fields; HTTP/1 servers expect one (RFC 9113, 8.2.3). */
function joinCookies(fields: readonly HeaderField[]): HeaderField[] {
  const cookies = fields.filter(([name]) => name === 'cookie')
  if (cookies.length < 2) return [...fields]
  const joined: HeaderField = ['cookie', cookies.map(([, value]) => value).join('; ')]
  return [...fields.filter(([name]) => name !== 'cookie'), joined]
}

export function safeTrailers(fields: HeaderFields): HeaderField[] {
  return endToEnd(fields).filter(
    ([name]) => !notInTrailers.test(name) && !/^(proxy-|x-forwarded|x-sallyport)/.test(name),
  )
}

/** What Node's HTTP/2 takes once only: a second one throws, in the worst case in an event nobody can catch. */
const onceOnly = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
])
const mayBeJoined = new Set(['content-encoding', 'content-language', 'if-match', 'if-none-match'])

/** Fields as HTTP/2 may carry them; undefined when one that may stand once only says two things. */
export function http2Fields(fields: HeaderFields): Record<string, string | string[]> | undefined {
  const groups = grouped(fields.filter(([name]) => !hopByHop.has(name) && !name.startsWith(':')))
  for (const [name, value] of Object.entries(groups)) {
    if (!Array.isArray(value) || !onceOnly.has(name)) continue
    const different = [...new Set(value)]
    if (different.length > 1 && !mayBeJoined.has(name)) return undefined
    groups[name] = different.length === 1 ? (different[0] ?? '') : value.join(', ')
  }
  return groups
}

/** A flat list, as undici and Node take it. */
export function flat(fields: HeaderFields): string[] {
  const list: string[] = []
  for (const field of fields) list.push(field[0], field[1])
  return list
}

/** By name, repeated fields as lists: what Node's HTTP/2 takes. */
export function grouped(fields: HeaderFields): Record<string, string | string[]> {
  const groups = new Map<string, string[]>()
  for (const [name, value] of fields) groups.set(name, [...(groups.get(name) ?? []), value])
  return Object.fromEntries(
    [...groups].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  )
}
