// Drills that control plays by itself: each in a thread of its own, which is there for as long as the drill. Must never hold
// up control, nor outlive it.
import { Worker } from 'node:worker_threads'
import type { ConductorPort, PlayOrder } from '#control/drill/conductor-port.ts'
import { Fault } from '#core/fault.ts'
import type { ConductorMethods } from './conductor-worker.ts'
import type { PartLog } from './log.ts'
import { callWorker, type WorkerCaller } from './worker-call.ts'

/** In all tenants at one time: each is some 60 MB and a few threads of work. */
const MOST_AT_ONCE = 4

export type RunningConductor = ConductorPort & { readonly close: () => Promise<void> }

export function startConductor(log: PartLog): RunningConductor {
  const playing = new Set<WorkerCaller<ConductorMethods>>()
  return {
    async play(order: PlayOrder) {
      if (playing.size >= MOST_AT_ONCE) throw new Fault('at-capacity')
      const worker = callWorker<ConductorMethods>(
        new Worker(new URL('conductor-worker.ts', import.meta.url)),
        'conductor',
      )
      playing.add(worker)
      const over = async () => {
        playing.delete(worker)
        await worker.close()
      }
      try {
        const drillId = await worker.call('play', order)
        worker
          .call('ended')
          .catch((error: unknown) => log('a drill was not played to its end', { drillId, error: String(error) }))
          .then(over)
          .catch((error: unknown) => log('a conductor did not close', { error: String(error) }))
        return { drillId }
      } catch (error) {
        await over()
        throw error
      }
    },
    close: async () => {
      await Promise.all([...playing].map((worker) => worker.close()))
    },
  }
}
