// How many questions about policies run at one time, whoever stops and starts them.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { isFault } from '#core/fault.ts'
import type { WhatIfJob } from '#core/policy/what-if.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { startTestControl } from '#control/testing.ts'
import { findJob, startJob, stopJob } from './jobs.ts'

const question: WhatIfJob = { kind: 'reach', before: [], after: null, context: {}, nowMs: 0 }
const isFull = (error: unknown) => isFault(error, 'at-capacity')

it('counts a stopped question until its thread is gone, and those of all tenants together', async () => {
  await using control = await startTestControl()
  const threads = new Set<() => void>()
  const whatIf: NonNullable<ControlContext['whatIf']> = {
    run: (_job, _onProgress, signal) =>
      new Promise((_resolve, reject) => threads.add(() => reject(signal.reason ?? new Error('ended')))),
  }
  const context = { ...control.context, whatIf }
  const [first] = Array.from({ length: caps.whatIfJobs.default }, () => startJob('one', question, context))
  const id = first?.id ?? ''
  stopJob('one', id, context)
  assert.throws(
    () => findJob('one', id, context),
    (error) => isFault(error, 'not-found'),
  )
  assert.throws(() => startJob('one', question, context), isFull)
  for (let at = caps.whatIfJobs.default; at < caps.whatIfJobsTotal.default; at++)
    startJob(`tenant${at}`, question, context)
  assert.throws(() => startJob('last', question, context), isFull)
  for (const end of threads) end()
  await setImmediate()
  startJob('last', question, context)
  startJob('one', question, context)
})
