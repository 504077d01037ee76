// Reading and writing our own cookies. Must never set one without Secure, HttpOnly, Path=/ and no Domain, which is
// what the `__Host-` prefix promises, and never read one that came twice.
import type { IncomingMessage, ServerResponse } from 'node:http'

export type CookieOptions = {
  readonly sameSite: 'Lax' | 'Strict'
  /** Absent: until the browser closes. */
  readonly maxAgeMs?: number
}

const namePattern = /^__Host-[a-z0-9-]{1,100}$/
const valuePattern = /^[A-Za-z0-9._~-]{1,4000}$/

/** The value, or undefined when it is absent, malformed, or there are two (somebody else has set one of them). */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const found: string[] = []
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) found.push(part.slice(at + 1).trim())
  }
  const [value] = found
  return found.length === 1 && value !== undefined && valuePattern.test(value) ? value : undefined
}

export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  return readCookie(request.headers.cookie, name)
}

export function setCookie(response: ServerResponse, name: string, value: string, options: CookieOptions): void {
  if (!namePattern.test(name) || !valuePattern.test(value)) throw new RangeError('not a cookie of ours')
  const age = options.maxAgeMs === undefined ? '' : `; Max-Age=${Math.max(0, Math.floor(options.maxAgeMs / 1000))}`
  append(response, `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${options.sameSite}${age}`)
}

export function clearCookie(response: ServerResponse, name: string, sameSite: 'Lax' | 'Strict'): void {
  append(response, `${name}=; Path=/; Secure; HttpOnly; SameSite=${sameSite}; Max-Age=0`)
}

function append(response: ServerResponse, line: string): void {
  const before = response.getHeader('set-cookie')
  const lines = before === undefined ? [] : Array.isArray(before) ? before : [String(before)]
  response.setHeader('set-cookie', [...lines, line])
}
