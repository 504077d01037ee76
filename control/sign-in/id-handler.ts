// Serves `id.<domain>`: every path begins with a tenant. Must never serve a tenant's page under another's path, nor
// give the OpenID provider a request whose host, origin or rate was not looked at.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '#core/fault.ts'
import type { NodeHandler } from '#control/sign-in-seam.ts'
import { hubSession, serveAccount } from './account.ts'
import { serveAsset } from './assets.ts'
import type { BackChannelLogout } from './back-channel-logout.ts'
import { finishExternal, returnExternal, startExternal } from './external.ts'
import { setSecurityHeaders } from './headers.ts'
import { serveInteraction } from './interaction.ts'
import { serveInvitation } from './invitation.ts'
import { spendVisit, type SignInParts } from './parts.ts'
import type { Realm } from './realm.ts'
import { requireSameOrigin, sendFault, visitOf, type Visit } from './visit.ts'

const interactionPath = /^\/interaction\/([A-Za-z0-9_-]{10,64})(\/[a-z-]+(?:\/[a-z0-9-]+)?)?$/
const externalPath = /^\/external\/([a-z0-9-]{1,40})\/callback$/
const logoutPath = /^\/back-channel-logout\/([a-z0-9-]{1,40})$/
/** Paths of the provider that people visit with a browser. */
const browserPath = /^\/(?:auth|device)(?:\/[A-Za-z0-9_-]+)?$/
/** Paths of the provider that make a row for whoever asks. */
const costlyPath = /^\/(?:auth|device|device\/auth)$/
const providerPath =
  /^\/(?:auth(?:\/[\w-]+)?|token(?:\/revocation)?|me|jwks|device(?:\/[\w-]+)?|session\/end\/confirm|\.well-known\/[a-z-]+)$/

export function createIdHandler(parts: SignInParts, logOut: BackChannelLogout): NodeHandler {
  return (request, response) => {
    void serve(parts, logOut, request, response)
  }
}

async function serve(
  parts: SignInParts,
  logOut: BackChannelLogout,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { addresses, clientIp, deps } = parts
  const formTargets = addresses.formTargets
  let visit: Visit
  try {
    // The provider answers CORS preflights itself; our own pages take GET and POST only.
    visit = visitOf(request, response, { hosts: addresses.isIdHost, formTargets, ip: clientIp(request) })
  } catch (error) {
    setSecurityHeaders({ response, formTargets })
    sendFault(
      { request, response, method: 'GET', origin: '', path: '', query: new URLSearchParams(), ip: '', formTargets },
      error,
    )
    return
  }
  try {
    if (serveAsset(visit)) return
    const [, tenantName = '', rest = ''] = /^\/([^/]+)(\/.*)?$/.exec(visit.path) ?? []
    const realm = await parts.realms.byName(tenantName)
    if (!(await route(parts, logOut, realm, visit, rest))) throw new Fault('not-found')
  } catch (error) {
    if (!(error instanceof Fault) || error.status >= 500) {
      deps.log('sign-in page failed', {
        path: visit.path,
        error: String(error),
        cause: String(Reflect.get(Object(error), 'cause')),
      })
    }
    sendFault(visit, error)
  }
}

async function route(
  parts: SignInParts,
  logOut: BackChannelLogout,
  realm: Realm,
  visit: Visit,
  rest: string,
): Promise<boolean> {
  const [, uid, step = ''] = interactionPath.exec(rest) ?? []
  if (uid !== undefined) {
    const [, way, name] = /^\/(with|from)\/([a-z0-9-]{1,40})$/.exec(step) ?? []
    if (way === undefined || name === undefined) return serveInteraction(parts, realm, visit, uid, step)
    if (visit.method !== 'GET') return false
    if (way === 'with') spendVisit(parts, visit)
    if (way === 'with') await startExternal(parts, realm, visit, uid, name)
    else await finishExternal(parts, realm, visit, uid, name)
    return true
  }
  const [, returned] = externalPath.exec(rest) ?? []
  if (returned !== undefined && visit.method === 'GET') {
    returnExternal(realm, visit, returned)
    return true
  }
  const [, loggingOut] = logoutPath.exec(rest) ?? []
  if (loggingOut !== undefined && visit.method === 'POST') {
    spendVisit(parts, visit)
    await logOut(realm, visit, loggingOut)
    return true
  }
  const below = (path: string) => (rest === path || rest.startsWith(`${path}/`) ? rest.slice(path.length) : undefined)
  const invitation = below('/invitation')
  if (invitation !== undefined) return serveInvitation(parts, realm, visit, invitation)
  const account = below('/account')
  if (account !== undefined) return serveAccount(parts, realm, visit, account)
  if (!providerPath.test(rest)) return false
  await serveProvider(parts, realm, visit, rest)
  return true
}

async function serveProvider(parts: SignInParts, realm: Realm, visit: Visit, rest: string): Promise<void> {
  const { request, response } = visit
  if (costlyPath.test(rest)) spendVisit(parts, visit)
  if (browserPath.test(rest) && rest !== '/device/auth') {
    if (visit.method === 'POST') requireSameOrigin(visit)
    // Looks whether the login behind the provider's session is still live, and drops the session when it is not.
    await hubSession(parts, realm, visit)
    // A code in a link is not filled in: the person types what is on the screen before them (RFC 8628 §5.4).
    if (rest === '/device' && visit.method === 'GET') request.url = visit.path
  }
  setSecurityHeaders(visit)
  await realm.serveProvider(request, response, visit.ip)
}
