// The thread in which what-ifs are worked out: one question at a time, with words on progress. Must never run on a thread
// that carries traffic or answers requests.
import { parentPort, workerData } from 'node:worker_threads'
import { asFault, Fault, faultTable, type FaultCode } from '#core/fault.ts'
import type { WhatIfAnswer, WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'
import type { DecisionClass, DecisionClassesQuery, DecisionSource } from '#lake/decisions.ts'
import { journalDecisions } from './journal-decisions.ts'
import { propose } from './propose.ts'
import { reportReach } from './reach-report.ts'
import { replay } from './replay.ts'

export type WorkData = {
  readonly job: WhatIfJob
  /** null: whoever started the thread hands over what is recorded, batch by batch. */
  readonly journalRoot: string | null
}
/** To the thread. */
export type WorkOrder =
  | { readonly kind: 'stop' }
  | { readonly kind: 'batch'; readonly batch: readonly DecisionClass[] }
  | { readonly kind: 'end'; readonly fault: { readonly code: string; readonly hint: string | undefined } | null }
/** From the thread. */
export type WorkMessage =
  | { readonly kind: 'classes'; readonly query: DecisionClassesQuery }
  | { readonly kind: 'more' }
  | { readonly kind: 'progress'; readonly progress: WhatIfProgress }
  | { readonly kind: 'answer'; readonly answer: WhatIfAnswer }
  | { readonly kind: 'fault'; readonly code: string; readonly hint: string | undefined; readonly cause: string }

const port = parentPort
const tell = (message: WorkMessage) => port?.postMessage(message)

async function answer(job: WhatIfJob, source: DecisionSource, signal: AbortSignal): Promise<WhatIfAnswer> {
  const onProgress = (progress: WhatIfProgress) => tell({ kind: 'progress', progress })
  switch (job.kind) {
    case 'replay':
      return { kind: 'replay', report: await replay(job, source, onProgress, signal) }
    case 'reach':
      return { kind: 'reach', report: reportReach(job) }
    case 'propose':
      return { kind: 'propose', report: await propose(job, source, onProgress, signal) }
  }
}

const { job, journalRoot } = workerData as WorkData
const abort = new AbortController()
let waiting: ((order: WorkOrder) => void) | null = null
port?.on('message', (order: WorkOrder) => {
  if (order.kind === 'stop') abort.abort(new Fault('closing'))
  waiting?.(order)
})

/** What is recorded, from whoever started this thread: the next batch is sent when this one was taken. */
const handedOver: DecisionSource = {
  decisionClasses: async function* (query) {
    let ask: WorkMessage = { kind: 'classes', query }
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<WorkOrder>()
      waiting = resolve
      tell(ask)
      const order = await promise
      abort.signal.throwIfAborted()
      if (order.kind === 'batch') yield order.batch
      else if (order.kind === 'end') {
        if (order.fault === null) return
        const { code, hint } = order.fault
        const known: FaultCode = Object.hasOwn(faultTable, code) ? (code as FaultCode) : 'internal'
        throw new Fault(known, hint === undefined ? {} : { hint })
      }
      ask = { kind: 'more' }
    }
  },
}

try {
  const source = journalRoot === null ? handedOver : journalDecisions(journalRoot)
  tell({ kind: 'answer', answer: await answer(job, source, abort.signal) })
} catch (error) {
  const { code, hint } = asFault(error)
  tell({ kind: 'fault', code, hint, cause: String(error instanceof Error ? (error.stack ?? error.message) : error) })
} finally {
  port?.close()
}
