// Dials the link door of an exchange with our certificate. Must never finish a handshake with anything but an exchange
// of the authority pinned at enrolment.
import type { TLSSocket } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { dialTls, type DialTarget } from '#transport/dial.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'

/** `host:port` or `[ipv6]:port`; Fault `configuration-invalid` otherwise. */
export function parseAddress(text: string): DialTarget {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Fault('configuration-invalid', { hint: `"${text.slice(0, 100)}" is not an address host:port.` })
  }
  return { host, port }
}

export type LinkCredentials = {
  readonly serverName: string
  readonly caPem: readonly string[]
  readonly key: string
  readonly cert: string
}

export function dialLink(address: DialTarget, credentials: LinkCredentials, signal: AbortSignal): Promise<TLSSocket> {
  const { serverName, caPem, key, cert } = credentials
  const tls = { ...internalTls, servername: serverName, ca: [...caPem], key, cert }
  return dialTls(address, tls, { deadlineMs: caps.dialMs.default, signal })
}
