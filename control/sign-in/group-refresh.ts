// Keeps groups of live sessions fresh: asks each provider again, at the latest every caps.groupRefreshMs, and ends
// what the provider says has ended. Must never let one slow provider hold up the others for longer than a deadline.
import { applyGroups } from './external.ts'
import { caps } from './caps.ts'
import type { Login } from './logins.ts'
import type { SignInParts } from './parts.ts'

/** One round over the given tenants. */
export async function refreshGroups(parts: SignInParts, tenantIds: readonly string[]): Promise<void> {
  const { deps, logins } = parts
  for (const tenantId of tenantIds) {
    const before = deps.nowMs() - caps.groupRefreshMs.default + 2 * caps.sweepMs.default
    const due = await logins.dueForGroups(tenantId, before, caps.groupRefreshBatch.default)
    await Promise.all(
      due.map((login) =>
        refresh(parts, tenantId, login).catch((error: unknown) =>
          deps.log('groups could not be refreshed', { tenantId, error: String(error) }),
        ),
      ),
    )
  }
}

async function refresh(parts: SignInParts, tenantId: string, login: Login): Promise<void> {
  const { deps, logins, upstreams } = parts
  const providers = await deps.directory.identityProviders(tenantId)
  const provider = providers.find(({ id, issuer }) => id === login.providerId && issuer === login.issuer)
  if (!provider) {
    // The provider was removed or switched off: what rests on its word does not go on.
    await logins.endLogin(tenantId, login, 'administrator')
    return
  }
  const token = logins.upstreamToken(tenantId, login)
  if (token === null) return
  // Marked before asking, so that a provider that is down is asked again in a round of its own, not at once.
  await logins.setUpstream(tenantId, login.id, { checkedAtMs: deps.nowMs() })
  const answer = await upstreams.refreshGroups(provider, token, login.subject)
  switch (answer.kind) {
    case 'groups':
      await logins.setUpstream(tenantId, login.id, { token: answer.token })
      await applyGroups(parts, tenantId, login.userId, provider, answer.groups)
      return
    case 'ended':
      await logins.endLogin(tenantId, login, 'back-channel-logout')
      return
    case 'unavailable':
  }
}
