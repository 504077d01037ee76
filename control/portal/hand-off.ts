// Codes that carry a session from the portal to another host of the tenant. Must never be good twice, on another
// host, in another browser (the nonce stays in a cookie of that host) or after 30 seconds.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { toBase64url } from '#transport/base64url.ts'
import { newSecret, secretEquals, sha256 } from '#transport/secret.ts'
import type { LiveSession, RedeemedCode } from '#control/sign-in-seam.ts'
import { caps } from '#control/sign-in/caps.ts'
import type { SignInParts } from '#control/sign-in/parts.ts'

export type HandOff = {
  readonly issue: (session: LiveSession, host: string, challenge: string) => Promise<string>
  /** For exchanges: app hosts only. Fault `token-invalid` for anything that does not fit. */
  readonly redeemForApp: (request: Redemption) => Promise<RedeemedCode>
  /** For a host of ours in a known tenant. */
  readonly redeemAt: (tenantId: string, request: Redemption) => Promise<RedeemedCode>
}
export type Redemption = { readonly host: string; readonly code: string; readonly nonce: string }

const issued = z.object({ host: z.string(), challenge: z.string(), sessionId: z.string() })
const codePattern = /^code_[A-Za-z0-9_-]{43}$/
const noncePattern = /^[A-Za-z0-9._~-]{22,128}$/
export const challengePattern = /^[A-Za-z0-9_-]{43}$/

export function createHandOff({ addresses, deps, oneTime }: SignInParts): HandOff {
  const refuse = (why: string) => new Fault('token-invalid', { detail: { why } })

  async function redeemAt(tenantId: string, { host, code, nonce }: Redemption): Promise<RedeemedCode> {
    if (!codePattern.test(code) || !noncePattern.test(nonce)) throw refuse('form')
    // Taken before anything is compared: a code that somebody tried elsewhere is used up.
    const parsed = issued.safeParse(await oneTime.take(tenantId, 'hand-off', code))
    if (!parsed.success) throw refuse('unknown, used or expired')
    if (parsed.data.host !== host) throw refuse('another host')
    if (!secretEquals(toBase64url(sha256(nonce)), parsed.data.challenge)) throw refuse('another browser')
    const session = await deps.sessions.get(tenantId, parsed.data.sessionId)
    if (!session) throw refuse('session ended')
    const { id: sessionId, expiresAtMs } = session
    const cookie = await deps.signHostCookie({ tenantId, sessionId, host, issuedAtMs: deps.nowMs(), expiresAtMs })
    return { cookie, tenantId, sessionId, expiresAtMs }
  }

  return {
    issue: async (session, host, challenge) => {
      const code = newSecret('code')
      const value: z.infer<typeof issued> = { host, challenge, sessionId: session.id }
      await oneTime.put(session.tenantId, 'hand-off', code, value, {
        lifeMs: caps.codeLifeMs.default,
        userId: session.userId,
      })
      return code
    },
    redeemForApp: async (request) => {
      const host = request.host.toLowerCase()
      if (host === addresses.consoleHost) throw refuse('the console redeems its own codes')
      const found = await deps.directory.appByHost(host)
      if (!found) throw refuse('no such app host')
      return redeemAt(found.tenantId, { ...request, host })
    },
    redeemAt,
  }
}
