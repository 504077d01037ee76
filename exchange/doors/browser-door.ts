// The browser door: HTTPS for plain browsers. The host of each request decides, never the name in the hello; every
// request is identified and decided by itself. Must never serve a host that the connection's certificate is not for.
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { asFault, Fault } from '#core/fault.ts'
import type { SessionRecord } from '#core/records/records.ts'
import { checkRequestHead } from '#transport/http-strictness.ts'
import type { CheckedRequest } from '#transport/request-guard.ts'
import { logFault, type ExchangeContext } from '#exchange/context.ts'
import type { Lanes } from '#exchange/http/lanes.ts'
import { isOwnPath, readTarget, refuseForeignOrigin } from '#exchange/http/refusal.ts'
import { createServeHttp, type AppRequest } from '#exchange/http/serve.ts'
import { answerFault, rawFault, type AnyRequest, type AnyResponse } from '#exchange/pages/answer.ts'
import type { BrowserTarget } from '#exchange/tenant/directory.ts'
import { createBrowserSignIn } from './browser-sign-in.ts'
import { cookieValue, HOST_COOKIE } from './cookies.ts'
import { createHttp2Server } from './http2-server.ts'
import { createDoorServer } from './http-server.ts'
import type { Secured } from './tls-doors.ts'

export type BrowserDoor = {
  readonly enter: (secured: Secured) => void
  readonly drain: () => void
  readonly close: () => void
}

type Connection = { readonly serverName: string; readonly tenantId: string; readonly clientIp: string }
type Wanted = BrowserTarget & { readonly host: string; readonly publicAuthority: string; readonly target: string }

export function createBrowserDoor(context: ExchangeContext, lanes: Lanes): BrowserDoor {
  const connections = new WeakMap<object, Connection>()
  const serve = createServeHttp(context, lanes)
  const signIn = createBrowserSignIn(context)
  const refused = (reason: string) => {
    context.count('refused')
    context.log('browser door: refused', { reason })
  }
  const http1 = createDoorServer({
    onRequest: (request, response, head) => handle(request, response, head, request.socket),
    onUpgrade(request, socket, first, head) {
      socket.on('error', () => {})
      upgrade(request, socket, first, head).catch((error: unknown) => {
        const fault = asFault(error)
        logFault(context.log, 'browser door: upgrade', fault)
        if (socket.writable) socket.end(rawFault(fault))
        else socket.destroy()
      })
    },
    onRefused: refused,
  })
  const http2 = createHttp2Server(onStream, refused, onWebSocket)

  return {
    enter({ socket, tenant, incoming }) {
      connections.set(socket, {
        serverName: incoming.serverName,
        tenantId: tenant.id,
        clientIp: incoming.clientIp,
      })
      if (socket.alpnProtocol === 'h2') http2.serve(socket)
      else http1.serve(socket)
    },
    drain() {
      http1.drain()
      http2.drain()
    },
    close() {
      http1.close()
      http2.close()
    },
  }

  function onStream(request: Http2ServerRequest, response: Http2ServerResponse, socket: TLSSocket | undefined): void {
    const head = headOf(request, response)
    if (head !== undefined) handle(request, response, head, socket)
  }

  function onWebSocket(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    socket: TLSSocket | undefined,
  ): void {
    const head = headOf(request, response)
    if (head === undefined) return
    webSocket(request, response, head, socket).catch((error: unknown) => {
      const fault = asFault(error)
      logFault(context.log, 'browser door: WebSocket', fault)
      answerFault(request, response, fault)
    })
  }

  async function webSocket(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    head: CheckedRequest,
    socket: TLSSocket | undefined,
  ): Promise<void> {
    await serve.connect(request, response, webSocketWanted(request, head, connectionOf(socket)))
  }

  function headOf(request: Http2ServerRequest, response: Http2ServerResponse): CheckedRequest | undefined {
    const { method, url, rawHeaders, httpVersion } = request
    const head = checkRequestHead(rawHeaders, { method, url, httpVersion })
    if (head.ok) return head
    refused(head.reason)
    answerFault(request, response, new Fault('request-malformed'))
    return undefined
  }

  function handle(request: AnyRequest, response: AnyResponse, head: CheckedRequest, socket: object | undefined): void {
    answerRequest(request, response, head, socket).catch((error: unknown) => {
      const fault = asFault(error)
      logFault(context.log, 'browser door', fault)
      answerFault(request, response, fault)
    })
  }

  async function answerRequest(
    request: AnyRequest,
    response: AnyResponse,
    head: CheckedRequest,
    socket: object | undefined,
  ): Promise<void> {
    // In here: an HTTP/2 session may be gone before its request is announced, and nobody catches what an event throws.
    const connection = connectionOf(socket)
    const wanted = wantedBy(connection, head)
    const { path } = readTarget(head.target)
    const visit = { request, response, ...wanted }
    if (isOwnPath(path)) return signIn.own(visit)
    const session = sessionOf(request, wanted)
    if (session === undefined) return signIn.begin(visit)
    refuseForeignOrigin(
      { method: request.method ?? '', isUpgrade: false, origin: request.headers.origin },
      `https://${wanted.publicAuthority}`,
    )
    await serve.request(request, response, requestOf(wanted, session, connection))
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, first: Buffer, head: CheckedRequest): Promise<void> {
    if (!(socket instanceof TLSSocket) || request.method === 'CONNECT') throw new Fault('request-malformed')
    await serve.upgrade(request, socket, first, webSocketWanted(request, head, connectionOf(socket)))
  }

  /** Who asks for a WebSocket to what, over either version. Throws Faults. */
  function webSocketWanted(request: AnyRequest, head: CheckedRequest, connection: Connection): AppRequest {
    const wanted = wantedBy(connection, head)
    const session = sessionOf(request, wanted)
    if (session === undefined) throw new Fault('not-signed-in')
    refuseForeignOrigin(
      { method: 'GET', isUpgrade: true, origin: request.headers.origin },
      `https://${wanted.publicAuthority}`,
    )
    return requestOf(wanted, session, connection)
  }

  function connectionOf(socket: object | undefined): Connection {
    const connection = socket === undefined ? undefined : connections.get(socket)
    if (connection === undefined) throw new Fault('internal')
    return connection
  }

  /** Throws Fault `host-misdirected` for a host that this connection was not made for. */
  function wantedBy({ serverName, tenantId }: Connection, { authority, target }: CheckedRequest): Wanted {
    const { host, port } = authority
    const found = context.directory.browserTarget(host)
    const publicPort = context.welcome()?.publicPort ?? 443
    if (found?.tenant.id !== tenantId || !isSameRule(found, host, serverName)) throw new Fault('host-misdirected')
    if (port !== undefined && port !== publicPort && port !== 443) throw new Fault('host-misdirected')
    return { ...found, host, publicAuthority: publicPort === 443 ? host : `${host}:${publicPort}`, target }
  }

  /** One wildcard certificate stands for all default hosts of a tenant; a host of its own stands for itself. */
  function isSameRule({ tenant }: BrowserTarget, host: string, serverName: string): boolean {
    const below = `.${tenant.record.name}.${context.directory.domains.appsDomain}`
    return host === serverName || (host.endsWith(below) && serverName.endsWith(below))
  }

  function sessionOf(request: AnyRequest, { tenant, host }: Wanted): SessionRecord | undefined {
    const cookie = cookieValue(request.headers.cookie, HOST_COOKIE)
    const session = cookie === undefined ? undefined : context.browserSessions.find(tenant, host, cookie)
    return session !== undefined && session.expiresAtMs > context.now() ? session : undefined
  }
}

function requestOf(wanted: Wanted, session: SessionRecord, { clientIp }: Connection): AppRequest {
  return { ...wanted, session, clientIp, way: 'browser', publicScheme: 'https' }
}
