// Opens the watch endpoint of a part: its own figures and those of the process. Must never open it unasked.
import type { Sample } from '#operations/exposition.ts'
import { startProcessFigures } from '#operations/process-figures.ts'
import { startWatchEndpoint, type WatchConfig } from '#operations/watch-endpoint.ts'
import { formatEndpoint } from '#cli/endpoints.ts'
import { partLog } from '#cli/log.ts'
import type { Running } from '#cli/running.ts'
import { VERSION } from '#cli/version.ts'

export type Watched = {
  readonly part: 'exchange' | 'control' | 'connector' | 'agent' | 'all-in-one'
  readonly collect: () => Promise<readonly Sample[]> | readonly Sample[]
  readonly whyNotReady: () => Promise<readonly string[]> | readonly string[]
}

/** Throws what a wrong address or a missing token deserves. Without an address nothing is opened. */
export async function watch(config: WatchConfig | undefined, watched: Watched): Promise<Running> {
  if (config === undefined) return { close: async () => {} }
  const figures = startProcessFigures()
  const log = partLog(watched.part)
  const endpoint = await startWatchEndpoint(config, {
    log,
    whyNotReady: async () => watched.whyNotReady(),
    collect: async () => [
      { name: 'sallyport_build_info', labels: { part: watched.part, version: VERSION }, value: 1 },
      ...figures.collect(),
      ...(await watched.collect()),
    ],
  }).catch((error: unknown) => {
    figures.close()
    throw error
  })
  log('watched', { address: formatEndpoint({ host: config.host, port: endpoint.port }) })
  return {
    async close() {
      figures.close()
      await endpoint.close()
    },
  }
}
