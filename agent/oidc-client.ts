// OpenID Connect as a native app (RFC 8252): discovery, authorization code with PKCE, device flow. Must never accept an
// answer of another issuer or another sign-in, nor show a code or token in a log.
import { createHash, randomBytes } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { secretEquals } from '#transport/secret.ts'
import { askJson, type Site } from '#transport/https-json.ts'

export type Issuer = {
  readonly issuer: string
  readonly authorizationEndpoint: URL
  readonly tokenEndpoint: URL
  readonly deviceEndpoint: URL | undefined
}

const MAX_TOKEN_LENGTH = 4096

/** A public client as the issuer knows it, and what it asks for. */
export type Client = { readonly id: string; readonly scope: string }

export type Tokens = {
  readonly accessToken: string
  /** As the issuer says; absent when it does not. */
  readonly expiresInSeconds: number | undefined
  readonly refreshToken: string | undefined
}

/** Reads the issuer's own description; every endpoint must be of the issuer's origin. */
export async function discover(issuer: string, site: Site): Promise<Issuer> {
  const { status, body } = await askJson(new URL(`${issuer}/.well-known/openid-configuration`), site)
  if (status !== 200) throw new Fault('not-found', { hint: 'There is no such tenant at this domain.' })
  // RFC 8414 section 3.3: whoever answers must be the issuer that was asked for.
  if (body['issuer'] !== issuer) throw new Fault('certificate-refused', { hint: 'Another issuer answered.' })
  const { origin } = new URL(issuer)
  const endpoint = (name: string) => {
    const text = body[name]
    const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
    return url?.origin === origin ? url : undefined
  }
  const [authorizationEndpoint, tokenEndpoint] = [endpoint('authorization_endpoint'), endpoint('token_endpoint')]
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) throw new Fault('wire-malformed')
  return { issuer, authorizationEndpoint, tokenEndpoint, deviceEndpoint: endpoint('device_authorization_endpoint') }
}

export type CodeRequest = {
  readonly url: string
  /** The tokens for what came back on the redirect URI. */
  readonly redeem: (answer: URLSearchParams) => Promise<Tokens>
}

export function codeRequest(issuer: Issuer, client: Client, site: Site, redirectUri: string): CodeRequest {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(24).toString('base64url')
  const url = new URL(issuer.authorizationEndpoint)
  const query = {
    client_id: client.id,
    response_type: 'code',
    scope: client.scope,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return {
    url: url.href,
    async redeem(answer) {
      for (const name of ['state', 'iss', 'code', 'error']) {
        if (answer.getAll(name).length > 1) throw new Fault('request-malformed')
      }
      if (!secretEquals(answer.get('state') ?? '', state)) throw new Fault('origin-mismatch')
      // RFC 9207: a code of another issuer, mixed in, ends here.
      const from = answer.get('iss')
      if (from !== null && from !== issuer.issuer) throw new Fault('origin-mismatch')
      const code = answer.get('code')
      if (code === null) throw refusal(answer.get('error') ?? '')
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
      const { status, body } = await askJson(issuer.tokenEndpoint, site, {
        kind: 'form',
        value: { ...form, client_id: client.id },
      })
      if (status !== 200) throw refusal(String(body['error'] ?? ''))
      return tokensIn(body)
    },
  }
}

export type DeviceRequest = {
  readonly verificationUri: string
  readonly verificationUriComplete: string | undefined
  readonly userCode: string
  readonly deviceCode: string
  readonly expiresInMs: number
  readonly intervalMs: number
}

/** RFC 8628 section 3.1. */
export async function deviceRequest(
  issuer: Issuer,
  client: Client,
  site: Site,
  pollMs: number,
): Promise<DeviceRequest> {
  if (issuer.deviceEndpoint === undefined) throw new Fault('not-found', { hint: 'No device flow at this tenant.' })
  const value = { client_id: client.id, scope: client.scope }
  const { status, body } = await askJson(issuer.deviceEndpoint, site, { kind: 'form', value })
  if (status !== 200) throw refusal(String(body['error'] ?? ''))
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = body
  const isHttps = (text: unknown): text is string => typeof text === 'string' && text.startsWith('https://')
  if (typeof device_code !== 'string' || typeof user_code !== 'string' || !isHttps(verification_uri)) {
    throw new Fault('wire-malformed')
  }
  return {
    verificationUri: verification_uri,
    verificationUriComplete: isHttps(verification_uri_complete) ? verification_uri_complete : undefined,
    userCode: user_code,
    deviceCode: device_code,
    expiresInMs: (typeof expires_in === 'number' ? Math.min(Math.max(expires_in, 1), 3600) : 600) * 1000,
    intervalMs: typeof interval === 'number' ? Math.min(Math.max(interval, 1), 60) * 1000 : pollMs,
  }
}

/** One question of RFC 8628 section 3.4: the tokens, or how to go on asking. */
export async function deviceToken(
  issuer: Issuer,
  client: Client,
  site: Site,
  deviceCode: string,
  signal: AbortSignal,
): Promise<{ readonly kind: 'tokens'; readonly tokens: Tokens } | { readonly kind: 'pending' | 'slow-down' }> {
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const value = { grant_type, device_code: deviceCode, client_id: client.id }
  const { status, body } = await askJson(issuer.tokenEndpoint, site, { kind: 'form', value }, signal)
  if (status === 200) return { kind: 'tokens', tokens: tokensIn(body) }
  if (body['error'] === 'authorization_pending') return { kind: 'pending' }
  if (body['error'] === 'slow_down') return { kind: 'slow-down' }
  throw refusal(String(body['error'] ?? ''))
}

function tokensIn(body: Readonly<Record<string, unknown>>): Tokens {
  const { access_token: accessToken, token_type: type, expires_in: expiresIn, refresh_token: refreshToken } = body
  const isText = (value: unknown): value is string =>
    typeof value === 'string' && value.length > 0 && value.length <= MAX_TOKEN_LENGTH
  // RFC 6749 section 7.1: a token of a type that we do not know is not to be used.
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer'
  if (!isText(accessToken) || !isBearer) throw new Fault('wire-malformed')
  return {
    accessToken,
    expiresInSeconds: typeof expiresIn === 'number' && Number.isFinite(expiresIn) ? Math.max(expiresIn, 0) : undefined,
    refreshToken: isText(refreshToken) ? refreshToken : undefined,
  }
}

function refusal(error: string): Fault {
  // Only the code words of RFC 6749 and 8628 are shown: descriptions are somebody else's text.
  const word = /^[a-z_]{1,40}$/.test(error) ? error.replaceAll('_', ' ') : 'no reason given'
  return new Fault('not-signed-in', { hint: `Sign-in was refused: ${word}.` })
}
