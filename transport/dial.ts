// Opens outgoing connections: TCP, and TLS whose server name is apart from the address. Must never wait without a
// deadline, leak a socket that connects after the wait is over, or accept a certificate that does not verify.
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

export type DialTarget = { readonly host: string; readonly port: number }
export type DialOptions = {
  readonly deadlineMs?: number
  readonly signal?: AbortSignal | undefined
  readonly lookup?: LookupFunction
}

/** A connected TCP socket, half-open allowed, without Nagle. Throws Fault `upstream-…` or `closing` (aborted). */
export function dial(target: DialTarget, options: DialOptions = {}): Promise<Socket> {
  const host = target.host.replace(/^\[(.*)\]$/, '$1')
  const socket = connect({
    host,
    port: target.port,
    // Node tries IPv6 and IPv4 in turns (RFC 8305).
    autoSelectFamily: true,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    lookup: isLocalhost(host) ? loopbackLookup : (options.lookup ?? systemLookup),
  })
  return settled(socket, 'connect', options.deadlineMs ?? caps.dialMs.default, options.signal)
}

/** As `dial`, with TLS on top. A certificate that does not verify is Fault `certificate-refused`. */
export async function dialTls(
  target: DialTarget,
  tls: ConnectionOptions & { readonly servername: string },
  options: DialOptions = {},
): Promise<TLSSocket> {
  const deadlineMs = options.deadlineMs ?? caps.dialMs.default
  const startMs = performance.now()
  const tcp = await dial(target, options)
  const leftMs = Math.max(1, deadlineMs - (performance.now() - startMs))
  return secure(tcp, tls, { deadlineMs: leftMs, signal: options.signal })
}

/** TLS as client over a connected socket. */
export function secure(
  tcp: Socket,
  tls: ConnectionOptions & { readonly servername: string },
  options: Omit<DialOptions, 'lookup'> = {},
): Promise<TLSSocket> {
  // An address is no server name (RFC 6066); it is still what the certificate is checked against.
  const name = isIP(tls.servername) === 0 ? { servername: tls.servername } : { servername: '', host: tls.servername }
  const socket = connectTls({ ...tls, ...name, socket: tcp, rejectUnauthorized: true })
  return settled(socket, 'secureConnect', options.deadlineMs ?? caps.dialMs.default, options.signal)
}

/** RFC 6761: `localhost` and everything below it is this machine, whatever a resolver says. */
export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host)
}

const loopbackLookup: LookupFunction = (_host, options, callback) => {
  const addresses: LookupAddress[] = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  if (options.all === true) callback(null, addresses)
  else callback(null, '127.0.0.1', 4)
}

function settled<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<S> {
  const { promise, resolve, reject } = Promise.withResolvers<S>()
  const settle = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off(event, onReady)
    socket.off('close', onClose)
  }
  const fail = (fault: Fault) => {
    settle()
    // The error listener stays on a socket that failed: a late error must not end the process.
    socket.destroy()
    reject(fault)
  }
  const onReady = () => {
    settle()
    socket.off('error', onError)
    resolve(socket)
  }
  const onError = (cause: NodeJS.ErrnoException) => {
    const isCertificate = event === 'secureConnect' && 'cert' in cause
    const code = isCertificate || isVerifyCode(cause.code) ? 'certificate-refused' : 'upstream-unreachable'
    fail(new Fault(code, { detail: { code: cause.code }, cause }))
  }
  const onClose = () => fail(new Fault('upstream-unreachable', { detail: { why: 'closed' } }))
  const onAbort = () => fail(new Fault('closing'))
  const timer = setTimeout(() => fail(new Fault('upstream-timeout')), deadlineMs)
  socket.on('error', onError).on('close', onClose).on(event, onReady)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort)
  return promise
}

/** What Node calls a certificate that does not verify. */
export function isVerifyCode(code: string | undefined): boolean {
  return /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_(CA|PURPOSE)|ERR_TLS_CERT|HOSTNAME_MISMATCH|UNSPECIFIED)/.test(
    code ?? '',
  )
}
