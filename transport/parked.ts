// The exchange's pool of parked sockets: connections that connectors dialled in advance, waiting to be half of a flow.
// Must never hold a socket whose token was not issued, unused and in time, nor one that speaks before it is spoken to.
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import type { ConnectorId } from '#core/ids.ts'
import { caps } from './caps.ts'
import { sharedClock, type CoarseClock } from './coarse-clock.ts'
import { hardClose } from './hard-close.ts'
import { PARK_PREFACE } from './park.ts'
import { readPrefix } from './read-prefix.ts'
import { newSecret, sha256 } from './secret.ts'

export type ParkedConfig = {
  readonly perConnector?: number
  readonly total?: number
  readonly lifeMs?: number
  readonly tokensPerConnector?: number
  readonly tokenLifeMs?: number
  readonly prefaceDeadlineMs?: number
}
export type ParkedDeps = { readonly clock?: CoarseClock }

type Token = { readonly connectorId: ConnectorId; readonly expiresMs: number }
type Spot = { readonly socket: Socket; readonly expiresMs: number; readonly release: () => void }
type Lot = { readonly spots: Spot[]; readonly waiting: Set<(socket: Socket) => void>; tokens: number }

export function startParkedPool(config: ParkedConfig = {}, deps: ParkedDeps = {}): ParkedPool {
  return new ParkedPool(config, deps)
}

export class ParkedPool {
  readonly #limits: Required<ParkedConfig>
  readonly #clock: CoarseClock
  /** By SHA-256: looking a guess up tells nothing about the tokens by its timing. */
  readonly #tokens = new Map<string, Token>()
  readonly #lots = new Map<ConnectorId, Lot>()
  #parked = 0
  #isClosed = false

  constructor(config: ParkedConfig, deps: ParkedDeps) {
    this.#limits = {
      perConnector: config.perConnector ?? caps.parkedPerConnector.default,
      total: config.total ?? caps.parkedTotal.default,
      lifeMs: config.lifeMs ?? caps.parkedLifeMs.default,
      tokensPerConnector: config.tokensPerConnector ?? caps.parkTokens.default,
      tokenLifeMs: config.tokenLifeMs ?? caps.parkTokenLifeMs.default,
      prefaceDeadlineMs: config.prefaceDeadlineMs ?? caps.parkPrefaceDeadlineMs.default,
    }
    this.#clock = deps.clock ?? sharedClock
    this.#clock.watch(this)
  }

  get size(): number {
    return this.#parked
  }

  countOf(connectorId: ConnectorId): number {
    return this.#lots.get(connectorId)?.spots.length ?? 0
  }

  /** A token for one connection of this connector. Throws Fault `at-capacity` when too many are outstanding. */
  issueToken(connectorId: ConnectorId): string {
    if (this.#isClosed) throw new Fault('closing')
    const lot = this.#lotOf(connectorId)
    if (lot.tokens >= this.#limits.tokensPerConnector)
      throw new Fault('at-capacity', { detail: { why: 'park tokens' } })
    const token = newSecret('prk')
    lot.tokens++
    this.#tokens.set(hashOf(token), { connectorId, expiresMs: this.#clock.nowMs + this.#limits.tokenLifeMs })
    return token
  }

  /**
   * Reads the preface off a new connection, of which `first` was read already, and parks it. Throws Fault
   * `token-invalid`, `request-malformed`, `request-timeout` or `at-capacity`; the socket is then gone.
   */
  async admit(socket: Socket, first: Uint8Array, signal?: AbortSignal): Promise<ConnectorId> {
    if (first.length > 0) socket.unshift(first)
    let held: Buffer = Buffer.alloc(0)
    const push = (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      return tokenOfPreface(held)
    }
    const token = await readPrefix(socket, push, { deadlineMs: this.#limits.prefaceDeadlineMs, signal })
    try {
      const connectorId = this.#redeem(token)
      this.#park(socket, connectorId)
      return connectorId
    } catch (error) {
      socket.on('error', () => {})
      socket.destroy()
      throw error
    }
  }

  /** A parked socket of this connector, now the caller's; the freshest first. */
  take(connectorId: ConnectorId): Socket | undefined {
    const lot = this.#lots.get(connectorId)
    for (let spot = lot?.spots.at(-1); spot !== undefined; spot = lot?.spots.at(-1)) {
      spot.release()
      // What came in since the last turn of the loop was said before it was spoken to.
      if (!spot.socket.destroyed && spot.socket.readableLength === 0) return spot.socket
      spot.socket.destroy()
    }
    return undefined
  }

  /** As `take`, or the next that is parked in time. Throws Fault `no-connector` or `closing` (aborted). */
  takeSoon(
    connectorId: ConnectorId,
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Socket> {
    const ready = this.take(connectorId)
    if (ready !== undefined) return Promise.resolve(ready)
    const lot = this.#lotOf(connectorId)
    if (this.#isClosed || lot.waiting.size >= this.#limits.tokensPerConnector) {
      return Promise.reject(new Fault(this.#isClosed ? 'closing' : 'at-capacity'))
    }
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    const settle = () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      lot.waiting.delete(onParked)
      this.#forgetIfEmpty(connectorId, lot)
    }
    const onParked = (socket: Socket) => {
      settle()
      resolve(socket)
    }
    const fail = (fault: Fault) => {
      settle()
      reject(fault)
    }
    const onAbort = () => fail(new Fault('closing'))
    const timer = setTimeout(() => fail(new Fault('no-connector')), options.deadlineMs)
    lot.waiting.add(onParked)
    if (options.signal?.aborted === true) onAbort()
    else options.signal?.addEventListener('abort', onAbort)
    return promise
  }

  /** Closes what a connector parked and voids its tokens: it is gone or revoked. */
  drop(connectorId: ConnectorId): void {
    for (const [hash, token] of this.#tokens) if (token.connectorId === connectorId) this.#tokens.delete(hash)
    const lot = this.#lots.get(connectorId)
    if (lot === undefined) return
    lot.tokens = 0
    for (let spot = lot.spots.at(-1); spot !== undefined; spot = lot.spots.at(-1)) {
      spot.release()
      hardClose(spot.socket)
    }
    this.#forgetIfEmpty(connectorId, lot)
  }

  destroy(): void {
    this.#isClosed = true
    this.#clock.unwatch(this)
    for (const connectorId of this.#lots.keys()) this.drop(connectorId)
  }

  onTick(nowMs: number): void {
    for (const [hash, token] of this.#tokens) {
      // Tokens are in the order of their issue, hence of their end.
      if (token.expiresMs > nowMs) break
      this.#spend(hash, token)
    }
    for (const lot of this.#lots.values()) {
      for (const spot of lot.spots.filter((parked) => parked.expiresMs <= nowMs)) {
        spot.release()
        spot.socket.end()
        spot.socket.destroySoon()
      }
    }
  }

  #redeem(text: string): ConnectorId {
    const hash = hashOf(text)
    const token = this.#tokens.get(hash)
    if (token === undefined) throw new Fault('token-invalid')
    this.#spend(hash, token)
    if (token.expiresMs <= this.#clock.nowMs) throw new Fault('token-invalid')
    return token.connectorId
  }

  #spend(hash: string, token: Token): void {
    this.#tokens.delete(hash)
    const lot = this.#lots.get(token.connectorId)
    if (lot === undefined) return
    lot.tokens--
    this.#forgetIfEmpty(token.connectorId, lot)
  }

  #park(socket: Socket, connectorId: ConnectorId): void {
    if (this.#isClosed) throw new Fault('closing')
    const lot = this.#lotOf(connectorId)
    socket.setKeepAlive(true, 30_000)
    socket.setNoDelay(true)
    const [waiting] = lot.waiting
    if (waiting !== undefined) return waiting(socket)
    if (lot.spots.length >= this.#limits.perConnector || this.#parked >= this.#limits.total) {
      throw new Fault('at-capacity', { detail: { why: 'parked sockets' } })
    }
    const leave = () => {
      spot.release()
      socket.destroy()
    }
    const onError = () => leave()
    const spot: Spot = {
      socket,
      expiresMs: this.#clock.nowMs + this.#limits.lifeMs,
      release: () => {
        const at = lot.spots.indexOf(spot)
        if (at < 0) return
        lot.spots.splice(at, 1)
        this.#parked--
        socket.off('readable', leave).off('end', leave).off('close', leave)
        // Left in place on a socket that is going: its last error has nobody else to hear it.
        if (!socket.destroyed) socket.off('error', onError)
        this.#forgetIfEmpty(connectorId, lot)
      },
    }
    lot.spots.push(spot)
    this.#parked++
    // Readable means bytes or the end: either way it is no longer waiting.
    socket.on('readable', leave).on('end', leave).on('close', leave).on('error', onError)
  }

  #lotOf(connectorId: ConnectorId): Lot {
    let lot = this.#lots.get(connectorId)
    if (lot === undefined) {
      lot = { spots: [], waiting: new Set(), tokens: 0 }
      this.#lots.set(connectorId, lot)
    }
    return lot
  }

  #forgetIfEmpty(connectorId: ConnectorId, lot: Lot): void {
    const isEmpty = lot.spots.length === 0 && lot.waiting.size === 0 && lot.tokens === 0
    if (isEmpty && this.#lots.get(connectorId) === lot) this.#lots.delete(connectorId)
  }
}

function tokenOfPreface(bytes: Buffer): string | undefined {
  const malformed = () => new Fault('request-malformed', { detail: { why: 'park preface' } })
  const known = Math.min(bytes.length, PARK_PREFACE.length)
  if (bytes.subarray(0, known).toString('latin1') !== PARK_PREFACE.slice(0, known)) throw malformed()
  const end = bytes.indexOf(10)
  if (end < 0 && bytes.length < caps.parkPrefaceBytes.default) return undefined
  // Bytes behind the line were sent before anybody spoke to the socket.
  if (end < 0 || end !== bytes.length - 1 || bytes.length > caps.parkPrefaceBytes.default) throw malformed()
  return bytes.subarray(PARK_PREFACE.length, end).toString('latin1')
}

function hashOf(token: string): string {
  return sha256(token).toString('base64url')
}
