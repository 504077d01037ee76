// Ends TLS for the doors that are ours to end: agent, connector link, browser. Servers that never listen are handed
// sockets whose hello was read. Must never let a handshake finish for another name or tenant than the socket was routed by.
import type { Socket } from 'node:net'
import { createServer, type SecureContext, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { adopt } from '#transport/client-hello.ts'
import { browserDoorTls, certificateDoorTls } from '#transport/tls-defaults.ts'
import { asFault, Fault } from '#core/fault.ts'
import type { Incoming } from '#exchange/accept.ts'
import { caps } from '#exchange/caps.ts'
import type { DoorContexts } from '#exchange/certificates/door-contexts.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { chooseDoor, type Door } from './choose-door.ts'

type TlsDoorKind = 'proxy' | 'link' | 'browser' | 'web'

export type Secured = { readonly tenant: Tenant; readonly socket: TLSSocket; readonly incoming: Incoming }

export type TlsDoorsDeps = {
  readonly directory: TenantDirectory
  readonly contexts: DoorContexts
  readonly onSecured: Readonly<Record<TlsDoorKind, (secured: Secured) => void>>
  /** A handshake failed: a stranger, a wrong certificate, a scanner. */
  readonly onFailed: (fault: Fault, kind: TlsDoorKind, incoming: Incoming | undefined) => void
}

export type TlsDoors = { readonly enter: (kind: TlsDoorKind, incoming: Incoming) => void }

export function createTlsDoors(deps: TlsDoorsDeps): TlsDoors {
  // TLS sockets are announced by the server without the socket below; while it lives its two addresses are unique.
  const entered = new Map<string, Incoming>()
  const servers: Record<TlsDoorKind, Server> = {
    proxy: serverOf('proxy', { ...certificateDoorTls, ALPNCallback: agentProtocol }),
    link: serverOf('link', certificateDoorTls),
    browser: serverOf('browser', { ...browserDoorTls, ALPNProtocols: ['h2', 'http/1.1'] }),
    web: serverOf('web', { ...browserDoorTls, ALPNProtocols: ['http/1.1'] }),
  }

  return {
    enter(kind, incoming) {
      const name = nameOf(incoming.socket)
      if (name === '') return void incoming.socket.destroy()
      entered.set(name, incoming)
      incoming.socket.once('close', () => entered.delete(name))
      adopt(incoming.socket, incoming.bytes, servers[kind])
    },
  }

  function serverOf(kind: TlsDoorKind, options: TlsOptions): Server {
    const server = createServer({
      ...options,
      allowHalfOpen: kind !== 'browser',
      handshakeTimeout: caps.handshakeMs.default,
      SNICallback: (name, callback) => void answerName(kind, name, callback),
    })
    server.on('secureConnection', (socket) => onSecure(kind, socket))
    server.on('tlsClientError', (cause, socket) => {
      const incoming = entered.get(nameOf(socket))
      socket.destroy()
      deps.onFailed(new Fault('certificate-refused', { detail: { why: cause.message }, cause }), kind, incoming)
    })
    return server
  }

  async function answerName(
    kind: TlsDoorKind,
    name: string,
    callback: (error: Error | null, context?: SecureContext) => void,
  ): Promise<void> {
    let context: SecureContext
    try {
      context = await contextFor(kind, name)
    } catch (error) {
      return callback(asFault(error))
    }
    callback(null, context)
  }

  async function contextFor(kind: TlsDoorKind, name: string): Promise<SecureContext> {
    const door = chooseDoor(name.toLowerCase(), deps.directory)
    if (door.kind !== kind) throw new Fault('host-misdirected')
    const { tenant } = door as Extract<Door, { tenant: Tenant }>
    return kind === 'browser' || kind === 'web'
      ? deps.contexts.browserDoor(tenant, name.toLowerCase())
      : deps.contexts.certificateDoor(kind, tenant)
  }

  function onSecure(kind: TlsDoorKind, socket: TLSSocket): void {
    socket.on('error', () => {})
    const incoming = entered.get(nameOf(socket))
    const door = chooseDoor(incoming?.serverName ?? '', deps.directory)
    // The name that routed the socket and the name that TLS ended with must be one: two readers, one reading.
    const isSameName = typeof socket.servername === 'string' && socket.servername.toLowerCase() === incoming?.serverName
    if (incoming === undefined || door.kind !== kind || !isSameName || !('tenant' in door)) {
      socket.destroy()
      return deps.onFailed(new Fault('host-misdirected'), kind, incoming)
    }
    if (kind !== 'browser' && kind !== 'web' && !socket.authorized) {
      socket.destroy()
      return deps.onFailed(new Fault('certificate-refused'), kind, incoming)
    }
    socket.setNoDelay(true)
    deps.onSecured[kind]({ tenant: door.tenant, socket, incoming })
  }
}

/** HTTP/2 for clients of names that speak nothing else; whoever speaks both might want tunnels, which are HTTP/1.1. */
function agentProtocol({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return ['http/1.1', 'h2'].find((one) => protocols.includes(one))
}

function nameOf(socket: Socket): string {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localPort === undefined || remotePort === undefined) return ''
  return `${localAddress}|${localPort}|${remoteAddress}|${remotePort}`
}
