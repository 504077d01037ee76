// Kept-alive connections to one exchange's agent door: a few at most, over sockets that the caller has dialled and
// verified; who finds all busy waits. Must never dial by itself, nor wait past the caller's signal.
import { Agent, type ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import { asFault, Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

export class DoorAgent extends Agent {
  readonly #dial: () => Promise<Duplex>
  readonly #waiting = new Set<() => void>()
  #free: number = caps.doorConnections.default
  #isRetired = false

  constructor(dial: () => Promise<Duplex>) {
    super({ keepAlive: true, timeout: caps.doorIdleMs.default })
    this.#dial = dial
  }

  /** Runs `ask` when a place is free. Node's own limit does not count connections that are still being dialled. */
  async inTurn<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await ask()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else next()
    }
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // Node hands on the error alone; its types want a stream with it.
    const fail = callback as ((error: Error) => void) | undefined
    void this.#connect(
      (socket) => callback?.(null, socket),
      (error) => fail?.(asFault(error)),
    )
  }

  override keepSocketAlive(socket: Duplex): ReturnType<Agent['keepSocketAlive']> {
    if (this.#isRetired) return void socket.destroy()
    return super.keepSocketAlive(socket)
  }

  /** Lets what is under way finish, and keeps nothing for later. */
  retire(): void {
    this.#isRetired = true
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }

  async #connect(done: (socket: Duplex) => void, fail: (error: unknown) => void): Promise<void> {
    let socket: Duplex
    try {
      socket = await this.#dial()
    } catch (error) {
      return fail(error)
    }
    done(socket)
  }

  #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const go = () => {
      this.#waiting.delete(go)
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      this.#waiting.delete(go)
      reject(new Fault('control-unreachable', { detail: { why: 'no turn at the agent door' } }))
    }
    if (signal.aborted) leave()
    else {
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.add(go)
    }
    return promise
  }
}
