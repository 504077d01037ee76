// A WebSocket client: says `open`, then each message, and ends when the other side does.
//   node web-socket.ts SOCKS_PORT URL
import { WebSocket } from 'ws'
import { socksConnect } from './socks-connect.ts'

if (import.meta.main) {
  const [socksPort = '', text = ''] = process.argv.slice(2)
  const url = new URL(text)
  const through = await socksConnect(Number(socksPort), url.hostname, Number(url.port || 80))
  const socket = new WebSocket(url, { createConnection: () => through })
  socket.on('open', () => process.stdout.write('open\n'))
  socket.on('message', (data) => process.stdout.write(`${String(data)}\n`))
  socket.on('error', () => process.exit(1))
  socket.on('close', () => process.exit(0))
}
