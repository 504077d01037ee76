// Control's one TCP port: an optional PROXY header from listed relays, the ClientHello, and a server by its name.
// Must never believe an address that an unlisted peer claims, nor serve a host on a connection made for another.
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTlsServer, type SecureContext, type TLSSocket } from 'node:tls'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { asFault, Fault } from '#core/fault.ts'
import { FEED_ALPN } from '#core/wire/feed.ts'
import { addressList, plainAddress } from '#transport/address-list.ts'
import { adopt, readClientHello } from '#transport/client-hello.ts'
import { readProxyHeader } from '#transport/proxy-protocol.ts'
import { guardRequests, strictServerOptions } from '#transport/request-guard.ts'
import { refuseTls } from '#transport/tls-alert.ts'
import { browserDoorTls, certificateDoorTls } from '#transport/tls-defaults.ts'
import type { ControlAuthority } from './authority/authority.ts'
import { caps } from './caps.ts'
import type { WebCertificates } from './web-certificates.ts'

const ACME_ALPN = 'acme-tls/1'

export type FrontDoorConfig = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly relays: readonly string[]
  readonly domain: string
}
export type FrontDoorDeps = {
  readonly authority: ControlAuthority
  readonly certificates: WebCertificates
  /** Whether this host name is one of ours; asked before a certificate is made for it. */
  readonly isHost: (host: string) => Promise<boolean>
  readonly onFeed: (socket: TLSSocket) => void
  /** `host` equals the name the connection was made for. */
  readonly onRequest: (host: string, request: IncomingMessage, response: ServerResponse) => void
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}
export type FrontDoor = {
  readonly port: number
  /** The person's address, also behind a relay. */
  readonly clientIp: (request: IncomingMessage) => string
  /** Lets nobody in and waits for answers under way, bounded; feeds that are connected are closed by their owner. */
  readonly close: () => Promise<void>
  readonly destroy: () => void
}

export async function startFrontDoor(config: FrontDoorConfig, deps: FrontDoorDeps): Promise<FrontDoor> {
  const feedHost = `feed.${config.domain}`
  const relays = addressList(config.relays)
  const sockets = new Set<Socket>()
  /** Belong to the feed, which says goodbye to its exchanges itself. */
  const fed = new WeakSet<Socket>()
  /** Connections of the web side, with the number of answers each is waiting for. */
  const open = new Map<TLSSocket, number>()
  let isClosing = false
  const stop = new AbortController()
  /** `address port` of the peer of a live connection → address that its relay told. */
  const told = new Map<string, string>()

  const feedCredentials = await deps.authority.feedCertificate()
  const feed = createTlsServer(
    {
      ...certificateDoorTls,
      key: feedCredentials.keyPem,
      cert: feedCredentials.certPem,
      ca: [...deps.authority.exchangeCaPem],
      ALPNProtocols: [FEED_ALPN],
      handshakeTimeout: caps.feedHelloMs.default,
    },
    (socket) => {
      if (socket.alpnProtocol !== FEED_ALPN) return void socket.destroy()
      deps.onFeed(socket)
    },
  )
  feed.on('tlsClientError', (error: Error, socket) => {
    deps.log('feed handshake refused', { error: error.message })
    socket.destroy()
  })
  // The certificate lives a day; connections outlive it, new ones get the next.
  const renewal = setInterval(() => {
    deps.authority.feedCertificate().then(
      ({ keyPem, certPem }) =>
        feed.setSecureContext({
          ...certificateDoorTls,
          key: keyPem,
          cert: certPem,
          ca: [...deps.authority.exchangeCaPem],
        }),
      (error: unknown) => deps.log('feed certificate not renewed', { error: String(error) }),
    )
  }, 6 * 3_600_000)
  renewal.unref()

  const guard = guardRequests({
    onRequest: (request, response) => {
      const socket = request.socket as TLSSocket
      const { servername } = socket
      open.set(socket, (open.get(socket) ?? 0) + 1)
      response.once('close', () => {
        const left = (open.get(socket) ?? 1) - 1
        if (open.has(socket)) open.set(socket, left)
        if (isClosing && left === 0) socket.end()
      })
      const host = (request.headers.host ?? '').toLowerCase().replace(/:\d{1,5}$/, '')
      // Browsers reuse a connection for other names of its certificate; ours answers for one name only.
      if (host === '' || host !== servername) {
        return void response.writeHead(421, { 'content-type': 'text/plain', connection: 'close' }).end('Not this host.')
      }
      deps.onRequest(host, request, response)
    },
  })
  const web = createHttpsServer({
    ...browserDoorTls,
    ...strictServerOptions,
    ALPNProtocols: ['http/1.1'],
    requestTimeout: caps.handlerMs.default,
    headersTimeout: caps.requestMs.default,
    keepAliveTimeout: caps.keepAliveMs.default,
    handshakeTimeout: caps.requestMs.default,
    SNICallback: (host, done) => void answerName(host, done),
  })
  web.on('secureConnection', (socket: TLSSocket) => {
    if (isClosing) return void socket.destroy()
    open.set(socket, 0)
    socket.once('close', () => open.delete(socket))
  })
  web.on('request', guard.request)
  web.on('upgrade', guard.upgrade)
  web.on('connect', guard.upgrade)
  web.on('checkContinue', guard.request)
  web.on('tlsClientError', (_error, socket) => socket.destroy())
  web.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  const validation = createTlsServer({
    ...browserDoorTls,
    ALPNProtocols: [ACME_ALPN],
    handshakeTimeout: caps.requestMs.default,
    SNICallback: (host, done) => {
      const context = deps.certificates.challengeFor(host)
      if (context === undefined) done(new Error('no challenge'))
      else done(null, context)
    },
  })
  validation.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => socket.destroy()).end())
  validation.on('tlsClientError', (_error, socket) => socket.destroy())
  // Node starts checking its deadlines when a server listens; this one never does.
  web.emit('listening')

  async function answerName(host: string, done: (error: Error | null, context?: SecureContext) => void): Promise<void> {
    let context: SecureContext
    try {
      context = await deps.certificates.contextFor(host)
    } catch (error) {
      deps.log('no certificate', { host, error: String(error) })
      return done(new Error('no certificate'))
    }
    done(null, context)
  }

  /** RFC 8737: a validation of ours is shown its certificate and nothing else; nobody else speaks this protocol. */
  function answerChallenge(socket: Socket, host: string, bytes: Buffer): void {
    if (deps.certificates.challengeFor(host) === undefined) return refuseTls(socket, 'unrecognizedName')
    adopt(socket, bytes, validation)
  }

  async function enter(socket: Socket): Promise<void> {
    const { remoteAddress, remotePort } = socket
    let rest: Buffer = Buffer.alloc(0)
    if (relays.includes(remoteAddress)) {
      const read = await readProxyHeader(socket, {
        deadlineMs: caps.proxyHeaderMs.default,
        signal: stop.signal,
        mayBeAbsent: true,
      })
      rest = read.rest
      if (read.header.kind === 'proxied') {
        const key = keyOf(remoteAddress, remotePort)
        told.set(key, plainAddress(read.header.sourceAddress))
        socket.once('close', () => told.delete(key))
      }
    }
    if (rest.length > 0) socket.unshift(rest)
    const hello = await readClientHello(socket, { signal: stop.signal })
    if (hello.kind !== 'tls') return void socket.destroy()
    const host = hello.serverName
    if (host === undefined) return refuseTls(socket, 'unrecognizedName')
    if (host === feedHost) {
      fed.add(socket)
      return adopt(socket, hello.bytes, feed)
    }
    if (hello.alpn.includes(ACME_ALPN)) return answerChallenge(socket, host, hello.bytes)
    if (!(await deps.isHost(host))) return refuseTls(socket, 'unrecognizedName')
    adopt(socket, hello.bytes, web)
  }

  const server: Server = createTcpServer({ pauseOnConnect: false, noDelay: true, keepAlive: true }, (socket) => {
    if (sockets.size >= caps.connections.default) return void socket.destroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    enter(socket).catch((error: unknown) => {
      if (asFault(error).code === 'internal') deps.log('connection failed', { error: String(asFault(error).cause) })
      socket.destroy()
    })
  })
  await listen(server, config.listen)
  const address = server.address()

  const destroy = () => {
    stop.abort()
    clearInterval(renewal)
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    clientIp: ({ socket }) =>
      told.get(keyOf(socket.remoteAddress, socket.remotePort)) ?? plainAddress(socket.remoteAddress ?? '0.0.0.0'),
    destroy,
    close: async () => {
      isClosing = true
      server.close()
      stop.abort()
      clearInterval(renewal)
      // Browsers keep connections without a question on them, for minutes: only answers under way are waited for.
      for (const [socket, answers] of open) if (answers === 0) socket.destroy()
      const drained = [...sockets].filter((socket) => !fed.has(socket)).map(whenClosed)
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const patience = setTimeout(resolve, caps.closeMs.default)
      await Promise.race([Promise.all(drained), late])
      clearTimeout(patience)
      for (const socket of sockets) if (!fed.has(socket)) socket.destroy()
    },
  }
}

function whenClosed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('close', () => resolve())
  if (socket.destroyed) resolve()
  return promise
}

function keyOf(address: string | undefined, port: number | undefined): string {
  return `${address} ${port}`
}

async function listen(server: Server, { host, port }: FrontDoorConfig['listen']): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error: Error & { code?: string }) =>
    reject(error.code === 'EADDRINUSE' ? new Fault('address-in-use', { hint: `${host}:${port}` }) : error),
  )
  server.listen(port, host, () => resolve())
  await promise
}
