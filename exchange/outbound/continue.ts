// The answer to "continue": the person's reason is written down, and the way is open for a while. Must never take a press
// that a script made, nor a reason without words.
import { Fault } from '#core/fault.ts'
import type { AnyRequest, AnyResponse } from '#exchange/pages/answer.ts'
import { caps } from './caps.ts'
import { CONTINUE_PATH } from './pages/web-page.ts'
import type { OutboundParts } from './parts.ts'
import { authorityOf, pathOf, type WebRequest } from './web-request.ts'

const SEE_OTHER = 303
const MIN_REASON = 3

/** Whatever is below our own path on a site. Throws Faults `not-found`, `origin-mismatch`, `token-invalid`, … */
export async function receiveContinue(
  { context, access, goOns }: OutboundParts,
  request: AnyRequest,
  response: AnyResponse,
  wanted: WebRequest,
): Promise<void> {
  if (pathOf(wanted.target) !== CONTINUE_PATH || request.method !== 'POST') throw new Fault('not-found')
  requirePerson(request, wanted)
  const { tenant, session, host, port } = wanted
  const form = new URLSearchParams(await readForm(request))
  const facts = goOns.read(form.get('token') ?? '', session.id, host)
  const reason = cleaned(form.get('reason') ?? '')
  if (reason.length < MIN_REASON) throw new Fault('request-malformed', { hint: 'Say in a few words why.' })
  const settings = tenant.webSettings
  if (settings === undefined) throw new Fault('not-found')
  context.journal.found(tenant, access.accessTo(wanted, { host, port }, 'browse', null), {
    what: 'a person went on after a page that asked for a reason',
    severity: 2,
    outcome: 'success',
    web: { topic: facts.topic, justification: reason, pageEvent: facts.eventId },
  })
  goOns.allow(facts, context.now() + settings.coachSeconds * 1000)
  const headers = { location: facts.target, 'cache-control': 'no-store', 'content-length': 0 }
  if ('stream' in response) response.writeHead(SEE_OTHER, headers).end()
  else response.writeHead(SEE_OTHER, headers).end()
}

/** Browsers say who caused a request, and scripts cannot say otherwise (Fetch metadata, Origin). */
function requirePerson({ headers }: AnyRequest, wanted: WebRequest): void {
  const { origin } = headers
  const own = `${wanted.scheme}://${authorityOf(wanted)}`
  const site = headers['sec-fetch-site']
  const mode = headers['sec-fetch-mode']
  // A page without referrer policy of its own sends `null` here; ours says no-referrer.
  const isOwnOrigin = origin === undefined || origin === own || origin === 'null'
  const isPressed = mode === undefined || (mode === 'navigate' && headers['sec-fetch-user'] === '?1')
  if (!isOwnOrigin || !isPressed || (site !== undefined && site !== 'same-origin')) throw new Fault('origin-mismatch')
}

async function readForm(request: AnyRequest): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => request.destroy(new Fault('request-timeout')), caps.uploadIdleMs.default)
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > caps.formBytes.default) throw new Fault('request-too-large')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    clearTimeout(timer)
  }
}

/** One line of printable text. */
function cleaned(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, caps.reasonBytes.default)
}
