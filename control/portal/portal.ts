// Serves `<tenant>.<domain>`: which page, for whom. Must never show or do anything for a tenant other than the one in
// the host name, nor send a browser to a host that is not an app of this tenant or the console.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault, isFault } from '#core/fault.ts'
import { hostName, labelName } from '#core/names.ts'
import type { LiveSession, NodeHandler, SignInUser } from '#control/sign-in-seam.ts'
import { ownPath } from '#control/sign-in/addresses.ts'
import { serveAsset } from '#control/sign-in/assets.ts'
import { caps } from '#control/sign-in/caps.ts'
import { setSecurityHeaders } from '#control/sign-in/headers.ts'
import { html, type Html } from '#control/sign-in/html.ts'
import type { SignInParts } from '#control/sign-in/parts.ts'
import type { Realm } from '#control/sign-in/realm.ts'
import {
  readForm,
  requireFormToken,
  sendFault,
  sendJson,
  sendOnward,
  sendPage,
  sendRedirect,
  visitOf,
  type Visit,
} from '#control/sign-in/visit.ts'
import { canConfirm, confirmPage } from './confirm.ts'
import { challengePattern, type HandOff } from './hand-off.ts'
import { approvalsPage, launcherPage, navigation, requestPage, sessionsPage, signOutForm } from './pages.ts'
import { finishSignIn, forgetPortalCookie, portalSession, startSignIn } from './portal-session.ts'

type Inside = {
  readonly parts: SignInParts
  readonly handOff: HandOff
  readonly realm: Realm
  readonly visit: Visit
  readonly session: LiveSession
  readonly user: SignInUser
  readonly token: string
}

export function createPortalHandler(parts: SignInParts, handOff: HandOff): NodeHandler {
  return (request, response) => {
    void serve(parts, handOff, request, response)
  }
}

async function serve(parts: SignInParts, handOff: HandOff, request: IncomingMessage, response: ServerResponse) {
  const { addresses, clientIp, deps, realms } = parts
  const formTargets = addresses.formTargets
  let visit: Visit = {
    request,
    response,
    method: 'GET',
    origin: '',
    path: '',
    query: new URLSearchParams(),
    ip: '',
    formTargets,
  }
  try {
    const hosts = (host: string) => addresses.tenantOfPortalHost(host) !== undefined
    visit = visitOf(request, response, { hosts, formTargets, ip: clientIp(request) })
    if (serveAsset(visit)) return
    const realm = await realms.byName(addresses.tenantOfPortalHost(new URL(visit.origin).host) ?? '')
    if (await serveOutside(parts, realm, visit)) return
    await serveInside(parts, handOff, realm, visit)
  } catch (error) {
    if (!isFault(error) || error.status >= 500)
      deps.log('portal page failed', { path: visit.path, error: String(error) })
    sendFault(visit, error)
  }
}

/** What needs no session. */
async function serveOutside(parts: SignInParts, realm: Realm, visit: Visit): Promise<boolean> {
  if (visit.method !== 'GET') return false
  switch (visit.path) {
    case '/signed-in':
      await finishSignIn(parts, realm, visit)
      return true
    case '/.well-known/sallyport/jwks.json': {
      visit.response.setHeader('cache-control', 'public, max-age=60')
      sendJson(visit, 200, { keys: await parts.deps.portal.assertionKeys(realm.tenant.id) })
      return true
    }
    default:
      return false
  }
}

const pages: ReadonlyMap<string, (inside: Inside) => Promise<void>> = new Map([
  ['GET /', showApps],
  ['GET /open', openHost],
  ['GET /request', showRequests],
  ['POST /request', requestAccess],
  ['GET /approvals', showApprovals],
  ['POST /approvals', decideRequest],
  ['GET /account', showSessions],
  ['GET /account/credentials', goToCredentials],
  ['POST /account/end', endSession],
  ['POST /account/end-all', endAll],
  ['GET /confirm', askWhetherItWasThem],
  ['POST /confirm', confirmIt],
  ['POST /confirm/not-me', reportStranger],
  ['GET /sign-out', askToSignOut],
  ['POST /sign-out', signOut],
])

async function serveInside(parts: SignInParts, handOff: HandOff, realm: Realm, visit: Visit): Promise<void> {
  const page = pages.get(`${visit.method} ${visit.path}`)
  if (!page) throw new Fault('not-found')
  const session = await portalSession(parts, realm, visit)
  const user = session && (await parts.deps.directory.userById(realm.tenant.id, session.userId))
  if (!session || user?.status !== 'active') {
    if (visit.method === 'POST') throw new Fault('not-signed-in')
    await startSignIn(parts, realm, visit, returnPathOf(visit))
    return
  }
  const token = realm.keys.mac('form', `portal/${session.id}`)
  await page({ parts, handOff, realm, visit, session, user, token })
}

function returnPathOf(visit: Visit): string {
  const query = visit.query.toString()
  return query === '' ? visit.path : `${visit.path}?${query}`
}

async function show(inside: Inside, title: string, body: Html, status = 200): Promise<void> {
  const { parts, realm, visit, user } = inside
  const { toDecide } = await parts.deps.portal.accessRequests(realm.tenant.id, user.id)
  sendPage(visit, {
    title,
    status,
    heading: realm.tenant.displayName,
    body: html`${navigation(user.displayName || user.name, toDecide.length)}${body}`,
  })
}

async function showApps(inside: Inside): Promise<void> {
  const apps = await inside.parts.deps.portal.myApps(inside.realm.tenant.id, inside.session.id)
  await show(inside, 'Your apps', html`${launcherPage(apps)}${signOutForm(inside.token)}`)
}

/** Hand-off to an app host of this tenant, or to the console. */
async function openHost({ parts, handOff, realm, visit, session }: Inside): Promise<void> {
  const { addresses, deps } = parts
  const host = (visit.query.get('host') ?? '').toLowerCase()
  const challenge = visit.query.get('challenge') ?? ''
  if (visit.query.getAll('host').length !== 1 || !hostName.safeParse(host).success) throw new Fault('request-malformed')
  if (!challengePattern.test(challenge)) throw new Fault('request-malformed')
  const path = ownPath(visit.query.get('path'), caps.returnPathBytes.default)
  const isConsole = host === addresses.consoleHost
  const app = isConsole ? undefined : await deps.directory.appByHost(host)
  if (!isConsole && app?.tenantId !== realm.tenant.id) throw new Fault('not-found')
  const code = await handOff.issue(session, host, challenge)
  const query = new URLSearchParams({ code, path })
  const url = `${addresses.originOf(host)}${isConsole ? '/auth/callback' : '/.sallyport/callback'}?${query.toString()}`
  const isListed = isConsole || host.endsWith(`.${deps.config.appsDomain}`)
  if (isListed) sendRedirect(visit, url)
  else sendOnward(visit, url)
}

async function showRequests(inside: Inside, message?: string, status?: number): Promise<void> {
  const { parts, realm, visit, user, token } = inside
  const { mine } = await parts.deps.portal.accessRequests(realm.tenant.id, user.id)
  const app = labelName.safeParse(visit.query.get('app') ?? '')
  const done = visit.query.has('done')
  const body = requestPage({ token, app: app.success ? app.data : '', mine, message, done })
  await show(inside, 'Request access', body, status)
}

async function requestAccess(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, token } = inside
  const form = await readForm(visit, ['token', 'app', 'reason'])
  requireFormToken(form.token, token)
  const app = labelName.safeParse(form.app.trim())
  const reason = form.reason.trim()
  if (!app.success || reason === '' || reason.length > 1000) {
    await showRequests(inside, 'Name an app and say why you need it.', 422)
    return
  }
  await parts.deps.portal.requestAccess(realm.tenant.id, user.id, app.data, reason)
  sendRedirect(visit, '/request?done')
}

async function showApprovals(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, token } = inside
  const { toDecide } = await parts.deps.portal.accessRequests(realm.tenant.id, user.id)
  await show(inside, 'Approvals', approvalsPage({ token, toDecide, done: visit.query.has('done') }))
}

async function decideRequest(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, token } = inside
  const form = await readForm(visit, ['token', 'request', 'hours', 'decision'])
  requireFormToken(form.token, token)
  const hours = Number(form.hours)
  if (form.decision === 'approve' && Number.isInteger(hours) && hours >= 1 && hours <= 24 * 366) {
    const decision = { decision: 'approve', accessSeconds: hours * 3600 } as const
    await parts.deps.portal.decideAccessRequest(realm.tenant.id, user.id, form.request, decision)
  } else if (form.decision === 'refuse') {
    await parts.deps.portal.decideAccessRequest(realm.tenant.id, user.id, form.request, { decision: 'refuse' })
  } else throw new Fault('request-malformed')
  sendRedirect(visit, '/approvals?done')
}

async function showSessions(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, session, token } = inside
  const sessions = await parts.deps.sessions.list(realm.tenant.id, user.id)
  const done = visit.query.has('done') ? 'The session has ended.' : undefined
  await show(inside, 'Your account', sessionsPage({ token, current: session.id, sessions, done }))
}

/** To the account page at the sign-in host, with a fresh sign-in when the last one is old. */
async function goToCredentials({ parts, realm, visit, session, user }: Inside): Promise<void> {
  const { deps, logins } = parts
  const login = await logins.loginOfSession(realm.tenant.id, session.id)
  const newest = login?.hubSessionUid && (await logins.liveOfHubSession(realm.tenant.id, login.hubSessionUid))
  const margin = 60_000
  if (newest && newest.createdAtMs > deps.nowMs() - caps.freshSignInMs.default + margin) {
    sendRedirect(visit, `${realm.issuer}/account`)
  } else await startSignIn(parts, realm, visit, '/account/credentials', { prompt: 'login', hint: user.name })
}

async function endSession({ parts, realm, visit, session, user, token }: Inside): Promise<void> {
  const form = await readForm(visit, ['token', 'session'])
  requireFormToken(form.token, token)
  const sessions = await parts.deps.sessions.list(realm.tenant.id, user.id)
  if (!sessions.some(({ id }) => id === form.session)) throw new Fault('not-found')
  await parts.logins.endSession(realm.tenant.id, form.session, 'signed-out')
  if (form.session === session.id) forgetPortalCookie(visit)
  sendRedirect(visit, '/account?done')
}

async function askWhetherItWasThem(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, session, token } = inside
  const sessions = await parts.deps.sessions.list(realm.tenant.id, user.id)
  const body = confirmPage({ token, current: session.id, sessions, done: visit.query.has('done') })
  await show(inside, 'Was this you?', body)
}

/** Yes: proven by signing in once more, with more than a password. */
async function confirmIt({ parts, realm, visit, session, user, token }: Inside): Promise<void> {
  const form = await readForm(visit, ['token', 'session'])
  requireFormToken(form.token, token)
  const sessions = await parts.deps.sessions.list(realm.tenant.id, user.id)
  const asked = sessions.find(({ id }) => id === form.session)
  if (!asked || !canConfirm(asked)) throw new Fault('not-found')
  const confirms = {
    userId: user.id,
    portalSessionId: session.id,
    sessionId: asked.id,
    askedAtMs: parts.deps.nowMs(),
  }
  await startSignIn(parts, realm, visit, '/confirm?done', { prompt: 'login', hint: user.name, confirms })
}

async function reportStranger(inside: Inside): Promise<void> {
  const { parts, realm, visit, user, token } = inside
  requireFormToken((await readForm(visit, ['token'])).token, token)
  try {
    await parts.deps.portal.reportStranger(realm.tenant.id, user.id, { ip: visit.ip })
  } finally {
    // Whatever becomes of the story: the sessions end.
    await endEverything(inside, 'not-me')
  }
  signedOutPage(visit, realm, undefined)
}

async function endAll(inside: Inside): Promise<void> {
  const { visit, realm, token } = inside
  requireFormToken((await readForm(visit, ['token'])).token, token)
  await endEverything(inside, 'signed-out')
  signedOutPage(visit, realm, undefined)
}

async function endEverything({ parts, realm, visit, user }: Inside, why: 'signed-out' | 'not-me'): Promise<void> {
  const { id: tenantId } = realm.tenant
  await parts.logins.endOfUser(tenantId, user.id)
  await parts.deps.sessions.endOfUser(tenantId, user.id, why)
  // One event for all: ending by user is not journalled session by session.
  const { id: userId, name: userName } = user
  const reason = why === 'not-me' ? why : 'signed-out-all'
  await parts.events.signedOut({ tenantId, ip: visit.ip, userId, userName, sessionId: null, reason })
  forgetPortalCookie(visit)
}

async function askToSignOut(inside: Inside): Promise<void> {
  await show(inside, 'Sign out?', signOutForm(inside.token))
}

async function signOut({ parts, realm, visit, session, token }: Inside): Promise<void> {
  requireFormToken((await readForm(visit, ['token'])).token, token)
  const { id: tenantId } = realm.tenant
  const login = await parts.logins.loginOfSession(tenantId, session.id)
  await parts.logins.endSession(tenantId, session.id, 'signed-out')
  forgetPortalCookie(visit)
  signedOutPage(visit, realm, await upstreamSignOut(parts, realm, login?.providerId ?? null))
}

type UpstreamSignOut = { readonly name: string; readonly url: string }

/** RP-initiated logout: offered as a link, because the person may want to stay signed in at their provider. */
async function upstreamSignOut(
  { addresses, deps, upstreams }: SignInParts,
  realm: Realm,
  providerId: string | null,
): Promise<UpstreamSignOut | undefined> {
  if (providerId === null) return undefined
  const provider = (await deps.directory.identityProviders(realm.tenant.id)).find(({ id }) => id === providerId)
  const metadata = provider && (await upstreams.metadata(provider).catch(() => undefined))
  if (!provider || metadata?.endSessionUri === undefined) return undefined
  const url = new URL(metadata.endSessionUri)
  if (url.protocol !== 'https:') return undefined
  url.searchParams.set('client_id', provider.clientId)
  url.searchParams.set('post_logout_redirect_uri', `${addresses.portal(realm.tenant.name)}/`)
  return { name: provider.displayName ?? provider.name, url: url.href }
}

function signedOutPage(visit: Visit, realm: Realm, upstream: UpstreamSignOut | undefined): void {
  setSecurityHeaders(visit)
  sendPage(visit, {
    title: 'Signed out',
    heading: realm.tenant.displayName,
    body: html`<p>Your session has ended everywhere.</p>
      ${upstream && html`<p><a href="${upstream.url}">Also sign out at ${upstream.name}</a></p>`}
      <a class="button" href="/">Sign in again</a>`,
  })
}
