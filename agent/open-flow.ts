// Opens one connection to an app: asks an exchange, then a sealed flow to the connector or a tunnel through the agent
// door. Must never send a byte of a program before the other end has proven to be the connector that was named.
import type { Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { FLOWS_PATH, flowAnswer, type Denial, type FlowAnswer } from '#core/wire/flow.ts'
import { flowStatus, MAX_FLOW_STATUS_BYTES } from '#core/wire/link.ts'
import { dial } from '#transport/dial.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'
import { type Exchange, type Exchanges, rethrowAsExchange } from './exchanges.ts'
import { FlowTickets, ticketFor } from './flow-tickets.ts'
import type { Profile } from './profile.ts'
import { openTunnel } from './tunnel.ts'

export type OpenedFlow =
  | { readonly kind: 'open'; readonly way: 'sealed' | 'inspected'; readonly socket: Socket }
  | { readonly kind: 'refused'; readonly denial: Denial }

type Sealed = Extract<FlowAnswer, { kind: 'sealed' }>

export type FlowContext = {
  readonly exchanges: Exchanges
  readonly profile: () => Profile
  readonly signal: AbortSignal
}

/** Throws Faults for what went wrong; a refusal by policy is a value. */
export async function openFlow(host: string, port: number, context: FlowContext): Promise<OpenedFlow> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(caps.flowOpenMs.default)])
  const early = dialEarly(`${host}:${port}`, context, signal)
  try {
    for (let tried = 1; ; tried++) {
      const { body, exchange } = await context.exchanges.ask('POST', FLOWS_PATH, { host, port }, signal)
      const isLast = tried >= Math.min(context.exchanges.inOrder.length, caps.flowTries.default)
      const opened = await openThrough(exchange, body, { host, port }, { isLast, early, context, signal })
      if (opened !== 'elsewhere') return opened
      context.exchanges.rest(exchange)
    }
  } catch (error) {
    if (signal.aborted && !context.signal.aborted) throw new Fault('upstream-timeout', { cause: error })
    throw error
  } finally {
    early?.release()
  }
}

type EarlyDial = {
  /** The connection, if it is to this exchange and was made; then the caller's. */
  readonly take: (exchange: Exchange) => Promise<Socket | undefined>
  /** Ends it, unless it was taken. */
  readonly release: () => void
}

/** What was sealed the last time is dialled while the exchange is asked: the answer then finds a connection. */
function dialEarly(name: string, { exchanges, profile }: FlowContext, signal: AbortSignal): EarlyDial | undefined {
  const [exchange] = exchanges.inOrder
  if (exchange === undefined || !clientOf(profile()).wasSealed(name)) return undefined
  const dialling = dial(exchange.target, { deadlineMs: caps.dialMs.default, signal }).catch(() => undefined)
  let isTaken = false
  return {
    async take(answering) {
      if (answering !== exchange) return undefined
      isTaken = true
      return await dialling
    },
    release() {
      if (isTaken) return
      void dialling.then((socket) => socket?.on('error', () => {}).destroy())
    },
  }
}

type Attempt = {
  readonly isLast: boolean
  readonly early: EarlyDial | undefined
  readonly context: FlowContext
  readonly signal: AbortSignal
}

/** `elsewhere`: this exchange cannot, and there is another that was not asked. */
async function openThrough(
  exchange: Exchange,
  body: unknown,
  { host, port }: { readonly host: string; readonly port: number },
  { isLast, early, context, signal }: Attempt,
): Promise<OpenedFlow | 'elsewhere'> {
  const parsed = flowAnswer.safeParse(withoutExtras(body))
  if (!parsed.success) throw faultIn(body)
  const refused = (denial: Denial) =>
    !isLast && elsewhereReasons.has(denial.reason) ? 'elsewhere' : ({ kind: 'refused', denial } as const)
  try {
    switch (parsed.data.kind) {
      case 'denied':
        return refused(parsed.data.denial)
      case 'unknown':
        return { kind: 'refused', denial: unknownApp(host, port) }
      case 'inspected': {
        if (parsed.data.connected === false && !isLast) return 'elsewhere'
        const opened = await openTunnel(host, port, () => context.exchanges.connect(exchange, signal), signal)
        return opened.kind === 'refused' ? refused(opened.denial) : opened
      }
      case 'sealed':
        clientOf(context.profile()).rememberSealed(`${host}:${port}`)
        return { kind: 'open', way: 'sealed', socket: await openSealed(parsed.data, exchange, context, signal, early) }
    }
  } catch (error) {
    if (!isLast && !signal.aborted && error instanceof Fault && elsewhereCodes.has(error.code)) return 'elsewhere'
    throw error
  }
}

/** What another exchange may do better: this one ends, is full, or has no connector of the app. */
const elsewhereReasons: ReadonlySet<string> = new Set(['no-connector', 'closing', 'at-capacity'])
const elsewhereCodes: ReadonlySet<string> = new Set(['exchange-unreachable', 'ticket-refused', 'closing'])

async function openSealed(
  answer: Sealed,
  exchange: Exchange,
  { profile }: FlowContext,
  signal: AbortSignal,
  early: EarlyDial | undefined,
): Promise<Socket> {
  const { signedIn } = profile()
  const ready = await early?.take(exchange)
  const tcp =
    ready?.destroyed === false
      ? ready
      : await dial(exchange.target, { deadlineMs: caps.dialMs.default, signal }).catch(rethrowAsExchange)
  const { secureContext, tickets } = clientOf(profile())
  const resumed = tickets.take(answer.connectorUri)
  const session = resumed && ticketFor(answer.ticketHost, resumed.ticket, ANY_NAME)
  const socket = connectTls({
    secureContext,
    ...(session !== undefined && { session }),
    socket: tcp,
    servername: answer.ticketHost,
    rejectUnauthorized: true,
    // The server is a connector, named by its identity and not by a host name: `requireConnector` checks that.
    checkServerIdentity: () => undefined,
  })
  // After the handshake Node turns the peer's chain into objects for the check above, which does not look at them:
  // 8 % of an agent that opens flows. What is checked is read by `requireConnector`.
  socket.getPeerCertificate = noCertificate
  socket.allowHalfOpen = true
  let untilMs: number | undefined
  const before: Buffer[] = []
  socket.on('session', (ticket: Buffer) => {
    const anonymous = ticketFor(ANY_NAME, ticket, answer.ticketHost)
    if (anonymous === undefined) return
    if (untilMs === undefined) before.push(anonymous)
    else tickets.keep(answer.connectorUri, { ticket: anonymous, untilMs })
  })
  const onAbort = () => socket.destroy()
  signal.addEventListener('abort', onAbort)
  try {
    await secured(socket)
    untilMs = requireConnector(socket, answer.connectorUri, signedIn.tenantId, resumed?.untilMs)
    for (const ticket of before) tickets.keep(answer.connectorUri, { ticket, untilMs })
    const status = flowStatus.parse(JSON.parse(await statusLine(socket, signal)))
    if (status.status === 'failed') {
      throw new Fault(status.code === 'upstream-timeout' ? 'upstream-timeout' : 'upstream-unreachable', {
        detail: { code: status.code },
      })
    }
    return socket
  } catch (error) {
    socket.destroy()
    throw error instanceof Fault ? error : new Fault('wire-malformed', { cause: error })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

type Client = {
  readonly secureContext: SecureContext
  readonly tickets: FlowTickets
  readonly rememberSealed: (name: string) => void
  readonly wasSealed: (name: string) => boolean
}

/**
 * One for all flows of a profile: making a context reads key, certificate and authorities, half a millisecond each time.
 * A renewed certificate or another sign-in is another profile, and starts without tickets.
 */
const clients = new WeakMap<Profile, Client>()

function clientOf(profile: Profile): Client {
  const known = clients.get(profile)
  if (known !== undefined) return known
  const { tlsCredentials, signedIn } = profile
  const secureContext = createSecureContext({ ...internalTls, ...tlsCredentials, ca: [...signedIn.identityCaPem] })
  const sealed = new Set<string>()
  const made: Client = {
    secureContext,
    tickets: new FlowTickets(),
    rememberSealed(name) {
      sealed.add(name)
      const [oldest] = sealed
      if (sealed.size > caps.sealedNames.default && oldest !== undefined) sealed.delete(oldest)
    },
    wasSealed: (name) => sealed.has(name),
  }
  clients.set(profile, made)
  return made
}

/** Under which tickets lie while no flow uses them. */
const ANY_NAME = 'any.flow.invalid'

const noCertificate = (() => ({})) as TLSSocket['getPeerCertificate']

const lostCodes: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'])

/** A connection that was lost is no reason to warn of an impostor; everything else in a handshake is. */
export function faultOfHandshake(cause: Error): Fault {
  const isLost = 'code' in cause && lostCodes.has(cause.code)
  return new Fault(isLost ? 'upstream-unreachable' : 'certificate-refused', { cause })
}

function secured(socket: TLSSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('secureConnect', resolve)
  // This listener stays: a late reset must not end the process.
  socket.on('error', (cause) => reject(faultOfHandshake(cause)))
  const onClose = () => reject(new Fault('ticket-refused'))
  socket.once('close', onClose).once('secureConnect', () => socket.off('close', onClose))
  return promise
}

/**
 * Exactly the connector that the exchange named, of our own tenant; when its certificate ends. Of a resumed connection
 * Node gives no certificate: that it is resumed proves the secret of a ticket that this connector gave us.
 */
function requireConnector(
  socket: TLSSocket,
  uri: string,
  tenantId: string,
  resumedUntilMs: number | undefined,
): number {
  if (socket.isSessionReused()) {
    if (!socket.authorized || resumedUntilMs === undefined || resumedUntilMs <= Date.now()) {
      throw new Fault('certificate-refused', { detail: { wanted: uri, why: 'resumed' } })
    }
    return resumedUntilMs
  }
  const peer = readPeer(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0))
  const name = identityOf(peer)
  const isIt = peer.uris.length === 1 && peer.uris[0] === uri && name?.role === 'connector' && name.owner === tenantId
  if (!socket.authorized || !isIt) throw new Fault('certificate-refused', { detail: { wanted: uri } })
  return peer.notAfter.getTime()
}

/** The first line; what follows stays in the socket. */
async function statusLine(socket: TLSSocket, signal: AbortSignal): Promise<string> {
  let held = Buffer.alloc(0)
  const { line, rest } = await readPrefix(
    socket,
    (chunk) => {
      held = Buffer.concat([held, chunk])
      const at = held.indexOf(0x0a)
      if (at > MAX_FLOW_STATUS_BYTES || (at < 0 && held.length > MAX_FLOW_STATUS_BYTES)) {
        throw new Fault('wire-malformed', { detail: { why: 'status line' } })
      }
      return at < 0 ? undefined : { line: held.subarray(0, at).toString(), rest: held.subarray(at + 1) }
    },
    { deadlineMs: caps.flowOpenMs.default, signal, from: 'server' },
  )
  if (rest.length > 0) socket.unshift(rest)
  return line
}

function unknownApp(host: string, port: number): Denial {
  return {
    reason: 'unknown-app',
    message: `No app of your organisation is called ${host} on port ${port}.`,
    advice: 'Check the spelling and the port; "sallyport agent apps" lists what there is.',
    requestAccessUrl: null,
  }
}

function withoutExtras(body: unknown): unknown {
  // A refusal for want of a session also names the portal, for agents that open it.
  if (typeof body !== 'object' || body === null || !('portal' in body)) return body
  const { portal: _portal, ...rest } = body
  return rest
}

function faultIn(body: unknown): Fault {
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined
  return new Fault('wire-malformed', {
    ...(typeof message === 'string' && { hint: message.slice(0, 300) }),
    detail: { code },
  })
}
