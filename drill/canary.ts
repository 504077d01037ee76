// The apps of a drill: small servers on loopback that give out made-up text, and a stream of bytes by which a cut is
// timed. Must never open a connection of their own: there is no way on from a canary.
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { caps } from './caps.ts'

export type Canary = {
  readonly port: number
  readonly close: () => Promise<void>
}

const WORDS = 'account balance branch change contract cost customer delivery draft entry figure group hours item'.split(
  ' ',
)

export async function startCanary(kind: 'http' | 'tcp'): Promise<Canary> {
  const sockets = new Set<Socket>()
  const server: Server = kind === 'http' ? httpCanary() : tcpCanary()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}

function httpCanary(): Server {
  return createHttpServer((request, response) => {
    request.resume()
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://canary.invalid')
    if (pathname === '/feed') return tick(response)
    const wanted = Number(searchParams.get('bytes') ?? '2000')
    const bytes = Number.isSafeInteger(wanted) ? Math.min(Math.max(wanted, 1), caps.visitBytes.default) : 2000
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes })
    response.end(textOf(bytes))
  })
}

function tick(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' })
  const timer = setInterval(() => response.write('.'), caps.tickMs.default)
  response.write('.')
  response.on('close', () => clearInterval(timer))
}

function tcpCanary(): Server {
  return createTcpServer((socket) => {
    const timer = setInterval(() => socket.write('.'), caps.tickMs.default)
    socket.write('.')
    socket.resume()
    socket.on('close', () => clearInterval(timer))
  })
}

function textOf(bytes: number): string {
  let text = ''
  for (let at = 0; text.length < bytes; at++) text += `${WORDS[at % WORDS.length]} ${at}\n`
  return text.slice(0, bytes)
}
