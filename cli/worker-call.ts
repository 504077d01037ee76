// Calls between the main thread and a worker that runs a part: one request, one answer, by number.
// Only for parts of one process; parts of different processes meet over their wire protocols.
import { type MessagePort, type Worker } from 'node:worker_threads'
import { asFault, Fault, type FaultCode, faultTable } from '#core/fault.ts'

type Ask = { readonly id: number; readonly method: string; readonly args: readonly unknown[] }
type Answer = {
  readonly id: number
  readonly value?: unknown
  readonly fault?: { readonly code: FaultCode; readonly hint?: string | undefined; readonly stack?: string | undefined }
}

// Methods with any parameters: what crosses threads is checked by the two sides being one source.
export type WorkerMethods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>

/** Answers calls in a worker. */
export function answerCalls(port: MessagePort, methods: WorkerMethods): void {
  port.on('message', ({ id, method, args }: Ask) => {
    const run = methods[method] as ((...given: readonly unknown[]) => Promise<unknown>) | undefined
    const done = run ? run(...args) : Promise.reject(new Fault('internal', { detail: { method } }))
    done.then(
      (value) => port.postMessage({ id, value } satisfies Answer),
      (error: unknown) => {
        const { code, hint, cause, stack } = asFault(error)
        port.postMessage({
          id,
          fault: { code, hint, stack: cause instanceof Error ? cause.stack : stack },
        } satisfies Answer)
      },
    )
  })
}

export type WorkerCaller<M extends WorkerMethods> = {
  call<K extends keyof M & string>(method: K, ...args: Parameters<M[K]>): ReturnType<M[K]>
  /** Rejects when the worker dies. */
  readonly died: Promise<never>
  close(): Promise<void>
}

/** A fault loses its class on the way between threads, but not its code. */
function faultOfThread(name: string, cause: unknown): Fault {
  const { code, hint } = (cause ?? {}) as { readonly code?: unknown; readonly hint?: unknown }
  if (typeof code === 'string' && code in faultTable)
    return new Fault(code as FaultCode, { ...(typeof hint === 'string' && { hint }), cause })
  return new Fault('internal', { hint: `The ${name} thread ended.`, cause })
}

/** Calls methods of a worker; `close` asks it to close and waits for its end. */
export function callWorker<M extends WorkerMethods>(worker: Worker, name: string): WorkerCaller<M> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let count = 0
  let isClosing = false
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const died = Promise.withResolvers<never>()
  died.promise.catch(() => {})
  const fail = (cause: unknown) => {
    const fault = faultOfThread(name, cause)
    for (const each of waiting.values()) each.reject(fault)
    waiting.clear()
    if (!isClosing) died.reject(fault)
  }
  worker.on('message', ({ id, value, fault }: Answer) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (fault === undefined) return asked?.resolve(value)
    const cause = new Error(`in the ${name} thread`)
    if (fault.stack !== undefined) cause.stack = fault.stack
    asked?.reject(new Fault(fault.code, { ...(fault.hint !== undefined && { hint: fault.hint }), cause }))
  })
  worker.on('error', fail)
  worker.once('exit', (code) => fail(new Error(`exit code ${code}`)))
  const call = (method: string, ...args: readonly unknown[]) => {
    const id = ++count
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    worker.postMessage({ id, method, args } satisfies Ask)
    return answer.promise
  }
  return {
    call: call as unknown as WorkerCaller<M>['call'],
    died: died.promise,
    async close() {
      isClosing = true
      await Promise.race([call('close'), ended]).catch(() => {})
      await worker.terminate()
    },
  }
}
