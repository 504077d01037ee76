// Keeps web pages away from local ports: a page that fetches one, or a name that was rebound to this machine. Must
// never pass on a request whose Host is not this door's, or that another site has caused.
import type { IncomingHttpHeaders } from 'node:http'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

/** How this door is called by those who mean it: `127.0.0.1:8080`, `localhost:8080` … in lower case. */
export type OwnNames = ReadonlySet<string>

export function loopbackNames(port: number): OwnNames {
  const hosts = ['127.0.0.1', 'localhost', '[::1]']
  return new Set([...hosts.map((host) => `${host}:${port}`), ...(port === 80 ? hosts : [])])
}

/** Why this request must not be served, or `undefined`. */
export function strangeRequest(headers: IncomingHttpHeaders, names: OwnNames): string | undefined {
  const host = headers.host?.toLowerCase()
  if (host === undefined || !names.has(host)) return 'host'
  const { origin } = headers
  if (origin !== undefined && !(origin.startsWith('http://') && names.has(origin.slice(7).toLowerCase()))) {
    return 'origin'
  }
  const site = headers['sec-fetch-site']
  // `none`: typed by the person. `same-site` is not enough: every port of this machine is one site.
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    // Following a link to the door is a person's act; a page can cause nothing but that, and cannot read the answer.
    const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
    if (!isLink) return 'site'
  }
  return undefined
}

export type FirstBytes =
  | { readonly kind: 'more' }
  | { readonly kind: 'not-http' }
  | { readonly kind: 'http'; readonly headers: IncomingHttpHeaders }

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE']

/**
 * Looks at the first bytes that a program sends to a raw port. A page can make the person's own browser connect, so
 * that the owner of the socket says nothing; but its bytes are always an HTTP request. Throws when the head is odd.
 */
export function readFirstBytes(held: Buffer): FirstBytes {
  const lineEnd = held.indexOf('\n')
  const line = held.subarray(0, lineEnd < 0 ? held.length : lineEnd).toString('latin1')
  const [word = ''] = line.split(' ', 1)
  const isComplete = lineEnd >= 0
  if (!isComplete) {
    const mayBe = line.includes(' ') ? methods.includes(word) : methods.some((method) => method.startsWith(word))
    return mayBe ? atMost(held, { kind: 'more' }) : { kind: 'not-http' }
  }
  if (!methods.includes(word) || !/^[A-Z]+ \S+ HTTP\/1\.[01]\r?$/.test(line)) return { kind: 'not-http' }
  const end = held.indexOf('\r\n\r\n')
  if (end < 0) return atMost(held, { kind: 'more' })
  const headers: Record<string, string> = {}
  for (const field of held.subarray(0, end).toString('latin1').split('\r\n').slice(1)) {
    const at = field.indexOf(':')
    const name = field.slice(0, at).toLowerCase()
    // Two of them could be read two ways.
    if (at < 1 || (name === 'host' && 'host' in headers)) throw new Fault('request-malformed')
    headers[name] = field.slice(at + 1).trim()
  }
  return { kind: 'http', headers }
}

function atMost(held: Buffer, answer: FirstBytes): FirstBytes {
  if (held.length > caps.localHeadBytes.default) throw new Fault('request-too-large')
  return answer
}
