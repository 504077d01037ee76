// Fetches a category feed over https for the exchange that was told its address. Must never follow a way that leaves
// https, nor wait without the caller's signal.
import { request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { rootCertificates } from 'node:tls'
import { Fault } from '#core/fault.ts'
import type { FeedsDeps } from '#inspection/categories/feeds.ts'
import { SOFTWARE } from './version.ts'

const MOST_REDIRECTS = 3

export function createFeedFetcher(extraCaPem: readonly string[]): FeedsDeps['fetchFeed'] {
  const ca = extraCaPem.length === 0 ? undefined : [...rootCertificates, ...extraCaPem]

  return async (url, { etag, signal }) => {
    let at = new URL(url)
    for (let followed = 0; followed <= MOST_REDIRECTS; followed++) {
      const answer = await get(at, etag, signal)
      const { statusCode: status = 0, headers } = answer
      if (status === 200) return { kind: 'body', etag: (headers.etag ?? '').slice(0, 200), body: answer }
      answer.destroy()
      if (status === 304 && etag !== '') return { kind: 'unchanged' }
      if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined)
        throw new Fault('upstream-malformed', { hint: `The feed's server answered ${status}.` })
      at = new URL(headers.location, at)
      if (at.protocol !== 'https:') throw new Fault('upstream-malformed', { hint: 'The feed leads away from https.' })
    }
    throw new Fault('upstream-malformed', { hint: `The feed leads on more than ${MOST_REDIRECTS} times.` })
  }

  function get(url: URL, etag: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = { 'user-agent': SOFTWARE, ...(etag !== '' && { 'if-none-match': etag }) }
    httpsRequest(url, { headers, signal, agent: false, ...(ca !== undefined && { ca }) }, resolve)
      .once('error', (cause) => reject(new Fault('upstream-unreachable', { cause })))
      .end()
    return promise
  }
}
