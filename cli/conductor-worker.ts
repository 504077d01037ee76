// Plays one drill for control, in a thread of its own, as a client of the API and of the public doors like any other.
// Imported by the main thread it does nothing.
import { parentPort } from 'node:worker_threads'
import type { PlayOrder } from '#control/drill/conductor-port.ts'
import { playDrill } from '#drill/conductor.ts'
import { apiClient } from './api-client.ts'
import { conductorDeps } from './drill-parts.ts'
import { answerCalls } from './worker-call.ts'

const silent = () => {}

function conductor() {
  const stopped = new AbortController()
  let ended: Promise<void> = Promise.resolve()
  return {
    play: async ({ tenant, token, server, dial, caPem, scenario }: PlayOrder): Promise<string> => {
      const api = apiClient({ tenant, token, server, dial, ...(caPem !== null && { caPem }) })
      const deps = conductorDeps(api, silent, silent)
      const begun = Promise.withResolvers<string>()
      const start: typeof deps.start = async (...of) => {
        const started = await deps.start(...of)
        begun.resolve(started.drillId)
        return started
      }
      const played = playDrill(scenario, { ...deps, start }, stopped.signal)
      played.catch(begun.reject)
      ended = played.then(() => {})
      // Whoever asks for the end hears of it; until then it is nobody's.
      ended.catch(() => {})
      return begun.promise
    },
    ended: () => ended,
    close: async () => {
      stopped.abort()
      await ended.catch(() => {})
    },
  }
}
export type ConductorMethods = ReturnType<typeof conductor>

if (parentPort) answerCalls(parentPort, conductor())
