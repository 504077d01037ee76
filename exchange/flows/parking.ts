// Parked sockets with the tokens that they came with, so that an offer can say which one is meant. Must never hand out a
// socket to a flow of another connector than the one that parked it.
import type { Socket } from 'node:net'
import type { ConnectorId } from '#core/ids.ts'
import { Fault } from '#core/fault.ts'
import { caps as transportCaps } from '#transport/caps.ts'
import { PARK_PREFACE } from '#transport/park.ts'
import { startParkedPool, type ParkedPool } from '#transport/parked.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { caps } from '#exchange/caps.ts'

export type ParkedSocket = { readonly socket: Socket; readonly token: string }

const LINE_FEED = 10

export class Parking {
  readonly tokenLifeMs: number
  readonly #pool: ParkedPool
  readonly #tokenOf = new WeakMap<Socket, string>()
  /** Tokens that were issued and not used yet, with their end. */
  readonly #outstanding = new Map<ConnectorId, Map<string, number>>()
  readonly #clock: () => number

  constructor(tokenLifeMs: number = transportCaps.parkTokenLifeMs.default, clock = () => performance.now()) {
    this.tokenLifeMs = tokenLifeMs
    this.#pool = startParkedPool({ tokenLifeMs })
    this.#clock = clock
  }

  get size(): number {
    return this.#pool.size
  }

  waiting(connectorId: ConnectorId): number {
    return this.#pool.countOf(connectorId)
  }

  outstanding(connectorId: ConnectorId): number {
    const tokens = this.#outstanding.get(connectorId)
    if (tokens === undefined) return 0
    const nowMs = this.#clock()
    for (const [token, expiresMs] of tokens) {
      if (expiresMs > nowMs) break
      tokens.delete(token)
    }
    return tokens.size
  }

  /** As many tokens as the caps allow, at most `count`. */
  issue(connectorId: ConnectorId, count: number): string[] {
    const tokens = this.#outstanding.get(connectorId) ?? new Map<string, number>()
    this.#outstanding.set(connectorId, tokens)
    const issued: string[] = []
    try {
      while (issued.length < count) issued.push(this.#pool.issueToken(connectorId))
    } catch (error) {
      if (!(error instanceof Fault)) throw error
    }
    for (const token of issued) tokens.set(token, this.#clock() + this.tokenLifeMs)
    return issued
  }

  /** Reads the preface of a new connection and parks it. Throws Faults as the pool does; the socket is then gone. */
  async admit(socket: Socket, first: Buffer, signal?: AbortSignal): Promise<ConnectorId> {
    if (first.length > 0) socket.unshift(first)
    let held = Buffer.alloc(0)
    const preface = await readPrefix(
      socket,
      (chunk) => {
        held = Buffer.concat([held, chunk])
        const isEnough = held.indexOf(LINE_FEED) >= 0 || held.length >= transportCaps.parkPrefaceBytes.default
        // What cannot become a preface is judged at once, not at the deadline.
        const known = Math.min(held.length, PARK_PREFACE.length)
        return isEnough || held.toString('latin1', 0, known) !== PARK_PREFACE.slice(0, known) ? held : undefined
      },
      { deadlineMs: transportCaps.parkPrefaceDeadlineMs.default, signal },
    )
    // The pool reads and judges the same bytes; here they only tell which token it was.
    const token = preface.toString('latin1', PARK_PREFACE.length, preface.length - 1)
    this.#tokenOf.set(socket, token)
    const connectorId = await this.#pool.admit(socket, preface, signal)
    this.#outstanding.get(connectorId)?.delete(token)
    return connectorId
  }

  /** A parked socket of this connector, or the next one within a moment. Throws Fault `no-connector`. */
  async take(connectorId: ConnectorId): Promise<ParkedSocket> {
    const socket = await this.#pool.takeSoon(connectorId, { deadlineMs: caps.parkWaitMs.default })
    const token = this.#tokenOf.get(socket)
    if (token === undefined) throw new Fault('internal')
    return { socket, token }
  }

  drop(connectorId: ConnectorId): void {
    this.#outstanding.delete(connectorId)
    this.#pool.drop(connectorId)
  }

  destroy(): void {
    this.#outstanding.clear()
    this.#pool.destroy()
  }
}
