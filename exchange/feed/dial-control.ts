// Dials control's feed. Must never accept a peer whose certificate is not control's: the same authority also signs
// exchanges and doors.
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { FEED_ALPN } from '#core/wire/feed.ts'
import { Fault } from '#core/fault.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from '#exchange/caps.ts'

export type FeedAddress = { readonly host: string; readonly port: number; readonly serverName: string }

export type FeedCredentials = { readonly key: string; readonly cert: string; readonly ca: readonly string[] }

/** A silent control is found after three missed heartbeats. */
export const FEED_FRAMES = { maxSilenceMs: 3 * caps.heartbeatMs.default, pingAfterMs: caps.heartbeatMs.default }

/** A TLS 1.3 connection to control, verified by authority and identity. Throws Fault `control-unreachable`. */
export function dialControl(
  address: FeedAddress,
  credentials: FeedCredentials,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({
    ...internalTls,
    host: address.host,
    port: address.port,
    servername: address.serverName,
    ALPNProtocols: [FEED_ALPN],
    key: credentials.key,
    cert: credentials.cert,
    ca: [...credentials.ca],
    checkServerIdentity: (_name: string, peer: PeerCertificate) => (isControl(peer.raw) ? undefined : notControl()),
  })
  const fail = (error: Error) => {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
    reject(error instanceof Fault ? error : new Fault('control-unreachable', { cause: error }))
  }
  const onAbort = () => fail(new Fault('control-unreachable', { detail: { why: 'too slow or stopped' } }))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  socket.on('error', fail)
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol !== FEED_ALPN || !socket.authorized) return fail(notControl())
    signal.removeEventListener('abort', onAbort)
    socket.off('error', fail)
    socket.setNoDelay(true)
    resolve(socket)
  })
  return promise
}

function isControl(der: Uint8Array): boolean {
  const identity = identityOf(readPeer(der))
  return identity?.role === 'control' && identity.owner === 'provider'
}

function notControl(): Fault {
  return new Fault('certificate-refused', { detail: { why: 'the peer of the feed is not control' } })
}
