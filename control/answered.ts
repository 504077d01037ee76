// One id for each request at control's web surfaces, in its answer, in the log and for whoever counts. Must never take an
// id that a client has chosen.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Surface } from './figures.ts'

export type Answered = { readonly surface: Surface; readonly status: number; readonly ms: number }

export const REQUEST_ID_HEADER = 'x-sallyport-request-id'

/** `slow` is told of answers that took longer than a person waits without wondering. */
export function watchAnswer(
  surface: Surface,
  { method }: IncomingMessage,
  response: ServerResponse,
  tell: {
    readonly answered?: ((answered: Answered) => void) | undefined
    readonly slow: (facts: Readonly<Record<string, unknown>>) => void
  },
): void {
  const startedMs = performance.now()
  const requestId = randomUUID()
  response.setHeader(REQUEST_ID_HEADER, requestId)
  response.once('close', () => {
    // A stream of events lasts for an hour and says nothing about how fast we are.
    if (String(response.getHeader('content-type') ?? '').startsWith('text/event-stream')) return
    const ms = performance.now() - startedMs
    const status = response.statusCode
    tell.answered?.({ surface, status, ms })
    if (ms >= SLOW_MS || status >= 500) tell.slow({ requestId, surface, method, status, ms: Math.round(ms) })
  })
}

const SLOW_MS = 5_000
