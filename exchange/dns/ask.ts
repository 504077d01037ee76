// Questions to the resolvers behind this exchange, over UDP and, where an answer is cut, TCP. Must never take somebody
// else's packet for the answer: each question has a port, an id and a connected socket of its own.
import { createSocket } from 'node:dgram'
import { getServers } from 'node:dns'
import { once } from 'node:events'
import { connect, isIP } from 'node:net'
import { randomInt } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { readAnswer, writeQuery, type Answer } from './message.ts'

/** Throws Fault `upstream-unreachable` when no resolver gave an answer that could be read. */
export type AskResolver = (name: string, type: number) => Promise<Answer>

type Server = { readonly host: string; readonly port: number }

/** Servers as `node:dns` writes them; default: those of this machine, read anew for each question. */
export function createAskResolver(servers?: readonly string[]): AskResolver {
  return async (name, type) => {
    const all = (servers ?? getServers()).flatMap(serverOf).slice(0, caps.resolvers.default)
    const deadline = AbortSignal.timeout(caps.resolverMs.default)
    let cause: unknown
    for (const server of [...all, ...all]) {
      if (deadline.aborted) break
      try {
        return await askOne(server, name, type, deadline)
      } catch (error) {
        cause = error
      }
    }
    throw new Fault('upstream-unreachable', { detail: { why: 'no resolver answered' }, cause })
  }
}

async function askOne(server: Server, name: string, type: number, deadline: AbortSignal): Promise<Answer> {
  const signal = AbortSignal.any([deadline, AbortSignal.timeout(caps.resolverTryMs.default)])
  const id = randomInt(0x1_0000)
  const query = writeQuery(id, name, type)
  const answer = await byUdp(server, query, { name, type }, signal)
  const whole = answer.isCut ? await byTcp(server, query, { name, type }, signal) : answer
  if (whole.isCut) throw new Fault('upstream-malformed', { detail: { why: 'cut over TCP' } })
  // A resolver in trouble is no word on the name; the next one may know.
  if (whole.rcode !== 0 && whole.rcode !== 3)
    throw new Fault('upstream-unreachable', { detail: { rcode: whole.rcode } })
  return whole
}

type Asked = { readonly name: string; readonly type: number }

async function byUdp({ host, port }: Server, query: Uint8Array, asked: Asked, signal: AbortSignal): Promise<Answer> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect', { signal })
    const heard = Promise.withResolvers<Answer>()
    socket.on('message', (message) => {
      if (message.length < 2 || message.readUInt16BE(0) !== (query[0] ?? 0) * 256 + (query[1] ?? 0)) return
      try {
        heard.resolve(readAnswer(message, asked, caps.records.default))
      } catch (error) {
        heard.reject(error)
      }
    })
    socket.once('error', heard.reject)
    signal.addEventListener('abort', () => heard.reject(signal.reason), { once: true })
    socket.send(query)
    return await heard.promise
  } finally {
    socket.on('error', () => {})
    socket.close()
  }
}

async function byTcp({ host, port }: Server, query: Uint8Array, asked: Asked, signal: AbortSignal): Promise<Answer> {
  const socket = connect({ host, port, signal })
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal })
    socket.write(Buffer.concat([Buffer.from([query.length >>> 8, query.length & 255]), query]))
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes < 2) continue
      const held = Buffer.concat(chunks)
      const length = held.readUInt16BE(0)
      if (held.length < length + 2) continue
      const message = held.subarray(2, length + 2)
      if (message.length < 2 || message.readUInt16BE(0) !== (query[0] ?? 0) * 256 + (query[1] ?? 0)) break
      return readAnswer(message, asked, caps.records.default)
    }
    throw new Fault('upstream-malformed', { detail: { why: 'half an answer' } })
  } finally {
    socket.destroy()
  }
}

/** `10.0.0.53`, `10.0.0.53:5353`, `fd00::53` or `[fd00::53]:5353`. */
function serverOf(text: string): readonly Server[] {
  if (isIP(text) !== 0) return [{ host: text, port: 53 }]
  const [, six, four, port] = /^(?:\[([0-9a-fA-F:.%]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text) ?? []
  const host = six ?? four ?? ''
  return isIP(host) === 0 ? [] : [{ host, port: Number(port) }]
}
