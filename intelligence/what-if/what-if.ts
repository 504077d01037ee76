// Works out what policies would do: replay, reach, least privilege. Each question gets a thread of its own that ends with
// its answer, so that nothing is left behind and one that is aborted is cut. Must never keep what it read.
import { Worker } from 'node:worker_threads'
import { asFault, Fault, faultTable, type FaultCode } from '#core/fault.ts'
import type { WhatIfAnswer, WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'
import type { DecisionClass, DecisionSource } from '#lake/decisions.ts'
import { threadEndMs, threadHeapMb } from './caps.ts'
import type { WorkData, WorkMessage, WorkOrder } from './work.ts'

export type WhatIfConfig = {
  /** The folder of the journal, as control has it: read where there is no lake. */
  readonly journalRoot: string
}
export type WhatIfDeps = {
  /** The lake, where there is one: it reads what is not yet in files from the journal itself. */
  readonly source?: DecisionSource
}

export type WhatIf = {
  readonly run: (
    job: WhatIfJob,
    onProgress: (progress: WhatIfProgress) => void,
    signal: AbortSignal,
  ) => Promise<WhatIfAnswer>
  /** Cuts what is under way. */
  readonly close: () => Promise<void>
  readonly destroy: (fault: Fault) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export function startWhatIf({ journalRoot }: WhatIfConfig, { source }: WhatIfDeps = {}): WhatIf {
  const ending = new AbortController()
  const running = new Set<Promise<unknown>>()
  const run: WhatIf['run'] = async (job, onProgress, signal) => {
    const stop = AbortSignal.any([signal, ending.signal])
    stop.throwIfAborted()
    const work = runInThread({ job, journalRoot: source === undefined ? journalRoot : null }, source, onProgress, stop)
    running.add(work)
    try {
      return await work
    } finally {
      running.delete(work)
    }
  }
  const destroy = (fault: Fault) => ending.abort(fault)
  const close = async () => {
    destroy(new Fault('closing'))
    await Promise.allSettled(running)
  }
  return { run, close, destroy, [Symbol.asyncDispose]: close }
}

async function runInThread(
  data: WorkData,
  source: DecisionSource | undefined,
  onProgress: (progress: WhatIfProgress) => void,
  signal: AbortSignal,
): Promise<WhatIfAnswer> {
  const worker = new Worker(new URL('work.ts', import.meta.url), {
    workerData: data,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: threadHeapMb },
  })
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const { promise, resolve, reject } = Promise.withResolvers<WhatIfAnswer>()
  const tell = (order: WorkOrder) => worker.postMessage(order)
  let batches: AsyncIterator<readonly DecisionClass[]> | undefined
  const hand = async () => {
    try {
      const next = await batches?.next()
      tell(
        next === undefined || next.done === true ? { kind: 'end', fault: null } : { kind: 'batch', batch: next.value },
      )
    } catch (error) {
      const { code, hint } = asFault(error)
      tell({ kind: 'end', fault: { code, hint } })
    }
  }
  worker.on('message', (message: WorkMessage) => {
    if (message.kind === 'progress') onProgress(message.progress)
    else if (message.kind === 'classes') {
      batches = source?.decisionClasses(message.query, signal)[Symbol.asyncIterator]()
      void hand()
    } else if (message.kind === 'more') void hand()
    else if (message.kind === 'answer') resolve(message.answer)
    else reject(faultOf(message))
  })
  worker.on('error', (cause) => reject(new Fault('at-capacity', { hint: 'The question is too large.', cause })))
  worker.once('exit', (code) => reject(new Fault('internal', { detail: { why: 'what-if thread', code } })))
  const onAbort = () => {
    tell({ kind: 'stop' })
    reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    const cut = setTimeout(() => void worker.terminate(), threadEndMs)
    await ended
    clearTimeout(cut)
    await batches?.return?.()
  }
}

function faultOf({ code, hint, cause }: Extract<WorkMessage, { kind: 'fault' }>): Fault {
  const known: FaultCode = Object.hasOwn(faultTable, code) ? (code as FaultCode) : 'internal'
  return new Fault(known, { ...(hint !== undefined && { hint }), cause })
}
