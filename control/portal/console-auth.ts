// Sign-in of the console host: the same hand-off as any app, with a cookie of its own. Must never answer with a
// session that was not handed to this browser, and never end one on another site's word.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault, isFault } from '#core/fault.ts'
import { labelName, PROVIDER_TENANT } from '#core/names.ts'
import { toBase64url } from '#transport/base64url.ts'
import { sha256 } from '#transport/secret.ts'
import type { ConsoleSession, NodeHandler } from '#control/sign-in-seam.ts'
import { ownPath } from '#control/sign-in/addresses.ts'
import { serveAsset } from '#control/sign-in/assets.ts'
import { caps } from '#control/sign-in/caps.ts'
import { clearCookie, cookieOf, readCookie, setCookie } from '#control/sign-in/cookies.ts'
import { html } from '#control/sign-in/html.ts'
import { alert } from '#control/sign-in/layout.ts'
import type { SignInParts } from '#control/sign-in/parts.ts'
import {
  requireSameOrigin,
  sendFault,
  sendJson,
  sendOnward,
  sendPage,
  sendRedirect,
  visitOf,
  type Visit,
} from '#control/sign-in/visit.ts'
import type { HandOff } from './hand-off.ts'

const SESSION_COOKIE = '__Host-sallyport-console'
const NONCE_COOKIE = '__Host-sallyport-console-nonce'

export type ConsoleAuth = {
  readonly handler: NodeHandler
  readonly session: (cookieHeader: string) => Promise<ConsoleSession | null>
}

export function createConsoleAuth(parts: SignInParts, handOff: HandOff): ConsoleAuth {
  const { addresses, clientIp, deps, logins, realms } = parts

  async function session(cookieHeader: string): Promise<ConsoleSession | null> {
    const token = readCookie(cookieHeader, SESSION_COOKIE)
    const cookie = token === undefined ? null : await deps.verifyHostCookie(token)
    if (cookie?.host !== addresses.consoleHost) return null
    const live = await deps.sessions.get(cookie.tenantId, cookie.sessionId)
    if (!live) return null
    return { tenantId: cookie.tenantId, userId: live.userId, sessionId: live.id }
  }

  async function startSignIn(visit: Visit): Promise<void> {
    const typed = (visit.query.get('tenant') ?? '').trim().toLowerCase()
    const path = ownPath(visit.query.get('path'), caps.returnPathBytes.default)
    // The provider's name is reserved, so that no other tenant has it; its administrators sign in like all others.
    const isName = typed === PROVIDER_TENANT || labelName.safeParse(typed).success
    const tenant = isName ? await deps.directory.tenantByName(typed) : undefined
    if (tenant?.status !== 'active') {
      // The names of tenants are no secret (they are host names), but nothing here lists them.
      sendPage(visit, {
        title: 'Which organisation?',
        status: visit.query.has('tenant') ? 404 : 200,
        body: html`${alert(visit.query.has('tenant') ? 'There is no organisation of that name here.' : undefined)}
          <form method="get" action="/auth/sign-in">
            <input type="hidden" name="path" value="${path}" />
            <label for="tenant">Name of your organisation</label>
            <input id="tenant" name="tenant" type="text" required maxlength="40" autocapitalize="none" autofocus />
            <button type="submit">Continue</button>
          </form>`,
      })
      return
    }
    const nonce = `${randomBytes(32).toString('base64url')}.${tenant.name}`
    setCookie(visit.response, NONCE_COOKIE, nonce, { sameSite: 'Lax', maxAgeMs: caps.interactionLifeMs.default })
    const challenge = toBase64url(sha256(nonce))
    const query = new URLSearchParams({ host: addresses.consoleHost, path, challenge })
    sendRedirect(visit, `${addresses.portal(tenant.name)}/open?${query.toString()}`)
  }

  async function finishSignIn(visit: Visit): Promise<void> {
    const nonce = cookieOf(visit.request, NONCE_COOKIE) ?? ''
    const realm = await realms.byName(nonce.slice(nonce.indexOf('.') + 1))
    const codes = visit.query.getAll('code')
    if (codes.length !== 1) throw new Fault('request-malformed')
    const redeemed = await handOff.redeemAt(realm.tenant.id, {
      host: addresses.consoleHost,
      code: codes[0] ?? '',
      nonce,
    })
    clearCookie(visit.response, NONCE_COOKIE, 'Lax')
    setCookie(visit.response, SESSION_COOKIE, redeemed.cookie, {
      sameSite: 'Strict',
      maxAgeMs: redeemed.expiresAtMs - deps.nowMs(),
    })
    // A page and not a redirect: a chain that began at another site would arrive without the Strict cookie.
    sendOnward(visit, ownPath(visit.query.get('path'), caps.returnPathBytes.default))
  }

  async function signOut(visit: Visit): Promise<void> {
    requireSameOrigin(visit)
    const live = await session(visit.request.headers.cookie ?? '')
    if (live) await logins.endSession(live.tenantId, live.sessionId, 'signed-out')
    clearCookie(visit.response, SESSION_COOKIE, 'Strict')
    if ((visit.request.headers.accept ?? '').includes('text/html')) sendRedirect(visit, '/auth/sign-in')
    else sendJson(visit, 200, {})
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { formTargets } = addresses
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
      visit = visitOf(request, response, { hosts: addresses.isConsoleHost, formTargets, ip: clientIp(request) })
      if (serveAsset(visit)) return
      const page = `${visit.method} ${visit.path}`
      if (page === 'GET /auth/sign-in') await startSignIn(visit)
      else if (page === 'GET /auth/callback') await finishSignIn(visit)
      else if (page === 'POST /auth/sign-out') await signOut(visit)
      else throw new Fault('not-found')
    } catch (error) {
      if (!isFault(error) || error.status >= 500) deps.log('console sign-in failed', { error: String(error) })
      sendFault(visit, error)
    }
  }

  return { handler: (request, response) => void serve(request, response), session }
}
