// Step 2 of 6 at the explicit proxy: a secret that a person made for a machine without the agent, to their session. Must
// never compare a secret itself, tell a wrong name from a wrong secret, or let one address guess for long.
import type { IncomingMessage } from 'node:http'
import { Fault } from '#core/fault.ts'
import { sha256 } from '#transport/secret.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { sourceOf } from '#exchange/flows/source-limits.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { caps } from './caps.ts'
import type { WebAsker } from './web-access.ts'

export type WebCredentials = {
  /** Throws Fault `not-signed-in` (ask for credentials) or `rate-limited`. */
  readonly askerOf: (tenantId: string, request: IncomingMessage, clientIp: string) => WebAsker
  /** The same secret again, by the records of now. */
  readonly again: (tenantId: string, secretHash: string, clientIp: string) => WebAsker
  readonly hashIn: (request: IncomingMessage) => string | undefined
}

const MINUTE_MS = 60_000
const MAX_SOURCES = 10_000

export function createWebCredentials({ directory, now }: Pick<ExchangeContext, 'directory' | 'now'>): WebCredentials {
  let failures = new Map<string, number>()
  let minute = 0

  return {
    hashIn,
    again,
    askerOf(tenantId, request, clientIp) {
      const source = sourceOf(clientIp)
      if (failuresOf(source) >= caps.failedSecrets.default) throw new Fault('rate-limited')
      const hash = hashIn(request)
      // Nothing said is a question, not a guess: browsers ask first.
      if (hash === undefined) throw new Fault('not-signed-in')
      try {
        return again(tenantId, hash, clientIp)
      } catch (error) {
        failures.set(source, failuresOf(source) + 1)
        throw error
      }
    },
  }

  function again(tenantId: string, secretHash: string, clientIp: string): WebAsker {
    const tenant = directory.get(tenantId)
    const session = tenant === undefined ? undefined : sessionOf(tenant, secretHash)
    if (tenant === undefined || session === undefined || session.expiresAtMs <= now()) throw new Fault('not-signed-in')
    return { tenant, session, clientIp }
  }

  function sessionOf(tenant: Tenant, secretHash: string) {
    // By its hash: how near a guess was takes the same time to say.
    const credential = tenant.webCredentialOf(secretHash)
    const session = credential === undefined ? undefined : tenant.sessions.get(credential.sessionId)
    return session?.door === 'web' ? session : undefined
  }

  function failuresOf(source: string): number {
    const current = Math.floor(now() / MINUTE_MS)
    if (current !== minute || failures.size > MAX_SOURCES) {
      minute = current
      failures = new Map()
    }
    return failures.get(source) ?? 0
  }
}

/** Basic (RFC 7617); the password is the secret, the name is for people. Questions for names are to us and not through us. */
function hashIn(request: IncomingMessage): string | undefined {
  const { authorization, 'proxy-authorization': toProxy } = request.headers
  const header = request.url?.startsWith('/') === true ? authorization : toProxy
  const encoded = /^Basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const said = Buffer.from(encoded, 'base64').toString('utf8')
  const at = said.indexOf(':')
  return at < 0 ? undefined : sha256(said.slice(at + 1)).toString('base64url')
}
