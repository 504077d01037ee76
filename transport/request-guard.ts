// Puts the strict reading of request heads in front of an HTTP/1 server's listener. Must never let a second request
// of a refused connection through: behind a head that can be read two ways everything is suspect.
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { caps } from './caps.ts'
import { checkRequestHead, type CheckedHead, type HeadRefusal } from './http-strictness.ts'

export type CheckedRequest = Extract<CheckedHead, { readonly ok: true }>
type OnRequest = (request: IncomingMessage, response: ServerResponse, head: CheckedRequest) => void
type OnUpgrade = (request: IncomingMessage, socket: Duplex, first: Buffer, head: CheckedRequest) => void

export type RequestGuard = {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void
  /** For the `upgrade` and `connect` events. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, first: Buffer) => void
}

/** What a server behind the guard is made with. */
export const strictServerOptions = {
  insecureHTTPParser: false,
  joinDuplicateHeaders: false,
  // Node answers a missing Host by itself, and then goes on with the request behind it (measured): we answer instead.
  requireHostHeader: false,
  maxHeaderSize: caps.headerBytes.default,
  noDelay: true,
} satisfies ServerOptions

/** Listeners for a server's `request`, `upgrade` and `connect` events that pass on only what reads one way. */
export function guardRequests(handlers: {
  readonly onRequest: OnRequest
  readonly onUpgrade?: OnUpgrade
  readonly onRefused?: (reason: HeadRefusal, request: IncomingMessage) => void
}): RequestGuard {
  const refused = new WeakSet<Duplex>()
  const check = (request: IncomingMessage): CheckedRequest | undefined => {
    // Pipelined requests are announced as soon as they are parsed, also behind one that was refused.
    if (refused.has(request.socket)) return undefined
    const head = checkRequestHead(request.rawHeaders, {
      method: request.method ?? '',
      url: request.url ?? '',
      httpVersion: request.httpVersion,
    })
    if (head.ok) return head
    refused.add(request.socket)
    handlers.onRefused?.(head.reason, request)
    return undefined
  }
  return {
    request(request, response) {
      const wasRefused = refused.has(request.socket)
      const head = check(request)
      if (head !== undefined) handlers.onRequest(request, response, head)
      else if (!wasRefused) response.writeHead(400, { Connection: 'close', 'Content-Length': 0 }).end()
    },
    upgrade(request, socket, first) {
      const head = check(request)
      if (head !== undefined && handlers.onUpgrade !== undefined) handlers.onUpgrade(request, socket, first, head)
      else {
        socket.on('error', () => {})
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        socket.on('finish', () => socket.destroy())
      }
    },
  }
}
