// The headers that every answer of sign-in and portal carries: nobody frames us, nothing inline runs, nothing is kept.
import type { ServerResponse } from 'node:http'

export type Answer = {
  readonly response: ServerResponse
  /** Sources that a form on the page may lead to through redirects, besides ourselves (CSP form-action). */
  readonly formTargets: readonly string[]
}

export function setSecurityHeaders(answer: Answer): void {
  const { response, formTargets } = answer
  const formAction = ["'self'", ...formTargets].join(' ')
  response.setHeader(
    'content-security-policy',
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; ` +
      `form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
  )
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader('x-content-type-options', 'nosniff')
  // Not no-referrer: browsers would then send `Origin: null` with our own forms.
  response.setHeader('referrer-policy', 'same-origin')
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-resource-policy', 'same-origin')
  response.setHeader('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()')
  response.setHeader('strict-transport-security', 'max-age=31536000')
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store')
}
