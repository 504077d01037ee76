// Joins standard input and output to host:port through a SOCKS5 proxy on loopback, as ssh's ProxyCommand.
//   node socks-connect.ts SOCKS_PORT HOST PORT [--until TEXT]
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const DIAL_DEADLINE_MS = 30_000

/** RFC 1928 CONNECT with a domain name and no authentication. */
export async function socksConnect(proxyPort: number, host: string, port: number): Promise<Socket> {
  const socket = connect(proxyPort, '127.0.0.1')
  socket.setTimeout(DIAL_DEADLINE_MS, () => socket.destroy(new Error('the proxy did not answer in time')))
  await once(socket, 'connect')
  const read = async (count: number): Promise<Buffer> => {
    for (;;) {
      const bytes = socket.read(count) as Buffer | null
      if (bytes !== null) return bytes
      if (socket.readableEnded || socket.destroyed) throw new Error('the proxy closed the connection')
      await Promise.race([once(socket, 'readable'), once(socket, 'end')])
    }
  }
  socket.write(Buffer.from([5, 1, 0]))
  const greeting = await read(2)
  if (greeting[1] !== 0) throw new Error('the proxy wants authentication')
  const name = Buffer.from(host, 'latin1')
  socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([port >> 8, port & 255])]))
  const reply = await read(4)
  if (reply[1] !== 0) throw new Error(`refused with SOCKS code ${reply[1] ?? '?'}`)
  const addressBytes = reply[3] === 1 ? 4 : reply[3] === 4 ? 16 : ((await read(1))[0] ?? 0)
  await read(addressBytes + 2)
  socket.setTimeout(0)
  return socket
}

if (import.meta.main) {
  const [proxyPort = '', host = '', port = '', option, text] = process.argv.slice(2)
  try {
    const socket = await socksConnect(Number(proxyPort), host, Number(port))
    let seen = ''
    socket.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      if (option !== '--until') return
      seen = (seen + chunk.toString('latin1')).slice(-4096)
      if (text !== undefined && seen.includes(text)) process.exit(0)
    })
    process.stdin.pipe(socket)
    // What is still on its way to a slow reader must get there before the end.
    socket.on('end', () => process.stdout.write('', () => process.exit(0)))
    socket.on('error', () => process.exit(1))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : ''}\n`)
    process.exit(1)
  }
}
