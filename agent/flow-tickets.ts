// Tickets that connectors gave on sealed flows: the next flow to the same one need not show certificates again. Must never
// offer a ticket to another connector than the one that proved its name when it gave it, nor one ticket twice.
import { caps } from './caps.ts'

/** `untilMs`: the end of the connector's certificate, which a resumed connection does not bring again. */
export type FlowTicket = { readonly ticket: Buffer; readonly untilMs: number }

/**
 * Node ties a ticket to the server name under which it came, and every sealed flow has a name of its own. Who the server
 * is, is not that name here but the connector's identity, by which tickets are kept: so the name inside is replaced. In a
 * form other than Node 26's it is not found, and the handshake is a full one.
 */
export function ticketFor(serverName: string, ticket: Buffer, cameAs: string): Buffer | undefined {
  const was = lengthAndName(cameAs)
  const at = ticket.indexOf(was)
  if (at < 0 || at > MAX_PREFIX_BYTES) return undefined
  return Buffer.concat([ticket.subarray(0, at), lengthAndName(serverName), ticket.subarray(at + was.length)])
}

const MAX_PREFIX_BYTES = 64

function lengthAndName(name: string): Buffer {
  const bytes = Buffer.from(name)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

type Kept = FlowTicket & { readonly dropAtMs: number }

/** One for each profile: what another person, device key or sign-in obtained is not in it. */
export class FlowTickets {
  readonly #byConnector = new Map<string, Kept[]>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs
  }

  /** The newest one of this connector, once. */
  take(connectorUri: string): FlowTicket | undefined {
    const kept = this.#byConnector.get(connectorUri)
    const newest = kept?.pop()
    if (newest === undefined) return undefined
    if (newest.dropAtMs > this.#nowMs()) return newest
    // What lies below is older still.
    this.#byConnector.delete(connectorUri)
    return undefined
  }

  /** Only once the connector on this very connection has proven to be `connectorUri`. */
  keep(connectorUri: string, { ticket, untilMs }: FlowTicket): void {
    const kept = this.#byConnector.get(connectorUri) ?? []
    this.#byConnector.delete(connectorUri)
    this.#byConnector.set(connectorUri, kept)
    kept.push({ ticket, untilMs, dropAtMs: Math.min(untilMs, this.#nowMs() + caps.flowTicketMs.default) })
    if (kept.length > caps.flowTickets.default) kept.shift()
    const [oldest] = this.#byConnector.keys()
    if (this.#byConnector.size > caps.ticketedConnectors.default && oldest !== undefined) {
      this.#byConnector.delete(oldest)
    }
  }
}
