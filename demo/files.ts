// A file server, one of the demo tenant's private apps: a listing, byte ranges, and one large file that is
// computed as it is read, so that the demo can show big transfers without a big disk.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type DemoApp, listenOnLoopback } from './loopback.ts'

const MEBIBYTE = 1024 * 1024
const block = Buffer.alloc(MEBIBYTE)
for (let at = 0; at < MEBIBYTE; at += 32) createHash('sha256').update(`block ${at}`).digest().copy(block, at)

const files = new Map<string, number>([
  ['large.bin', 1024 * MEBIBYTE],
  ['small.bin', MEBIBYTE],
])

export async function startFiles(preferredPort = 0): Promise<DemoApp> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://files').pathname
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    if (path === '/') return listing(response)
    const size = files.get(path.slice(1))
    if (size === undefined) return void response.writeHead(404).end()
    const range = rangeOf(request.headers.range, size)
    if (range === 'unsatisfiable') return void response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end()
    const [first, last] = range ?? [0, size - 1]
    response.writeHead(range ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': last - first + 1,
      'Accept-Ranges': 'bytes',
      ...(range && { 'Content-Range': `bytes ${first}-${last}/${size}` }),
    })
    if (request.method === 'HEAD') return void response.end()
    const stream = Readable.from(content(first, last), { objectMode: false, highWaterMark: MEBIBYTE })
    stream.on('error', () => response.destroy())
    response.on('close', () => stream.destroy())
    stream.pipe(response)
  })
  const port = await listenOnLoopback(server, preferredPort)
  return {
    port,
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function* content(first: number, last: number): Generator<Buffer> {
  for (let at = first; at <= last;) {
    const within = at % MEBIBYTE
    const length = Math.min(MEBIBYTE - within, last - at + 1)
    yield block.subarray(within, within + length)
    at += length
  }
}

/** One range of RFC 9110 section 14; anything else is ignored, as the RFC allows. */
function rangeOf(header: string | undefined, size: number): readonly [number, number] | 'unsatisfiable' | null {
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header ?? '')
  if (!match) return null
  const first = Number(match[1])
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  return first > last ? 'unsatisfiable' : [first, last]
}

function listing(response: ServerResponse): void {
  const lines = [...files].map(([name, size]) => `<li><a href="/${name}">${name}</a> ${size / MEBIBYTE} MiB</li>`)
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme files</title><h1>Files</h1><ul>${lines.join('')}</ul></html>`,
  )
}
