// Listens on this machine for its own user's programs. Must never serve a connection of another account, nor one from
// another machine.
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import { hardClose } from '#transport/hard-close.ts'
import { caps } from './caps.ts'
import { linuxOwnerOf, pairOf, type OwnerOf } from './socket-owner.ts'

export type Admission = {
  /** Accounts whose programs are served. */
  readonly uids: ReadonlySet<number>
  /** Undefined where the system does not tell: then doors ask for the secret instead. */
  readonly ownerOf: OwnerOf | undefined
  /** What a program must say where the owner cannot be told; `undefined`: such doors do not open. */
  readonly secret: string | undefined
}

export function systemAdmission(secret?: string, extraUids: readonly number[] = []): Admission {
  const own = process.getuid?.()
  return {
    uids: new Set([...(own === undefined ? [] : [own]), ...extraUids]),
    ownerOf: process.platform === 'linux' ? linuxOwnerOf : undefined,
    secret,
  }
}

export type LocalListener = {
  readonly host: string
  readonly port: number
  /** Takes no new connections. */
  readonly stop: () => void
  /** Cuts what is left too. */
  readonly close: () => void
}

export type ListenRequest = {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly admission: Admission
  /** True when the door itself checks the secret. */
  readonly asksForSecret: boolean
  readonly onConnection: (socket: Socket) => void
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export async function listenLocally(request: ListenRequest): Promise<LocalListener> {
  const { admission, asksForSecret, log, name } = request
  if (admission.ownerOf === undefined && (!asksForSecret || admission.secret === undefined)) {
    throw new Fault('configuration-invalid', {
      hint: `This system does not tell whose connection it is, so ${name} needs a door that asks for a secret.`,
    })
  }
  const sockets = new Set<Socket>()
  // Paused: not a byte is taken in before it is clear whose they are.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    admit(socket, request).then(
      (isOurs) => {
        if (socket.destroyed) return
        if (isOurs) return request.onConnection(socket)
        log('refused a connection of another account', { door: name, from: socket.remoteAddress })
        hardClose(socket)
      },
      (error: unknown) => {
        log('could not tell whose connection it is', { door: name, code: asFault(error).code })
        hardClose(socket)
      },
    )
  })
  server.maxConnections = caps.localConnections.default
  await listening(server, request)
  const address = server.address()
  return {
    host: request.host,
    port: typeof address === 'object' && address !== null ? address.port : request.port,
    stop: () => void server.close(),
    close() {
      server.close()
      for (const socket of sockets) hardClose(socket)
    },
  }
}

async function admit(socket: Socket, { admission }: ListenRequest): Promise<boolean> {
  if (admission.ownerOf === undefined) return true
  const pair = pairOf(socket)
  const uid = pair === undefined ? undefined : await admission.ownerOf(pair)
  return uid !== undefined && admission.uids.has(uid)
}

async function listening(server: Server, { host, port, name }: ListenRequest): Promise<void> {
  server.listen({ host, port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Fault('address-in-use', { hint: `${name} cannot listen on ${host} port ${port}.`, cause })
  }
}
