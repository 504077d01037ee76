// Sockets that this connector has dialled to an exchange and that wait there to become one half of a flow. Must never
// read from them before their offer came, nor keep more than the cap.
import type { Socket } from 'node:net'
import { hardClose } from '#transport/hard-close.ts'
import { caps } from './caps.ts'

/** Dials the park door and writes the preface with the token. */
export type DialParkDoor = (token: string, signal: AbortSignal) => Promise<Socket>

export class Parking {
  readonly #dial: DialParkDoor
  readonly #sockets = new Map<string, Socket>()
  readonly #dialling = new Map<string, AbortController>()
  readonly #early = new Map<string, PromiseWithResolvers<Socket | undefined>>()
  #isClosed = false

  constructor(dial: DialParkDoor) {
    this.#dial = dial
  }

  /** Waiting and being dialled. */
  get size(): number {
    return this.#sockets.size + this.#dialling.size
  }

  /** Parks one socket for each token, as far as the cap allows. */
  park(tokens: readonly string[]): void {
    for (const token of tokens) {
      if (
        this.#isClosed ||
        this.size >= caps.parkedPerLink.default ||
        this.#sockets.has(token) ||
        this.#dialling.has(token)
      )
        continue
      void this.#parkOne(token)
    }
  }

  /** The socket parked with this token, once; also one that is still being dialled. */
  async take(token: string): Promise<Socket | undefined> {
    const socket = this.#sockets.get(token)
    if (socket !== undefined) {
      this.#sockets.delete(token)
      return socket.destroyed ? undefined : socket
    }
    if (!this.#dialling.has(token) || this.#early.has(token)) return undefined
    const early = Promise.withResolvers<Socket | undefined>()
    this.#early.set(token, early)
    return early.promise
  }

  close(): void {
    this.#isClosed = true
    for (const abort of this.#dialling.values()) abort.abort()
    for (const socket of this.#sockets.values()) hardClose(socket)
    this.#sockets.clear()
  }

  async #parkOne(token: string): Promise<void> {
    const abort = new AbortController()
    this.#dialling.set(token, abort)
    let socket: Socket | undefined
    try {
      socket = await this.#dial(token, abort.signal)
      // The error listener stays for the socket's life: a reset while it waits only ends the waiting.
      socket.on('error', () => {})
    } catch {
      // The exchange asks for another when it misses one; the link tells whether it is there at all.
    }
    this.#dialling.delete(token)
    const early = this.#early.get(token)
    this.#early.delete(token)
    if (early !== undefined) return early.resolve(socket)
    if (socket === undefined) return
    if (this.#isClosed || socket.destroyed) return hardClose(socket)
    this.#keep(token, socket)
  }

  #keep(token: string, socket: Socket): void {
    const forget = () => {
      if (this.#sockets.get(token) === socket) this.#sockets.delete(token)
    }
    this.#sockets.set(token, socket)
    socket.once('close', forget)
    // The exchange has closed its side, unused: ours goes too.
    socket.once('end', () => {
      if (this.#sockets.get(token) === socket) hardClose(socket)
    })
    setTimeout(() => {
      if (this.#sockets.get(token) === socket) hardClose(socket)
    }, caps.parkedLifeMs.default).unref()
  }
}
