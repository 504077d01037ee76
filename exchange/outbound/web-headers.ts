// What a site sees of a request, and what a person's program sees of its answer. Must never pass on what speaks in our
// name, what leads past us (RFC 7838), or credentials that were meant for us.
import { endToEnd, fieldsOf, type HeaderField, type HeaderFields } from '#transport/forward-headers.ts'

const ours = /^(proxy-.*|x-sallyport-.*|sallyport-.*|alt-used|http2-settings)$/
/** Alt-Svc would move the browser to QUIC, which does not come by here. */
const notFromSites = /^(alt-svc|x-sallyport-.*|sallyport-.*|public-key-pins.*)$/
const digests = /^(content-md5|content-digest|repr-digest|digest)$/
/** What inspection can undo. */
const readable: ReadonlySet<string> = new Set(['gzip', 'deflate', 'br', 'identity', 'x-gzip'])

export type WebHeaderFacts = {
  readonly authority: string
  /** The answer will be looked at: only what can be read, and only whole. */
  readonly isScanned: boolean
  /** Length of a body that was spooled. */
  readonly bodyBytes: number | undefined
  /** The body is not the one that was sent: what vouches for its bytes goes. */
  readonly isMasked?: boolean
}

export function webRequestFields(rawHeaders: readonly string[], facts: WebHeaderFacts): HeaderField[] {
  const raw = fieldsOf(rawHeaders)
  const kept: HeaderField[] = [['host', facts.authority]]
  for (const [name, value] of endToEnd(raw)) {
    if (name === 'host' || ours.test(name)) continue
    if (facts.bodyBytes !== undefined && name === 'content-length') continue
    if (facts.isMasked === true && digests.test(name)) continue
    if (facts.isScanned && (name === 'range' || name === 'if-range')) continue
    if (facts.isScanned && name === 'accept-encoding') kept.push([name, readableEncodings(value)])
    else kept.push([name, value])
  }
  if (facts.bodyBytes !== undefined) kept.push(['content-length', String(facts.bodyBytes)])
  // `endToEnd` takes it out as belonging to one connection; to a site that speaks HTTP/2 it is said anew.
  if (raw.some(([name, value]) => name === 'te' && value.toLowerCase() === 'trailers')) kept.push(['te', 'trailers'])
  return kept
}

export function webResponseFields(fields: HeaderFields): HeaderField[] {
  return fields.filter(([name]) => !notFromSites.test(name))
}

function readableEncodings(value: string): string {
  const kept = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => readable.has((part.split(';', 1)[0] ?? '').toLowerCase()))
  return kept.length > 0 ? kept.join(', ') : 'identity'
}

const pageTypes =
  /^(text\/|application\/(json|javascript|x-javascript|ecmascript|xml|xhtml\+xml|manifest\+json|wasm|grpc|x-www-form-urlencoded|[\w.+-]+\+(json|xml))|image\/|font\/|audio\/|video\/)/

/** A file that a person takes away, rather than a part of a page. */
export function isDownload(status: number, fields: HeaderFields): boolean {
  if (status < 200 || status > 299 || status === 204 || status === 205) return false
  const value = (wanted: string) =>
    fields
      .find(([name]) => name === wanted)?.[1]
      .trim()
      .toLowerCase() ?? ''
  if (value('content-disposition').startsWith('attachment')) return true
  const type = value('content-type')
  return type !== '' && !pageTypes.test(type)
}

/** Answers that come bit by bit: they cannot be held for a verdict. What is kept as a file is none, whatever it says. */
export function isStream(fields: Readonly<Record<string, string | undefined>>): boolean {
  if (fields['content-disposition']?.trim().toLowerCase().startsWith('attachment') === true) return false
  return /^(text\/event-stream|application\/grpc|application\/x-ndjson|multipart\/x-mixed-replace)/i.test(
    fields['content-type'] ?? '',
  )
}

/** What is answered while it still goes up. The sender says so: it must never be a reason not to look. */
export function isEndlessUpload(contentType: string | undefined): boolean {
  return /^application\/grpc\b/i.test(contentType ?? '')
}

const formTypes =
  /^(application\/(x-www-form-urlencoded|json|graphql|grpc|csp-report|reports\+json|[\w.+-]+\+json)|text\/(plain|xml)|application\/xml)/i

/** A request that brings a file or raw data; forms and calls are not, unless they are large. */
export function isUpload(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  hasBody: boolean,
  smallBytes: number,
): boolean {
  if (!hasBody) return false
  // Without a length nobody knows that it is small: a large file in chunks is no form.
  const length = headers['content-length']
  if (length === undefined ? !isEndlessUpload(String(headers['content-type'])) : Number(length) > smallBytes)
    return true
  const type = headers['content-type']
  return typeof type !== 'string' || !formTypes.test(type)
}
