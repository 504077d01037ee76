// An identity provider of somebody else, for tests: a real `oidc-provider` over TLS with an authority of its own.
// Its pages are also reached through the test browser; whoever is `signsInAs` is let in without asking.
import { generateKeyPairSync } from 'node:crypto'
import { createServer as createHttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT, type JWK } from 'jose'
import Provider from 'oidc-provider'
import { createAuthority, issueCertificate } from '#transport/certificate-authority.ts'
import type { SignInProvider } from '#control/sign-in-seam.ts'
import { createOidcModels } from '#control/sign-in/oidc-adapter.ts'
import { newId } from '#core/ids.ts'
import type { World } from './world.ts'

export async function startUpstream(world: World, redirectUris: readonly string[], logoutUri?: string) {
  const authority = await createAuthority({ commonName: 'Other CA', days: 1, pathLength: 0 })
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await issueCertificate(authority, {
    publicKey: leaf.publicKey.export({ type: 'spki', format: 'der' }),
    commonName: 'localhost',
    sanDns: ['localhost'],
    usages: ['server'],
    notAfter: new Date(Date.now() + 3_600_000),
  })
  let serve: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end()
  const server = createHttpsServer(
    { key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: certificate.certificatePem },
    (request, response) => serve(request, response),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `localhost:${(server.address() as AddressInfo).port}`
  const issuer = `https://${host}`
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk: JWK = { ...(await exportJWK(signing.privateKey)), alg: 'ES256', use: 'sig', kid: 'upstream' }
  const claims: Record<string, Record<string, unknown>> = {}
  const state = { signsInAs: 'sub-alice', amr: ['pwd', 'mfa', 'x y'], refreshes: 0, isDown: false }

  const provider = new Provider(issuer, {
    adapter: createOidcModels(newId('tenant'), world.deps).adapter,
    clients: [
      {
        client_id: 'sallyport',
        client_secret: 'a secret of theirs and ours',
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [...redirectUris],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        id_token_signed_response_alg: 'ES256',
        ...(logoutUri !== undefined && {
          backchannel_logout_uri: logoutUri,
          backchannel_logout_session_required: true,
        }),
      },
    ],
    jwks: { keys: [jwk as never] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    cookies: {
      keys: ['x'],
      long: { signed: true },
      short: { signed: true },
      names: { session: '__Secure-u1', interaction: '__Secure-u2', resume: '__Secure-u3' },
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub', 'sid', 'amr'],
      profile: ['name', 'preferred_username'],
      email: ['email'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, ...claims[sub] }) }),
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: 3600,
    },
    fetch: (url, options) => world.fetchOwn(String(url), options ?? {}),
  })
  provider.proxy = true
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.params?.['grant_type'] === 'refresh_token') state.refreshes += 1
  })
  const callback = provider.callback()
  serve = (request, response) => {
    if (state.isDown) {
      response.statusCode = 503
      response.end()
      return
    }
    request.headers['x-forwarded-proto'] = 'https'
    if (request.url?.startsWith('/interaction/')) void letIn(request, response)
    else void callback(request, response)
  }
  async function letIn(request: IncomingMessage, response: ServerResponse) {
    const { prompt, params } = await provider.interactionDetails(request, response)
    if (prompt.name === 'login') {
      await provider.interactionFinished(request, response, {
        login: { accountId: state.signsInAs, amr: state.amr },
      })
      return
    }
    const grant = new provider.Grant({ accountId: state.signsInAs, clientId: String(params['client_id']) })
    grant.addOIDCScope(String(params['scope']))
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  }
  world.hosts.set(host, serve)

  return {
    issuer,
    host,
    provider,
    claims,
    state,
    resource: (more: Partial<SignInProvider> = {}): SignInProvider => ({
      id: 'idp_aaaaaaaaaaaaaaaaaaaa',
      name: 'corp',
      displayName: 'Corp <SSO>',
      issuer,
      clientId: 'sallyport',
      clientSecret: 'a secret of theirs and ours',
      scopes: ['openid', 'profile', 'email', 'groups'],
      caPem: authority.certificatePem,
      ...more,
    }),
    /** A logout token signed by this provider, changed as told. */
    logoutToken: async (payload: Record<string, unknown>, header: Record<string, unknown> = {}) =>
      new SignJWT({
        iss: issuer,
        aud: 'sallyport',
        iat: Math.floor(world.nowMs() / 1000),
        jti: String(Math.random()),
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...payload,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'upstream', typ: 'logout+jwt', ...header })
        .sign(signing.privateKey),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
