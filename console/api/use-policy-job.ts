// A question about policies that takes longer than a request: started, looked after until it is done, stopped when the
// page is left. Must never leave a question running that nobody waits for.
import { useEffect, useRef, useState } from 'react'
import { caps } from '#console/caps.ts'
import { ApiFault } from './api-fault.ts'
import { call, type Input, type Reply } from './client.ts'

export type Job = Reply<'getPolicyJob'>
export type Question = NonNullable<Input<'startPolicyJob'>['body']>

type State = { readonly job: Job | null; readonly error: unknown; readonly isBusy: boolean }
const idle: State = { job: null, error: null, isBusy: false }

export function usePolicyJob(tenant: string): State & {
  readonly ask: (question: Question) => void
  readonly stop: () => void
} {
  const [state, setState] = useState<State>(idle)
  const current = useRef<AbortController | null>(null)
  const stop = () => {
    current.current?.abort()
    current.current = null
  }
  useEffect(() => stop, [])
  const ask = (question: Question) => {
    stop()
    const own = new AbortController()
    current.current = own
    setState({ ...idle, isBusy: true })
    follow(tenant, question, own.signal, (job) =>
      setState({ job, error: null, isBusy: job.status === 'running' }),
    ).catch((error: unknown) => {
      if (!own.signal.aborted) setState({ ...idle, error })
    })
  }
  return {
    ...state,
    ask,
    stop: () => {
      stop()
      setState(idle)
    },
  }
}

async function follow(
  tenant: string,
  question: Question,
  signal: AbortSignal,
  show: (job: Job) => void,
): Promise<void> {
  let job: Job = await call('startPolicyJob', { params: { tenant }, body: question }, signal)
  const params = { tenant, id: job.id }
  try {
    while (job.status === 'running') {
      show(job)
      await pause(caps.jobEveryMs, signal)
      job = await call('getPolicyJob', { params }, signal)
    }
  } finally {
    // Also when the page was left: the answer is of no use to anybody then.
    if (signal.aborted) void call('stopPolicyJob', { params }).catch(() => {})
  }
  if (job.error !== null) throw new ApiFault(job.error.code, 0, { message: job.error.message })
  show(job)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true })
  })
}
