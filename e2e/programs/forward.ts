// Joins a Unix socket to a TCP address, so that a test outside a network namespace can act as a person inside it:
// Unix sockets know no namespaces, everything after them happens on the namespace's own network.
//   node forward.ts SOCKET_FILE HOST PORT
import { chmodSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Pipes both ways; the end of either side is the end of both. */
export function joinSockets(left: Socket, right: Socket): void {
  left.pipe(right).pipe(left)
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}

/** Every connection to the server goes on to what `dial` opens. */
export function forwarding(dial: () => Socket): Server {
  return createServer((socket) => joinSockets(socket, dial()))
}

if (import.meta.main) {
  const [file = '', host = '', port = ''] = process.argv.slice(2)
  process.once('SIGTERM', () => process.exit(0))
  forwarding(() => connect(Number(port), host)).listen(file, () => {
    chmodSync(file, 0o600)
    process.stdout.write('forwarding\n')
  })
}
