// Answers in the place of a site: a page for a person, JSON for a program. Must never answer a program with a page that
// only a person can act on, nor a frame of another site with a form.
import type { Duplex } from 'node:stream'
import { clearAndEnd, wantsPage, type AnyRequest, type AnyResponse } from '#exchange/pages/answer.ts'
import { REASON_HEADER } from '#exchange/pages/denial.ts'
import { statusOfStop, webPageHeaders, webStopJson, webStopPage, type WebPageFacts } from './pages/web-page.ts'
import { reasonOfStop, topicOf, type Stop } from './stop.ts'
import type { OutboundParts } from './parts.ts'
import { authorityOf, type WebRequest } from './web-request.ts'

export type StopFacts = { readonly stop: Stop; readonly policies: readonly string[]; readonly eventId: string }

export function answerStop(
  parts: OutboundParts,
  request: AnyRequest,
  response: AnyResponse,
  wanted: WebRequest,
  facts: StopFacts,
): void {
  const page = pageFacts(parts, request, wanted, facts)
  if (page === undefined || response.headersSent) return void response.destroy()
  const isPage = wantsPage(request)
  const text = isPage ? webStopPage(page) : webStopJson(page)
  const headers = {
    ...webPageHeaders,
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(text),
    [REASON_HEADER]: page.tenant.explain === 'none' ? 'denied' : reasonOfStop(facts.stop),
  }
  clearAndEnd(request, response)
  const body = request.method === 'HEAD' ? '' : text
  // The two kinds of response take the same arguments, but have no common signature.
  if ('stream' in response) response.writeHead(statusOfStop(facts.stop), headers).end(body)
  else response.writeHead(statusOfStop(facts.stop), headers).end(body)
}

/** On a connection that wanted to become something else: a tunnel, a WebSocket. */
export function answerStopRaw(parts: OutboundParts, socket: Duplex, wanted: WebRequest, facts: StopFacts): void {
  const page = pageFacts(parts, undefined, wanted, facts)
  if (page === undefined || !socket.writable) return void socket.destroy()
  const body = webStopJson(page)
  const reason = page.tenant.explain === 'none' ? 'denied' : reasonOfStop(facts.stop)
  const head = [
    `HTTP/1.1 ${statusOfStop(facts.stop)} Stopped`,
    'Connection: close',
    'Content-Type: application/json',
    'Cache-Control: no-store',
    `Sallyport-Reason: ${reason}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.once('finish', () => socket.destroy())
}

function pageFacts(
  { goOns }: OutboundParts,
  request: AnyRequest | undefined,
  wanted: WebRequest,
  { stop, policies, eventId }: StopFacts,
): WebPageFacts | undefined {
  const { tenant, session, host, target } = wanted
  const settings = tenant.webSettings
  if (settings === undefined) return undefined
  const topic = topicOf(stop)
  const mayShowForm = topic !== undefined && request !== undefined && isNavigation(request)
  return {
    tenant: tenant.record,
    settings,
    stop,
    policies,
    eventId,
    site: authorityOf(wanted),
    userName: tenant.users.get(session.userId)?.name ?? '',
    acceptLanguage: request?.headers['accept-language'],
    token: mayShowForm ? goOns.tokenFor({ sessionId: session.id, host, topic, target, eventId }) : undefined,
  }
}

/** A person opening a page by themselves: scripts, frames and prefetches get no "continue". */
export function isNavigation(request: AnyRequest): boolean {
  if (request.method !== 'GET' || !wantsPage(request)) return false
  const { headers } = request
  const mode = headers['sec-fetch-mode']
  const destination = headers['sec-fetch-dest']
  return (mode === undefined || mode === 'navigate') && (destination === undefined || destination === 'document')
}
