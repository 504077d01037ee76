// The names and URLs of sign-in and portal, from the domain and the public port. Must stay the only place that
// builds them, so that a redirect goes only where this file can point.
import { labelPattern, PROVIDER_TENANT, reservedLabels } from '#core/names.ts'
import type { SignInConfig } from '#control/sign-in-seam.ts'

export type SignInAddresses = {
  readonly idHost: string
  readonly consoleHost: string
  readonly idOrigin: string
  readonly consoleOrigin: string
  readonly issuer: (tenantName: string) => string
  readonly portal: (tenantName: string) => string
  readonly portalHost: (tenantName: string) => string
  /** Origin of a host of ours or of an app. */
  readonly originOf: (host: string) => string
  readonly isIdHost: (hostHeader: string) => boolean
  readonly isConsoleHost: (hostHeader: string) => boolean
  /** Tenant's name when the Host header is a portal's; says nothing about whether the tenant exists. */
  readonly tenantOfPortalHost: (hostHeader: string) => string | undefined
  /** CSP sources that redirects after a form may lead to. */
  readonly formTargets: readonly string[]
}

export function signInAddresses({ domain, appsDomain, publicPort }: SignInConfig): SignInAddresses {
  const port = publicPort === 443 ? '' : `:${publicPort}`
  const originOf = (host: string) => `https://${host}${port}`
  const portalHost = (tenantName: string) => `${tenantName}.${domain}`
  const plain = (hostHeader: string) => {
    const host = hostHeader.toLowerCase()
    if (port !== '') return host.endsWith(port) ? host.slice(0, -port.length) : undefined
    return host.endsWith(':443') ? host.slice(0, -4) : host
  }
  return {
    idHost: `id.${domain}`,
    consoleHost: `console.${domain}`,
    idOrigin: originOf(`id.${domain}`),
    consoleOrigin: originOf(`console.${domain}`),
    issuer: (tenantName) => `${originOf(`id.${domain}`)}/${tenantName}`,
    portal: (tenantName) => originOf(portalHost(tenantName)),
    portalHost,
    originOf,
    isIdHost: (hostHeader) => plain(hostHeader) === `id.${domain}`,
    isConsoleHost: (hostHeader) => plain(hostHeader) === `console.${domain}`,
    tenantOfPortalHost: (hostHeader) => {
      const host = plain(hostHeader)
      if (host === undefined || !host.endsWith(`.${domain}`)) return undefined
      const label = host.slice(0, -domain.length - 1)
      const isTenant = labelPattern.test(label) && !reservedLabels.has(label)
      return isTenant || label === PROVIDER_TENANT ? label : undefined
    },
    formTargets: [`https://*.${domain}${port}`, `https://*.${appsDomain}${port}`, 'http://127.0.0.1:*'],
  }
}

/** A path of the same host to come back to, or `/`: never anything a browser could take for another host. */
export function ownPath(text: string | null | undefined, maxBytes = 2048): string {
  if (typeof text !== 'string' || text.length > maxBytes) return '/'
  if (!/^\/(?![/\\])[\u0021-\u007e]*$/.test(text) || text.includes('\\')) return '/'
  try {
    const url = new URL(text, 'https://here.invalid')
    return url.origin === 'https://here.invalid' && !url.pathname.startsWith('//')
      ? `${url.pathname}${url.search}${url.hash}`
      : '/'
  } catch {
    return '/'
  }
}
