// The host and port that a request is for. Must never accept two spellings of one host, nor anything beside it.
import { isIPv4, isIPv6 } from 'node:net'

export type Authority = {
  /** Lower case; IPv6 in brackets. */
  readonly host: string
  readonly port: number | undefined
}

const labels = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** `host[:port]`, or `undefined`: no user part, no trailing dot, no odd forms of addresses, no leading zeros in ports. */
export function parseAuthority(text: string): Authority | undefined {
  const match = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([1-9]\d{0,4}))?$/.exec(text)
  if (match?.[1] === undefined) return undefined
  const host = match[1].toLowerCase()
  const port = match[2] === undefined ? undefined : Number(match[2])
  if (port !== undefined && port > 65_535) return undefined
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1)) ? { host, port } : undefined
  // `127.1` and `0x7f.0.0.1` are addresses to some resolvers: digits at the end must be a whole IPv4 address.
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)) return isIPv4(host) ? { host, port } : undefined
  return labels.test(host) ? { host, port } : undefined
}

/** Whether two authorities are one, given the port that is meant when none is written. */
export function isSameAuthority(left: Authority, right: Authority, defaultPort: number | undefined): boolean {
  return left.host === right.host && (left.port ?? defaultPort) === (right.port ?? defaultPort)
}
