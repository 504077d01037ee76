// Which accounts signed in from this browser before, as a signed cookie: exempts it from what strangers cause.
// Must never let anyone in, or be valid for another tenant; it only chooses whose allowance of tries is used.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { secretEquals } from '#transport/secret.ts'
import { caps } from './caps.ts'
import { cookieOf, setCookie } from './cookies.ts'
import type { SignInKeys } from './keys.ts'

const MAX_ACCOUNTS = 5

type KnownBrowser = { readonly id: string; readonly userIds: readonly string[]; readonly sinceMs: number }

const nameOf = (tenantName: string) => `__Host-sallyport-known-${tenantName}`

/** Key of this browser's own allowance for the account, or null for a stranger. */
export function knownBrowserOf(
  request: IncomingMessage,
  tenantName: string,
  userId: string,
  keys: SignInKeys,
  nowMs: number,
): string | null {
  const known = read(request, tenantName, keys, nowMs)
  return known?.userIds.includes(userId) === true ? `${known.id}/${userId}` : null
}

export function rememberBrowser(
  request: IncomingMessage,
  response: ServerResponse,
  tenantName: string,
  userId: string,
  keys: SignInKeys,
  nowMs: number,
): void {
  const before = read(request, tenantName, keys, nowMs)
  const userIds = [userId, ...(before?.userIds ?? []).filter((id) => id !== userId)].slice(0, MAX_ACCOUNTS)
  // A new id at each sign-in: a copied cookie does not share the allowance of the browser it came from.
  const body = [randomBytes(16).toString('base64url'), String(nowMs), ...userIds].join('.')
  setCookie(response, nameOf(tenantName), `${body}~${keys.mac('known-browser', body)}`, {
    sameSite: 'Lax',
    maxAgeMs: caps.knownBrowserLifeMs.default,
  })
}

function read(request: IncomingMessage, tenantName: string, keys: SignInKeys, nowMs: number): KnownBrowser | undefined {
  const [body = '', mac = '', ...more] = (cookieOf(request, nameOf(tenantName)) ?? '').split('~')
  if (more.length > 0 || !secretEquals(mac, keys.mac('known-browser', body))) return undefined
  const [id = '', since = '', ...userIds] = body.split('.')
  const sinceMs = Number(since)
  return nowMs - sinceMs < caps.knownBrowserLifeMs.default ? { id, userIds, sinceMs } : undefined
}
