// One request to a site as it came through a tunnel or in absolute form. Holds no rule.
import type { AnyRequest } from '#exchange/pages/answer.ts'
import type { WebAsker, WebSite } from './web-access.ts'

export type MinVersion = 'TLSv1.2' | 'TLSv1.3'

export type WebRequest = WebAsker &
  WebSite & {
    readonly scheme: 'http' | 'https'
    /** Origin form, as it is sent on. */
    readonly target: string
    /** Lowest version of TLS that the person's program would have spoken with the site. */
    readonly minVersion: MinVersion
  }

/** Host, with the port where it is not the scheme's own. */
export function authorityOf({ host, port, scheme }: WebRequest): string {
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`
}

export function hasBody(request: AnyRequest): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders
  const { headers } = request
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** The path without query; what policies and the journal see. */
export function pathOf(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? target : target.slice(0, at)
}
