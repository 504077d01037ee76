// Owns the lake's process: started when first asked, ended when idle or with its owner, started again after a death with
// growing pauses. Must never let a call wait without end, nor a dead process go unreported.
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Fault, faultTable } from '#core/fault.ts'
import { ENGINE_BACKOFF_MS, ENGINE_GRACE_MS } from './caps.ts'
import type { DecisionClass, DecisionClassesQuery } from './decisions.ts'
import type { Answered, Asked, CallName, EngineConfig, FromEngine, ToEngine } from './engine-calls.ts'

export type EngineDeps = {
  /** Told of deaths and starts; must not throw. */
  readonly report: (problem: EngineProblem) => void
  readonly monotonicMs?: () => number
}

export type EngineProblem = { readonly kind: 'engine-died'; readonly detail: Readonly<Record<string, unknown>> }

type Pending = {
  readonly resolve: (value: unknown) => void
  readonly reject: (fault: Fault) => void
}

export class EngineProcess {
  readonly #config: EngineConfig
  readonly #deps: EngineDeps
  readonly #pending = new Map<number, Pending>()
  #child: ChildProcess | undefined
  #ready: Promise<ChildProcess> | undefined
  #ids = 0
  #active = 0
  readonly #queue: (() => void)[] = []
  #failures = 0
  #notBeforeMs = 0
  #idle: NodeJS.Timeout | undefined
  #closing: Fault | undefined

  constructor(config: EngineConfig, deps: EngineDeps) {
    this.#config = config
    this.#deps = deps
  }

  /** Undefined while there is no process. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async call<N extends CallName>(
    name: N,
    asked: Asked<N>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answered<N>> {
    const release = await this.#enter(signal)
    try {
      const child = await this.#started(signal)
      const id = ++this.#ids
      const ask = (): void => post(child, { kind: 'call', id, name, asked, timeoutMs })
      const value = await this.#answered(id, timeoutMs, signal, ask)
      // What `engine.ts` answers to `name`.
      return value as Answered<N>
    } finally {
      release()
    }
  }

  async *classes(
    query: DecisionClassesQuery,
    timeoutMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly DecisionClass[], void> {
    const release = await this.#enter(signal)
    let openId: number | undefined
    try {
      const child = await this.#started(signal)
      const id = (openId = ++this.#ids)
      for (let message: ToEngine = { kind: 'classes', id, query, timeoutMs }; ; message = { kind: 'more', id }) {
        const asked = message
        const found = await this.#answered(id, timeoutMs, signal, () => post(child, asked))
        if (found === null) {
          openId = undefined
          return
        }
        yield found as readonly DecisionClass[]
      }
    } finally {
      if (openId !== undefined && this.#child?.connected === true) post(this.#child, { kind: 'abort', id: openId })
      release()
    }
  }

  /** Takes no more calls, waits for those at work as long as it may, and ends the process. */
  async close(): Promise<void> {
    this.#closing ??= new Fault('closing')
    this.#wakeAll()
    const { closeTimeoutMs } = this.#config.caps
    const deadline = AbortSignal.timeout(closeTimeoutMs)
    while (this.#active > 0 && !deadline.aborted) {
      await Promise.race([
        new Promise<void>((resolve) => this.#queue.push(resolve)),
        new Promise<void>((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true })),
      ])
    }
    await this.#end(this.#closing)
  }

  async destroy(fault: Fault): Promise<void> {
    this.#closing ??= fault
    await this.#end(fault)
  }

  // As many calls at once as the engine takes; the others wait here, up to a cap.
  async #enter(signal: AbortSignal): Promise<() => void> {
    const { maxConcurrentCalls, maxWaitingCalls } = this.#config.caps
    signal.throwIfAborted()
    if (this.#closing) throw this.#closing
    while (this.#active >= maxConcurrentCalls) {
      if (this.#queue.length >= maxWaitingCalls) throw new Fault('at-capacity', { hint: 'The lake is busy.' })
      await this.#turn(signal)
      if (this.#closing) throw this.#closing
    }
    this.#active++
    clearTimeout(this.#idle)
    return () => {
      this.#active--
      if (this.#closing) this.#wakeAll()
      else this.#queue.shift()?.()
      if (this.#active > 0 || this.#closing) return
      this.#idle = setTimeout(() => void this.#end(new Fault('closing')), this.#config.caps.idleMs).unref()
    }
  }

  #wakeAll(): void {
    for (const enter of this.#queue.splice(0)) enter()
  }

  async #turn(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        const at = this.#queue.indexOf(enter)
        if (at >= 0) this.#queue.splice(at, 1)
        reject(new Fault('closing'))
      }
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#queue.push(enter)
    })
  }

  async #started(signal: AbortSignal): Promise<ChildProcess> {
    if (this.#ready === undefined) {
      const now = this.#monotonicMs()
      if (now < this.#notBeforeMs) throw new Fault('lake-unavailable', { hint: 'It is being started again.' })
      this.#ready = this.#start()
    }
    const child = await this.#ready
    signal.throwIfAborted()
    return child
  }

  async #start(): Promise<ChildProcess> {
    const { caps } = this.#config
    const child = fork(fileURLToPath(new URL('engine.ts', import.meta.url)), [JSON.stringify(this.#config)], {
      serialization: 'advanced',
      // Nothing of the owner's environment but what a program needs to run.
      env: { TZ: 'UTC', PATH: process.env['PATH'] ?? '' },
      execArgv: [`--max-old-space-size=${Math.max(128, Math.ceil(caps.maxProcessBytes / 4 / 1024 / 1024))}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>()
    // The end of what it said: its last words.
    let words = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-2000)))
    child.on('message', (message: FromEngine) => {
      if (message.kind === 'ready') resolve(child)
      else this.#received(message)
    })
    child.on('error', () => {})
    child.once('exit', (code, signal) => {
      const fault = new Fault('lake-unavailable', { detail: { code, signal, words } })
      reject(fault)
      this.#exited(child, fault, { code, signal, words })
    })
    return await promise
  }

  #received(message: Exclude<FromEngine, { kind: 'ready' }>): void {
    const pending = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (message.kind === 'fault') {
      const { code, hint, detail } = message
      const known = code in faultTable ? code : 'internal'
      pending?.reject(new Fault(known, { detail, ...(hint !== undefined && { hint }) }))
      return
    }
    // An engine that answers works.
    this.#failures = 0
    if (message.kind === 'answer') pending?.resolve(message.value)
    else pending?.resolve(message.kind === 'batch' ? JSON.parse(message.classesJson) : null)
  }

  #exited(child: ChildProcess, fault: Fault, detail: Readonly<Record<string, unknown>>): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#ready = undefined
    for (const { reject } of this.#pending.values()) reject(fault)
    this.#pending.clear()
    const pauseMs = Math.min(ENGINE_BACKOFF_MS.most, ENGINE_BACKOFF_MS.first * 2 ** this.#failures++)
    this.#notBeforeMs = this.#monotonicMs() + pauseMs
    this.#deps.report({ kind: 'engine-died', detail })
  }

  #expect(id: number): Promise<unknown> {
    return new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }))
  }

  // An engine that does not even answer that it was too slow is ended, with all that waits for it.
  async #answered(id: number, timeoutMs: number, signal: AbortSignal, ask: () => void): Promise<unknown> {
    const answer = this.#expect(id)
    const abort = (): void => {
      const pending = this.#pending.get(id)
      this.#pending.delete(id)
      if (this.#child?.connected === true) post(this.#child, { kind: 'abort', id })
      pending?.reject(new Fault('closing', { cause: signal.reason }))
    }
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), timeoutMs + ENGINE_GRACE_MS)
    signal.addEventListener('abort', abort, { once: true })
    try {
      ask()
      return await answer
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  async #end(fault: Fault): Promise<void> {
    clearTimeout(this.#idle)
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#ready = undefined
    for (const { reject } of this.#pending.values()) reject(fault)
    this.#pending.clear()
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    // Nothing in it needs an orderly end: whatever matters is on the disk before it is said.
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await gone
  }

  #monotonicMs(): number {
    return (this.#deps.monotonicMs ?? (() => performance.now()))()
  }
}

function post(child: ChildProcess, message: ToEngine): void {
  // A failed send means a dead process; `exit` rejects what waits.
  child.send(message, () => {})
}
