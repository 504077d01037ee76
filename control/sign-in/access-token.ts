// Access tokens that the API is shown. Must never accept one of another tenant, of an ended login or session, or of
// a user who is disabled: every use asks the store.
import type { AccessTokenFacts } from '#control/sign-in-seam.ts'
import { isFault } from '#core/fault.ts'
import type { SignInParts } from './parts.ts'
import { tenantOfAccessToken } from './provider.ts'

export type AccessFacts = AccessTokenFacts & {
  readonly clientId: string
  /** For `bindSession`, when the token opens a session. */
  readonly grantId: string
  /** When the sign-in behind the token ends at the latest. */
  readonly signInExpiresAtMs: number
}

export async function verifyAccessToken(
  { deps, logins, realms }: Pick<SignInParts, 'deps' | 'logins' | 'realms'>,
  token: string,
): Promise<AccessFacts | null> {
  const tenantId = tenantOfAccessToken(token)
  if (tenantId === undefined) return null
  const realm = await realms.byId(tenantId).catch((error: unknown) => {
    if (isFault(error, 'not-found')) return undefined
    throw error
  })
  if (!realm) return null
  const found = await realm.provider.AccessToken.find(token)
  if (!found || found.isExpired || found.grantId === undefined || found.clientId === undefined) return null
  const live = await logins.liveGrant(tenantId, found.grantId)
  if (!live || live.login.userId !== found.accountId) return null
  const user = await deps.directory.userById(tenantId, found.accountId)
  if (user?.status !== 'active') return null
  return {
    tenantId,
    userId: user.id,
    // The agent's tokens open sessions, again and again; they never act in one.
    sessionId: found.clientId === 'agent' ? null : live.grant.sessionId,
    scopes: [...found.scopes],
    factors: live.login.factors,
    expiresAtMs: (found.exp ?? 0) * 1000,
    clientId: found.clientId,
    grantId: found.grantId,
    signInExpiresAtMs: live.login.expiresAtMs,
  }
}
