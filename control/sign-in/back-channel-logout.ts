// OpenID Connect Back-Channel Logout 1.0: a provider says that a session of its has ended, and so do ours. Must never
// believe a token that is unsigned, for another client, old, or seen before.
import { createRemoteJWKSet, customFetch, jwtVerify, type JWTPayload } from 'jose'
import { Fault } from '#core/fault.ts'
import type { SignInProvider } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import type { SignInParts } from './parts.ts'
import type { Realm } from './realm.ts'
import { upstreamFetch } from './upstream-fetch.ts'
import { readBody, sendJson, type Visit } from './visit.ts'

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'
// Asymmetric only: `none` has no signature, and HMAC would let a client secret sign.
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MAX_AGE_SECONDS = 300

export type BackChannelLogout = (realm: Realm, visit: Visit, providerName: string) => Promise<void>

export function createBackChannelLogout(parts: SignInParts): BackChannelLogout {
  const keySets = new Map<string, ReturnType<typeof createRemoteJWKSet>>()

  async function keysOf(provider: SignInProvider) {
    const { jwksUri } = await parts.upstreams.metadata(provider)
    const key = `${provider.id} ${jwksUri} ${provider.caPem ?? ''}`
    const known = keySets.get(key)
    if (known) return known
    const fetch = upstreamFetch(provider.caPem)
    const made = createRemoteJWKSet(new URL(jwksUri), {
      timeoutDuration: caps.upstreamMs.default,
      [customFetch]: (url, options) => fetch(url, { ...options, headers: Object.fromEntries(options.headers) }),
    })
    if (keySets.size >= caps.upstreamConfigurations.default) keySets.clear()
    keySets.set(key, made)
    return made
  }

  return async (realm, visit, providerName) => {
    const { id: tenantId } = realm.tenant
    const providers = await parts.deps.directory.identityProviders(tenantId)
    const provider = providers.find((candidate) => candidate.name === providerName)
    if (!provider) throw new Fault('not-found')
    const form = new URLSearchParams((await readBody(visit.request)).toString('utf8'))
    const tokens = form.getAll('logout_token')
    const verified = await (async () => {
      if (tokens.length !== 1 || tokens[0] === undefined) throw new TypeError('no logout_token')
      const { payload, protectedHeader } = await jwtVerify(tokens[0], await keysOf(provider), {
        algorithms,
        issuer: provider.issuer,
        audience: provider.clientId,
        requiredClaims: ['iat', 'jti', 'events'],
        maxTokenAge: MAX_AGE_SECONDS,
        clockTolerance: 30,
        currentDate: new Date(parts.deps.nowMs()),
      })
      const type = protectedHeader.typ?.toLowerCase()
      if (type !== undefined && type !== 'logout+jwt' && type !== 'jwt') throw new TypeError('typ')
      return logoutOf(payload)
    })().catch((error: unknown) => {
      parts.deps.log('back-channel logout refused', { tenantId, provider: provider.name, error: String(error) })
      return undefined
    })
    const isNew =
      verified !== undefined &&
      (await parts.oneTime.putNew(
        tenantId,
        'logout-token',
        `${provider.id}\n${verified.jti}`,
        2 * (MAX_AGE_SECONDS + 30) * 1000,
      ))
    if (!verified || !isNew) {
      sendJson(visit, 400, { error: 'invalid_request' })
      return
    }
    const { sub: subject, sid } = verified
    for (const login of await parts.logins.ofUpstream(tenantId, provider.issuer, {
      ...(subject !== undefined && { subject }),
      ...(sid !== undefined && { sid }),
    })) {
      if (login.providerId !== provider.id) continue
      const user = await parts.deps.directory.userById(tenantId, login.userId)
      await parts.logins.endLogin(tenantId, login, 'back-channel-logout')
      await parts.events.signedOut({
        tenantId,
        userId: login.userId,
        userName: user?.name ?? '',
        sessionId: null,
        reason: 'back-channel-logout',
      })
    }
    sendJson(visit, 200, {})
  }
}

function logoutOf(payload: JWTPayload): { readonly jti: string; readonly sub?: string; readonly sid?: string } {
  const { jti, sub, sid, events } = payload
  const event: unknown = typeof events === 'object' && events !== null ? Reflect.get(events, LOGOUT_EVENT) : undefined
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw new TypeError('events')
  // An ID token must not pass for a logout token: those have a nonce, these never.
  if ('nonce' in payload) throw new TypeError('nonce')
  if (typeof jti !== 'string' || jti.length > 512) throw new TypeError('jti')
  if (sid !== undefined && typeof sid !== 'string') throw new TypeError('sid')
  if (sub === undefined && sid === undefined) throw new TypeError('neither sub nor sid')
  return { jti, ...(sub !== undefined && { sub }), ...(typeof sid === 'string' && { sid }) }
}
