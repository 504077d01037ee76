// Questions that take longer than a request: each runs apart, a few at a time, with an end; its answer waits a while for
// whoever asked. Kept in memory only: a restart forgets them, and asking again costs nothing but time. Must never show a
// job to another tenant.
import { asFault, Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { PolicyJob } from '#core/api/policy-views.ts'
import type { WhatIfAnswer, WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'

type Job = {
  readonly id: string
  readonly kind: WhatIfJob['kind']
  readonly startedAtMs: number
  readonly abort: AbortController
  progress: WhatIfProgress
  endedAtMs: number | null
  answer: WhatIfAnswer | null
  fault: Fault | null
  /** Nobody wants its answer any more; it still counts until its thread is gone. */
  isStopped: boolean
}

/** By context, so that two control planes in one process (tests) do not share them; then by tenant. */
const jobs = new WeakMap<object, Map<string, Map<string, Job>>>()

type Deps = Pick<ControlContext, 'whatIf' | 'nowMs' | 'log' | 'store'>

/** Throws `what-if-unavailable`, `at-capacity`. */
export function startJob(tenantId: string, question: WhatIfJob, context: Deps): PolicyJob {
  if (context.whatIf === null) throw new Fault('what-if-unavailable')
  const own = ofTenant(tenantId, context)
  tidy(own, context.nowMs())
  const running = (all: Iterable<Job>) => [...all].filter(({ endedAtMs }) => endedAtMs === null).length
  const ofAll = [...(jobs.get(context.store)?.values() ?? [])].flatMap((each) => [...each.values()])
  if (running(own.values()) >= caps.whatIfJobs.default || running(ofAll) >= caps.whatIfJobsTotal.default)
    throw new Fault('at-capacity', { hint: 'Other questions about policies are being worked out; wait or stop one.' })
  const job: Job = {
    // Random and unguessable, as ids of ours are; not an event, but named like the acts that leave one.
    id: newId('policyJob'),
    kind: question.kind,
    startedAtMs: context.nowMs(),
    abort: new AbortController(),
    progress: { done: 0, words: 'starting' },
    endedAtMs: null,
    answer: null,
    fault: null,
    isStopped: false,
  }
  own.set(job.id, job)
  const signal = AbortSignal.any([job.abort.signal, AbortSignal.timeout(caps.whatIfMs.default)])
  context.whatIf
    .run(question, (progress) => (job.progress = progress), signal)
    .then(
      (answer) => (job.answer = answer),
      (error: unknown) => {
        job.fault = signal.aborted && !(error instanceof Fault) ? new Fault('request-timeout') : asFault(error)
        if (job.fault.code === 'internal') context.log('what-if failed', { kind: job.kind, error: String(error) })
      },
    )
    .finally(() => {
      job.endedAtMs = context.nowMs()
      if (job.isStopped) own.delete(job.id)
    })
    .catch(() => {})
  return viewOf(job)
}

/** Throws `not-found`. */
export function findJob(tenantId: string, id: string, context: Deps): PolicyJob {
  const job = ofTenant(tenantId, context).get(id)
  if (job === undefined || job.isStopped) throw new Fault('not-found')
  return viewOf(job)
}

/** Throws `not-found`. */
export function stopJob(tenantId: string, id: string, context: Deps): void {
  const own = ofTenant(tenantId, context)
  const job = own.get(id)
  if (job === undefined || job.isStopped) throw new Fault('not-found')
  job.isStopped = true
  job.abort.abort(new Fault('closing'))
  if (job.endedAtMs !== null) own.delete(id)
}

function ofTenant(tenantId: string, { store }: Deps): Map<string, Job> {
  return jobs
    .getOrInsertComputed(store, () => new Map<string, Map<string, Job>>())
    .getOrInsertComputed(tenantId, () => new Map<string, Job>())
}

function tidy(own: Map<string, Job>, nowMs: number): void {
  for (const [id, { endedAtMs }] of own)
    if (endedAtMs !== null && (endedAtMs + caps.whatIfKeptMs.default < nowMs || own.size > caps.whatIfKept.default))
      own.delete(id)
}

function viewOf({ id, kind, startedAtMs, endedAtMs, progress, answer, fault }: Job): PolicyJob {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    id,
    kind,
    status: answer !== null ? 'done' : fault !== null ? 'failed' : 'running',
    startedAt: iso(startedAtMs),
    endedAt: endedAtMs === null ? null : iso(endedAtMs),
    progress: { ...progress },
    error: fault === null ? null : fault.toJSON(),
    replay: answer?.kind === 'replay' ? answer.report : null,
    reach: answer?.kind === 'reach' ? answer.report : null,
    proposal: answer?.kind === 'propose' ? answer.report : null,
  }
}
