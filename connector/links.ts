// Keeps one link to every exchange that serves the tenant: dials, dials again with full jitter, learns new addresses
// from each welcome. Must never hammer an exchange that is down, nor keep two links to one exchange.
import type { TLSSocket } from 'node:tls'
import { asFault, Fault } from '#core/fault.ts'
import { parseAddress } from '#transport/address.ts'
import { pause, startBackoff } from '#transport/backoff.ts'
import type { DialTarget } from '#transport/dial.ts'
import { park } from '#transport/park.ts'
import { caps } from './caps.ts'
import { openLink, type Link, type LinkHandlers } from './link.ts'

export type LinksDeps = {
  readonly dialLink: (address: DialTarget, signal: AbortSignal) => Promise<TLSSocket>
  readonly handlers: LinkHandlers
  readonly software: string
  /** By the slice in force: no link is kept to such an exchange. */
  readonly isRevoked: (exchangeId: string) => boolean
  readonly random: () => number
  readonly log: (message: string, fields?: Record<string, unknown>) => void
  readonly onOpen: (link: Link) => void
}

export class Links {
  readonly #deps: LinksDeps
  readonly #configured: ReadonlySet<string>
  readonly #runners = new Map<string, AbortController>()
  readonly #running = new Set<Promise<void>>()
  readonly #open = new Map<string, Link>()
  #isClosed = false

  constructor(configured: readonly string[], deps: LinksDeps) {
    this.#configured = new Set(configured)
    this.#deps = deps
  }

  start(): void {
    for (const address of this.#configured) this.#want(address)
  }

  get open(): readonly Link[] {
    return [...this.#open.values()]
  }

  /** Says goodbye on every link. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#runners.values()) stop.abort()
    await Promise.all(this.open.map((link) => link.close()))
    await Promise.all(this.#running)
  }

  destroy(fault: Fault): void {
    this.#isClosed = true
    for (const stop of this.#runners.values()) stop.abort()
    for (const link of this.open) link.destroy(fault)
  }

  #want(address: string): void {
    if (this.#isClosed || this.#runners.has(address) || this.#runners.size >= caps.exchanges.default) return
    const stop = new AbortController()
    this.#runners.set(address, stop)
    const running = this.#run(address, stop.signal).finally(() => {
      this.#runners.delete(address)
      this.#running.delete(running)
    })
    this.#running.add(running)
  }

  /** Exchanges come and go: those that neither configuration nor any link names are dropped. */
  refresh(): void {
    const listed = new Set([...this.#configured, ...this.open.flatMap(({ exchanges }) => exchanges)])
    for (const address of listed) this.#want(address)
    if (this.#open.size === 0) return
    for (const [address, stop] of this.#runners) if (!listed.has(address)) stop.abort()
  }

  async #run(addressText: string, signal: AbortSignal): Promise<void> {
    const { reconnectFirstMs, reconnectMaxMs } = caps
    const backoff = startBackoff({ baseMs: reconnectFirstMs.default, maxMs: reconnectMaxMs.default }, this.#deps.random)
    for (;;) {
      const startedMs = performance.now()
      try {
        await this.#once(addressText, signal)
      } catch (error) {
        const { code, detail } = asFault(error)
        if (!signal.aborted) this.#deps.log('no link to the exchange', { address: addressText, code, ...detail })
        if (code === 'configuration-invalid') return
      }
      if (signal.aborted) return
      if (performance.now() - startedMs >= caps.steadyMs.default) backoff.reset()
      try {
        await pause(backoff.next(), signal)
      } catch {
        return
      }
    }
  }

  async #once(addressText: string, signal: AbortSignal): Promise<void> {
    const address = parseAddress(addressText)
    if (address === undefined) {
      throw new Fault('configuration-invalid', { hint: `"${addressText.slice(0, 100)}" is not an address host:port.` })
    }
    const socket = await this.#deps.dialLink(address, signal)
    const dialPark = (token: string, abort: AbortSignal) =>
      park(address, token, { deadlineMs: caps.dialMs.default, signal: AbortSignal.any([abort, signal]) })
    const { software, handlers, log } = this.#deps
    const link = await openLink(socket, { software, dialPark, signal }, handlers)
    const { exchangeId } = link
    if (this.#deps.isRevoked(exchangeId)) {
      const fault = new Fault('certificate-refused', { detail: { why: 'exchange revoked', exchangeId } })
      link.destroy(fault)
      throw fault
    }
    const other = this.#open.get(exchangeId)
    if (other !== undefined) {
      // Two addresses of one exchange: the first link stays, this address waits until it may be needed.
      link.destroy(new Fault('closing'))
      await Promise.race([other.closed, aborted(signal)])
      return
    }
    this.#open.set(exchangeId, link)
    log('linked to the exchange', { address: addressText, exchangeId })
    const onAbort = () => void link.close()
    signal.addEventListener('abort', onAbort)
    try {
      this.#deps.onOpen(link)
      this.refresh()
      await link.closed
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#open.delete(exchangeId)
      log('the link to the exchange ended', { address: addressText, exchangeId })
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  else signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}
