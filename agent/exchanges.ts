// The agent door of the tenant's exchanges: questions over kept-alive connections with the device certificate, the next
// exchange when one fails. Must never ask anything of a server that is not an exchange of the pinned authority.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls'
import { asFault, Fault } from '#core/fault.ts'
import { DNS_PATH } from '#core/wire/flow.ts'
import { parseAddress } from '#transport/address.ts'
import { dialTls, type DialTarget } from '#transport/dial.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'
import { DoorAgent } from './door-agent.ts'
import type { Profile } from './profile.ts'

const DNS_TYPE = 'application/dns-message'

export type DoorAnswer = {
  readonly status: number
  readonly body: unknown
  /** The exchange that answered: its tickets work nowhere else. */
  readonly exchange: Exchange
}

export type Exchange = {
  readonly name: string
  readonly target: DialTarget
  readonly agent: DoorAgent
  /** Connections of their own: a program that asks for many names keeps nobody from opening flows. */
  readonly names: DoorAgent
  restUntilMs: number
  /** How long TCP and TLS took when last measured; undefined: never, or it failed. */
  distanceMs: number | undefined
  measuredAtMs: number
}

type Question = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: object | undefined
  readonly signal: AbortSignal
}

export type ExchangesDeps = { readonly nowMs: () => number }

export class Exchanges {
  readonly #deps: ExchangesDeps
  readonly #exchanges = new Map<string, Exchange>()
  #profile: Profile
  #context: SecureContext | undefined

  constructor(profile: Profile, deps: ExchangesDeps) {
    this.#deps = deps
    this.#profile = profile
    this.#list(profile.signedIn.exchanges)
  }

  /** A new certificate or list of exchanges; connections under way finish with the old. */
  use(profile: Profile): void {
    const isRenewed = profile.signedIn.certificatePem !== this.#profile.signedIn.certificatePem
    this.#profile = profile
    this.#context = undefined
    if (isRenewed) this.#drop([...this.#exchanges.keys()])
    this.#list(profile.signedIn.exchanges)
  }

  /** The exchanges to try, best first. Never empty. */
  get inOrder(): readonly Exchange[] {
    const nowMs = this.#deps.nowMs()
    const isResting = (exchange: Exchange) => (exchange.restUntilMs > nowMs ? 1 : 0)
    return [...this.#exchanges.values()].toSorted(
      (left, right) => isResting(left) - isResting(right) || ringOf(left) - ringOf(right),
    )
  }

  /** Finds out how far each exchange is, where that is not known from a moment ago. Failures make one the farthest. */
  async measure(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.nowMs()
    const due = [...this.#exchanges.values()].filter(
      ({ measuredAtMs }) => nowMs - measuredAtMs >= caps.measureMs.default,
    )
    if (this.#exchanges.size < 2) return
    await Promise.all(
      due.map(async (exchange) => {
        exchange.measuredAtMs = nowMs
        const startedMs = performance.now()
        try {
          const socket = await this.connect(exchange, signal)
          exchange.distanceMs = performance.now() - startedMs
          socket.destroy()
        } catch {
          exchange.distanceMs = undefined
        }
      }),
    )
  }

  /** Puts an exchange last for a while. */
  rest(exchange: Exchange): void {
    exchange.restUntilMs = this.#deps.nowMs() + caps.doorRestMs.default
  }

  /** TLS to an exchange under `serverName` with our certificate, for tunnels. */
  connect(exchange: Exchange, signal?: AbortSignal): Promise<TLSSocket> {
    return dialTls(exchange.target, this.#doorTls(), { deadlineMs: caps.dialMs.default, signal }).catch(
      rethrowAsExchange,
    )
  }

  /** Asks one exchange after the other until one answers below 500. Throws the last Fault. */
  async ask(method: 'GET' | 'POST', path: string, body?: object, signal?: AbortSignal): Promise<DoorAnswer> {
    let fault = new Fault('control-unreachable', { hint: 'No exchange is known; sign in again.' })
    for (const exchange of this.inOrder) {
      try {
        return await this.#askOne(exchange, method, path, body, signal)
      } catch (error) {
        fault = asFault(error)
        if (signal?.aborted === true) throw new Fault('closing')
        this.rest(exchange)
      }
    }
    throw fault
  }

  /** A question for a name (RFC 8484), asked of one exchange after the other. Throws the last Fault. */
  async askName(query: Buffer, signal: AbortSignal): Promise<Buffer> {
    const path = `${DNS_PATH}?dns=${query.toString('base64url')}`
    let fault = new Fault('exchange-unreachable')
    for (const exchange of this.inOrder) {
      try {
        return await exchange.names.inTurn(signal, async () => {
          const question = { method: 'GET' as const, path, body: undefined, signal }
          const answer = await this.#requestOnce(exchange, question, exchange.names)
          const body = await bytesOf(answer, caps.dnsAnswerBytes.default)
          const isAnswer = answer.statusCode === 200 && answer.headers['content-type'] === DNS_TYPE
          if (!isAnswer) throw new Fault('exchange-unreachable', { detail: { status: answer.statusCode } })
          return body
        })
      } catch (error) {
        fault = asFault(error)
        if (signal.aborted) break
      }
    }
    throw fault
  }

  async close(): Promise<void> {
    for (const { agent, names } of this.#exchanges.values()) {
      agent.destroy()
      names.destroy()
    }
  }

  async #askOne(
    exchange: Exchange,
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
  ): Promise<DoorAnswer> {
    const deadline = AbortSignal.timeout(caps.requestMs.default)
    const all = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
    try {
      const question = { method, path, body, signal: all }
      const { status, value } = await exchange.agent.inTurn(all, async () => {
        const answer = await this.#requestOnce(exchange, question, exchange.agent)
        return { status: answer.statusCode ?? 0, value: await jsonOf(answer) }
      })
      if (status >= 500) throw faultOf(value)
      return { status, body: value, exchange }
    } catch (error) {
      if (error instanceof Fault) throw error
      if (error instanceof SyntaxError) throw new Fault('wire-malformed', { cause: error })
      throw new Fault('control-unreachable', { hint: `No answer from ${exchange.name}.`, cause: error })
    }
  }

  /** Asked again, once, when a kept connection turns out to have ended while nobody looked. */
  #requestOnce(exchange: Exchange, question: Question, agent: DoorAgent, mayRepeat = true): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const text = question.body === undefined ? undefined : JSON.stringify(question.body)
    const asking = httpRequest({
      agent,
      host: this.#serverName,
      method: question.method,
      path: question.path,
      signal: question.signal,
      headers: {
        accept: 'application/json',
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    })
    let isAnswered = false
    asking.on('response', (answer) => {
      isAnswered = true
      resolve(answer)
    })
    asking.on('error', (error) => {
      if (isAnswered || !mayRepeat || !asking.reusedSocket || question.signal.aborted) return reject(error)
      this.#requestOnce(exchange, question, agent, false).then(resolve, reject)
    })
    asking.end(text)
    return promise
  }

  #list(names: readonly string[]): void {
    this.#drop([...this.#exchanges.keys()].filter((name) => !names.includes(name)))
    for (const name of names) {
      const target = parseAddress(name)
      if (target === undefined || this.#exchanges.has(name)) continue
      const agent = new DoorAgent(() => this.#dialFor(target))
      const forNames = new DoorAgent(() => this.#dialFor(target))
      this.#exchanges.set(name, {
        name,
        target,
        agent,
        names: forNames,
        restUntilMs: 0,
        distanceMs: undefined,
        measuredAtMs: Number.NEGATIVE_INFINITY,
      })
    }
  }

  async #dialFor(target: DialTarget): Promise<TLSSocket> {
    try {
      return await dialTls(target, this.#doorTls(), { deadlineMs: caps.dialMs.default })
    } catch (error) {
      throw faultOfDial(error)
    }
  }

  #drop(names: readonly string[]): void {
    for (const name of names) {
      this.#exchanges.get(name)?.agent.retire()
      this.#exchanges.get(name)?.names.retire()
      this.#exchanges.delete(name)
    }
  }

  get #serverName(): string {
    return `${this.#profile.signedIn.tenant}.proxy.${this.#profile.signedIn.domain}`
  }

  #doorTls(): ConnectionOptions & { readonly servername: string } {
    // One for all connections of a profile: a tunnel is opened for each inspected flow.
    this.#context ??= createSecureContext({
      ...internalTls,
      ca: [this.#profile.signedIn.doorsCaPem],
      ...this.#profile.tlsCredentials,
    })
    return { secureContext: this.#context, ALPNProtocols: ['http/1.1'], servername: this.#serverName }
  }
}

/** Rings that double in width, so that jitter does not move anybody: below 10 ms, 30, 70, 150 …; unknown is outside. */
function ringOf({ distanceMs }: Exchange): number {
  return distanceMs === undefined ? OUTERMOST_RING : Math.floor(Math.log2(1 + distanceMs / NEAREST_RING_MS))
}

const NEAREST_RING_MS = 10
const OUTERMOST_RING = 32

async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  return JSON.parse((await bytesOf(answer, caps.answerBytes.default)).toString())
}

async function bytesOf(answer: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > most) throw new Fault('wire-malformed')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function faultOf(value: unknown): Fault {
  const message = typeof value === 'object' && value !== null && 'message' in value ? value.message : undefined
  return new Fault('control-unreachable', typeof message === 'string' ? { hint: message.slice(0, 300) } : {})
}

/** What dialling calls the upstream is the exchange here: the app behind it may be well. */
function faultOfDial(error: unknown): Fault {
  const fault = asFault(error)
  const isDown = fault.code === 'upstream-unreachable' || fault.code === 'upstream-timeout'
  return isDown ? new Fault('exchange-unreachable', { cause: fault }) : fault
}

/** What dialling calls the upstream is the exchange where an exchange was dialled. */
export function rethrowAsExchange(error: unknown): never {
  throw faultOfDial(error)
}
