// What came in over HTTP, bounded and validated by the schemas of the contract. Must never hand anything to a handler
// that its schema did not accept.
import type * as z from 'zod'
import { Fault, isFault } from '#core/fault.ts'
import type { Route } from '#core/api/route.ts'
import { parseJsonBytes } from '#transport/json-bytes.ts'
import { caps } from '#control/caps.ts'
import { DocumentsFault, faultsOf } from '#control/resources/document-faults.ts'

const NAME_LENGTH = 127

export function readParams(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  // No name or id is longer; what is cannot be of anything.
  if (Object.values(params).some((value) => value.length > NAME_LENGTH)) throw new Fault('not-found')
  return params
}

export function readQuery(route: Route, url: URL): unknown {
  const entries = [...url.searchParams]
  // Two values for one name could be read two ways.
  if (new Set(entries.map(([name]) => name)).size !== entries.length)
    throw new Fault('request-malformed', { hint: 'A query parameter is given twice.' })
  if (!route.query) {
    if (entries.length > 0) throw new Fault('request-malformed', { hint: 'This route takes no query.' })
    return undefined
  }
  return checked(route.query, Object.fromEntries(entries), 'query')
}

export async function readBody(route: Route, request: Request): Promise<unknown> {
  if (!route.body) return undefined
  const type = request.headers.get('content-type') ?? ''
  // Also what keeps a form on another site from speaking to us: it cannot send this type without being asked first.
  if (!/^application\/json(\s*;\s*charset=utf-8)?$/i.test(type))
    throw new Fault('request-malformed', { hint: 'Send application/json.' })
  const bytes = await readBytes(
    request,
    withDocuments.some((end) => route.path.endsWith(end)) ? caps.bodyBytes.default : smallBody(route),
  )
  let value: unknown
  try {
    value = parseJsonBytes(bytes)
  } catch (cause) {
    throw new Fault('request-malformed', { hint: 'The body is not JSON.', cause })
  }
  return checked(route.body, value, '')
}

/** Routes that take a whole tree of documents: to apply it, or to ask about it first. */
const withDocuments = ['/apply', '/policy/tests', '/policy/jobs'] as const

/** A policy document alone may have 64 KiB, and an app may carry an authority of as much. */
function smallBody(route: Route): number {
  return route.method === 'PUT' ? 4 * caps.smallBodyBytes.default : caps.smallBodyBytes.default
}

async function readBytes(request: Request, maxBytes: number): Promise<Buffer> {
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > maxBytes) throw new Fault('request-too-large')
  const chunks: Uint8Array[] = []
  let size = 0
  const deadline = AbortSignal.timeout(caps.requestMs.default)
  const reader = request.body?.getReader()
  if (!reader) return Buffer.alloc(0)
  const cancel = () => void reader.cancel(new Fault('request-timeout')).catch(() => {})
  deadline.addEventListener('abort', cancel, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (deadline.aborted) throw new Fault('request-timeout')
      if (done) return Buffer.concat(chunks)
      size += value.length
      if (size > maxBytes) throw new Fault('request-too-large')
      chunks.push(value)
    }
  } catch (error) {
    if (!isFault(error, 'request-timeout')) cancel()
    throw isFault(error) ? error : new Fault('request-malformed', { cause: error })
  } finally {
    deadline.removeEventListener('abort', cancel)
  }
}

function checked(schema: z.ZodType, value: unknown, root: string): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new DocumentsFault(faultsOf(root, parsed.error).map((fault) => ({ ...fault, code: 'request-malformed' })))
}
