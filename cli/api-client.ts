// Calls the control API by the names of its routes. Every wait has a deadline; answers are parsed by the
// route's own schema, so a command never acts on something half understood. The routes are loaded with the first call:
// parts are commands too, and hold what the table of commands imports for as long as they run.
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { Fault, faultTable, type FaultCode } from '#core/fault.ts'
import type { RouteName, routes as allRoutes } from '#core/api/routes.ts'
import type { BodyOf, QueryOf, ReplyOf, Route } from '#core/api/route.ts'
import type { Profile } from './profile.ts'

const CALL_DEADLINE_MS = 30_000 // longer than the longest wait of the API (receipts: 5 s) by far
const MAX_REPLY_BYTES = 64 * 1024 * 1024

export class ApiFault extends Fault {
  /** Where in the body the mistake is, e.g. `documents[3].spec.upstream.port`. */
  readonly at: string | undefined
  /** With which another administrator can approve what was held back. */
  readonly approvalRequest: string | undefined
  constructor(code: FaultCode, hint: string | undefined, at: string | undefined, approvalRequest?: string) {
    super(code, hint === undefined ? {} : { hint })
    this.at = at
    this.approvalRequest = approvalRequest
  }
}

type CallOf<R extends Route> = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: QueryOf<R>
  readonly body?: BodyOf<R>
  readonly signal?: AbortSignal
}

export type ApiClient = {
  readonly profile: Profile
  call<N extends RouteName>(name: N, options?: CallOf<(typeof allRoutes)[N]>): Promise<ReplyOf<(typeof allRoutes)[N]>>
  /** Server-sent events of a streaming route, until the signal aborts or the server ends. */
  stream<N extends RouteName>(
    name: N,
    options: CallOf<(typeof allRoutes)[N]>,
  ): AsyncGenerator<ReplyOf<(typeof allRoutes)[N]>>
}

export function apiClient(profile: Profile): ApiClient {
  return {
    profile,
    async call(name, options = {}) {
      const route = await routeOf(name)
      const response = await send(profile, route, options as CallOf<Route>, CALL_DEADLINE_MS)
      const text = await readAll(response)
      if ((response.statusCode ?? 0) >= 400) throw faultOf(response.statusCode ?? 0, text)
      const parsed = route.reply.safeParse(text === '' ? {} : JSON.parse(text))
      if (!parsed.success)
        throw new Fault('internal', {
          hint: 'The server answered in a form this version does not know.',
          cause: parsed.error,
        })
      return parsed.data as never
    },
    async *stream(name, options) {
      const route = await routeOf(name)
      const response = await send(profile, route, options as CallOf<Route>, null)
      if ((response.statusCode ?? 0) >= 400) throw faultOf(response.statusCode ?? 0, await readAll(response))
      let pending = ''
      for await (const chunk of response as AsyncIterable<Buffer>) {
        pending += chunk.toString('utf8')
        if (pending.length > MAX_REPLY_BYTES) throw new Fault('request-too-large')
        for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
          const line = pending.slice(0, end)
          pending = pending.slice(end + 1)
          if (line.startsWith('data:')) yield route.reply.parse(JSON.parse(line.slice(5))) as never
        }
      }
    },
  }
}

async function routeOf(name: RouteName): Promise<Route> {
  const { routes } = await import('#core/api/routes.ts')
  return routes[name]
}

function send(
  profile: Profile,
  route: Route,
  options: CallOf<Route>,
  deadlineMs: number | null,
): Promise<IncomingMessage> {
  const path = route.path.replaceAll(/:(\w+)/g, (_, key: string) =>
    encodeURIComponent(key === 'tenant' ? profile.tenant : (options.params?.[key] ?? '')),
  )
  const url = new URL(path, profile.server)
  for (const [key, value] of Object.entries((options.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) url.searchParams.set(key, String(value))
  }
  const body = options.body === undefined ? undefined : JSON.stringify(options.body)
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      url,
      {
        method: route.method,
        headers: {
          Authorization: `Bearer ${profile.token}`,
          Accept: route.stream ? 'text/event-stream' : 'application/json',
          ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        },
        ...(profile.caPem !== undefined && { ca: profile.caPem }),
        lookup: lookupOf(url.hostname, profile.dial),
        minVersion: 'TLSv1.3',
        signal: options.signal,
        agent: false,
      },
      resolve,
    )
    if (deadlineMs !== null)
      request.setTimeout(deadlineMs, () =>
        request.destroy(new Fault('control-unreachable', { hint: 'It did not answer in time.' })),
      )
    request.on('error', (cause: NodeJS.ErrnoException) =>
      reject(cause instanceof Fault || cause.name === 'AbortError' ? cause : unreachable(url, cause)),
    )
    request.end(body)
  })
}

function unreachable(url: URL, cause: NodeJS.ErrnoException): Fault {
  const isTrust = /CERT|SELF_SIGNED|ISSUER/.test(cause.code ?? '')
  const hint = isTrust
    ? `The certificate of ${url.host} is not trusted (${cause.code ?? ''}); name the authority with caPem in the profile.`
    : `${url.host}: ${cause.code ?? cause.message}.`
  return new Fault('control-unreachable', { hint, cause })
}

/** `*.localhost` is this machine (RFC 6761 section 6.3); glibc and Node do not know. */
function lookupOf(host: string, dial: string | undefined): LookupFunction | undefined {
  const isHere = host === 'localhost' || host.endsWith('.localhost')
  const address = dial ?? (isHere ? '127.0.0.1' : undefined)
  if (address === undefined) return undefined
  const family = isIP(address)
  return (_name, options, done) => {
    if (options.all) done(null, [{ address, family }])
    else done(null, address, family)
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_REPLY_BYTES) throw new Fault('request-too-large', { hint: 'The answer of the server is too large.' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function faultOf(status: number, text: string): Fault {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; at?: string; approvalRequest?: string }
    }
    const code: FaultCode = error.code in faultTable ? (error.code as FaultCode) : 'internal'
    const known = faultTable[code][1]
    const hint = error.message.startsWith(known) ? error.message.slice(known.length).trim() : error.message
    return new ApiFault(code, hint === '' ? undefined : hint, error.at, error.approvalRequest)
  } catch {
    return new Fault('internal', { hint: `The server answered ${status} without saying why.` })
  }
}
