// TLS server on sockets that this connector dialled itself: it proves who we are and lets in nobody but the one key
// that the grant names, resumed or not. Must never listen: sockets are handed to it one by one.
import { randomBytes } from 'node:crypto'
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { secretEquals } from '#transport/secret.ts'
import { certificateDoorTls, flowServerTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'

export type ExpectedPeer = {
  readonly role: 'device' | 'exchange'
  /** Tenant id, or `provider`. */
  readonly owner: string
  readonly id: string
  readonly keyThumbprint: string
}

export type HandshakeConfig = {
  readonly credentials: { readonly key: string; readonly cert: string }
  /** PEM of who signs the certificates of the peers. */
  readonly caPem: readonly string[]
}

export type HandshakeDeps = {
  readonly nowMs: () => number
  /** Peers may come back with a ticket instead of showing their certificate again. */
  readonly mayResume: boolean
}

type Waiting = PromiseWithResolvers<TLSSocket>

/** What Node takes for the keys of tickets. */
const TICKET_KEY_BYTES = 48

export class PeerHandshakes {
  readonly #server: Server
  readonly #deps: HandshakeDeps
  #config: HandshakeConfig
  #keysSinceMs: number
  readonly #waiting = new Map<string, Waiting>()

  constructor(config: HandshakeConfig, deps: HandshakeDeps) {
    this.#config = config
    this.#deps = deps
    this.#server = createServer({
      ...this.#options(config),
      handshakeTimeout: caps.handshakeMs.default,
      allowHalfOpen: true,
    })
    this.#keysSinceMs = deps.nowMs()
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => {})
      const waiting = this.#waiting.get(nameOf(socket))
      if (waiting === undefined) socket.destroy()
      else waiting.resolve(socket)
    })
    this.#server.on('tlsClientError', (cause, socket) => {
      this.#waiting.get(nameOf(socket))?.reject(new Fault('certificate-refused', { cause }))
      socket.destroy()
    })
  }

  /** New keys and authorities for handshakes that begin from now on; tickets given under others are void. */
  update(config: HandshakeConfig): void {
    if (isSame(config, this.#config)) return
    this.#config = config
    this.#server.setSecureContext(this.#options(config))
    this.#keysSinceMs = this.#deps.nowMs()
  }

  #options({ credentials, caPem }: HandshakeConfig): TlsOptions {
    const tls = this.#deps.mayResume
      ? // Of this connector, process and authority alone: another server takes no ticket of ours, nor we of it.
        {
          ...flowServerTls,
          sessionIdContext: randomBytes(16).toString('hex'),
          ticketKeys: randomBytes(TICKET_KEY_BYTES),
        }
      : certificateDoorTls
    return { ...tls, ...credentials, ca: [...caPem] }
  }

  /** A resumed connection gets a new ticket: without this, one proof of a key would be good for ever. */
  #renewTicketKeys(): void {
    const nowMs = this.#deps.nowMs()
    if (!this.#deps.mayResume || nowMs - this.#keysSinceMs < caps.ticketKeyLifeMs.default) return
    this.#keysSinceMs = nowMs
    this.#server.setTicketKeys(randomBytes(TICKET_KEY_BYTES))
  }

  /** The encrypted socket, its other end proven to be `peer`. On failure the socket is destroyed. */
  async accept(socket: Socket, peer: ExpectedPeer, signal: AbortSignal): Promise<TLSSocket> {
    const name = nameOf(socket)
    const waiting = Promise.withResolvers<TLSSocket>()
    const onClose = () => waiting.reject(new Fault('certificate-refused', { detail: { why: 'closed in handshake' } }))
    const onAbort = () => waiting.reject(new Fault('closing'))
    const timer = setTimeout(() => waiting.reject(new Fault('request-timeout')), caps.handshakeMs.default)
    socket.on('error', () => {})
    socket.once('close', onClose)
    signal.addEventListener('abort', onAbort)
    try {
      if (signal.aborted) throw new Fault('closing')
      if (name === '' || socket.destroyed) throw new Fault('certificate-refused', { detail: { why: 'already closed' } })
      this.#renewTicketKeys()
      this.#waiting.set(name, waiting)
      this.#server.emit('connection', socket)
      const secured = await waiting.promise
      requirePeer(secured, peer, this.#deps.nowMs())
      return secured
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(name)
      socket.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** One live TCP connection has one pair of addresses; empty when the socket is gone. */
function nameOf(socket: Socket): string {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localPort === undefined || remotePort === undefined) return ''
  return `${localAddress}|${localPort}|${remoteAddress}|${remotePort}`
}

function isSame(left: HandshakeConfig, right: HandshakeConfig): boolean {
  return (
    left.credentials.key === right.credentials.key &&
    left.credentials.cert === right.credentials.cert &&
    left.caPem.length === right.caPem.length &&
    left.caPem.every((pem, at) => pem === right.caPem[at])
  )
}

function requirePeer(socket: TLSSocket, expected: ExpectedPeer, nowMs: number): void {
  const refuse = (why: string) => new Fault('certificate-refused', { detail: { why } })
  // TLS has verified the chain; said again because everything below rests on it.
  if (!socket.authorized || socket.getProtocol() !== 'TLSv1.3') throw refuse('not verified')
  const peer = readPeer(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0))
  // A ticket brings the certificate back as it was verified then.
  if (peer.notAfter.getTime() <= nowMs) throw refuse('expired')
  if (!secretEquals(peer.thumbprint, expected.keyThumbprint)) throw refuse('another key than the grant names')
  const name = identityOf(peer)
  if (name?.role !== expected.role || name.owner !== expected.owner || name.id !== expected.id) {
    throw refuse('another name than the grant and statement say')
  }
}
