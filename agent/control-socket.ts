// How the command line talks to the running agent: a unix socket of mode 0600, one JSON line each way. Must never listen
// on the network, nor answer anything from which a key could be told.
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { asFault, Fault } from '#core/fault.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { caps } from './caps.ts'

export const controlVerbs = ['status', 'apps', 'down', 'refresh'] as const
export type ControlVerb = (typeof controlVerbs)[number]

export function controlPath(stateFolder: string): string {
  return join(stateFolder, 'agent.sock')
}

export type ControlSocket = { readonly close: () => Promise<void> }

/** Throws `address-in-use` when another agent of this user runs. */
export async function startControlSocket(
  stateFolder: string,
  answer: (verb: ControlVerb) => Promise<object>,
): Promise<ControlSocket> {
  const path = controlPath(stateFolder)
  if (await isAlive(path)) throw new Fault('address-in-use', { hint: 'The agent is running already.' })
  // Left behind by an agent that was killed.
  await rm(path, { force: true })
  const clients = new Set<Socket>()
  const server = createServer((socket) => {
    clients.add(socket)
    socket.on('error', () => {}).on('close', () => clients.delete(socket))
    void serve(socket, answer)
  })
  server.maxConnections = caps.controlClients.default
  // The folder is 0700 already; the mask makes it so from the first moment too.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
    await once(server, 'listening')
  } finally {
    process.umask(mask)
  }
  await chmod(path, 0o600)
  return {
    async close() {
      server.close()
      for (const client of clients) client.end()
      await rm(path, { force: true })
    },
  }
}

/** Asks the running agent; `undefined` when none runs. */
export async function askAgent(stateFolder: string, verb: ControlVerb): Promise<unknown> {
  const socket = connect(controlPath(stateFolder))
  try {
    await once(socket, 'connect')
  } catch {
    return undefined
  }
  try {
    socket.write(`${JSON.stringify({ verb })}\n`)
    return JSON.parse(await line(socket, caps.answerBytes.default))
  } finally {
    socket.destroy()
  }
}

async function serve(socket: Socket, answer: (verb: ControlVerb) => Promise<object>): Promise<void> {
  try {
    const request: unknown = JSON.parse(await line(socket, caps.controlRequestBytes.default))
    const verb = typeof request === 'object' && request !== null && 'verb' in request ? request.verb : undefined
    const known = controlVerbs.find((name) => name === verb)
    if (known === undefined) throw new Fault('request-malformed')
    socket.end(`${JSON.stringify(await answer(known))}\n`)
  } catch (error) {
    if (!socket.destroyed) socket.end(`${JSON.stringify({ fault: asFault(error) })}\n`)
  }
}

function line(socket: Socket, maxBytes: number): Promise<string> {
  let held = ''
  return readPrefix(
    socket,
    (chunk) => {
      held += chunk.toString('utf8')
      if (held.length > maxBytes) throw new Fault('request-too-large')
      return held.includes('\n') ? held.slice(0, held.indexOf('\n')) : undefined
    },
    { deadlineMs: caps.requestMs.default },
  )
}

async function isAlive(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
