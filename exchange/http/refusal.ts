// Headers that a request may not carry at all, whatever the policy. Must never repair: a request is refused or whole.
import { canonicalPath } from '#transport/path.ts'
import { Fault } from '#core/fault.ts'

export type WantedPath = { readonly path: string; readonly query: string }

/** Everything below is the product's own on every app host. */
export const OWN_PREFIX = '/.sallyport'

/** The one reading of a target. Throws Fault `request-malformed` for a path that could be read in two ways. */
export function readTarget(target: string): WantedPath {
  const read = canonicalPath(target)
  if (!read.ok) throw new Fault('request-malformed', { hint: 'The path is ambiguous.', detail: { path: read.reason } })
  return { path: read.canonicalPath, query: read.query }
}

export function isOwnPath(path: string): boolean {
  const lower = path.toLowerCase()
  return lower === OWN_PREFIX || lower.startsWith(`${OWN_PREFIX}/`)
}

/** TRACE would show a script what we add to requests; CONNECT and unknown words are not requests to an app. */
export function refuseMethod(method: string): void {
  if (/^(TRACE|TRACK|CONNECT)$/i.test(method) || !/^[A-Z]{1,20}$/.test(method)) {
    throw new Fault('request-malformed', { hint: 'This method is not served here.' })
  }
}

/** A request that changes something, or opens a WebSocket, must come from the app's own pages. */
export function refuseForeignOrigin(
  {
    method,
    isUpgrade,
    origin,
  }: { readonly method: string; readonly isUpgrade: boolean; readonly origin: string | undefined },
  expected: string,
): void {
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  if ((isSafe && !isUpgrade) || origin === undefined || origin === expected) return
  throw new Fault('origin-mismatch')
}
