// The lake beside control: its rounds by the clock, its process when there is work, and what control and what-ifs ask of
// it. Where DuckDB is not installed for this machine, the journal's segments do alone, and it is said at every start.
import { setTimeout as wait } from 'node:timers/promises'
import { asFault, Fault } from '#core/fault.ts'
import type { LakeHooks, RunningLake, StartLake } from '#control/lake-port.ts'
import { isEngineInstalled } from '#lake/available.ts'
import type { DecisionSource } from '#lake/decisions.ts'
import { agedChains } from '#lake/due.ts'
import type { Lake } from '#lake/lake.ts'
import { startLake } from '#lake/schedule.ts'
import { type LakeCopy, openLakeCopy } from './lake-copy.ts'

export type LakeSettings = {
  /** Milliseconds between rounds. */
  readonly everyMs: number
  /** Milliseconds that segments stay in the journal after they came into the lake. */
  readonly keepSegmentsMs: number
  /** Where the files are copied to; absent: nowhere. */
  readonly copy?: LakeCopy
}

const DAY_MS = 86_400_000
export const usualLake: LakeSettings = { everyMs: 300_000, keepSegmentsMs: 7 * DAY_MS }
/** The engine takes some hundred megabytes: it goes soon after its last answer. */
const ENGINE_IDLE_MS = 15_000

export type LakeBesideControl = {
  readonly startLake: StartLake
  /** Recorded decisions for what-ifs; undefined: there is no lake, and the journal itself is read. */
  readonly source: DecisionSource | undefined
}

export function lakeBeside(
  { everyMs, keepSegmentsMs, copy }: LakeSettings = usualLake,
  isInstalled = isEngineInstalled(),
): LakeBesideControl {
  if (!isInstalled) return { startLake: (hooks) => keepSegmentsOnly(hooks, everyMs), source: undefined }
  let running: Lake | undefined
  return {
    startLake: (hooks) => {
      const store = copy === undefined ? null : openLakeCopy(copy)
      if (copy?.insecureHttp === true) hooks.log('insecure: the lake is copied over plain http', { url: copy.url })
      const service = startLake(
        {
          folder: hooks.folder,
          journalRoot: hooks.journalRoot,
          everyMs,
          keepSegmentsMs,
          caps: { idleMs: ENGINE_IDLE_MS },
        },
        {
          tenants: hooks.tenants,
          keys: hooks.keys,
          removeSegments: hooks.removeSegments,
          store,
          report: (problem) => hooks.log('lake', { ...problem }),
          nowMs: hooks.nowMs,
        },
      )
      running = service.lake
      const { writers, newestCold, cold } = service.lake
      const close = async () => {
        await service.close()
        store?.close()
      }
      return Promise.resolve({ writers, newestCold, cold, close })
    },
    source: {
      decisionClasses: (query, signal) => {
        if (running === undefined) throw new Fault('lake-unavailable')
        return running.decisionClasses(query, signal)
      },
    },
  }
}

/** Segments are all there is; what is past its retention goes out of them. */
async function keepSegmentsOnly(hooks: LakeHooks, everyMs: number): Promise<RunningLake> {
  hooks.log('the lake is off: DuckDB has no build for this machine; events stay in journal segments')
  const stop = new AbortController()
  const round = async () => {
    for (const { tenant, retentionDays } of await hooks.tenants()) {
      if (retentionDays === null || stop.signal.aborted) continue
      const olderThanMs = hooks.nowMs() - retentionDays * DAY_MS
      for (const place of await agedChains(hooks.journalRoot, tenant, olderThanMs))
        await hooks.removeSegments(place, { olderThanMs, reason: 'retention' })
    }
  }
  const loop = async () => {
    while (!stop.signal.aborted) {
      await wait(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => {})
      if (stop.signal.aborted) return
      await round().catch((error: unknown) => hooks.log('retention failed', { code: asFault(error).code }))
    }
  }
  const looping = loop()
  return {
    writers: () => Promise.resolve([]),
    newestCold: () => Promise.resolve(null),
    cold: () => Promise.reject(new Fault('lake-unavailable')),
    close: async () => {
      stop.abort()
      await looping
    },
  }
}
