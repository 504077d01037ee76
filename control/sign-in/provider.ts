// The OpenID provider of one tenant: clients, lives, cookies and policy in code. Must never register a client that
// is not ours, redirect outside the tenant's portal or the loopback, or issue a token without a live login.
import { randomBytes } from 'node:crypto'
import Provider, { interactionPolicy, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { toBase64url } from '#transport/base64url.ts'
import type { SignInDeps, SignInTenant } from '#control/sign-in-seam.ts'
import { caps } from './caps.ts'
import type { SignInKeys } from './keys.ts'
import type { Logins } from './logins.ts'
import type { OidcModels } from './oidc-adapter.ts'
import type { SignInAddresses } from './addresses.ts'
import type { ProviderPages } from './provider-pages.ts'

export type ProviderParts = {
  readonly deps: Pick<SignInDeps, 'directory' | 'sessions' | 'nowMs' | 'log'>
  readonly addresses: SignInAddresses
  readonly tenant: () => SignInTenant
  readonly keys: SignInKeys
  readonly models: OidcModels
  readonly logins: Logins
  readonly pages: ProviderPages
  readonly portalSecret: string
}

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const ACCESS_TOKEN_PREFIX = 'spat'
const seconds = (ms: number) => Math.max(1, Math.floor(ms / 1000))

export function makeProvider(parts: ProviderParts): Provider {
  const { addresses, deps, keys, models, pages, logins } = parts
  const { id: tenantId, name: tenantName } = parts.tenant()
  const issuer = addresses.issuer(tenantName)

  const configuration: Configuration = {
    adapter: models.adapter,
    clients: clientsOf(addresses.portal(tenantName), parts.portalSecret),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    jwks: { keys: keys.signing as NonNullable<Configuration['jwks']>['keys'] },
    responseTypes: ['code'],
    scopes: ['openid', 'agent', 'api'],
    claims: { openid: ['sub', 'preferred_username', 'name'] },
    conformIdTokenClaims: false,
    clientAuthMethods: ['client_secret_post', 'none'],
    clientBasedCORS: () => false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Ends are ours: a session of ours, a login or a grant that ended is refused wherever it is used.
    expiresWithSession: async () => false,
    cookies: {
      keys: [...keys.cookies],
      names: {
        session: `__Host-sallyport-id-${tenantName}`,
        // These two live below one path each, so that two tabs do not take each other's sign-in.
        interaction: '__Secure-sallyport-interaction',
        resume: '__Secure-sallyport-resume',
      },
      long: { httpOnly: true, secure: true, sameSite: 'lax', signed: true, path: '/' },
      short: { httpOnly: true, secure: true, sameSite: 'lax', signed: true },
    },
    ttl: {
      AccessToken: seconds(caps.accessTokenLifeMs.default),
      AuthorizationCode: 60,
      DeviceCode: seconds(caps.deviceCodeLifeMs.default),
      IdToken: 600,
      Interaction: seconds(caps.interactionLifeMs.default),
      Session: () => parts.tenant().sessionSeconds,
      Grant: () => parts.tenant().sessionSeconds,
      // Rotation does not prolong: all tokens of one family end with the first one.
      RefreshToken: (_ctx, token) => {
        const since = typeof token.iiat === 'number' ? token.iiat : seconds(deps.nowMs())
        return Math.max(1, since + parts.tenant().sessionSeconds - seconds(deps.nowMs()))
      },
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        deviceInfo: (ctx) => ({ ip: ctx.ip }),
        userCodeInputSource: pages.userCodeInput,
        userCodeConfirmSource: pages.userCodeConfirm,
        successSource: pages.userCodeDone,
      },
    },
    renderError: pages.error,
    interactions: {
      policy: policyOf(),
      url: (_ctx, interaction) => `/${tenantName}/interaction/${interaction.uid}`,
    },
    findAccount: async (_ctx, userId, token) => {
      const grantId = token && 'grantId' in token ? token.grantId : undefined
      if (grantId !== undefined && !(await logins.liveGrant(tenantId, grantId))) return undefined
      const user = await deps.directory.userById(tenantId, userId)
      if (user?.status !== 'active' || parts.tenant().status !== 'active') return undefined
      return {
        accountId: user.id,
        claims: async () => ({ sub: user.id, preferred_username: user.name, name: user.displayName }),
      }
    },
    loadExistingGrant: (ctx) => grantForLiveLogin(ctx, provider, parts),
    extraTokenClaims: async (_ctx, token) => {
      if ('grantId' in token && token.grantId !== undefined && token.clientId === 'cli') {
        await openCommandLineSession(token.grantId, parts)
      }
      return undefined
    },
  }
  const provider = new Provider(issuer, configuration)
  provider.proxy = true // the handler sets X-Forwarded-* itself, whatever came in
  // The tenant is in the token, because the API that it is shown to serves all tenants.
  nameTokens(provider.AccessToken.prototype, `${ACCESS_TOKEN_PREFIX}_${tenantId.slice(4)}`)
  nameTokens(provider.RefreshToken.prototype, `sprt_${tenantId.slice(4)}`)
  provider.on('server_error', (_ctx, error) => deps.log('sign-in provider failed', { tenantId, error: String(error) }))
  return provider
}

/** Tokens as `prefix_tenant_random`: searchable when leaked, and the tenant to ask is known. */
function nameTokens(model: object, prefix: string): void {
  const before: unknown = Reflect.get(model, 'generateTokenId')
  if (typeof before !== 'function') throw new TypeError('the provider makes token ids elsewhere now')
  Object.defineProperty(model, 'generateTokenId', {
    value(this: unknown): string {
      Reflect.apply(before, this, []) // also settles the token's format
      return `${prefix}_${toBase64url(randomBytes(32))}`
    },
  })
}

/** Tenant of an access token of ours, by its form alone. */
export function tenantOfAccessToken(token: string): string | undefined {
  const match = /^spat_([a-z2-7]{20})_[A-Za-z0-9_-]{43}$/.exec(token)
  return match?.[1] === undefined ? undefined : `ten_${match[1]}`
}

function clientsOf(portal: string, portalSecret: string): NonNullable<Configuration['clients']> {
  // RFC 8252: any port on the loopback addresses, never the name localhost, which others can answer.
  const loopback = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://127.0.0.1/', 'http://[::1]/']
  const native = {
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: loopback,
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
  } as const
  const mutable = () => ({
    ...native,
    redirect_uris: [...native.redirect_uris],
    response_types: [...native.response_types],
    grant_types: [...native.grant_types],
  })
  return [
    {
      client_id: 'portal',
      client_name: 'Portal',
      client_secret: portalSecret,
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: [`${portal}/signed-in`],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      scope: 'openid',
    },
    { ...mutable(), client_id: 'agent', client_name: 'The agent', scope: 'openid agent' },
    { ...mutable(), client_id: 'cli', client_name: 'The command line', scope: 'openid api' },
  ]
}

/** Our clients need no consent; but a program on this computer must not get a token without a click (RFC 8252 §8.6). */
function policyOf(): interactionPolicy.DefaultPolicy {
  const { Check, Prompt, base } = interactionPolicy
  const policy = base()
  policy.remove('consent')
  policy.add(
    new Prompt(
      { name: 'connect', requestable: false },
      new Check('native_client_prompt', 'a program on this computer asks', (ctx) => {
        const { client, result, deviceCode } = ctx.oidc as typeof ctx.oidc & { readonly deviceCode?: unknown }
        if (client?.applicationType !== 'native' || deviceCode !== undefined) return Check.NO_NEED_TO_PROMPT
        const hasClicked = result?.['login'] !== undefined || result?.['connect'] !== undefined
        return hasClicked ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT
      }),
    ),
  )
  return policy
}

async function grantForLiveLogin(ctx: KoaContextWithOIDC, provider: Provider, parts: ProviderParts) {
  const { logins } = parts
  const { id: tenantId } = parts.tenant()
  const { client, session, account, result, params } = ctx.oidc
  if (!client || !session || !account) return undefined
  const loginId: unknown = result?.login === undefined ? undefined : Reflect.get(result.login, 'loginId')
  if (typeof loginId === 'string') await logins.bindHubSession(tenantId, loginId, session.uid)
  const login = await logins.liveOfHubSession(tenantId, session.uid)
  // Without a live login no scope is granted, and the provider answers access_denied.
  if (!login || login.userId !== account.accountId) return undefined
  const allowed = new Set((client.scope ?? '').split(' '))
  const asked = typeof params?.['scope'] === 'string' ? params['scope'].split(' ') : []
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  grant.addOIDCScope(asked.filter((scope) => allowed.has(scope)).join(' '))
  const grantId = await grant.save()
  await logins.addGrant(tenantId, {
    grantId,
    loginId: login.id,
    clientId: client.clientId,
    userId: login.userId,
    expiresAtMs: login.expiresAtMs,
  })
  return grant
}

/** The command line's session of ours, opened with its first token. */
async function openCommandLineSession(grantId: string, { deps, logins, tenant }: ProviderParts): Promise<void> {
  const { id: tenantId } = tenant()
  const live = await logins.liveGrant(tenantId, grantId)
  if (!live || live.grant.sessionId !== null) return
  const session = await deps.sessions.create({
    tenantId,
    userId: live.login.userId,
    deviceId: null,
    door: 'console',
    factors: live.login.factors,
    ip: live.login.ip,
    expiresAtMs: live.login.expiresAtMs,
  })
  await logins.bindSession(tenantId, grantId, session.id)
}
