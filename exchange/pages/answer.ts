// Writes our own answers (denials, faults, pages) to whoever asked, as a page or as JSON. Must never answer with more of
// a fault than its public message.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Fault } from '#core/fault.ts'
import { denialJson, denialPage, pageHeaders, plainPage, REASON_HEADER, statusOf, type DenialFacts } from './denial.ts'

export type AnyRequest = IncomingMessage | Http2ServerRequest
export type AnyResponse = ServerResponse | Http2ServerResponse

/** RFC 9113, 7. */
const INTERNAL_ERROR = 0x2

/** Whether a person is looking: a browser asks for HTML by name, programs do not. */
export function wantsPage(request: AnyRequest): boolean {
  return request.headers.accept?.includes('text/html') === true
}

export function answerDenial(request: AnyRequest, response: AnyResponse, facts: DenialFacts): void {
  clearHead(response)
  endAfter(request, response)
  const isPage = wantsPage(request)
  const reason = facts.tenant.explain === 'none' ? 'denied' : facts.decision.reason
  answer(response, statusOf(facts.decision), isPage ? denialPage(facts) : denialJson(facts), isPage, {
    [REASON_HEADER]: reason,
  })
}

/** Never throws: it is what is left to do when something else has thrown. */
export function answerFault(request: AnyRequest, response: AnyResponse, fault: Fault): void {
  try {
    clearHead(response)
    endAfter(request, response)
    writeFault(request, response, fault)
  } catch {
    if ('stream' in response) response.stream.close(INTERNAL_ERROR)
    else response.destroy()
  }
}

function writeFault(request: AnyRequest, response: AnyResponse, fault: Fault): void {
  const isPage = wantsPage(request)
  const text = isPage ? plainPage('This did not work', fault.message, fault.code) : JSON.stringify(fault)
  answer(response, fault.status, text, isPage, { [REASON_HEADER]: fault.code })
}

/** What every answer of ours in the place of another one begins with. */
export function clearAndEnd(request: AnyRequest, response: AnyResponse): void {
  clearHead(response)
  endAfter(request, response)
}

/** A head that could not be sent stays in the response: what was wrong with it would be wrong with our answer. */
function clearHead(response: AnyResponse): void {
  if (response.headersSent) return
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
}

/** The body of a refused request is not waited for: it may be long, and nobody wants it. */
function endAfter(request: AnyRequest, response: AnyResponse): void {
  if ('stream' in response) {
    if (!response.stream.endAfterHeaders) response.once('finish', () => response.stream.close())
    return
  }
  const { headers } = request
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (hasBody && !response.headersSent) response.setHeader('connection', 'close')
}

/** Nothing when the answer has begun: then only the connection can say that it failed. */
export function answer(
  response: AnyResponse,
  status: number,
  text: string,
  isPage: boolean,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return void response.destroy()
  const all = {
    ...pageHeaders,
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  }
  // The two kinds of response take the same arguments, but have no common signature.
  if ('stream' in response) response.writeHead(status, all).end(text)
  else response.writeHead(status, all).end(text)
}

/** A denial on a connection that wanted to become something else (CONNECT, upgrade). */
export function rawDenial(facts: DenialFacts): string {
  const status = statusOf(facts.decision)
  const reason = facts.tenant.explain === 'none' ? 'denied' : facts.decision.reason
  return rawAnswer(status, denialJson(facts), reason)
}

export function rawFault(fault: Fault): string {
  return rawAnswer(fault.status, JSON.stringify(fault), fault.code)
}

function rawAnswer(status: number, body: string, reason: string): string {
  return [
    `HTTP/1.1 ${status} Refused`,
    'Connection: close',
    'Content-Type: application/json',
    'Cache-Control: no-store',
    `Sallyport-Reason: ${reason}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}
