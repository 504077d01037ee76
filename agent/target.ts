// The host and port that a local program asks for. Must never let through what is not plainly a name or an address.
import { isIP } from 'node:net'
import { parseAuthority } from '#transport/authority.ts'

export type Target = { readonly host: string; readonly port: number }

/** Lower case, without trailing dot or brackets; `undefined` when it is neither a host name nor an address. */
export function parseHost(text: string): string | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  if (isIP(bare) === 6) return bare.includes('%') ? undefined : bare.toLowerCase()
  const authority = parseAuthority(bare)
  return authority === undefined || authority.port !== undefined || authority.host.startsWith('[')
    ? undefined
    : authority.host
}

/** `host:port`. */
export function parseTarget(text: string): Target | undefined {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  const host = at < 1 ? undefined : parseHost(text.slice(0, at).replace(/^\[(.*)\]$/, '$1'))
  if (host === undefined || !/^[1-9]\d{0,4}$/.test(text.slice(at + 1)) || port > 65_535) return undefined
  return { host, port }
}
