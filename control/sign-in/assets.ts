// The two static files of our pages, style and the passkey script, served from memory on each of our hosts, below
// /auth/ because the console's own files have the rest of its paths.
import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { setSecurityHeaders, type Answer } from './headers.ts'

const files = new Map<string, { readonly bytes: Buffer; readonly type: string; readonly path: string }>(
  (
    [
      ['sign-in.css', 'text/css; charset=utf-8'],
      ['passkey.js', 'text/javascript; charset=utf-8'],
    ] as const
  ).map(([name, type]) => {
    const bytes = readFileSync(new URL(`assets/${name}`, import.meta.url))
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
    return [name, { bytes, type, path: `/auth/assets/${hash}/${name}` }] as const
  }),
)

export const stylePath = pathOf('sign-in.css')
export const scriptPath = pathOf('passkey.js')

/** True when the visit was for an asset and has been answered. */
export function serveAsset(visit: Answer & { readonly method: string; readonly path: string }): boolean {
  if (visit.method === 'GET' && visit.path === '/favicon.ico') {
    // Browsers ask for it with every page; a refusal would be an error in their console.
    setSecurityHeaders(visit)
    visit.response.statusCode = 204
    visit.response.end()
    return true
  }
  for (const file of files.values()) {
    if (file.path !== visit.path || visit.method !== 'GET') continue
    // The path carries the hash of the content, so it may be kept for good.
    visit.response.setHeader('cache-control', 'public, max-age=31536000, immutable')
    setSecurityHeaders(visit)
    visit.response.setHeader('content-type', file.type)
    visit.response.end(file.bytes)
    return true
  }
  return false
}

function pathOf(name: string): string {
  const file = files.get(name)
  if (!file) throw new RangeError(`no asset ${name}`)
  return file.path
}
