// The built console, held in memory. Must never serve a path that was not there at the start: no request reaches the
// file system.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { caps } from './caps.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000',
} as const

type File = { readonly bytes: Buffer; readonly type: string; readonly isHashed: boolean }

export function createStaticFiles(
  folder: string | undefined,
): (request: IncomingMessage, response: ServerResponse) => void {
  const files = folder === undefined ? new Map<string, File>() : readFolder(folder)
  const index = files.get('/index.html')
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { ...headers, allow: 'GET, HEAD' }).end()
    }
    // Addresses inside the console are the console's own, also those that end in a name with dots: it is one page.
    const file = files.get(path) ?? (path.startsWith('/assets/') ? undefined : index)
    if (!file) {
      const text = index ? 'Not found.' : 'The console has not been built: npm run build'
      return void response.writeHead(404, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(text)
    }
    response.writeHead(200, {
      ...headers,
      'content-type': file.type,
      'content-length': file.bytes.length,
      'cache-control': file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    })
    response.end(request.method === 'HEAD' ? undefined : file.bytes)
  }
}

function readFolder(folder: string): Map<string, File> {
  const files = new Map<string, File>()
  let total = 0
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    const status = statSync(path)
    const type = types[extname(name)]
    if (!status.isFile() || type === undefined) continue
    total += status.size
    if (total > caps.staticFileBytes.default) throw new RangeError('the console folder is too large')
    const place = `/${name.split('\\').join('/')}`
    files.set(place, { bytes: readFileSync(path), type, isHashed: place.startsWith('/assets/') })
  }
  return files
}
