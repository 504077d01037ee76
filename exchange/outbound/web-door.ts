// The explicit proxy door: HTTP/1.1 over TLS for machines without the agent, with a credential on every request and
// tunnel. Must never serve anything but the way to the internet: a secret that is typed into machines opens no app.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { asFault, Fault, isFault } from '#core/fault.ts'
import type { CheckedRequest } from '#transport/request-guard.ts'
import type { DnsDoor } from '#exchange/dns/dns-door.ts'
import { logFault, type ExchangeContext } from '#exchange/context.ts'
import { createDoorServer } from '#exchange/doors/http-server.ts'
import type { Secured } from '#exchange/doors/tls-doors.ts'
import { answer, rawFault } from '#exchange/pages/answer.ts'
import { createWebCredentials } from './web-credentials.ts'
import type { WebAsker } from './web-access.ts'
import type { WebTraffic } from './web-traffic.ts'

export type WebDoor = {
  readonly enter: (secured: Secured) => void
  readonly drain: () => void
  readonly close: () => void
}

type Connection = { readonly tenantId: string; readonly clientIp: string }

const CHALLENGE = 'Basic realm="sallyport", charset="UTF-8"'
const ASK = 407

export function createWebDoor(context: ExchangeContext, traffic: WebTraffic, dns: DnsDoor): WebDoor {
  const connections = new WeakMap<object, Connection>()
  const credentials = createWebCredentials(context)
  const server = createDoorServer({
    onRequest(request, response, head) {
      receive(request, response, head).catch((error: unknown) => refuse(request, response, asFault(error)))
    },
    onUpgrade(request, socket, first, head) {
      socket.on('error', () => {})
      tunnel(request, socket, first, head).catch((error: unknown) => refuseRaw(request, socket, asFault(error)))
    },
    onRefused(reason) {
      context.count('refused')
      context.log('web door: refused a request head', { reason })
    },
  })

  return {
    enter({ socket, tenant, incoming }) {
      connections.set(socket, { tenantId: tenant.id, clientIp: incoming.clientIp })
      server.serve(socket)
    },
    drain: () => server.drain(),
    close: () => server.close(),
  }

  async function receive(request: IncomingMessage, response: ServerResponse, head: CheckedRequest): Promise<void> {
    const asker = askerOn(request)
    if (dns.isFor(request.url ?? '')) return dns.answer(request, response, asker)
    if (!/^http:\/\//i.test(request.url ?? '')) throw new Fault('not-found')
    await traffic.request(request, response, head, asker)
  }

  async function tunnel(request: IncomingMessage, socket: Duplex, first: Buffer, head: CheckedRequest): Promise<void> {
    const asker = askerOn(request)
    if (!(socket instanceof TLSSocket)) throw new Fault('internal')
    if (request.method !== 'CONNECT') return traffic.upgrade(request, socket, first, head, asker)
    const { host, port } = head.authority
    const hash = credentials.hashIn(request)
    if (port === undefined || hash === undefined) throw new Fault('request-malformed')
    if (context.isDraining()) throw new Fault('closing')
    if (first.length > 0) socket.unshift(first)
    const { tenant, clientIp } = asker
    await traffic.connect(socket, { host, port }, () => credentials.again(tenant.id, hash, clientIp))
  }

  function askerOn(request: IncomingMessage): WebAsker {
    const connection = connections.get(request.socket)
    if (connection === undefined) throw new Fault('internal')
    const asker = credentials.askerOf(connection.tenantId, request, connection.clientIp)
    // An app is reached by other doors; here its name is refused like any other of ours.
    if (!traffic.isOn(asker)) throw new Fault('not-found')
    return asker
  }

  function refuse(request: IncomingMessage, response: ServerResponse, fault: Fault): void {
    note(request, fault)
    const isAsked = fault.code === 'not-signed-in'
    const isToUs = request.url?.startsWith('/') === true
    answer(response, isAsked && !isToUs ? ASK : fault.status, JSON.stringify(fault), false, {
      ...(isAsked && { [isToUs ? 'www-authenticate' : 'proxy-authenticate']: CHALLENGE }),
      connection: 'close',
    })
  }

  function refuseRaw(request: IncomingMessage, socket: Duplex, fault: Fault): void {
    note(request, fault)
    if (!socket.writable) return void socket.destroy()
    const text = isFault(fault, 'not-signed-in')
      ? `HTTP/1.1 ${ASK} Proxy Authentication Required\r\nProxy-Authenticate: ${CHALLENGE}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
      : rawFault(fault)
    socket.end(text)
    socket.once('finish', () => socket.destroy())
  }

  /** A wrong secret is an event; the question before it is not. */
  function note(request: IncomingMessage, fault: Fault): void {
    logFault(context.log, 'web door', fault)
    const connection = connections.get(request.socket)
    const tenant = connection === undefined ? undefined : context.directory.get(connection.tenantId)
    const wasTried = credentials.hashIn(request) !== undefined
    if (tenant === undefined || connection === undefined || !isFault(fault, 'not-signed-in') || !wasTried) return
    context.count('refused')
    context.journal.refused(tenant, {
      reason: 'token-invalid',
      clientIp: connection.clientIp,
      host: `${tenant.record.name}.web.${context.directory.domains.domain}`,
    })
  }
}
