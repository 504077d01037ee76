// Refuses request heads that two parsers could read differently: what Node's strict parser lets through (two Host
// headers, a target that disagrees with Host, odd Transfer-Encodings) and its HTTP/2 counterparts. Must never repair.
import { isSameAuthority, parseAuthority, type Authority } from './authority.ts'
import { caps } from './caps.ts'

export type RequestLine = { readonly method: string; readonly url: string; readonly httpVersion: string }

export type HeadRefusal =
  | 'header-name'
  | 'header-alias'
  | 'header-value'
  | 'too-many-headers'
  | 'headers-too-large'
  | 'cookies-too-large'
  | 'url-too-large'
  | 'host-missing'
  | 'host-repeated'
  | 'host-malformed'
  | 'host-mismatch'
  | 'target-form'
  | 'content-length'
  | 'transfer-encoding'
  | 'body-framing'
  | 'connection-header'
  | 'pseudo-header'

export type CheckedHead =
  | {
      readonly ok: true
      readonly authority: Authority
      /** In origin form: begins with `/`, or `*`; empty for CONNECT. */
      readonly target: string
    }
  | { readonly ok: false; readonly reason: HeadRefusal }

/** Names whose meaning must not depend on how a server folds `_`, `.` and `-`. */
const guardedNames =
  /^(host|connection|transfer-encoding|content-length|cookie|authorization|proxy-.+|forwarded|x-forwarded-.+|x-real-ip|x-sallyport-.+|upgrade|te|trailer|expect)$/
const connectionHeaders = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])
const pseudoHeaders = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])
const schemePorts: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** `rawHeaders` as Node gives them: name, value, name, value; for HTTP/2 with its pseudo-headers. */
export function checkRequestHead(rawHeaders: readonly string[], line: RequestLine): CheckedHead {
  const isHttp2 = line.httpVersion.startsWith('2')
  const fields = new Map<string, string[]>()
  const badField = collect(rawHeaders, isHttp2, fields)
  if (badField !== undefined) return { ok: false, reason: badField }
  if (line.url.length > caps.urlBytes.default) return { ok: false, reason: 'url-too-large' }
  const badFraming = isHttp2 ? checkHttp2(fields) : checkBodyFraming(fields, line.httpVersion)
  if (badFraming !== undefined) return { ok: false, reason: badFraming }
  return isHttp2 ? readHttp2Target(fields, line) : readTarget(fields, line)
}

function collect(raw: readonly string[], isHttp2: boolean, fields: Map<string, string[]>): HeadRefusal | undefined {
  if (raw.length / 2 > caps.headerCount.default) return 'too-many-headers'
  let total = 0
  let cookieBytes = 0
  let sawRegular = false
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]]
    total += name.length + value.length + 4
    if (name.startsWith(':')) {
      if (!isHttp2 || sawRegular || !pseudoHeaders.has(name) || fields.has(name)) return 'pseudo-header'
    } else {
      sawRegular = true
      if (!/^[A-Za-z0-9._-]+$/.test(name) || (isHttp2 && name !== name.toLowerCase())) return 'header-name'
      if (/[._]/.test(name) && guardedNames.test(name.replace(/[._]/g, '-').toLowerCase())) return 'header-alias'
    }
    // Node's own parsers refuse most of these; HTTP/2 and headers made by other code of ours are held to the same.
    if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value)) return 'header-value'
    const key = name.toLowerCase()
    if (key === 'cookie') cookieBytes += value.length
    const values = fields.get(key)
    if (values === undefined) fields.set(key, [value])
    else values.push(value)
  }
  if (total > caps.headerBytes.default) return 'headers-too-large'
  if (cookieBytes > caps.cookieBytes.default) return 'cookies-too-large'
  const cookies = (fields.get('cookie') ?? []).reduce((count, value) => count + value.split(';').length, 0)
  return cookies > caps.cookieCount.default ? 'cookies-too-large' : undefined
}

function checkBodyFraming(fields: ReadonlyMap<string, string[]>, httpVersion: string): HeadRefusal | undefined {
  const lengths = fields.get('content-length')
  if (lengths !== undefined && (lengths.length !== 1 || !/^\d{1,15}$/.test(lengths[0] ?? ''))) return 'content-length'
  const encodings = fields.get('transfer-encoding')
  if (encodings === undefined) return undefined
  if (lengths !== undefined) return 'body-framing'
  if (httpVersion !== '1.1') return 'transfer-encoding'
  return encodings.length === 1 && encodings[0]?.toLowerCase() === 'chunked' ? undefined : 'transfer-encoding'
}

function checkHttp2(fields: ReadonlyMap<string, string[]>): HeadRefusal | undefined {
  for (const name of connectionHeaders) if (fields.has(name)) return 'connection-header'
  if (fields.get('te')?.some((value) => value !== 'trailers') === true) return 'connection-header'
  const lengths = fields.get('content-length')
  return lengths !== undefined && (lengths.length !== 1 || !/^\d{1,15}$/.test(lengths[0] ?? ''))
    ? 'content-length'
    : undefined
}

function readTarget(fields: ReadonlyMap<string, string[]>, { method, url }: RequestLine): CheckedHead {
  const hosts = fields.get('host')
  if (hosts === undefined) return { ok: false, reason: 'host-missing' }
  if (hosts.length !== 1) return { ok: false, reason: 'host-repeated' }
  const authority = parseAuthority(hosts[0] ?? '')
  if (authority === undefined) return { ok: false, reason: 'host-malformed' }
  if (method === 'CONNECT') return readConnectTarget(url, authority)
  if (url === '*')
    return method === 'OPTIONS' ? { ok: true, authority, target: '*' } : { ok: false, reason: 'target-form' }
  if (url.startsWith('/')) return { ok: true, authority, target: url }
  // Absolute form: what proxies get. RFC 9112 lets it win over Host; here they have to agree.
  const match = /^(https?):\/\/([^/?#]+)(\/[^#]*)?$/i.exec(url)
  const said = parseAuthority(match?.[2] ?? '')
  if (match === null || said === undefined) return { ok: false, reason: 'target-form' }
  const port = schemePorts[(match[1] ?? '').toLowerCase()]
  if (!isSameAuthority(said, authority, port)) return { ok: false, reason: 'host-mismatch' }
  return { ok: true, authority: said, target: match[3] ?? '/' }
}

function readConnectTarget(url: string, host: Authority): CheckedHead {
  const said = parseAuthority(url)
  if (said?.port === undefined) return { ok: false, reason: 'target-form' }
  // Clients differ in whether Host repeats the port here; the host itself has to be the same.
  if (said.host !== host.host || (host.port ?? said.port) !== said.port) return { ok: false, reason: 'host-mismatch' }
  return { ok: true, authority: said, target: '' }
}

function readHttp2Target(fields: ReadonlyMap<string, string[]>, { method, url }: RequestLine): CheckedHead {
  const [pseudo, hosts] = [fields.get(':authority'), fields.get('host')]
  if (hosts !== undefined && hosts.length !== 1) return { ok: false, reason: 'host-repeated' }
  // RFC 8441: only a CONNECT may say what it wants to become.
  if (fields.has(':protocol') && method !== 'CONNECT') return { ok: false, reason: 'pseudo-header' }
  const text = pseudo?.[0] ?? hosts?.[0]
  if (text === undefined) return { ok: false, reason: 'host-missing' }
  const authority = parseAuthority(text)
  if (authority === undefined) return { ok: false, reason: 'host-malformed' }
  const host = hosts === undefined ? authority : parseAuthority(hosts[0] ?? '')
  const port = schemePorts[fields.get(':scheme')?.[0] ?? 'https']
  if (host === undefined || !isSameAuthority(authority, host, port)) return { ok: false, reason: 'host-mismatch' }
  if (method === 'CONNECT' && !fields.has(':protocol')) {
    return authority.port === undefined ? { ok: false, reason: 'target-form' } : { ok: true, authority, target: '' }
  }
  if (url.startsWith('/') && !url.includes('#')) return { ok: true, authority, target: url }
  return url === '*' && method === 'OPTIONS'
    ? { ok: true, authority, target: '*' }
    : { ok: false, reason: 'target-form' }
}
