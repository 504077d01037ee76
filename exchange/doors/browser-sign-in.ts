// How a browser gets its cookie on an app host: to the portal with a challenge, back with a code, and out again. Must
// never redirect anywhere but to the portal or a path of the same host, nor take a code without this browser's nonce.
import { randomBytes } from 'node:crypto'
import { asFault, Fault } from '#core/fault.ts'
import { sha256 } from '#transport/secret.ts'
import { caps } from '#exchange/caps.ts'
import { logFault, portalOrigin, type ExchangeContext } from '#exchange/context.ts'
import { answer, wantsPage, type AnyRequest, type AnyResponse } from '#exchange/pages/answer.ts'
import { pageHeaders, plainPage, REASON_HEADER } from '#exchange/pages/denial.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { cookieValue, HOST_COOKIE, NONCE_COOKIE } from './cookies.ts'

export type Visit = {
  readonly request: AnyRequest
  readonly response: AnyResponse
  readonly tenant: Tenant
  /** Lower case, without port. */
  readonly host: string
  readonly publicAuthority: string
  /** Origin form. */
  readonly target: string
}

export type BrowserSignIn = {
  /** Nobody is signed in: a person is sent to the portal, a program is told. */
  readonly begin: (visit: Visit) => void
  /** Requests below `/.sallyport`. Throws Faults. */
  readonly own: (visit: Visit) => Promise<void>
}

const NONCE_LIFE_SECONDS = 600
const noncePattern = /^[A-Za-z0-9_-]{43}$/
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Lax'
const forgetNonce = `${NONCE_COOKIE}=; ${attributes}; Max-Age=0`
const forgetCookie = `${HOST_COOKIE}=; ${attributes}; Max-Age=0`

export function createBrowserSignIn(context: ExchangeContext): BrowserSignIn {
  return {
    begin,
    async own(visit) {
      const url = new URL(visit.target, 'https://app.invalid')
      const { method } = visit.request
      if (url.pathname === '/.sallyport/callback' && method === 'GET') return callback(visit, url.searchParams)
      if (url.pathname === '/.sallyport/sign-out' && method === 'POST') return signOut(visit)
      throw new Fault('not-found')
    },
  }

  function begin({ request, response, tenant, host, target }: Visit): void {
    if (!isNavigation(request)) {
      const text = JSON.stringify(new Fault('not-signed-in'))
      return answer(response, 401, text, false, { [REASON_HEADER]: 'not-signed-in' })
    }
    // Several tabs of one browser share a nonce: the later must not spoil the earlier.
    const sent = cookieValue(request.headers.cookie, NONCE_COOKIE)
    const nonce = sent !== undefined && noncePattern.test(sent) ? sent : randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      host,
      path: target.length <= caps.callbackBytes.default ? target : '/',
      challenge: sha256(nonce).toString('base64url'),
    })
    redirect(response, `${portalOrigin(context, tenant.record.name)}/open?${query}`, [
      `${NONCE_COOKIE}=${nonce}; ${attributes}; Max-Age=${NONCE_LIFE_SECONDS}`,
    ])
  }

  async function callback(visit: Visit, query: URLSearchParams): Promise<void> {
    const { request, response, tenant, host } = visit
    const code = query.get('code') ?? ''
    const nonce = cookieValue(request.headers.cookie, NONCE_COOKIE)
    const path = safePath(query.get('path'))
    // Another tab was first, or somebody else's link: start over, which costs a person nothing.
    if (nonce === undefined || !noncePattern.test(nonce) || !/^[\x21-\x7e]{1,128}$/.test(code)) {
      return redirect(response, path, [])
    }
    try {
      const redeemed = await context.feed.ask({ type: 'redeem-code', host, code, nonce })
      if (redeemed.tenantId !== tenant.id) throw new Fault('token-invalid')
      if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/.test(redeemed.cookie)) throw new Fault('wire-malformed')
      context.prepareSession(tenant.id, redeemed.sessionId)
      const seconds = Math.max(0, Math.floor((redeemed.expiresAtMs - context.now()) / 1000))
      redirect(response, path, [`${HOST_COOKIE}=${redeemed.cookie}; ${attributes}; Max-Age=${seconds}`, forgetNonce])
    } catch (error) {
      const fault = asFault(error)
      logFault(context.log, 'a hand-off failed', fault)
      const text =
        fault.code === 'control-unreachable'
          ? 'Sign-in cannot be reached at the moment; try again shortly.'
          : 'This sign-in link was used or is too old. Open the app again.'
      answer(
        response,
        fault.code === 'control-unreachable' ? 503 : 403,
        plainPage('Not signed in', text, fault.code),
        true,
        {
          [REASON_HEADER]: 'not-signed-in',
        },
      )
    }
  }

  async function signOut({ request, response, tenant, host, publicAuthority }: Visit): Promise<void> {
    // A sign-out must be meant: no other site may do it for somebody.
    if (request.headers.origin !== `https://${publicAuthority}`) throw new Fault('origin-mismatch')
    const cookie = cookieValue(request.headers.cookie, HOST_COOKIE)
    const session = cookie === undefined ? undefined : context.browserSessions.find(tenant, host, cookie)
    if (session !== undefined) {
      await context.feed.ask({ type: 'end-session', tenantId: tenant.id, sessionId: session.id })
    }
    const isPage = wantsPage(request)
    const text = isPage
      ? plainPage('Signed out', 'You are signed out everywhere. You can close this page.')
      : JSON.stringify({ signedOut: true })
    setCookies(response, [forgetCookie])
    answer(response, 200, text, isPage)
  }
}

/** A person who wants to go somewhere, as browsers tell; everything else wants an answer, not a detour. */
function isNavigation(request: AnyRequest): boolean {
  if (request.method !== 'GET') return false
  const mode = request.headers['sec-fetch-mode']
  return mode === undefined ? wantsPage(request) : mode === 'navigate'
}

/** A path on this host, or `/`: neither another host (`//x`, `/\x`) nor a place of ours. */
export function safePath(text: string | null): string {
  if (text === null || text.length > caps.callbackBytes.default) return '/'
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text) || /^\/\.sallyport(\/|$|\?)/i.test(text)) return '/'
  // Dots are taken away by browsers, and may leave `//x` behind.
  const resolved = new URL(text, 'https://app.invalid')
  return resolved.origin === 'https://app.invalid' && !resolved.pathname.startsWith('//') ? text : '/'
}

function redirect(response: AnyResponse, location: string, cookies: readonly string[]): void {
  setCookies(response, cookies)
  answer(response, 302, '', true, { ...pageHeaders, location })
}

function setCookies(response: AnyResponse, cookies: readonly string[]): void {
  if (cookies.length > 0) response.setHeader('set-cookie', [...cookies])
}
