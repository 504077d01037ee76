// Our cookies on app hosts: found, kept from apps, and kept from being set by apps. Must never let an app see ours, nor a
// browser send back one of our names that an app chose.

export const HOST_COOKIE = '__Host-sallyport'
export const NONCE_COOKIE = '__Host-sallyport-nonce'

/** Browsers compare the prefix without regard to case, so that no spelling of it is left to apps. */
const OURS = '__host-sallyport'

/** The value of a cookie that is there exactly once; two of one name are somebody else's doing. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  let found: string | undefined
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    if (found !== undefined) return undefined
    found = pair.slice(at + 1).trim()
  }
  return found
}

/** The header without our cookies; `undefined` when nothing is left. */
export function withoutOurCookies(header: string): string | undefined {
  const kept = header.split(';').filter((pair) => !isOurs(pair))
  const text = kept.join(';').trim()
  return text === '' ? undefined : text
}

/** An app's `Set-Cookie` as browsers may see it, or `undefined` when it uses a name of ours. */
export function appCookie(header: string): string | undefined {
  const [pair = '', ...attributes] = header.split(';')
  if (isOurs(pair)) return undefined
  // A cookie for a whole domain would reach the siblings of the app.
  const kept = attributes.filter((attribute) => !/^\s*domain\s*(=|$)/i.test(attribute))
  return [pair, ...kept].join(';')
}

/** `=__Host-sallyport=x` has no name to a browser, which then sends `__Host-sallyport=x`: hence the leading signs. */
function isOurs(pair: string): boolean {
  return pair
    .replace(/^[\s=]+/, '')
    .toLowerCase()
    .startsWith(OURS)
}
