// Dials the link door of an exchange with our certificate. Must never finish a handshake with anything but an exchange
// of the authority pinned at enrolment.
import type { TLSSocket } from 'node:tls'
import { dialTls, type DialTarget } from '#transport/dial.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'

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
