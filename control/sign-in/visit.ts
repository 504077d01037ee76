// One HTTP request to a page of ours and its answer. Must never answer without the security headers, read a body
// without a cap and a deadline, or act on a POST that another site sent.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { asFault, Fault } from '#core/fault.ts'
import { secretEquals } from '#transport/secret.ts'
import { caps } from './caps.ts'
import { html, type Html } from './html.ts'
import { setSecurityHeaders } from './headers.ts'
import { layout } from './layout.ts'

export type Visit = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: 'GET' | 'POST'
  /** `https://host[:port]` that the browser sees. */
  readonly origin: string
  readonly path: string
  readonly query: URLSearchParams
  readonly ip: string
  /** Sources that a form on the page may lead to through redirects, besides ourselves (CSP form-action). */
  readonly formTargets: readonly string[]
}

export type PageOptions = {
  readonly title: string
  /** Whose page it is, shown at the top. */
  readonly heading?: string
  readonly body: Html
  readonly status?: number
  readonly script?: boolean
  readonly retryAfterMs?: number
}

/** What a visit needs of a request, or a Fault: exactly one Host, a plain path, GET, HEAD or POST. */
export function visitOf(
  request: IncomingMessage,
  response: ServerResponse,
  options: { readonly hosts: (host: string) => boolean; readonly formTargets: readonly string[]; readonly ip: string },
): Visit {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (method !== 'GET' && method !== 'POST') throw new Fault('request-malformed', { hint: 'Use GET or POST.' })
  const hosts = request.rawHeaders.filter((_, at) => at % 2 === 0 && request.rawHeaders[at]?.toLowerCase() === 'host')
  const host = (request.headers.host ?? '').toLowerCase()
  if (hosts.length !== 1 || !options.hosts(host)) throw new Fault('host-misdirected')
  const target = request.url ?? ''
  // Only origin-form: an absolute URL or `//host` would give another host than the one that was checked.
  if (!target.startsWith('/') || target.startsWith('//') || target.length > 8192 || /[\\\u0000-\u0020]/.test(target)) {
    throw new Fault('request-malformed')
  }
  const origin = `https://${host}`
  const url = new URL(target, origin)
  if (url.origin !== new URL(origin).origin) throw new Fault('request-malformed')
  return {
    request,
    response,
    method,
    origin: url.origin,
    path: url.pathname,
    query: url.searchParams,
    ip: options.ip,
    formTargets: options.formTargets,
  }
}

export function sendPage(visit: Visit, options: PageOptions): void {
  const { response } = visit
  response.statusCode = options.status ?? 200
  if (options.retryAfterMs !== undefined) {
    response.setHeader('retry-after', String(Math.max(1, Math.ceil(options.retryAfterMs / 1000))))
  }
  setSecurityHeaders(visit)
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(layout(options).toString())
}

export function sendJson(visit: Visit, status: number, value: unknown): void {
  setSecurityHeaders(visit)
  visit.response.statusCode = status
  visit.response.setHeader('content-type', 'application/json; charset=utf-8')
  visit.response.end(JSON.stringify(value))
}

/** 303: whatever the method was, the next request is a GET. `location` must have been made here. */
export function sendRedirect(visit: Visit, location: string): void {
  setSecurityHeaders(visit)
  visit.response.statusCode = 303
  visit.response.setHeader('location', location)
  visit.response.end()
}

/** A redirect that form-action does not follow: for hosts that no policy can list (a tenant's own names, [::1]). */
export function sendOnward(visit: Visit, location: string): void {
  visit.response.setHeader('refresh', `0; url=${location}`)
  sendPage(visit, {
    title: 'One moment',
    body: html`<p>You are being taken on. <a href="${location}">Continue</a> if nothing happens.</p>`,
  })
}

/** The fault as a page for people. */
export function sendFault(visit: Visit, error: unknown): void {
  const fault = asFault(error)
  if (visit.response.headersSent) {
    visit.response.destroy()
    return
  }
  if (fault.code === 'request-too-large' || fault.code === 'request-timeout') {
    visit.response.setHeader('connection', 'close')
  }
  sendPage(visit, {
    title: fault.status >= 500 ? 'That did not work' : 'That is not possible',
    status: fault.status,
    body: html`<p role="alert">${fault.message}</p>
      <p class="quiet">Code: ${fault.code}</p>`,
    ...(fault.code === 'rate-limited' && { retryAfterMs: Number(fault.detail['waitMs'] ?? 5_000) }),
  })
}

/** Fields of a form of ours; a field that is not in `names`, or twice there, refuses the whole form. */
export async function readForm<N extends string>(
  visit: Visit,
  names: readonly N[],
): Promise<Readonly<Record<N, string>>> {
  requireSameOrigin(visit)
  const type = (visit.request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') throw new Fault('request-malformed')
  const text = (await readBody(visit.request)).toString('utf8')
  const fields = new URLSearchParams(text)
  if (fields.size > caps.formFields.default) throw new Fault('request-malformed')
  const values: Record<string, string> = {}
  for (const [name, value] of fields) {
    if (!(names as readonly string[]).includes(name) || Object.hasOwn(values, name))
      throw new Fault('request-malformed')
    values[name] = value
  }
  for (const name of names) values[name] ??= ''
  return values as Record<N, string>
}

export async function readJson(visit: Visit): Promise<unknown> {
  requireSameOrigin(visit)
  if ((visit.request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    throw new Fault('request-malformed')
  }
  try {
    return JSON.parse((await readBody(visit.request)).toString('utf8'))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('request-malformed')
  }
}

/** Every browser of the last years sends Origin with POST: without it, or with another, it is not our page. */
export function requireSameOrigin(visit: Pick<Visit, 'request' | 'origin'>): void {
  const site = visit.request.headers['sec-fetch-site']
  if (visit.request.headers.origin !== visit.origin || (site !== undefined && site !== 'same-origin')) {
    throw new Fault('origin-mismatch')
  }
}

/** The second lock on forms: a token of the browser's session that another site cannot know. */
export function requireFormToken(given: string, expected: string): void {
  if (!secretEquals(given, expected)) throw new Fault('origin-mismatch', { hint: 'Reload the page and try again.' })
}

export function readBody(request: IncomingMessage, maxBytes: number = caps.formBytes.default): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const declared = Number(request.headers['content-length'] ?? 0)
    const timer = setTimeout(() => finish(new Fault('request-timeout')), caps.formDeadlineMs.default)
    const finish = (fault: Fault | undefined) => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onError)
      request.on('error', () => undefined)
      if (fault) {
        request.resume()
        reject(fault)
      } else resolve(Buffer.concat(chunks))
    }
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) finish(new Fault('request-too-large'))
      else chunks.push(chunk)
    }
    const onEnd = () => finish(undefined)
    const onError = () => finish(new Fault('request-malformed'))
    if (declared > maxBytes) {
      finish(new Fault('request-too-large'))
      return
    }
    request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onError)
  })
}
