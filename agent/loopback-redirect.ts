// The one-shot listener on a loopback port to which the browser returns after sign-in (RFC 8252 section 7.3). Must never
// listen on anything but loopback, answer another path, or stay open after its one answer.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

const PATH = '/callback'

export type LoopbackRedirect = {
  readonly redirectUri: string
  readonly answer: Promise<URLSearchParams>
  readonly close: () => void
}

/** `accepts` looks at each answer, so that a page which guesses the port cannot use up the listener. */
export async function startLoopbackRedirect(
  accepts: (answer: URLSearchParams) => boolean,
  signal: AbortSignal,
): Promise<LoopbackRedirect> {
  const { promise, resolve, reject } = Promise.withResolvers<URLSearchParams>()
  promise.catch(() => {})
  const server = createServer({ maxHeaderSize: caps.signInHeadBytes.default, requestTimeout: 10_000 })
  server.maxConnections = 16
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const origin = `http://127.0.0.1:${port}`
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  server.on('request', (request, response) => {
    const url = URL.canParse(request.url ?? '', origin) ? new URL(request.url ?? '', origin) : undefined
    const isOurs = request.method === 'GET' && request.headers.host === `127.0.0.1:${port}` && url?.pathname === PATH
    response.setHeader('connection', 'close')
    response.setHeader('cache-control', 'no-store')
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('content-security-policy', "default-src 'none'")
    response.setHeader('referrer-policy', 'no-referrer')
    if (url === undefined || !isOurs || !accepts(url.searchParams)) {
      response.statusCode = 404
      response.end('<!doctype html><title>Not here</title><p>There is nothing here.')
      return
    }
    response.end(
      '<!doctype html><html lang="en"><title>Sallyport</title><h1>Done</h1><p>Go back to the terminal; this page can be closed.',
      () => resolve(url.searchParams),
    )
  })
  signal.addEventListener('abort', () => reject(new Fault('request-timeout', { hint: 'Nobody signed in.' })))
  void promise.then(close, close)
  return { redirectUri: `${origin}${PATH}`, answer: promise, close }
}
