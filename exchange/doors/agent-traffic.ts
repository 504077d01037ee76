// Traffic at the agent door: CONNECT tunnels and absolute-form requests. An http app is decided request by request in
// every form, a tcp app once per tunnel. Must never open a tunnel whose inside is not looked at for an http app.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, TLSSocket, type SecureContext, type Server } from 'node:tls'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import type { CheckedRequest } from '#transport/request-guard.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { SessionRecord } from '#core/records/records.ts'
import { deny, type Deny } from '#core/policy/decide.ts'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import { logFault, portalOrigin, type ExchangeContext } from '#exchange/context.ts'
import { decide, type Access } from '#exchange/decide.ts'
import { Hops } from '#exchange/hops.ts'
import { policyNames } from '#exchange/inspect.ts'
import { TcpFlow } from '#exchange/flows/tcp-flow.ts'
import { agentSession } from '#exchange/identify.ts'
import type { Lanes } from '#exchange/http/lanes.ts'
import { createServeHttp, type AppRequest } from '#exchange/http/serve.ts'
import { browserHostDenial } from '#exchange/pages/browser-host.ts'
import { answerFault, rawDenial, rawFault } from '#exchange/pages/answer.ts'
import type { DenialFacts } from '#exchange/pages/denial.ts'
import type { AgentAsker } from './agent-connection.ts'
import type { AgentTraffic } from './agent-door.ts'
import type { WebTraffic } from '#exchange/outbound/web-traffic.ts'
import { createDoorServer } from './http-server.ts'

/** What is inside a tunnel to an http app: who opened it, for which host and port. */
type Tunnel = {
  readonly asker: AgentAsker
  readonly host: string
  readonly port: number
  readonly scheme: 'http' | 'https'
}

type SignedIn = AgentAsker & { readonly session: SessionRecord }

const TLS_HANDSHAKE = 22
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'

export function createAgentTraffic(context: ExchangeContext, lanes: Lanes, web: WebTraffic): AgentTraffic {
  const serve = createServeHttp(context, lanes)
  const tunnels = new WeakMap<object, Tunnel>()
  const inside = createDoorServer({
    onRequest(request, response, head) {
      insideRequest(request, response, head).catch((error: unknown) => {
        const fault = asFault(error)
        logFault(context.log, 'tunnel', fault)
        answerFault(request, response, fault)
      })
    },
    onUpgrade(request, socket, first, head) {
      socket.on('error', () => {})
      insideUpgrade(request, socket, first, head).catch((error: unknown) => refuse(socket, error))
    },
    onRefused: (reason) => context.log('tunnel: refused a request head', { reason }),
  })

  return {
    drain: inside.drain,
    async request(request, response, head, asker) {
      const wanted = absoluteForm(request, head)
      const who = signedIn(asker)
      if (isForWeb(who, wanted)) return web.request(request, response, head, who)
      await serve.request(request, response, appRequest(who, wanted, head.target))
    },
    async connect(request, socket, first, head, asker) {
      if (request.method !== 'CONNECT') return absoluteUpgrade(request, socket, first, head, asker)
      const { host, port } = head.authority
      if (port === undefined) throw new Fault('request-malformed')
      if (context.isDraining()) throw new Fault('closing')
      const who = signedIn(asker)
      const app = who.tenant.appOfName(host, port)
      const elsewhere = app === undefined ? browserHostDenial(context, who.tenant, host) : undefined
      if (elsewhere !== undefined)
        throw new Fault('host-misdirected', { hint: `${elsewhere.message} ${elsewhere.advice}` })
      if (first.length > 0) socket.unshift(first)
      if (app === undefined && web.isOn(who)) return web.connect(tlsOf(socket), { host, port }, () => again(asker))
      if (app === undefined) return refuseUnknown(socket, who, host, port)
      if (app.appKind === 'tcp') return tcpTunnel(socket, who, app, host, port)
      socket.write(ESTABLISHED)
      await httpTunnel(socket, who, host, port)
    },
  }

  function refuse(socket: Duplex, error: unknown): void {
    const fault = asFault(error)
    logFault(context.log, 'tunnel', fault)
    if (socket.writable) socket.end(rawFault(fault))
    else socket.destroy()
  }

  async function absoluteUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    first: Buffer,
    head: CheckedRequest,
    asker: AgentAsker,
  ): Promise<void> {
    const wanted = absoluteForm(request, head)
    const who = signedIn(asker)
    if (isForWeb(who, wanted)) return web.upgrade(request, tlsOf(socket), first, head, who)
    await serve.upgrade(request, tlsOf(socket), first, appRequest(who, wanted, head.target))
  }

  async function tcpTunnel(socket: Duplex, who: SignedIn, app: AppRecord, host: string, port: number): Promise<void> {
    const { tenant } = who
    const hops = new Hops()
    const access = accessOf(who, app)
    const first = decide(tenant, access, { nowMs: context.now() })
    const { decision, eventId } = context.journal.decided(tenant, access, first, { host, port })
    if (decision.kind === 'deny') return deniedRaw(socket, who, app, decision, eventId)
    hops.lap('decide')
    context.flows.refuseOverLimit(tenant.id, access.sessionId)
    const opened = await context.forward.openInspected({ tenant, access, app, port, hops }).catch((error: unknown) => {
      if (!isFault(error, 'no-connector') && !isFault(error, 'grant-refused')) throw error
      const reason = deny('no-connector')
      const { eventId: uid } = context.journal.decided(tenant, access, reason, { host, port })
      deniedRaw(socket, who, app, reason, uid)
      return undefined
    })
    if (opened === undefined) return
    const facts = { tenant, access, way: 'inspected' as const, policies: policyNames(decision), eventId, hops }
    const flow = new TcpFlow(context, facts, opened, opened.socket)
    if (flow.reconsider() > 0) return void socket.destroy()
    socket.write(ESTABLISHED)
    flow.join(tlsOf(socket))
  }

  /** HTTP inside a tunnel, or TLS and then HTTP: the first byte tells. */
  async function httpTunnel(socket: Duplex, who: SignedIn, host: string, port: number): Promise<void> {
    const first = await readPrefix(socket, (chunk) => (chunk.length > 0 ? chunk : undefined), {
      deadlineMs: caps.tunnelFirstByteMs.default,
    })
    socket.unshift(first)
    if (first[0] !== TLS_HANDSHAKE) return enterInside(socket, { asker: who, host, port, scheme: 'http' })
    const server = mintedServer(who, host)
    server.on('secureConnection', (secured) => {
      secured.on('error', () => {})
      enterInside(secured, { asker: who, host, port, scheme: 'https' })
    })
    server.on('tlsClientError', () => socket.destroy())
    server.emit('connection', socket)
  }

  function enterInside(socket: Duplex, tunnel: Tunnel): void {
    tunnels.set(socket, tunnel)
    inside.serve(socket)
  }

  /** A server for one handshake: it speaks for the host of the CONNECT and for no other. */
  function mintedServer({ tenant }: SignedIn, host: string): Server {
    return createServer({
      ...browserDoorTls,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: caps.handshakeMs.default,
      SNICallback: (name, callback) => void answerName(name, callback),
    })

    async function answerName(
      name: string,
      callback: (error: Error | null, secure?: SecureContext) => void,
    ): Promise<void> {
      let secure: SecureContext
      try {
        if (name.toLowerCase() !== host) throw new Fault('host-misdirected')
        secure = await context.minted.contextFor(tenant.id, host)
      } catch (error) {
        return callback(asFault(error))
      }
      callback(null, secure)
    }
  }

  async function insideRequest(
    request: IncomingMessage,
    response: ServerResponse,
    head: CheckedRequest,
  ): Promise<void> {
    await serve.request(request, response, insideWanted(request, head))
  }

  async function insideUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    first: Buffer,
    head: CheckedRequest,
  ): Promise<void> {
    if (request.method === 'CONNECT') throw new Fault('request-malformed')
    await serve.upgrade(request, tlsOf(socket), first, insideWanted(request, head))
  }

  function insideWanted(request: IncomingMessage, head: CheckedRequest): AppRequest {
    const tunnel = tunnels.get(request.socket)
    if (tunnel === undefined) throw new Fault('internal')
    const { asker, host, port, scheme } = tunnel
    // A tunnel is for one place: another Host inside would be decided for one app and sent to another.
    const asked = head.authority.port ?? (scheme === 'https' ? 443 : 80)
    if (head.authority.host !== host || asked !== port || !head.target.startsWith('/')) {
      throw new Fault('host-misdirected')
    }
    return appRequest(again(asker), { host, port, scheme }, head.target)
  }

  /** Who it is by the records of now: a tunnel may live longer than a session. */
  function again(asker: AgentAsker): SignedIn {
    const tenant = context.directory.get(asker.tenant.id)
    const device = tenant?.devices.get(asker.device.id)
    const session = device === undefined ? undefined : tenant && agentSession(tenant, device, context.now())
    if (tenant === undefined || session === undefined) throw new Fault('not-signed-in')
    return { ...asker, tenant, session }
  }

  function isForWeb(who: SignedIn, { host, port }: { readonly host: string; readonly port: number }): boolean {
    return who.tenant.appOfName(host, port) === undefined && web.isOn(who)
  }

  function appRequest(
    { tenant, session, clientIp }: SignedIn,
    { host, port, scheme }: { readonly host: string; readonly port: number; readonly scheme: 'http' | 'https' },
    target: string,
  ): AppRequest {
    const app = tenant.appOfName(host, port)
    if (app === undefined) throw new Fault('not-found')
    if (app.appKind !== 'http') throw new Fault('request-malformed', { hint: 'Use CONNECT for this app.' })
    const own = scheme === 'https' ? 443 : 80
    return {
      tenant,
      app,
      session,
      clientIp,
      way: 'inspected',
      host,
      publicAuthority: port === own ? host : `${host}:${port}`,
      publicScheme: scheme,
      target,
    }
  }

  function refuseUnknown(socket: Duplex, who: SignedIn, host: string, port: number): void {
    const eventId = context.journal.refused(who.tenant, {
      reason: 'app-unknown',
      clientIp: who.clientIp,
      host: `${host}:${port}`,
      deviceId: who.device.id,
    })
    deniedRaw(socket, who, null, deny('app-unknown'), eventId)
  }

  function deniedRaw(
    socket: Duplex,
    { tenant }: SignedIn,
    app: AppRecord | null,
    decision: Deny,
    eventId: string,
  ): void {
    context.count('denied')
    const origin = portalOrigin(context, tenant.record.name)
    const facts: DenialFacts = { tenant: tenant.record, decision, app, eventId, portalOrigin: origin }
    socket.end(rawDenial(facts))
    socket.once('finish', () => socket.destroy())
  }
}

function signedIn(asker: AgentAsker): SignedIn {
  const { session } = asker
  if (session === undefined) throw new Fault('not-signed-in')
  return { ...asker, session }
}

function absoluteForm(request: IncomingMessage, head: CheckedRequest) {
  const isPlain = /^http:\/\//i.test(request.url ?? '')
  // https in absolute form would ask us to speak TLS for the client: that is what CONNECT is for.
  if (!isPlain) throw new Fault('request-malformed', { hint: 'Use CONNECT, or http:// in absolute form.' })
  const { host, port = 80 } = head.authority
  return { host, port, scheme: 'http' as const }
}

function accessOf({ session, clientIp }: SignedIn, app: AppRecord): Access {
  return {
    userId: session.userId,
    sessionId: session.id,
    deviceId: session.deviceId,
    appId: app.id,
    connectorId: null,
    clientIp,
    http: null,
  }
}

function tlsOf(socket: Duplex): Socket {
  if (!(socket instanceof TLSSocket)) throw new Fault('internal')
  return socket
}
