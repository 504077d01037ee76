// Handlers for the way to the internet: a person's own credentials for the explicit proxy.
import type { Some } from '#control/api/call.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { createWebCredential, endWebCredential, liveWebCredentials } from '#control/directory/web-credentials.ts'

export const webHandlers: Some<'myWebCredentials' | 'createMyWebCredential' | 'deleteMyWebCredential'> = {
  myWebCredentials: async ({ context, tenant, principal }) => {
    const held = await liveWebCredentials(tenant, principal.userId, context.nowMs())
    return {
      items: held.map(({ credential: { id, name }, session }) => ({
        id,
        name,
        createdAt: isoTime(session.createdAtMs),
        expiresAt: isoTime(session.expiresAtMs),
      })),
    }
  },

  createMyWebCredential: async ({ context, tenantId, principal, body, ip, record, effect }) => {
    const { name, expiresInSeconds } = body
    // A token that leaked must not outlive itself in another form.
    const leftMs = principal.expiresAtMs === null ? Infinity : principal.expiresAtMs - context.nowMs()
    const seconds =
      principal.door === 'api-token' ? Math.min(expiresInSeconds, Math.floor(leftMs / 1000)) : expiresInSeconds
    const made = await createWebCredential(tenantId, principal.userId, { name, expiresInSeconds: seconds, ip }, context)
    await record({ target: name, resourceKind: 'webCredential', details: { id: made.id } })
    await effect(made.sequence)
    const { domain, publicPort } = context.config
    return {
      id: made.id,
      name,
      secret: made.secret,
      user: principal.userName,
      proxy: `https://${principal.tenantName}.web.${domain}:${publicPort}`,
      createdAt: isoTime(made.createdAtMs),
      expiresAt: isoTime(made.expiresAtMs),
    }
  },

  deleteMyWebCredential: async ({ context, tenantId, principal, params, record, effect }) => {
    const { name, sequence } = await endWebCredential(tenantId, principal.userId, params['id'] ?? '', context)
    await record({ target: name, resourceKind: 'webCredential', details: { id: params['id'] ?? '' } })
    return effect(sequence)
  },
}
