// The portal's own session: an OpenID sign-in at the tenant's provider, then a signed cookie of this host only. Must
// never take over a session id that was there before, or an answer that another browser asked for.
import { randomBytes } from 'node:crypto'
import * as openid from 'openid-client'
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { secretEquals, sha256 } from '#transport/secret.ts'
import type { LiveSession } from '#control/sign-in-seam.ts'
import { ownPath } from '#control/sign-in/addresses.ts'
import { caps } from '#control/sign-in/caps.ts'
import { clearCookie, cookieOf, setCookie } from '#control/sign-in/cookies.ts'
import { html } from '#control/sign-in/html.ts'
import type { Login } from '#control/sign-in/logins.ts'
import { spendVisit, type SignInParts } from '#control/sign-in/parts.ts'
import type { Realm } from '#control/sign-in/realm.ts'
import { sendPage, sendRedirect, type Visit } from '#control/sign-in/visit.ts'
import { confirmation, confirmSession, isProven, type Confirmation } from './confirm.ts'

const SESSION_COOKIE = '__Host-sallyport-portal'
const BROWSER_COOKIE = '__Host-sallyport-browser'
const started = z.object({
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  browserHash: z.string(),
  confirms: confirmation.nullable().default(null),
})

/** The session of the portal cookie; undefined when there is none that is live and of this tenant and host. */
export async function portalSession(
  { addresses, deps }: SignInParts,
  realm: Realm,
  visit: Visit,
): Promise<LiveSession | undefined> {
  const { id: tenantId, name } = realm.tenant
  const token = cookieOf(visit.request, SESSION_COOKIE)
  const cookie = token === undefined ? null : await deps.verifyHostCookie(token)
  if (!cookie || cookie.tenantId !== tenantId || cookie.host !== addresses.portalHost(name)) return undefined
  const session = await deps.sessions.get(tenantId, cookie.sessionId)
  return session?.door === 'browser' ? session : undefined
}

/** Sends the browser to the provider; it comes back to `/signed-in` and then to `returnTo`, a path of ours. */
export async function startSignIn(
  parts: SignInParts,
  realm: Realm,
  visit: Visit,
  returnTo: string,
  options: { readonly prompt?: 'login'; readonly hint?: string; readonly confirms?: Confirmation } = {},
): Promise<void> {
  spendVisit(parts, visit)
  // One secret per browser, not per tab: tabs that start at the same time must all be able to finish.
  const browser = cookieOf(visit.request, BROWSER_COOKIE) ?? randomBytes(32).toString('base64url')
  setCookie(visit.response, BROWSER_COOKIE, browser, { sameSite: 'Lax' })
  const [state, nonce, verifier] = [openid.randomState(), openid.randomNonce(), openid.randomPKCECodeVerifier()]
  const value: z.infer<typeof started> = {
    nonce,
    verifier,
    returnTo: ownPath(returnTo),
    browserHash: sha256(browser).toString('base64url'),
    confirms: options.confirms ?? null,
  }
  await parts.oneTime.put(realm.tenant.id, 'portal-state', state, value, { lifeMs: caps.interactionLifeMs.default })
  const url = openid.buildAuthorizationUrl(clientOf(realm), {
    redirect_uri: redirectUriOf(parts, realm),
    scope: 'openid',
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(options.prompt !== undefined && { prompt: options.prompt }),
    ...(options.hint !== undefined && { login_hint: options.hint }),
  })
  sendRedirect(visit, url.href)
}

/** `/signed-in`: the answer of the provider. */
export async function finishSignIn(parts: SignInParts, realm: Realm, visit: Visit): Promise<void> {
  const { deps, logins, oneTime } = parts
  const { id: tenantId } = realm.tenant
  const states = visit.query.getAll('state')
  const parsed = started.safeParse(await oneTime.take(tenantId, 'portal-state', states[0] ?? ''))
  const browser = cookieOf(visit.request, BROWSER_COOKIE)
  const isOurs =
    states.length === 1 &&
    parsed.success &&
    browser !== undefined &&
    secretEquals(sha256(browser).toString('base64url'), parsed.data.browserHash)
  if (!isOurs) throw new Fault('token-invalid', { hint: 'Go back to the portal and sign in again.' })
  if (visit.query.has('error')) {
    sendPage(visit, {
      title: 'Not signed in',
      heading: realm.tenant.displayName,
      status: 403,
      body: html`<p>The sign-in was not completed.</p>
        <a class="button" href="/">Try again</a>`,
    })
    return
  }
  const { login, grantId } = await redeemCode(parts, realm, visit, parsed.data, states[0] ?? '')
  const before = await portalSession(parts, realm, visit)
  const { confirms } = parsed.data
  // Before anything is made or ended: who cannot confirm gets no new session by trying either.
  if (confirms && !(await isProven(parts, realm, visit, { confirms, login, before }))) return
  const behind = before && (await logins.loginOfSession(tenantId, before.id))
  const isSameBrowserLogin = behind?.userId === login.userId && behind.hubSessionUid === login.hubSessionUid
  // Signing in once more to do something delicate keeps the session; everything else makes a new one.
  if (!before || !isSameBrowserLogin) {
    const session = await deps.sessions.create({
      tenantId,
      userId: login.userId,
      deviceId: null,
      door: 'browser',
      factors: login.factors,
      ip: visit.ip,
      expiresAtMs: login.expiresAtMs,
    })
    await logins.bindSession(tenantId, grantId, session.id)
    if (before) await deps.sessions.end(tenantId, before.id, 'replaced')
    await setPortalCookie(parts, realm, visit, session)
    if (confirms) await confirmSession(parts, realm, visit, { confirms, login, replacedBy: session.id })
  } else if (confirms) await confirmSession(parts, realm, visit, { confirms, login, replacedBy: before.id })
  sendRedirect(visit, ownPath(parsed.data.returnTo))
}

export function forgetPortalCookie(visit: Visit): void {
  clearCookie(visit.response, SESSION_COOKIE, 'Lax')
  clearCookie(visit.response, BROWSER_COOKIE, 'Lax')
}

async function redeemCode(
  { deps, logins }: SignInParts,
  realm: Realm,
  visit: Visit,
  { nonce, verifier }: z.infer<typeof started>,
  state: string,
): Promise<{ readonly login: Login; readonly grantId: string }> {
  const refused = (cause?: unknown) =>
    new Fault('token-invalid', { hint: 'Go back to the portal and sign in again.', cause })
  const answer = new URL(`${visit.origin}${visit.path}?${visit.query.toString()}`)
  const tokens = await openid
    .authorizationCodeGrant(clientOf(realm), answer, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    })
    .catch((error: unknown) => {
      deps.log('portal sign-in refused', { tenantId: realm.tenant.id, error: String(error) })
      throw refused(error)
    })
  const accessToken = await realm.provider.AccessToken.find(tokens.access_token)
  const live = accessToken?.grantId && (await logins.liveGrant(realm.tenant.id, accessToken.grantId))
  if (!live || live.login.userId !== tokens.claims()?.sub) throw refused()
  return { login: live.login, grantId: live.grant.grantId }
}

async function setPortalCookie(parts: SignInParts, realm: Realm, visit: Visit, session: LiveSession): Promise<void> {
  const { addresses, deps } = parts
  const value = await deps.signHostCookie({
    tenantId: session.tenantId,
    sessionId: session.id,
    host: addresses.portalHost(realm.tenant.name),
    issuedAtMs: deps.nowMs(),
    expiresAtMs: session.expiresAtMs,
  })
  setCookie(visit.response, SESSION_COOKIE, value, {
    sameSite: 'Lax',
    maxAgeMs: session.expiresAtMs - deps.nowMs(),
  })
}

function redirectUriOf({ addresses }: SignInParts, realm: Realm): string {
  return `${addresses.portal(realm.tenant.name)}/signed-in`
}

const clients = new WeakMap<Realm['provider'], openid.Configuration>()

/** The portal as an OpenID client of the provider beside it; requests stay in this process. */
function clientOf({ provider, issuer, portalSecret, fetchProvider }: Realm): openid.Configuration {
  const known = clients.get(provider)
  if (known) return known
  const client = new openid.Configuration(
    {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    },
    'portal',
    { client_secret: portalSecret, id_token_signed_response_alg: 'ES256' },
    openid.ClientSecretPost(portalSecret),
  )
  client[openid.customFetch] = fetchProvider
  clients.set(provider, client)
  return client
}
