// An HTTP/1.1 server that never listens: doors hand it sockets. Its deadlines and limits hold all the same. Must never
// pass on a request head that two parsers could read differently.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HeadRefusal } from '#transport/http-strictness.ts'
import { guardRequests, strictServerOptions, type CheckedRequest } from '#transport/request-guard.ts'
import { caps as transportCaps } from '#transport/caps.ts'
import { caps } from '#exchange/caps.ts'

export type HttpHandlers = {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, head: CheckedRequest) => void
  /** Upgrades and CONNECT. */
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, first: Buffer, head: CheckedRequest) => void
  readonly onRefused: (reason: HeadRefusal, request: IncomingMessage) => void
}

export type DoorServer = {
  readonly serve: (socket: Duplex) => void
  /** Answers what is under way and ends each connection after it. */
  readonly drain: () => void
  readonly close: () => void
}

export function createDoorServer(handlers: HttpHandlers): DoorServer {
  const refused = new WeakSet<Duplex>()
  const guard = guardRequests({
    ...handlers,
    onRefused(reason, request) {
      refused.add(request.socket)
      handlers.onRefused(reason, request)
    },
  })
  const server: Server = createServer({
    ...strictServerOptions,
    headersTimeout: caps.requestHeadMs.default,
    // Large uploads take as long as they take; the relay behind has its own idle deadline.
    requestTimeout: 0,
    keepAliveTimeout: caps.keepAliveMs.default,
    connectionsCheckingInterval: 2_000,
    highWaterMark: 65_536,
  })
  server.maxHeadersCount = 2 * transportCaps.headerCount.default
  server.on('request', guard.request)
  server.on('upgrade', guard.upgrade)
  server.on('connect', guard.upgrade)
  server.on('clientError', (_error: Error, socket: Duplex) => {
    // One refusal is all that a connection gets; behind it lies what was refused.
    if (socket.writable && !refused.has(socket))
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  // Node starts checking its deadlines when a server listens; this one never does.
  server.emit('listening')
  let isDraining = false
  server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    if (isDraining) response.setHeader('connection', 'close')
  })

  return {
    serve: (socket) => void server.emit('connection', socket),
    drain() {
      isDraining = true
      server.closeIdleConnections()
    },
    close() {
      isDraining = true
      server.close()
      server.closeAllConnections()
    },
  }
}
