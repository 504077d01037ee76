// HTTP to a server of this process over a pair of streams: the portal is an ordinary OpenID client of the provider
// beside it, with no port that anyone else could reach. Must never leave the process.
import { request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { duplexPair } from 'node:stream'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

export type FetchOptions = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>

export function inProcessFetch(server: Server): Fetch {
  return (url, options) => {
    const { host, pathname, search } = new URL(url)
    return new Promise((resolve, reject) => {
      const [near, far] = duplexPair()
      const request = httpRequest(
        {
          createConnection: () => near,
          method: options.method ?? 'GET',
          path: pathname + search,
          headers: { ...options.headers, host, connection: 'close' },
          signal: withDeadline(options.signal),
        },
        (response) => void readResponse(response).then(resolve, reject),
      )
      request.on('error', reject)
      server.emit('connection', far)
      request.end(bodyText(options.body))
    })
  }
}

export function withDeadline(signal: AbortSignal | undefined): AbortSignal {
  const deadline = AbortSignal.timeout(caps.upstreamMs.default)
  return signal ? AbortSignal.any([signal, deadline]) : deadline
}

export function bodyText(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new Fault('internal', { detail: { why: 'a body of another form than text' } })
}

export async function readResponse(message: IncomingMessage): Promise<Response> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > caps.upstreamBytes.default) {
      message.destroy()
      throw new Fault('identity-provider-failed', { detail: { why: 'answer too large' } })
    }
    chunks.push(chunk)
  }
  const headers = new Headers()
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at] ?? '', message.rawHeaders[at + 1] ?? '')
  }
  const status = message.statusCode ?? 500
  const isEmpty = status === 204 || status === 304
  return new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers })
}
