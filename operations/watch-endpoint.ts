// The page that watchers read: /metrics, /healthz, /readyz. On loopback for this machine, elsewhere for who holds the
// token. Must never tell a figure or a reason to anybody else, nor answer a web page that a browser was led to.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { once } from 'node:events'
import { createHash, timingSafeEqual } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { contentTypes, expose, type ExpositionForm, type Sample } from './exposition.ts'

export type WatchConfig = {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Wanted as `Authorization: Bearer …`; needed where the address is not a loopback one. */
  readonly token?: string | undefined
}

export type WatchDeps = {
  readonly collect: () => Promise<readonly Sample[]>
  /** Why nothing new can be served; none: it is ready. */
  readonly whyNotReady: () => Promise<readonly string[]>
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type WatchEndpoint = { readonly port: number; readonly close: () => Promise<void> }

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Throws `configuration-invalid` for an address that others reach without a token, `address-in-use`. */
export async function startWatchEndpoint(config: WatchConfig, deps: WatchDeps): Promise<WatchEndpoint> {
  const { host, port, token } = config
  const isLoopback = isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
  if (!isLoopback && token === undefined) {
    throw new Fault('configuration-invalid', {
      hint: `--metrics ${host}: other machines reach this address; set a token (SALLYPORT_METRICS_TOKEN), or listen on 127.0.0.1.`,
    })
  }
  const server = createServer(
    { maxHeaderSize: caps.watchHeadBytes.default, insecureHTTPParser: false, requireHostHeader: true },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        deps.log('the figures could not be read', { error: String(error) })
        say(response, 503, 'The figures could not be read; the log says why.\n')
      })
    },
  )
  server.maxConnections = caps.watchSockets.default
  server.headersTimeout = caps.watchHeadMs.default
  server.requestTimeout = caps.watchHeadMs.default
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening').catch((cause: unknown) => {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    throw new Fault(isTaken ? 'address-in-use' : 'configuration-invalid', { hint: `--metrics ${host}:${port}`, cause })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      server.closeAllConnections()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'GET only.\n')
    // A page in a browser of this machine must not read us by a name of its own (DNS rebinding).
    if (token === undefined && !isPlainHost(request.headers.host)) return say(response, 421, 'Use the address.\n')
    const mayRead = token === undefined || holds(request.headers.authorization, token)
    switch (request.url ?? '') {
      case '/healthz':
        return say(response, 200, 'alive\n')
      case '/readyz': {
        const reasons = await inTime(deps.whyNotReady())
        const status = reasons.length === 0 ? 200 : 503
        const isJson = request.headers.accept?.includes('application/json') === true
        if (isJson) return say(response, status, JSON.stringify({ ready: status === 200, ...(mayRead && { reasons }) }))
        return say(response, status, status === 200 ? 'ready\n' : `not ready\n${mayRead ? listed(reasons) : ''}`)
      }
      case '/metrics': {
        if (!mayRead) return say(response, 401, 'A token is needed.\n', { 'www-authenticate': 'Bearer' })
        const [samples, reasons] = await inTime(Promise.all([deps.collect(), deps.whyNotReady()]))
        const isOpen = request.headers.accept?.includes('application/openmetrics-text') === true
        const form: ExpositionForm = isOpen ? 'openmetrics' : 'text'
        const ready: readonly Sample[] = [
          { name: 'sallyport_ready', value: reasons.length === 0 ? 1 : 0 },
          { name: 'sallyport_not_ready_reasons', value: reasons.length },
        ]
        return say(response, 200, expose([...samples, ...ready], form), { 'content-type': contentTypes[form] })
      }
      default:
        return say(response, 404, '/metrics, /healthz or /readyz.\n')
    }
  }
}

function listed(reasons: readonly string[]): string {
  return reasons.map((reason) => `- ${reason}\n`).join('')
}

function say(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  if (response.headersSent) return void response.destroy()
  const isJson = text.startsWith('{')
  response.writeHead(status, {
    'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(text)
}

function isPlainHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || isIP(name) !== 0
}

function holds(authorization: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Fault('request-timeout')), caps.collectMs.default)
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}
