// Ends TLS on a connection whose hello was read already: the name is known, so one context is enough. Must never be used
// where a client certificate is asked for: a bare TLS socket hands out data of strangers.
import type { Duplex } from 'node:stream'
import { TLSSocket, type SecureContext } from 'node:tls'
import { Fault } from '#core/fault.ts'

export type EndTlsOptions = {
  readonly secureContext: SecureContext
  /** In our order of preference; what the client did not offer is left out. */
  readonly protocols: readonly string[]
  readonly deadlineMs: number
}

/** `socket` still holds the hello (unshifted). Destroys it and throws Fault `request-timeout` or `certificate-refused`. */
export function endTls(socket: Duplex, { secureContext, protocols, deadlineMs }: EndTlsOptions): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const secured = new TLSSocket(socket, { isServer: true, secureContext, ...alpn(protocols) })
  const fail = (fault: Fault) => {
    settle()
    secured.destroy()
    socket.destroy()
    reject(fault)
  }
  const onError = (cause: Error) => fail(new Fault('certificate-refused', { detail: { alert: codeOf(cause) }, cause }))
  const onClose = () => fail(new Fault('certificate-refused', { detail: { alert: 'closed' } }))
  const timer = setTimeout(() => fail(new Fault('request-timeout')), deadlineMs)
  const settle = () => {
    clearTimeout(timer)
    secured.off('close', onClose)
  }
  // These listeners stay: a late reset must not end the process.
  secured.on('error', onError)
  socket.on('error', () => {})
  secured.once('_tlsError', onError)
  secured.once('close', onClose)
  secured.once('secure', () => {
    settle()
    // A server's own doing; without it Node's HTTP/2 waits for a handshake that is over (tested).
    Object.assign(secured, { secureConnecting: false })
    resolve(secured)
  })
  return promise
}

/** As it is on the wire: a bare TLS socket takes nothing else (RFC 7301). */
function alpn(protocols: readonly string[]): { ALPNProtocols?: Buffer } {
  if (protocols.length === 0) return {}
  return { ALPNProtocols: Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)]))) }
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
