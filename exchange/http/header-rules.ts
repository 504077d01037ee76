// What an app sees of a request and what a browser sees of its answer. Must never pass on a header that speaks in our
// name, a cookie of ours, or what an app could use against its siblings.
import type { AppRecord } from '#core/records/app.ts'
import { endToEnd, type HeaderField, type HeaderFields } from '#transport/forward-headers.ts'
import { appCookie, withoutOurCookies } from '#exchange/doors/cookies.ts'
import { ASSERTION_HEADER } from './assertion.ts'

export type RequestFacts = {
  readonly app: AppRecord
  /** As the person wrote it: host with port, where it is not the scheme's own. */
  readonly publicAuthority: string
  readonly publicScheme: 'http' | 'https'
  readonly clientIp: string
  readonly assertion: string
  /** Of the decision in the journal: apps log it, and one id leads from the door to their line. */
  readonly eventId: string
  /** Present: traces are this exchange's affair, and no trace header of a client goes on. */
  readonly trace?: { readonly forward: string | undefined } | undefined
}

type AnswerFacts = Omit<RequestFacts, 'assertion' | 'eventId' | 'trace'>
export const REQUEST_ID_HEADER = 'x-sallyport-request-id'

/** Headers that say who sent a request, and to whom: only ours count. */
const ours =
  /^(x-forwarded-.*|forwarded|x-real-ip|x-sallyport-.*|sallyport-.*|proxy-.*|true-client-ip|x-client-ip|via)$/
/** Framing and routing belong to the connection, not to rules. */
const notByRule =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|http2-settings|te|trailer|expect|set-cookie|proxy-.*|(x-)?sallyport-.*)$/
/** Many frameworks take method or path from these: a rule on what the request says would then be about another one. */
const overrides = /^(x-http-method-override|x-http-method|x-method-override|x-original-url|x-rewrite-url)$/
/** An app may not speak in our name, move people elsewhere (RFC 7838), or clear what its siblings store. */
const notFromApps = /^(x-sallyport-.*|sallyport-.*|alt-svc|clear-site-data|public-key-pins.*)$/

export function requestFields(fields: HeaderFields, facts: RequestFacts): HeaderField[] {
  const { app, publicAuthority, publicScheme, clientIp, assertion, eventId, trace } = facts
  const { requestHeaders, hostHeader } = app.http
  const removed = new Set((requestHeaders.remove ?? []).map((name) => name.toLowerCase()))
  const kept: HeaderField[] = []
  const cookies: string[] = []
  const hasRules = app.http.rules.length > 0
  // The client's Connection speaks of the client's own fields: it must be done with before ours are added.
  for (const [name, value] of endToEnd(fields)) {
    if (hasRules && overrides.test(name)) continue
    if (trace !== undefined && (name === 'traceparent' || name === 'tracestate')) continue
    if (name === 'host' || ours.test(name) || (removed.has(name) && !notByRule.test(name))) continue
    if (name === 'cookie') {
      const left = withoutOurCookies(value)
      if (left !== undefined) cookies.push(left)
    } else if (name === 'origin') kept.push([name, rewrittenOrigin(value, facts)])
    else kept.push([name, value])
  }
  // HTTP/2 clients split the field; HTTP/1.1 servers expect one.
  if (cookies.length > 0) kept.push(['cookie', cookies.join('; ')])
  return [
    ['host', hostHeader === 'preserve' ? publicAuthority : upstreamAuthority(app)],
    ...withRules(kept, requestHeaders.set),
    ['x-forwarded-for', clientIp],
    ['x-forwarded-host', publicAuthority],
    ['x-forwarded-proto', publicScheme],
    [ASSERTION_HEADER, assertion],
    [REQUEST_ID_HEADER, eventId],
    ...(trace?.forward === undefined ? [] : [['traceparent', trace.forward] as HeaderField]),
  ]
}

export function responseFields(fields: HeaderFields, facts: AnswerFacts): HeaderField[] {
  const { responseHeaders, rewriteLocation } = facts.app.http
  const removed = new Set((responseHeaders.remove ?? []).map((name) => name.toLowerCase()))
  const kept: HeaderField[] = []
  for (const [name, value] of fields) {
    if (notFromApps.test(name) || (removed.has(name) && !notByRule.test(name))) continue
    if (name === 'set-cookie') {
      const cookie = appCookie(value)
      if (cookie !== undefined) kept.push([name, cookie])
    } else if (name === 'location' && rewriteLocation) kept.push([name, rewrittenLocation(value, facts)])
    else kept.push([name, value])
  }
  return withRules(kept, responseHeaders.set)
}

/** Host and port as the app itself sees them. */
export function upstreamAuthority({ upstream }: AppRecord): string {
  const host = upstream.host.includes(':') ? `[${upstream.host}]` : upstream.host
  const { port } = upstream
  const own = upstream.tls === undefined ? 80 : 443
  return port === undefined || port === own ? host : `${host}:${port}`
}

function upstreamOrigin(app: AppRecord): string {
  return `${app.upstream.tls === undefined ? 'http' : 'https'}://${upstreamAuthority(app)}`
}

function rewrittenOrigin(value: string, { app, publicScheme, publicAuthority }: RequestFacts): string {
  return app.http.rewriteOrigin && value === `${publicScheme}://${publicAuthority}` ? upstreamOrigin(app) : value
}

/** An app that redirects to its own inner name means the name by which the person reached it. */
function rewrittenLocation(value: string, facts: AnswerFacts): string {
  if (!URL.canParse(value)) return value
  const target = new URL(value)
  const isHttp = target.protocol === 'http:' || target.protocol === 'https:'
  if (!isHttp || target.host !== new URL(upstreamOrigin(facts.app)).host) return value
  return `${facts.publicScheme}://${facts.publicAuthority}${target.pathname}${target.search}${target.hash}`
}

function withRules(fields: HeaderField[], set: Readonly<Record<string, string>> | undefined): HeaderField[] {
  if (set === undefined) return fields
  const rules = Object.entries(set)
    .map(([name, value]): HeaderField => [name.toLowerCase(), value])
    .filter(([name]) => !notByRule.test(name) && !notFromApps.test(name))
  const names = new Set(rules.map(([name]) => name))
  return [...fields.filter(([name]) => !names.has(name)), ...rules]
}
