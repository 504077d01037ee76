// Asks an HTTPS server for JSON, at enrolment and sign-in: our API and the issuer's endpoints. Must never follow a
// redirect, nor read more than the cap.
import { request as httpsRequest } from 'node:https'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { isLocalhost, isVerifyCode } from './dial.ts'

const MAX_HINT_LENGTH = 300

export type Site = {
  /** PEM of the only authorities to trust; absent: the public roots. */
  readonly caPem?: readonly string[]
  /** Where to dial, when not by the URL's host and port. */
  readonly address?: { readonly host: string; readonly port: number }
}

export type JsonAnswer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }
export type JsonBody =
  | { readonly kind: 'json'; readonly value: object }
  | { readonly kind: 'form'; readonly value: Readonly<Record<string, string>> }

export function askJson(url: URL, site: Site, body?: JsonBody, signal?: AbortSignal): Promise<JsonAnswer> {
  if (url.protocol !== 'https:') return Promise.reject(new Fault('configuration-invalid', { hint: 'Use https.' }))
  const { promise, resolve, reject } = Promise.withResolvers<JsonAnswer>()
  const text =
    body === undefined
      ? undefined
      : body.kind === 'json'
        ? JSON.stringify(body.value)
        : new URLSearchParams(body.value).toString()
  const deadline = AbortSignal.timeout(caps.askMs.default)
  const request = httpsRequest({
    ...dialled(url, site),
    servername: url.hostname,
    path: url.pathname + url.search,
    method: text === undefined ? 'GET' : 'POST',
    agent: false,
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    headers: {
      host: url.host,
      accept: 'application/json',
      ...(text !== undefined && {
        'content-type': body?.kind === 'form' ? 'application/x-www-form-urlencoded' : 'application/json',
        'content-length': Buffer.byteLength(text),
      }),
    },
    ...(site.caPem !== undefined && { ca: [...site.caPem] }),
  })
  const unreachable = (cause: Error) => (cause instanceof Fault ? cause : faultOfCause(cause, url.host))
  request.on('error', (error) => reject(unreachable(error)))
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > caps.answerBytes.default) request.destroy(new Fault('wire-malformed'))
      else chunks.push(chunk)
    })
    response.on('error', (error) => reject(unreachable(error)))
    response.on('end', () => {
      const value = parseObject(Buffer.concat(chunks).toString())
      const status = response.statusCode ?? 0
      // A refusal may be a page for people; its status says enough.
      if (value === undefined && status < 400) reject(new Fault('wire-malformed', { detail: { status } }))
      else resolve({ status, body: value ?? {} })
    })
  })
  request.end(text)
  return promise
}

function faultOfCause(cause: Error, host: string): Fault {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return isVerifyCode(code)
    ? new Fault('certificate-refused', {
        hint: `Who signed the certificate of ${host} is not trusted (${code}).`,
        cause,
      })
    : new Fault('control-unreachable', { hint: cause.message.slice(0, 200), cause })
}

/** Host and port to dial; names below localhost are this machine (RFC 6761), whatever a resolver says. */
export function dialled(url: URL, site: Site): { readonly host: string; readonly port: number } {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? 443 : Number(url.port)
  return site.address ?? { host: isLocalhost(host) ? '127.0.0.1' : host, port }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The API's own code of a refusal (`{error: {code, message}}`). */
export function refusalCode({ body: { error } }: JsonAnswer): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Why the API refused, for the person: its own short message where there is one (`{error: {code, message}}`). */
export function refusalIn(answer: JsonAnswer): {
  readonly hint?: string
  readonly detail: { readonly status: number }
} {
  const { error } = answer.body
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined
  const detail = { status: answer.status }
  return typeof message === 'string' && message !== ''
    ? { hint: message.slice(0, MAX_HINT_LENGTH), detail }
    : { detail }
}
