// The exchange's side of the feed: dials control, keeps the connection, hands on what arrives and answers what is
// asked. Must never let a message in from a peer that is not control, and never wait for an answer without an end.
import type { TLSSocket } from 'node:tls'
import {
  FEED_VERSIONS,
  feedAnswers,
  feedFromControl,
  feedFromExchange,
  type FeedFromControl,
  type FeedFromExchange,
} from '#core/wire/feed.ts'
import { asFault, Fault, faultTable, type FaultCode } from '#core/fault.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { caps } from '#exchange/caps.ts'
import { FEED_FRAMES } from './dial-control.ts'

export type Welcome = Extract<FeedFromControl, { type: 'welcome' }>
export type Hello = Extract<FeedFromExchange, { type: 'hello' }>
type Request = Extract<FeedFromExchange, { requestId: number }>
export type FeedQuestion = {
  [K in keyof typeof feedAnswers]: Omit<Extract<Request, { type: K }>, 'requestId'>
}[keyof typeof feedAnswers]
type AnswerTo<K extends keyof typeof feedAnswers> = ReturnType<(typeof feedAnswers)[K]['parse']>
export type Told = Exclude<FeedFromControl, { type: 'welcome' | 'answer' }>

export type FeedDeps = {
  /** A TLS connection to control whose certificate has been checked. */
  readonly dial: (signal: AbortSignal) => Promise<TLSSocket>
  readonly hello: () => Omit<Hello, 'type' | 'versions'>
  readonly onWelcome: (welcome: Welcome) => void
  /** Throwing ends the connection; it is dialled again. */
  readonly onTold: (message: Told) => void
  readonly onLost: (fault: Fault | undefined) => void
  readonly random?: () => number
  /** What has to be done before the first dial. */
  readonly after?: Promise<unknown>
}

export type Feed = {
  readonly isConnected: boolean
  /** Asks control. Rejects with `control-unreachable`, or with the fault that control answered. */
  readonly ask: <Q extends FeedQuestion>(question: Q, signal?: AbortSignal) => Promise<AnswerTo<Q['type']>>
  /** False when it was not sent or the peer is slow. Throws Fault `request-too-large`. */
  readonly tell: (message: Exclude<FeedFromExchange, Request | Hello> | LiveFlowsAnswer) => boolean
  readonly drained: () => Promise<void>
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
type LiveFlowsAnswer = Extract<FeedFromExchange, { type: 'live-flows' }>

type Pending = {
  readonly resolve: (value: unknown) => void
  readonly reject: (fault: Fault) => void
  readonly timer: NodeJS.Timeout
}

export function startFeed(deps: FeedDeps): Feed {
  const random = deps.random ?? Math.random
  const stop = new AbortController()
  const pending = new Map<number, Pending>()
  let frames: FrameConnection | undefined
  let isWelcome = false
  let lastRequestId = 0
  let attempt = 0
  let retry: NodeJS.Timeout | undefined
  ;(deps.after ?? Promise.resolve()).then(connect, connect)

  const feed: Feed = {
    get isConnected() {
      return isWelcome
    },
    async ask(question, signal) {
      if (frames === undefined || !isWelcome) throw new Fault('control-unreachable')
      if (pending.size >= caps.feedRequests.default) throw new Fault('at-capacity')
      const requestId = ++lastRequestId
      // Some of it comes from strangers, and control hangs up, on everybody, when a message is not well-formed.
      const wellFormed = feedFromExchange.safeParse({ ...question, requestId })
      if (!wellFormed.success) throw new Fault('request-malformed', { cause: wellFormed.error })
      const value = await answerOf(requestId, { ...question, requestId } as Request, signal)
      const answer = feedAnswers[question.type].safeParse(value)
      if (!answer.success) throw new Fault('wire-malformed', { detail: { type: question.type }, cause: answer.error })
      // The schema was picked by the type of the question; TypeScript cannot follow that through the table.
      return answer.data as AnswerTo<(typeof question)['type']>
    },
    tell: (message) => isWelcome && frames !== undefined && frames.send(message),
    drained: () => frames?.drained() ?? Promise.reject(new Fault('control-unreachable')),
    async close() {
      stop.abort()
      clearTimeout(retry)
      await frames?.close()
    },
    destroy(fault) {
      stop.abort()
      clearTimeout(retry)
      frames?.destroy(fault)
    },
    [Symbol.asyncDispose]: () => feed.close(),
  }
  return feed

  function connect(): void {
    if (stop.signal.aborted) return
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(caps.feedDialMs.default)])
    deps.dial(signal).then(
      (socket) => (stop.signal.aborted ? socket.destroy() : begin(socket)),
      (error: unknown) => lost(asFault(error)),
    )
  }

  function begin(socket: TLSSocket): void {
    const connection = startFrames(socket, { onMessage, onClose }, FEED_FRAMES)
    frames = connection
    // Silence before the welcome is not covered by pings, which the peer's framing answers by itself.
    const welcomeTimer = setTimeout(() => {
      if (frames === connection && !isWelcome) connection.destroy(new Fault('request-timeout'))
    }, caps.feedDialMs.default)
    connection.send({ type: 'hello', versions: [...FEED_VERSIONS], ...deps.hello() })

    function onMessage(message: unknown): void {
      const parsed = feedFromControl.safeParse(message)
      if (!parsed.success) throw new Fault('wire-malformed', { cause: parsed.error })
      const told = parsed.data
      if (told.type === 'welcome') {
        if (!FEED_VERSIONS.some((version) => version === told.version)) throw new Fault('wire-version')
        clearTimeout(welcomeTimer)
        attempt = 0
        isWelcome = true
        deps.onWelcome(told)
      } else if (told.type === 'revoked') deps.onTold(told)
      else if (!isWelcome) throw new Fault('wire-malformed', { detail: { why: 'no welcome first' } })
      else if (told.type === 'answer') settle(told)
      else deps.onTold(told)
    }

    function onClose(fault: Fault | undefined): void {
      clearTimeout(welcomeTimer)
      frames = undefined
      isWelcome = false
      lost(fault)
    }
  }

  function lost(fault: Fault | undefined): void {
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer)
      reject(new Fault('control-unreachable', { cause: fault }))
    }
    pending.clear()
    if (stop.signal.aborted) return
    deps.onLost(fault)
    // Full jitter: exchanges that lost control together must not come back together.
    const ceilingMs = Math.min(caps.feedReconnectMs.default, 100 * 2 ** Math.min(attempt++, 10))
    clearTimeout(retry)
    retry = setTimeout(connect, random() * ceilingMs)
  }

  function answerOf(requestId: number, message: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const end = (fault: Fault) => {
      const waiting = pending.get(requestId)
      if (waiting === undefined) return
      clearTimeout(waiting.timer)
      pending.delete(requestId)
      reject(fault)
    }
    const timer = setTimeout(() => end(new Fault('control-unreachable')), caps.feedRequestMs.default)
    pending.set(requestId, { resolve, reject, timer })
    const onAbort = () => end(new Fault('closing'))
    if (signal?.aborted === true) onAbort()
    else {
      signal?.addEventListener('abort', onAbort, { once: true })
      frames?.send(message)
    }
    return promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  function settle(answer: Extract<FeedFromControl, { type: 'answer' }>): void {
    const waiting = pending.get(answer.requestId)
    if (waiting === undefined) return
    pending.delete(answer.requestId)
    clearTimeout(waiting.timer)
    if (answer.fault === undefined) waiting.resolve(answer.value)
    else waiting.reject(new Fault(knownCode(answer.fault.code), { detail: { said: answer.fault.message } }))
  }
}

function knownCode(code: string): FaultCode {
  return Object.hasOwn(faultTable, code) ? (code as FaultCode) : 'internal'
}
