// Step 1 of 6, accept: one TCP port, the first bytes, and by them a door. Must never answer a byte before a door is
// chosen, hold a stranger without a deadline, or believe a PROXY header from anyone but a listed balancer.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { addressList, plainAddress } from '#transport/address-list.ts'
import { readClientHello, type FirstBytes } from '#transport/client-hello.ts'
import { readProxyHeader } from '#transport/proxy-protocol.ts'
import { refuseTls } from '#transport/tls-alert.ts'
import { asFault, Fault } from '#core/fault.ts'
import type { Endpoint } from '#exchange/config.ts'
import { chooseDoor, type Door } from '#exchange/doors/choose-door.ts'
import { createSourceLimits, type SourceLimits } from '#exchange/flows/source-limits.ts'
import { createUndecided } from '#exchange/flows/undecided.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'

/** A connection whose first bytes have been read; they are to be handed on. */
export type Incoming = {
  readonly socket: Socket
  readonly bytes: Buffer
  readonly clientIp: string
  readonly clientPort: number
  readonly localIp: string
  readonly localPort: number
  readonly serverName: string
}

export type Doors = {
  readonly park: (incoming: Incoming) => void
  readonly flow: (label: string, incoming: Incoming) => void
  readonly certificate: (door: Extract<Door, { kind: 'proxy' | 'link' }>, incoming: Incoming) => void
  readonly browser: (incoming: Incoming) => void
  readonly web: (incoming: Incoming) => void
  readonly control: (incoming: Incoming) => void
}

export type AcceptConfig = { readonly listen: Endpoint; readonly balancers: readonly string[] }

export type AcceptDeps = {
  readonly directory: TenantDirectory
  readonly doors: Doors
  readonly onRefused: (fault: Fault, clientIp: string) => void
  readonly limits?: SourceLimits
}

export type Accept = {
  readonly port: number
  readonly connections: number
  /** Takes no new connections; those that are here stay. */
  readonly stop: () => Promise<void>
  readonly destroy: () => void
}

export async function startAccept(config: AcceptConfig, deps: AcceptDeps): Promise<Accept> {
  const balancers = addressList(config.balancers)
  const limits = deps.limits ?? createSourceLimits()
  const sockets = new Set<Socket>()
  const stop = new AbortController()
  const undecided = createUndecided()
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // Whoever takes the socket over adds its own; none of ours may end the process.
    socket.on('error', () => {})
    undecided.add(socket)
    receive(socket)
      .catch((error: unknown) => {
        deps.onRefused(asFault(error), plainAddress(socket.remoteAddress ?? ''))
        socket.destroy()
      })
      .finally(() => undecided.remove(socket))
  })
  server.listen({ ...config.listen, exclusive: true })
  await once(server, 'listening').catch((cause: unknown) => {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    throw new Fault(isTaken ? 'address-in-use' : 'internal', { cause })
  })
  return {
    port: portOf(server),
    get connections() {
      return sockets.size
    },
    async stop() {
      if (stop.signal.aborted) return
      stop.abort()
      server.close()
    },
    destroy() {
      stop.abort()
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }

  async function receive(socket: Socket): Promise<void> {
    let clientIp = plainAddress(socket.remoteAddress ?? '')
    let clientPort = socket.remotePort ?? 0
    const [localIp, localPort] = [plainAddress(socket.localAddress ?? ''), socket.localPort ?? 0]
    const { signal } = stop
    if (balancers.includes(clientIp)) {
      const { header, rest } = await readProxyHeader(socket, { signal })
      if (rest.length > 0) socket.unshift(rest)
      if (header.kind === 'proxied') {
        clientIp = header.sourceAddress
        clientPort = header.sourcePort
      }
    }
    if (socket.destroyed) throw new Fault('request-malformed')
    undecided.from(socket, clientIp)
    if (!limits.admit(clientIp)) throw new Fault('at-capacity')
    socket.once('close', () => limits.release(clientIp))
    const first = await readClientHello(socket, { signal })
    const serverName = first.kind === 'tls' ? (first.serverName ?? '') : ''
    route({ socket, bytes: first.bytes, clientIp, clientPort, localIp, localPort, serverName }, first)
  }

  function route(incoming: Incoming, first: FirstBytes): void {
    const { doors } = deps
    if (first.kind === 'plain') return doors.park(incoming)
    const door = chooseDoor(incoming.serverName, deps.directory)
    switch (door.kind) {
      case 'flow':
        return doors.flow(door.label, incoming)
      case 'proxy':
      case 'link':
        return doors.certificate(door, incoming)
      case 'control':
        return doors.control(incoming)
      case 'browser':
        return doors.browser(incoming)
      case 'web':
        return doors.web(incoming)
      case 'none':
        return refuseTls(incoming.socket, 'unrecognizedName')
    }
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
