// Keeps groups of live sessions fresh: asks each provider again, at the latest every caps.groupRefreshMs, and ends
// what the provider says has ended. Must never let one slow provider hold up the others for longer than a deadline.
import { applyGroups } from './external.ts'
import { caps } from './caps.ts'
import type { Login } from './logins.ts'
import type { SignInParts } from './parts.ts'

/** One round over the given tenants. */
export async function refreshGroups(parts: SignInParts, tenantIds: readonly string[]): Promise<void> {
  const waiting = [...tenantIds]
  const work = async () => {
    for (let tenantId = waiting.shift(); tenantId !== undefined; tenantId = waiting.shift()) {
      await refreshTenant(parts, tenantId)
    }
  }
  // Several at a time: a tenant whose provider does not answer waits for its own deadlines only.
  await Promise.all(Array.from({ length: caps.groupRefreshTenants.default }, work))
}

async function refreshTenant(parts: SignInParts, tenantId: string): Promise<void> {
  const { deps, logins } = parts
  const dueBefore = deps.nowMs() - caps.groupRefreshMs.default + 2 * caps.sweepMs.default
  for (;;) {
    const due = await logins.dueForGroups(tenantId, dueBefore, caps.groupRefreshBatch.default)
    await Promise.all(
      due.map((login) =>
        refresh(parts, tenantId, login).catch((error: unknown) =>
          deps.log('groups could not be refreshed', { tenantId, error: String(error) }),
        ),
      ),
    )
    // Each is marked as asked before it is asked, so this comes to an end; a failing store must not make it spin.
    if (due.length < caps.groupRefreshBatch.default) return
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
  // Marked before asking, so that a provider that is down is asked again in a round of its own, not at once.
  await logins.setUpstream(tenantId, login.id, { checkedAtMs: deps.nowMs() })
  const token = logins.upstreamToken(tenantId, login)
  if (token === null) return
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
