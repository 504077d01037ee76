// Tickets that connectors gave on sealed flows: the next flow to the same one need not show certificates again. Must never
// offer a ticket to another connector than the one that proved its name when it gave it, nor one ticket twice.
import { caps } from './caps.ts'

/** `untilMs`: the end of the connector's certificate, which a resumed connection does not bring again. */
export type FlowTicket = { readonly ticket: Buffer; readonly untilMs: number }

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
