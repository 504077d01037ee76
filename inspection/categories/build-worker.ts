// The worker that builds an index apart from traffic: gets a request, answers once, ends. Must hand the arrays over, not
// copy them.
import { parentPort, workerData } from 'node:worker_threads'
import { asFault } from '#core/fault.ts'
import { type BuildRequest, buildIndex } from './build.ts'

export type BuildAnswer =
  | ({ readonly kind: 'built' } & ReturnType<typeof buildIndex>)
  | { readonly kind: 'failed'; readonly message: string }

try {
  const built = buildIndex(workerData as BuildRequest)
  const { lows, highs, values } = built.arrays
  parentPort?.postMessage({ kind: 'built', ...built } satisfies BuildAnswer, [lows.buffer, highs.buffer, values.buffer])
} catch (cause) {
  parentPort?.postMessage({ kind: 'failed', message: asFault(cause).message } satisfies BuildAnswer)
}
