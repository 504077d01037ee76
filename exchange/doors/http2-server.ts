// HTTP/2 for the browser door: a server that never listens, with limits against the attacks that HTTP/2 invites. Must
// never let one connection cost more than many polite ones.
import {
  constants,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { caps as transportCaps } from '#transport/caps.ts'
import { caps } from '#exchange/caps.ts'

type OnHttp2Request = (
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  socket: TLSSocket | undefined,
) => void

export type Http2Door = {
  readonly serve: (socket: TLSSocket) => void
  /** GOAWAY on every session; streams under way go on. */
  readonly drain: () => void
  readonly close: () => void
}

export function createHttp2Server(
  onRequest: OnHttp2Request,
  onRefused: (why: string) => void,
  /** A WebSocket is asked for (RFC 8441). Absent: none is offered. */
  onWebSocket?: OnHttp2Request,
): Http2Door {
  const sessions = new Set<Http2Session>()
  // Node hands out a proxy of a session's socket; doors know connections by the socket itself.
  const socketOf = new WeakMap<Http2Session, TLSSocket>()
  let entering: TLSSocket | undefined
  const server = createServer({
    maxSessionMemory: caps.http2SessionMegabytes.default,
    maxHeaderListPairs: transportCaps.headerCount.default,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 50,
    maxSendHeaderBlockLength: 128 * 1024,
    streamResetBurst: 2 * caps.http2ResetsPerSecond.default,
    streamResetRate: caps.http2ResetsPerSecond.default,
    settings: {
      maxConcurrentStreams: caps.http2Streams.default,
      maxHeaderListSize: transportCaps.headerBytes.default,
      enablePush: false,
      enableConnectProtocol: onWebSocket !== undefined,
      initialWindowSize: 256 * 1024,
    },
  })
  const announce = (handler: OnHttp2Request, request: Http2ServerRequest, response: Http2ServerResponse) => {
    const { session } = request.stream
    handler(request, response, session === undefined ? undefined : socketOf.get(session))
  }
  server.on('request', (request, response) => announce(onRequest, request, response))
  server.on('connect', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    // Any other CONNECT would be a tunnel through us.
    if (onWebSocket !== undefined && request.headers[':protocol'] === 'websocket') {
      announce(onWebSocket, request, response)
    } else response.stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  server.on('session', (session) => {
    sessions.add(session)
    if (entering !== undefined) socketOf.set(session, entering)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
    session.setTimeout(caps.keepAliveMs.default, () => session.close())
    limitResets(session, onRefused)
  })
  server.on('sessionError', (error: Error) => onRefused(error.message))

  return {
    serve(socket) {
      entering = socket
      server.emit('connection', socket)
      entering = undefined
    },
    drain() {
      for (const session of sessions) session.close()
    },
    close() {
      for (const session of sessions) session.destroy()
    },
  }
}

/** Streams that are opened and reset again cost us work and the sender nothing (CVE-2023-44487). */
function limitResets(session: Http2Session, onRefused: (why: string) => void): void {
  let resets = 0
  let windowStartMs = 0
  session.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.once('close', () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return
      const nowMs = performance.now()
      if (nowMs - windowStartMs > 1000) {
        windowStartMs = nowMs
        resets = 0
      }
      resets++
      if (resets <= caps.http2ResetsPerSecond.default || session.destroyed) return
      onRefused('rapid reset')
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    })
  })
}
