// The bench's private app, a program of its own: HTTP and WebSocket echo on one port, bytes on demand on another. Says
// its ports in one line. Listens on loopback only.
import { createServer as createHttp } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { WebSocketServer } from 'ws'

const MAX_ASKED_BYTES = 4 * 1024 ** 3
const block = Buffer.alloc(256 * 1024, 'sallyport ')

const page = Buffer.from('ok\n')
const http = createHttp((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': page.length }).end(page)
})
http.keepAliveTimeout = 120_000
const sockets = new WebSocketServer({ server: http, maxPayload: 4096 })
sockets.on('connection', (client) => {
  client.on('error', () => client.terminate())
  client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
})

const echo = createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
})

/** One line `<bytes>\n` asks for so many bytes; then the connection ends. */
const source = createServer((socket) => {
  socket.on('error', () => socket.destroy())
  socket.once('data', (line) => {
    let left = Math.min(Number.parseInt(line.toString('latin1'), 10) || 0, MAX_ASKED_BYTES)
    const more = () => {
      while (left > 0) {
        const part = left < block.length ? block.subarray(0, left) : block
        left -= part.length
        if (!socket.write(part)) return
      }
      socket.off('drain', more)
      socket.end()
    }
    socket.on('drain', more)
    more()
  })
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve))
  return (server.address() as AddressInfo).port
}

process.once('SIGTERM', () => process.exit(0))
process.stdout.write(
  `${JSON.stringify({ http: await listen(http), echo: await listen(echo), source: await listen(source) })}\n`,
)
