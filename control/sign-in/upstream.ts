// External OpenID providers as a client: discovery, the code flow, groups. Must never link by e-mail, accept an
// answer of another issuer (RFC 9207) or wait for a provider longer than a person does.
import * as openid from 'openid-client'
import * as z from 'zod'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { looseName } from '#core/names.ts'
import { sha256 } from '#transport/secret.ts'
import type { SignInProvider } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import { upstreamFetch } from './upstream-fetch.ts'

export type UpstreamStart = {
  readonly url: string
  readonly nonce: string
  readonly verifier: string
}
export type UpstreamIdentity = {
  readonly issuer: string
  readonly subject: string
  readonly sid: string | null
  /** A name that fits ours, from the provider's name claim. */
  readonly name: string | undefined
  readonly displayName: string | undefined
  readonly email: string | undefined
  /** Our groups by the provider's mapping; undefined when it said nothing about groups. */
  readonly groups: readonly string[] | undefined
  readonly factors: readonly string[]
  /** When the provider says that it last saw the person prove something; null: it does not say. */
  readonly authenticatedAtMs: number | null
  /** What can ask about groups again later. */
  readonly token: string | null
}
export type GroupAnswer =
  | { readonly kind: 'groups'; readonly groups: readonly string[] | undefined; readonly token: string | null }
  | { readonly kind: 'ended' }
  | { readonly kind: 'unavailable' }

export type Upstreams = {
  /** `isFresh`: the provider is to ask the person again, and to say when it did. */
  readonly start: (
    provider: SignInProvider,
    redirectUri: string,
    state: string,
    isFresh: boolean,
  ) => Promise<UpstreamStart>
  readonly finish: (provider: SignInProvider, answer: URL, expected: Expected) => Promise<UpstreamIdentity>
  readonly refreshGroups: (provider: SignInProvider, token: string, subject: string) => Promise<GroupAnswer>
  readonly metadata: (
    provider: SignInProvider,
  ) => Promise<{ readonly jwksUri: string; readonly endSessionUri?: string }>
}
export type Expected = { readonly state: string; readonly nonce: string; readonly verifier: string }

type Claims = Readonly<Record<string, unknown>>
type Kept = { readonly configuration: Promise<openid.Configuration>; readonly untilMs: number }
const keptToken = z.object({
  refresh: z.string().nullable(),
  access: z.string().nullable(),
  accessUntilMs: z.number(),
})

export function createUpstreams(nowMs: () => number): Upstreams {
  const kept = new Map<string, Kept>()

  async function configurationOf(provider: SignInProvider): Promise<openid.Configuration> {
    const parts = [provider.id, provider.issuer, provider.clientId, provider.clientSecret, provider.caPem]
    const key = sha256(JSON.stringify(parts)).toString('base64url')
    const found = kept.get(key)
    if (found && found.untilMs > nowMs()) return found.configuration
    const configuration = discover(provider)
    kept.delete(key)
    kept.set(key, { configuration, untilMs: nowMs() + caps.upstreamFreshMs.default })
    configuration.catch(() => kept.delete(key))
    if (kept.size > caps.upstreamConfigurations.default) {
      const oldest = kept.keys().next()
      if (!oldest.done) kept.delete(oldest.value)
    }
    return configuration
  }

  return {
    start: async (provider, redirectUri, state, isFresh) => {
      const configuration = await failing(provider, () => configurationOf(provider))
      const nonce = openid.randomNonce()
      const verifier = openid.randomPKCECodeVerifier()
      const url = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: (provider.scopes ?? ['openid', 'profile', 'email']).join(' '),
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(isFresh && { prompt: 'login', max_age: '0' }),
      })
      if (url.protocol !== 'https:') throw new Fault('identity-provider-failed')
      return { url: url.href, nonce, verifier }
    },
    finish: async (provider, answer, { state, nonce, verifier }) => {
      const configuration = await failing(provider, () => configurationOf(provider))
      const tokens = await failing(provider, () =>
        openid.authorizationCodeGrant(configuration, answer, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        }),
      )
      const claims = tokens.claims()
      if (!claims) throw new Fault('identity-provider-failed')
      const all = await withUserInfo(provider, configuration, claims, tokens.access_token)
      return {
        issuer: claims.iss,
        subject: claims.sub,
        sid: textOf(claims['sid'], 255) ?? null,
        name: nameOf(provider, all),
        displayName: textOf(all['name'], 200),
        email: textOf(all['email'], 320),
        groups: groupsOf(provider, all),
        factors: factorsOf(claims['amr']),
        authenticatedAtMs: typeof claims.auth_time === 'number' ? claims.auth_time * 1000 : null,
        token: tokenOf(tokens, null),
      }
    },
    refreshGroups: async (provider, text, subject) => {
      try {
        const token = keptToken.parse(JSON.parse(text))
        const configuration = await configurationOf(provider)
        if (token.refresh !== null) {
          const tokens = await openid.refreshTokenGrant(configuration, token.refresh)
          const fresh = tokens.claims()
          if (fresh && fresh.sub !== subject) return { kind: 'ended' }
          const claims = await withUserInfo(provider, configuration, fresh ?? { sub: subject }, tokens.access_token)
          return { kind: 'groups', groups: groupsOf(provider, claims), token: tokenOf(tokens, token.refresh) }
        }
        if (token.access === null || token.accessUntilMs <= nowMs()) return { kind: 'unavailable' }
        const claims = await withUserInfo(provider, configuration, { sub: subject }, token.access)
        return { kind: 'groups', groups: groupsOf(provider, claims), token: text }
      } catch (error) {
        // Only the provider's own word that the grant is gone ends a session; silence does not.
        return error instanceof openid.ResponseBodyError && error.error === 'invalid_grant'
          ? { kind: 'ended' }
          : { kind: 'unavailable' }
      }
    },
    metadata: async (provider) => {
      const server = (await failing(provider, () => configurationOf(provider))).serverMetadata()
      if (server.jwks_uri === undefined) throw new Fault('identity-provider-failed')
      const endSessionUri = server.end_session_endpoint
      return { jwksUri: server.jwks_uri, ...(endSessionUri !== undefined && { endSessionUri }) }
    },
  }

  function tokenOf(tokens: openid.TokenEndpointResponse, oldRefresh: string | null): string {
    return JSON.stringify({
      refresh: tokens.refresh_token ?? oldRefresh,
      access: tokens.access_token,
      accessUntilMs: nowMs() + (tokens.expires_in ?? 60) * 1000,
    } satisfies z.infer<typeof keptToken>)
  }
}

async function discover(provider: SignInProvider): Promise<openid.Configuration> {
  const fetch = upstreamFetch(provider.caPem)
  const configuration = await openid.discovery(
    new URL(provider.issuer),
    provider.clientId,
    { ...(provider.clientSecret !== undefined && { client_secret: provider.clientSecret }) },
    provider.clientSecret === undefined ? openid.None() : openid.ClientSecretPost(provider.clientSecret),
    { [openid.customFetch]: fetch, timeout: caps.upstreamMs.default / 1000 },
  )
  configuration[openid.customFetch] = fetch
  return configuration
}

async function withUserInfo(
  provider: SignInProvider,
  configuration: openid.Configuration,
  claims: Claims & { readonly sub: string },
  accessToken: string,
): Promise<Claims> {
  const wanted = [provider.groupsClaim ?? 'groups', provider.nameClaim ?? 'preferred_username']
  const hasEndpoint = configuration.serverMetadata().userinfo_endpoint !== undefined
  if (!hasEndpoint || wanted.every((claim) => Object.hasOwn(claims, claim))) return claims
  const info = await failing(provider, () => openid.fetchUserInfo(configuration, accessToken, claims.sub))
  return { ...info, ...claims }
}

function nameOf(provider: SignInProvider, claims: Claims): string | undefined {
  const names = provider.nameClaim === undefined ? ['preferred_username', 'email'] : [provider.nameClaim]
  for (const name of names) {
    const parsed = looseName.safeParse(textOf(claims[name], 127)?.toLowerCase())
    if (parsed.success) return parsed.data
  }
  return undefined
}

function groupsOf(provider: SignInProvider, claims: Claims): readonly string[] | undefined {
  const given = claims[provider.groupsClaim ?? 'groups']
  const mapping = new Map(Object.entries(provider.groups ?? {}))
  // A claim that is missing is not the claim of being in no group: absent claims leave groups as they are.
  if (!Array.isArray(given) || given.length > caps.groupsFromClaim.default) return undefined
  const ours = given.flatMap((group) => (typeof group === 'string' ? (mapping.get(group) ?? []) : []))
  return [...new Set(ours)]
}

function factorsOf(amr: unknown): readonly string[] {
  if (!Array.isArray(amr)) return []
  return amr
    .filter((item): item is string => typeof item === 'string' && /^[a-z0-9._-]{1,32}$/i.test(item))
    .slice(0, 16)
}

function textOf(value: unknown, maxLength: number): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength ? value : undefined
}

async function failing<T>(provider: SignInProvider, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isFault(error)) throw error
    throw new Fault('identity-provider-failed', {
      cause: asFault(error).cause,
      detail: { provider: provider.name, error: String(error) },
    })
  }
}
