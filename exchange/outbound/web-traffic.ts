// The way to the internet, as doors know it: tunnels, requests in absolute form, and upgrades, for targets that are no
// app. Must never open a tunnel whose inside is neither looked at nor written down as passed.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { deny } from '#core/policy/decide.ts'
import { readClientHello, type FirstBytes } from '#transport/client-hello.ts'
import { checkRequestHead } from '#transport/http-strictness.ts'
import { endTls } from '#transport/interception/end-tls.ts'
import type { CheckedRequest } from '#transport/request-guard.ts'
import { refuseTls } from '#transport/tls-alert.ts'
import { caps as exchangeCaps } from '#exchange/caps.ts'
import { logFault } from '#exchange/context.ts'
import { createHttp2Server } from '#exchange/doors/http2-server.ts'
import { createDoorServer } from '#exchange/doors/http-server.ts'
import { policyNames } from '#exchange/inspect.ts'
import { answerFault, rawFault, type AnyRequest, type AnyResponse } from '#exchange/pages/answer.ts'
import { answerStopRaw } from './answer-stop.ts'
import { isCertificateAlert } from './learned-pins.ts'
import type { OutboundParts } from './parts.ts'
import { PassedFlow } from './passed-flow.ts'
import { createServeWeb } from './serve-web.ts'
import type { Stop } from './stop.ts'
import { bypassReason, UNCATEGORISED, type WebAsker, type WebSite } from './web-access.ts'
import type { MinVersion, WebRequest } from './web-request.ts'

/** Who asks, by the records of now. Throws Faults when nobody does any more. */
export type AskerNow = () => WebAsker

export type WebTraffic = {
  /** Whether targets that are no app are dealt with here for this tenant. */
  readonly isOn: (asker: WebAsker) => boolean
  readonly request: (
    request: IncomingMessage,
    response: ServerResponse,
    head: CheckedRequest,
    asker: WebAsker,
  ) => Promise<void>
  readonly upgrade: (
    request: IncomingMessage,
    socket: Socket,
    first: Buffer,
    head: CheckedRequest,
    asker: WebAsker,
  ) => Promise<void>
  /** CONNECT, with what came after its head put back into the socket. */
  readonly connect: (socket: Socket, site: WebSite, askerNow: AskerNow) => Promise<void>
  readonly drain: () => void
  readonly close: () => void
}

type Tunnel = {
  readonly site: WebSite
  readonly scheme: 'http' | 'https'
  readonly minVersion: MinVersion
  readonly askerNow: AskerNow
  /** A request has come through it: the program has taken our certificate. */
  isUsed: boolean
}

const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'
const TLS_1_3 = 0x0304
const PINNED = 'pinned client'

export function createWebTraffic(parts: OutboundParts): WebTraffic {
  const { context, access, origins } = parts
  const serve = createServeWeb(parts)
  const tunnels = new WeakMap<object, Tunnel>()
  const refused = (reason: string) => {
    context.count('refused')
    context.log('web tunnel: refused', { reason })
  }
  const http1 = createDoorServer({
    onRequest: (request, response, head) => handle(request, response, head, request.socket),
    onUpgrade(request, socket, first, head) {
      socket.on('error', () => {})
      insideUpgrade(request, socket, first, head).catch((error: unknown) => refuse(socket, error))
    },
    onRefused: refused,
  })
  const http2 = createHttp2Server(onStream, refused)

  return {
    isOn: ({ tenant }) => tenant.webSettings !== undefined,
    async request(request, response, head, asker) {
      await serve.request(request, response, plainRequest(head, asker))
    },
    async upgrade(request, socket, first, head, asker) {
      await serve.upgrade(request, socket, first, plainRequest(head, asker))
    },
    connect,
    drain() {
      http1.drain()
      http2.drain()
    },
    close() {
      http1.close()
      http2.close()
    },
  }

  async function connect(socket: Socket, site: WebSite, askerNow: AskerNow): Promise<void> {
    const asker = askerNow()
    if (access.isRefused(asker.tenant, site)) return refuseSite(socket, asker, site)
    socket.write(ESTABLISHED)
    const first = await readClientHello(socket, { deadlineMs: exchangeCaps.tunnelFirstByteMs.default })
    if (first.kind === 'plain')
      return enter(socket, first, { site, scheme: 'http', minVersion: 'TLSv1.2', askerNow, isUsed: false })
    // The name in the hello and the name of the tunnel must be one: else one is decided on and the other is reached.
    if (first.serverName !== undefined && first.serverName !== site.host)
      return refuseName(socket, askerNow(), site, first)
    const why = passReason(askerNow(), site)
    if (why !== undefined && (await pass(socket, first.bytes, askerNow(), site, why))) return
    await intercept(socket, first, site, askerNow)
  }

  function passReason(asker: WebAsker, site: WebSite): string | undefined {
    const settings = asker.tenant.webSettings
    if (settings === undefined) return undefined
    const categories = access.categoriesOf(asker.tenant, site.host)
    const wantsCertificate =
      settings.clientCertificates === 'pass' &&
      !categories.includes(UNCATEGORISED) &&
      parts.clientCertificateSites.has(asker.tenant.id, site.host)
    return (
      bypassReason(settings, asker, site, categories) ??
      (wantsCertificate ? 'client certificate' : parts.pins.passes(asker, site, categories) ? PINNED : undefined)
    )
  }

  /** False: policy does not allow it, so that it is looked into to say so with a page. */
  async function pass(socket: Socket, hello: Buffer, asker: WebAsker, site: WebSite, why: string): Promise<boolean> {
    const { tenant } = asker
    const wanted = access.accessTo(asker, site, 'browse', null)
    const first = access.decide(tenant, wanted)
    if (first.kind === 'deny') return false
    const categories = wanted.destination?.categories ?? []
    const web = { action: 'browse', categories, inspected: false, why }
    const { decision } = context.journal.decided(tenant, wanted, first, { ...site, web })
    if (decision.kind === 'deny') throw new Fault('journal-full')
    const stillPasses = () => {
      const now = context.directory.get(tenant.id)
      return now !== undefined && passReason({ ...asker, tenant: now }, site) !== undefined
    }
    const mayCarry = why === PINNED ? (bytes: number) => parts.pins.carried(asker, site, bytes) : undefined
    const { refreshed } = access
    const flow = new PassedFlow(context, tenant.id, wanted, policyNames(decision), stillPasses, refreshed, mayCarry)
    try {
      const origin = await origins.connect(site)
      origin.write(hello)
      flow.join(socket, origin)
    } catch (error) {
      logFault(context.log, 'a site could not be reached', asFault(error))
      flow.end(asFault(error).code)
      socket.destroy()
    }
    return true
  }

  async function intercept(
    socket: Socket,
    hello: Extract<FirstBytes, { kind: 'tls' }>,
    site: WebSite,
    askerNow: AskerNow,
  ): Promise<void> {
    const { tenant } = askerNow()
    const protocols = ['h2', 'http/1.1'].filter((name) => hello.alpn.includes(name))
    if (hello.alpn.length > 0 && protocols.length === 0) return refuseTls(socket, 'handshakeFailure')
    const secureContext = await context.minted.contextFor(tenant.id, site.host)
    socket.unshift(hello.bytes)
    const deadlineMs = exchangeCaps.handshakeMs.default
    const secured = await endTls(socket, { secureContext, protocols, deadlineMs }).catch((error: unknown) => {
      if (isFault(error, 'certificate-refused') && isCertificateAlert(error.detail['alert']))
        noteRefusal(askerNow(), site)
      throw error
    })
    context.count('intercepted')
    // What the person's own program would have refused, the site does not get either.
    const minVersion = Math.min(...hello.versions) >= TLS_1_3 ? 'TLSv1.3' : 'TLSv1.2'
    tunnels.set(secured, { site, scheme: 'https', minVersion, askerNow, isUsed: false })
    if (secured.alpnProtocol === 'h2') http2.serve(secured)
    else http1.serve(secured)
  }

  /** A program that does not take our certificate: it pins the site's, or does not trust our root, or says so. */
  function noteRefusal(asker: WebAsker, site: WebSite): void {
    const { tenant } = asker
    const wanted = access.accessTo(asker, site, 'browse', null)
    const refusal = parts.pins.refused(asker, site, wanted.destination?.categories ?? [])
    const settings = tenant.webSettings
    if (refusal.kind === 'not-learned' && !refusal.isFirst) return
    const isLearned = refusal.kind === 'learned'
    context.journal.found(tenant, wanted, {
      what: isLearned ? 'a program that refuses interception is passed' : 'a program refused interception',
      severity: isLearned ? 3 : 2,
      outcome: isLearned ? 'success' : 'failure',
      web: isLearned
        ? {
            inspected: false,
            why: PINNED,
            vouchedBy: refusal.vouchedBy,
            until: new Date(refusal.untilMs).toISOString(),
            megabytes: settings?.pinnedClients.megabytes ?? 0,
            owner: settings?.pinnedClients.owner || settings?.contact || 'administrators',
          }
        : { inspected: false, learned: false, why: refusal.why },
    })
  }

  function enter(socket: Socket, { bytes }: FirstBytes, tunnel: Tunnel): void {
    if (bytes.length > 0) socket.unshift(bytes)
    tunnels.set(socket, tunnel)
    http1.serve(socket)
  }

  function onStream(request: Http2ServerRequest, response: Http2ServerResponse, socket: TLSSocket | undefined): void {
    const { method, url, rawHeaders, httpVersion } = request
    const head = checkRequestHead(rawHeaders, { method, url, httpVersion })
    if (!head.ok) {
      refused(head.reason)
      return answerFault(request, response, new Fault('request-malformed'))
    }
    handle(request, response, head, socket)
  }

  function handle(request: AnyRequest, response: AnyResponse, head: CheckedRequest, socket: object | undefined): void {
    // In here: an HTTP/2 session may be gone before its request is announced, and nobody catches what an event throws.
    const serving = async () => serve.request(request, response, insideRequest(socket, head))
    serving().catch((error: unknown) => {
      const fault = asFault(error)
      logFault(context.log, 'web tunnel', fault)
      answerFault(request, response, fault)
    })
  }

  async function insideUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    first: Buffer,
    head: CheckedRequest,
  ): Promise<void> {
    if (request.method === 'CONNECT' || !(socket instanceof TLSSocket)) throw new Fault('request-malformed')
    await serve.upgrade(request, socket, first, insideRequest(socket, head))
  }

  /** Throws Fault `host-misdirected`: a tunnel is for one place, whatever is said inside (domain fronting). */
  function insideRequest(socket: object | undefined, { authority, target }: CheckedRequest): WebRequest {
    const tunnel = socket === undefined ? undefined : tunnels.get(socket)
    if (tunnel === undefined) throw new Fault('internal')
    const { site, scheme, minVersion, askerNow } = tunnel
    const asked = authority.port ?? (scheme === 'https' ? 443 : 80)
    if (authority.host !== site.host || asked !== site.port || !target.startsWith('/')) {
      throw new Fault('host-misdirected')
    }
    const asker = askerNow()
    if (!tunnel.isUsed && scheme === 'https') parts.pins.accepted(asker, site)
    tunnel.isUsed = true
    return { ...asker, ...site, scheme, minVersion, target }
  }

  function plainRequest({ authority, target }: CheckedRequest, asker: WebAsker): WebRequest {
    const { host, port = 80 } = authority
    return { ...asker, host, port, scheme: 'http', minVersion: 'TLSv1.2', target }
  }

  function refuseSite(socket: Socket, asker: WebAsker, site: WebSite): void {
    const wanted = access.accessTo(asker, site, 'browse', null)
    const denial = deny('destination-refused')
    const { eventId } = context.journal.decided(asker.tenant, wanted, denial, { ...site, web: { inspected: false } })
    context.count('denied')
    const stop: Stop = { kind: 'denied', reason: 'destination-refused' }
    const request: WebRequest = { ...asker, ...site, scheme: 'https', minVersion: 'TLSv1.2', target: '/' }
    answerStopRaw(parts, socket, request, { stop, policies: [], eventId })
  }

  function refuseName(
    socket: Socket,
    asker: WebAsker,
    site: WebSite,
    { serverName, hasEncryptedHello }: Extract<FirstBytes, { kind: 'tls' }>,
  ): void {
    const wanted = access.accessTo(asker, site, 'browse', null)
    context.count('denied')
    context.journal.decided(asker.tenant, wanted, deny('destination-refused'), {
      ...site,
      web: { inspected: false, why: 'another name in the hello', serverName, hasEncryptedHello },
    })
    refuseTls(socket, 'unrecognizedName')
  }

  function refuse(socket: Duplex, error: unknown): void {
    const fault = asFault(error)
    logFault(context.log, 'web tunnel', fault)
    if (socket.writable) socket.end(rawFault(fault))
    else socket.destroy()
  }
}
