// One link to one exchange: hello, welcome, then slices, park orders, offers and cuts. Must never act on a message
// before the exchange has proven its name and its certificate has given us the key that grants are checked with.
import { X509Certificate, type KeyObject } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { asFault, Fault } from '#core/fault.ts'
import { LINK_VERSIONS, linkFromExchange, type LinkFromConnector, type LinkFromExchange } from '#core/wire/link.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { caps } from './caps.ts'
import { Parking, type DialParkDoor } from './parking.ts'

export type Welcome = Extract<LinkFromExchange, { type: 'welcome' }>

export type LinkHandlers = {
  readonly onSlice: (token: string, link: Link) => void
  readonly onOffer: (offer: Extract<LinkFromExchange, { type: 'offer' }>, link: Link) => void
  readonly onCut: (flowIds: readonly string[], reason: string, link: Link) => void
  readonly onRenewed: (message: Extract<LinkFromExchange, { type: 'renewed' }>, link: Link) => void
  readonly onDraining: (link: Link) => void
  /** The addresses of all exchanges are others than the welcome said. */
  readonly onExchanges: (link: Link) => void
}

export class Link {
  readonly welcome: Welcome
  readonly exchangeKey: KeyObject
  readonly parking: Parking
  readonly #frames: FrameConnection
  isDraining = false
  /** Addresses of all exchanges that serve the tenant. */
  exchanges: readonly string[]

  constructor(welcome: Welcome, exchangeKey: KeyObject, parking: Parking, frames: FrameConnection) {
    this.welcome = welcome
    this.exchanges = welcome.exchanges
    this.exchangeKey = exchangeKey
    this.parking = parking
    this.#frames = frames
  }

  get exchangeId(): string {
    return this.welcome.exchangeId
  }

  get closed(): Promise<void> {
    return this.#frames.closed
  }

  send(message: LinkFromConnector): boolean {
    return this.#frames.isOpen && this.#frames.send(message)
  }

  async close(): Promise<void> {
    this.parking.close()
    await this.#frames.close()
  }

  destroy(fault: Fault): void {
    this.parking.close()
    this.#frames.destroy(fault)
  }
}

/** Speaks on a verified TLS connection until `welcome`; then the link. Faults: `wire-version`, `request-timeout` … */
export async function openLink(
  socket: TLSSocket,
  options: { readonly software: string; readonly dialPark: DialParkDoor; readonly signal: AbortSignal },
  handlers: LinkHandlers,
): Promise<Link> {
  const peer = readPeer(socket.getPeerCertificate().raw)
  const exchangeKey = new X509Certificate(socket.getPeerCertificate().raw).publicKey
  const { promise: welcomed, resolve, reject } = Promise.withResolvers<Link>()
  const parking = new Parking(options.dialPark)
  let link: Link | undefined
  const frames = startFrames(socket, {
    onMessage: (raw) => {
      const message = parse(raw)
      if (link !== undefined) return handle(message, link, handlers)
      link = new Link(requireWelcome(message), exchangeKey, parking, frames)
      const name = identityOf(peer)
      // Who it is, is the certificate's word: a revoked exchange must not come back under another id.
      if (name?.role !== 'exchange' || name.owner !== 'provider' || name.id !== link.exchangeId) {
        throw new Fault('certificate-refused', { detail: { why: 'speaks for another exchange' } })
      }
      resolve(link)
    },
    onClose: (fault) => {
      parking.close()
      reject(fault ?? new Fault('closing'))
    },
  })
  const timer = setTimeout(() => frames.destroy(new Fault('request-timeout')), caps.welcomeMs.default)
  const onAbort = () => frames.destroy(new Fault('closing'))
  options.signal.addEventListener('abort', onAbort)
  try {
    if (options.signal.aborted) throw new Fault('closing')
    frames.send({ type: 'hello', versions: [...LINK_VERSIONS], software: options.software } satisfies LinkFromConnector)
    return await welcomed
  } catch (error) {
    frames.destroy(asFault(error))
    throw error
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', onAbort)
  }
}

function parse(raw: unknown): LinkFromExchange {
  const parsed = linkFromExchange.safeParse(raw)
  if (!parsed.success) throw new Fault('wire-malformed', { cause: parsed.error })
  return parsed.data
}

function requireWelcome(message: LinkFromExchange): Welcome {
  if (message.type !== 'welcome') throw new Fault('wire-malformed', { detail: { why: 'no welcome' } })
  if (!LINK_VERSIONS.some((version) => version === message.version)) throw new Fault('wire-version')
  return message
}

function handle(message: LinkFromExchange, link: Link, handlers: LinkHandlers): void {
  switch (message.type) {
    case 'welcome':
      throw new Fault('wire-malformed', { detail: { why: 'a second welcome' } })
    case 'exchanges':
      link.exchanges = message.exchanges
      return handlers.onExchanges(link)
    case 'slice':
      return handlers.onSlice(message.token, link)
    case 'park':
      if (!link.isDraining) link.parking.park(message.tokens)
      return
    case 'offer':
      return handlers.onOffer(message, link)
    case 'cut':
      return handlers.onCut(message.flowIds, message.reason, link)
    case 'renewed':
      return handlers.onRenewed(message, link)
    case 'draining':
      link.isDraining = true
      return handlers.onDraining(link)
  }
}
