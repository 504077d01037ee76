// Runs jobs of the official engine in a worker with a deadline, one after another. A worker that failed or was late is
// thrown away, never asked again: a dead WASM instance answers everything wrongly. Must never block the caller's thread.
import { Worker } from 'node:worker_threads'
import { Fault } from '#core/fault.ts'
import {
  checkDeadlineMs,
  deadlinePerMegabyteMs,
  maxWaitingJobs,
  workerHeapMb,
  workerIdleMs,
  workerStackMb,
} from './caps.ts'
import { type CheckInput, type CheckResult, refuseBySize } from './check.ts'
import type { OfficialAnswer, OfficialCall, OfficialPolicies, UidJson } from './official.ts'
import type { Job, Reply } from './worker.ts'

export type PolicyChecker = {
  /** A problem of the policies is a result; a failure of the engine is a result that says so. */
  check(input: CheckInput, options?: JobOptions): Promise<CheckResult>
  /** Throws `policy-invalid` when the engine fails or is late. */
  ask(call: OfficialCall, options?: JobOptions): Promise<OfficialAnswer>
  /** The schema in Cedar's JSON form with names resolved. Throws `policy-invalid`. */
  schemaJson(text: string, options?: JobOptions): Promise<unknown>
  /** Throws `document-invalid` when they do not fit the schema (text or JSON). */
  checkEntities(entities: unknown, schema: string, options?: JobOptions): Promise<void>
  checkContext(context: unknown, action: UidJson, schema: string, options?: JobOptions): Promise<void>
  /** The strict validator's verdict. */
  isValid(policies: OfficialPolicies, schema: string, options?: JobOptions): Promise<boolean>
  /** Waits for jobs under way, refuses new ones. */
  close(): Promise<void>
  destroy(fault: Fault): void
  [Symbol.asyncDispose](): Promise<void>
}
export type JobOptions = { readonly deadlineMs?: number; readonly signal?: AbortSignal }

export function startPolicyChecker(): PolicyChecker {
  let worker: Worker | null = null
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let ending: Fault | null = null
  const abort = new AbortController()

  let idle: NodeJS.Timeout | undefined

  const discard = (): void => {
    clearTimeout(idle)
    void worker?.terminate()
    worker = null
  }
  const enqueue = async (job: Job, { deadlineMs = deadlineOf(job), signal }: JobOptions): Promise<unknown> => {
    if (ending !== null) throw ending
    if (waiting >= maxWaitingJobs) throw new Fault('at-capacity')
    waiting++
    const stop = AbortSignal.any(signal === undefined ? [abort.signal] : [abort.signal, signal])
    const turn = last.then(async () => {
      stop.throwIfAborted()
      clearTimeout(idle)
      worker ??= startWorker()
      try {
        const reply = await runJob(worker, job, deadlineMs, stop)
        idle = setTimeout(discard, workerIdleMs).unref()
        return reply
      } catch (error) {
        discard()
        throw error
      }
    })
    last = turn.catch(() => undefined).finally(() => waiting--)
    return await turn
  }

  const checker: PolicyChecker = {
    async check(input, options = {}) {
      const errors = refuseBySize(input)
      if (errors.length > 0) return { ok: false, errors }
      try {
        return (await enqueue({ kind: 'check', input }, options)) as CheckResult
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'policy-invalid') throw error
        return { ok: false, errors: [{ message: error.hint ?? error.message, line: null, column: null }] }
      }
    },
    async ask(call, options = {}) {
      return (await enqueue({ kind: 'ask', call }, options)) as OfficialAnswer
    },
    async schemaJson(text, options = {}) {
      const answer = (await enqueue({ kind: 'schema', text }, options)) as {
        type: string
        json?: unknown
        errors?: { message: string }[]
      }
      if (answer.type !== 'success')
        throw new Fault('policy-invalid', { hint: `Schema: ${answer.errors?.[0]?.message ?? 'malformed'}` })
      return answer.json
    },
    async checkEntities(entities, schema, options = {}) {
      refuseProblem(await enqueue({ kind: 'entities', entities, schema }, options))
    },
    async checkContext(context, action, schema, options = {}) {
      refuseProblem(await enqueue({ kind: 'context', context, action, schema }, options))
    },
    async isValid(policies, schema, options = {}) {
      return (await enqueue({ kind: 'validity', policies, schema }, options)) === true
    },
    async close() {
      ending ??= new Fault('closing')
      await last
      discard()
    },
    destroy(fault) {
      ending ??= fault
      abort.abort(fault)
      discard()
    },
    [Symbol.asyncDispose]: () => checker.close(),
  }
  return checker
}

function refuseProblem(problem: unknown): void {
  if (typeof problem === 'string') throw new Fault('document-invalid', { hint: problem })
}

function deadlineOf(job: Job): number {
  if (job.kind !== 'check') return checkDeadlineMs
  const { documents } = job.input
  const size =
    typeof documents === 'string' ? documents.length : documents.reduce((sum, { text }) => sum + text.length, 0)
  return checkDeadlineMs + Math.ceil((size / 1_000_000) * deadlinePerMegabyteMs)
}

function startWorker(): Worker {
  const cache = process.env['NODE_COMPILE_CACHE']
  const resourceLimits = { maxOldGenerationSizeMb: workerHeapMb, stackSizeMb: workerStackMb }
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    resourceLimits,
    // Nothing of ours but where compiled source is kept: without it each worker would hold a compiler of 25 MB.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: cache },
    stdout: true,
    stderr: true,
  })
  worker.unref()
  return worker
}

async function runJob(worker: Worker, job: Job, deadlineMs: number, signal: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const refuse = (hint: string, cause?: unknown): void => reject(new Fault('policy-invalid', { hint, cause }))
  const timer = setTimeout(() => refuse(`Checking took longer than ${deadlineMs} ms and was stopped.`), deadlineMs)
  const onMessage = (reply: Reply): void => resolve(reply)
  const onError = (error: unknown): void => refuse('The policies are too complex to be checked.', error)
  const onExit = (): void => refuse('The policies are too complex to be checked.')
  const onAbort = (): void => reject(signal.reason)
  worker.ref()
  worker.on('message', onMessage).on('error', onError).on('exit', onExit)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    worker.postMessage(job)
    const reply = await promise
    if ('failed' in reply) {
      throw new Fault('policy-invalid', {
        hint: 'The policies are too complex to be checked.',
        detail: { engine: reply.failed },
      })
    }
    return JSON.parse(reply.json)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    worker.off('message', onMessage).off('error', onError).off('exit', onExit)
    worker.unref()
  }
}
