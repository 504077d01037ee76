// The HTTP side of the agent: a proxy (CONNECT and absolute form) with its PAC file, and fixed ports of http apps. Must
// never serve a request that another site caused, nor connect anywhere but through an exchange.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { asFault, Fault } from '#core/fault.ts'
import { fieldsOf, type HeaderFields } from '#transport/forward-headers.ts'
import type { ForwardEnd } from '#transport/http-forward.ts'
import { guardRequests, strictServerOptions, type CheckedRequest } from '#transport/request-guard.ts'
import { secretEquals } from '#transport/secret.ts'
import { denialAnswer, rawDenial } from './denial-page.ts'
import { denialOfFault, faultOfDenial, type FlowOpener } from './flow-opener.ts'
import type { HttpUpstreams } from './http-upstream.ts'
import { PAC_TYPE } from './pac.ts'
import { parseHost, type Target } from './target.ts'
import { loopbackNames, strangeRequest } from './web-guard.ts'

export type HttpDoorConfig =
  | {
      readonly kind: 'proxy'
      readonly pac: () => string
      /** Basic proxy password that programs must say; absent: none is asked for. */
      readonly secret?: string | undefined
    }
  /** Every request goes to this app, whatever the door itself is called. */
  | { readonly kind: 'fixed'; readonly target: Target }

export class HttpDoor {
  readonly #config: HttpDoorConfig
  readonly #opener: FlowOpener
  readonly #server: Server
  #upstreams: Promise<HttpUpstreams> | undefined
  #isClosed = false

  constructor(config: HttpDoorConfig, opener: FlowOpener) {
    this.#config = config
    this.#opener = opener
    const guard = guardRequests({
      // What goes wrong with one request must never reach the process: a web page may have sent it.
      onRequest: (request, response, head) => {
        this.#onRequest(request, response, head).catch((error: unknown) => {
          if (response.headersSent) response.destroy()
          else this.#refuse(request, response, asFault(error))
        })
      },
      onUpgrade: (request, socket, first, head) => {
        this.#onUpgrade(request, socket, first, head).catch(() => socket.destroy())
      },
    })
    // Never listens: sockets come from the local listener, which has looked whose they are.
    this.#server = createServer({ ...strictServerOptions, keepAliveTimeout: 60_000, headersTimeout: 15_000 })
    this.#server.on('request', guard.request).on('upgrade', guard.upgrade).on('connect', guard.upgrade)
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  serve(socket: Socket): void {
    this.#server.emit('connection', socket)
    socket.resume()
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
    this.#isClosed = true
    void this.#upstreams?.then((upstreams) => upstreams.close())
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse, head: CheckedRequest): Promise<void> {
    const target = this.#targetOf(request, head)
    if (target === 'own') return this.#ownPage(request, response)
    if (target instanceof Fault) return this.#refuse(request, response, target)
    const upstreams = await this.#pass()
    const mayRepeat = isRepeatable(request)
    const headers = headersFor(request, target, this.#config)
    const passed = { path: head.target, headers, ...(mayRepeat && { body: null }) }
    let end = await upstreams.request(request, response, target, passed)
    // A kept connection may end just as a request enters it, as when an exchange is drained or dies; then the question
    // is asked anew, as browsers do (RFC 9110, 9.2.2). A body is gone by then, so only what has none.
    for (let left = LOST_TRIES; left > 0 && mayRepeat && isLost(end) && !response.destroyed; left--)
      end = await upstreams.request(request, response, target, passed)
    if (end.kind === 'unanswered' && !response.destroyed) this.#refuse(request, response, end.fault)
  }

  async #onUpgrade(request: IncomingMessage, duplex: Duplex, first: Buffer, head: CheckedRequest): Promise<void> {
    const socket = duplex as Socket
    socket.on('error', () => {})
    // Back at once: once the end was seen, nothing can be put in front of it any more.
    const isConnect = request.method === 'CONNECT'
    if (isConnect && first.length > 0) socket.unshift(first)
    const target = this.#targetOf(request, head)
    if (target === 'own') return void socket.destroy()
    if (target instanceof Fault) return this.#refuseRaw(request, socket, target)
    if (isConnect) return this.#connect(request, socket, target)
    const upstreams = await this.#pass()
    const result = await upstreams.upgrade(request, socket, first, target, {
      path: head.target,
      headers: headersFor(request, target, this.#config),
    })
    if (result.kind === 'refused') this.#refuseRaw(request, socket, result.fault)
  }

  async #connect(request: IncomingMessage, socket: Socket, target: Target): Promise<void> {
    const opened = await this.#opener.open(target.host, target.port, 'http')
    if (opened.kind === 'refused') return this.#refuseRaw(request, socket, faultOfDenial(opened.denial))
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    this.#opener.join(socket, opened.socket, target)
  }

  /** Where a request is to go; `own`: our own pages; a Fault: nowhere. */
  #targetOf(request: IncomingMessage, head: CheckedRequest): Target | 'own' | Fault {
    const port = request.socket.localPort ?? 0
    const isOrigin = request.method !== 'CONNECT' && (request.url ?? '').startsWith('/')
    if (this.#config.kind === 'fixed') {
      const isStrange = !isOrigin || strangeRequest(request.headers, loopbackNames(port)) !== undefined
      return isStrange ? new Fault('origin-mismatch') : this.#config.target
    }
    if (isOrigin) {
      return strangeRequest(request.headers, loopbackNames(port)) === undefined ? 'own' : new Fault('origin-mismatch')
    }
    const { secret } = this.#config
    if (secret !== undefined && !saysSecret(request.headers['proxy-authorization'], secret)) {
      return new Fault('not-signed-in', { detail: { proxy: true } })
    }
    const host = parseHost(head.authority.host.replace(/^\[(.*)\]$/, '$1'))
    const isPlain = request.method === 'CONNECT' || /^http:/i.test(request.url ?? '')
    if (host === undefined || !isPlain) return new Fault('request-malformed')
    return { host, port: head.authority.port ?? 80 }
  }

  /** Loaded with the first request that is carried on. */
  #pass(): Promise<HttpUpstreams> {
    this.#upstreams ??= import('./http-upstream.ts').then(({ HttpUpstreams: Upstreams }) => {
      const upstreams = new Upstreams(this.#opener)
      if (this.#isClosed) upstreams.close()
      return upstreams
    })
    return this.#upstreams
  }

  #ownPage(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    // A page that includes it as a script would learn the names of the apps.
    response.setHeader('cross-origin-resource-policy', 'same-origin')
    const isPac = this.#config.kind === 'proxy' && (request.url === '/proxy.pac' || request.url === '/wpad.dat')
    if (!isPac || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' })
      response.end('Set this address as HTTP proxy, or /proxy.pac as automatic configuration.\n')
      return
    }
    response.writeHead(200, { 'content-type': PAC_TYPE })
    response.end(this.#config.kind === 'proxy' ? this.#config.pac() : '')
  }

  #refuse(request: IncomingMessage, response: ServerResponse, fault: Fault): void {
    if (isProxySecret(fault)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="sallyport"', 'content-length': 0 })
      response.end()
      return
    }
    const { status, headers, body } = denialAnswer(denialOfFault(fault), request.headers.accept)
    response.writeHead(fault.code === 'request-malformed' ? 400 : status, headers.flat())
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  #refuseRaw(request: IncomingMessage, socket: Socket, fault: Fault): void {
    const challenge =
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="sallyport"\r\n' +
      'content-length: 0\r\nconnection: close\r\n\r\n'
    socket.end(isProxySecret(fault) ? challenge : rawDenial(denialOfFault(fault), request.headers.accept))
    socket.on('finish', () => socket.destroy())
  }
}

/** How often a request that was lost on the way to the exchange is sent again. */
const LOST_TRIES = 2

function isLost(end: ForwardEnd): boolean {
  return end.kind === 'unanswered' && end.fault.code === 'upstream-unreachable'
}

function isRepeatable({ method, headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  return (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') && !hasBody
}

function headersFor(request: IncomingMessage, target: Target, config: HttpDoorConfig): HeaderFields {
  const fields = fieldsOf(request.rawHeaders)
  if (config.kind === 'proxy') return fields
  // Behind a fixed port the app is called by its own name, in Host and in Origin.
  const host = target.port === 80 ? target.host : `${target.host}:${target.port}`
  return fields.map(([name, value]): readonly [string, string] =>
    name === 'host' ? [name, host] : name === 'origin' ? [name, `http://${host}`] : [name, value],
  )
}

function saysSecret(header: string | undefined, secret: string): boolean {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,512})$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return false
  const said = Buffer.from(encoded, 'base64').toString()
  return secretEquals(said.slice(said.indexOf(':') + 1), secret)
}

function isProxySecret(fault: Fault): boolean {
  return fault.code === 'not-signed-in' && fault.detail['proxy'] === true
}
