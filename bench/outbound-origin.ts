// The bench's site, a program of its own: `/10k` and `/1m` over HTTPS with HTTP/1.1, and `/text`, a page of prose as large.
// Says its port in one line. Listens on loopback only.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

const [certificateFile = '', keyFile = ''] = process.argv.slice(2)
const MiB = 1024 * 1024
/** Prose with a year here and there, and nothing that is found. */
const text = Buffer.alloc(MiB)
for (let at = 0, line = 0; at < MiB; line++) {
  at += text.write(
    `Goods of order line ${line} are to be delivered in time and paid within a month of ${1990 + (line % 35)}.\n`,
    at,
  )
}
const bodies: Readonly<Record<string, Buffer>> = {
  '/text': text,
  '/10k': Buffer.alloc(10 * 1024, 'sallyport '),
  '/1m': Buffer.alloc(MiB, 'sallyport '),
}
const server = createServer(
  { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
  (request, response) => {
    const body = bodies[request.url ?? '']
    if (body === undefined) return void response.writeHead(404).end()
    response
      .writeHead(200, { 'content-type': body === text ? 'text/plain' : 'image/png', 'content-length': body.length })
      .end(body)
  },
)
server.keepAliveTimeout = 120_000
await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve))
process.once('SIGTERM', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
