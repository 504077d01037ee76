// The local DNS: answers app names from the pool, hands every other question on as it is. Must never ask itself, answer
// for a name that is no app's, wait for a resolver without end, or ask another one where the tenant wants its exchange asked.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import {
  decode,
  encode,
  RECURSION_AVAILABLE,
  AUTHORITATIVE_ANSWER,
  TRUNCATED_RESPONSE,
  type DecodedPacket,
} from 'dns-packet'
import { asFault, Fault } from '#core/fault.ts'
import { caps } from '#agent/caps.ts'
import type { NamedAddress } from './address-pool.ts'

export type DnsDeps = {
  /** The address of an app's name, ready to be connected to; `undefined`: not an app's name. */
  readonly resolve: (host: string) => Promise<NamedAddress | undefined>
  /** Resolvers of before, best first; never this server. */
  readonly upstreams: readonly { readonly host: string; readonly port: number }[]
  readonly exchange?: () => ExchangeNames | undefined
  readonly log?: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

/** An exchange that names are asked of. */
export type ExchangeNames = {
  /** `prefer`: the resolvers of before when it does not answer; `require`: nobody else. */
  readonly mode: 'prefer' | 'require'
  /** Names that go to the resolvers of before, with what is below them. */
  readonly direct: readonly string[]
  readonly ask: (query: Buffer, signal: AbortSignal) => Promise<Buffer>
}

export type DnsServer = { readonly close: () => void }

export async function startDnsServer(host: string, port: number, deps: DnsDeps): Promise<DnsServer> {
  const udp = createSocket({ type: 'udp4' })
  const clients = new Set<Socket>()
  const tcp: Server = createServer((socket) => {
    clients.add(socket)
    socket.on('error', () => {}).on('close', () => clients.delete(socket))
    serveTcp(socket, deps)
  })
  tcp.maxConnections = caps.dnsTcpClients.default
  let underWay = 0
  udp.on('message', (message: Buffer, from: RemoteInfo) => {
    if (underWay >= caps.dnsQueries.default) return
    underWay++
    void answer(message, deps, askUdp)
      .then((reply) => {
        if (reply !== undefined) udp.send(reply, from.port, from.address)
      })
      .catch(() => {})
      .finally(() => underWay--)
  })
  udp.on('error', () => {})
  try {
    await bound(udp, host, port)
    await once(tcp.listen({ host, port }), 'listening')
  } catch (error) {
    udp.close()
    tcp.close()
    throw error
  }
  return {
    close() {
      udp.close()
      tcp.close()
      for (const client of clients) client.destroy()
    },
  }
}

async function bound(udp: UdpSocket, address: string, port: number): Promise<void> {
  udp.bind({ address, port, exclusive: true })
  await once(udp, 'listening')
}

type Ask = (query: Buffer, upstream: { readonly host: string; readonly port: number }) => Promise<Buffer>

async function answer(message: Buffer, deps: DnsDeps, ask: Ask): Promise<Buffer | undefined> {
  const { resolve, upstreams } = deps
  const query = parse(message)
  // Not a plain question: nobody is owed an answer, and answering could be made to echo.
  if (query === undefined) return undefined
  const [question] = query.questions ?? []
  if (question === undefined || query.questions?.length !== 1) return failure(query, 1)
  const name = question.name.toLowerCase().replace(/\.$/, '')
  const named = question.class === 'IN' ? await resolve(name) : undefined
  if (named !== undefined) return appAnswer(query, named)
  const exchange = deps.exchange?.()
  if (exchange !== undefined && !isLocal(name, exchange.direct)) {
    try {
      const reply = await askExchange(message, exchange)
      return ask === askUdp && reply.length > udpBytes(query) ? cut(query) : reply
    } catch (error) {
      deps.log?.('names: no exchange answered', { mode: exchange.mode, code: asFault(error).code })
      if (exchange.mode === 'require') return failure(query, 2)
    }
  }
  for (const upstream of upstreams) {
    try {
      return await ask(message, upstream)
    } catch {
      // The next one; resolvers come and go with networks.
    }
  }
  return failure(query, 2)
}

/** Names of this network and of what has to be found before an exchange can be asked. */
function isLocal(name: string, direct: readonly string[]): boolean {
  if (!name.includes('.') || /\.(local|localhost|internal|home\.arpa|in-addr\.arpa|ip6\.arpa)$/.test(name)) return true
  return direct.some((own) => name === own || name.endsWith(`.${own}`))
}

async function askExchange(message: Buffer, exchange: ExchangeNames): Promise<Buffer> {
  // The same question has the same address for everybody (RFC 8484, 4.1); ours is put back into the answer.
  const query = Buffer.from(message)
  query.writeUInt16BE(0, 0)
  const reply = await exchange.ask(query, AbortSignal.timeout(caps.dnsMs.default))
  const isAnswer = reply.length >= 12 && reply.readUInt16BE(0) === 0 && (reply.readUInt16BE(2) & 0x8000) !== 0
  if (!isAnswer) throw new Fault('wire-malformed')
  message.copy(reply, 0, 0, 2)
  return reply
}

function udpBytes({ additionals = [] }: DecodedPacket): number {
  const sizes = additionals.map((record) => (record.type === 'OPT' ? record.udpPayloadSize : 0))
  return Math.max(
    512,
    Math.min(
      caps.dnsMessageBytes.default,
      ...sizes.filter((size) => size > 0).slice(0, 1),
      ...(sizes.length === 0 ? [512] : []),
    ),
  )
}

/** "Ask again by TCP." */
function cut(query: DecodedPacket): Buffer {
  const flags = RECURSION_AVAILABLE | TRUNCATED_RESPONSE | ((query.flags ?? 0) & 0x100)
  return encode({ type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [] })
}

function parse(message: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(message)
    return packet.type === 'query' ? packet : undefined
  } catch {
    return undefined
  }
}

/** An app's name exists with addresses only: other types are empty, not missing. */
function appAnswer(query: DecodedPacket, named: NamedAddress): Buffer {
  const [question] = query.questions ?? []
  const ttl = caps.dnsTtlSeconds.default
  const name = question?.name ?? ''
  const answers =
    question?.type === 'A'
      ? [{ type: 'A' as const, name, ttl, data: named.ipv4 }]
      : question?.type === 'AAAA'
        ? [{ type: 'AAAA' as const, name, ttl, data: named.ipv6 }]
        : []
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | ((query.flags ?? 0) & 0x100),
    questions: query.questions ?? [],
    answers,
  })
}

function failure(query: DecodedPacket, code: 1 | 2): Buffer {
  const flags = RECURSION_AVAILABLE | ((query.flags ?? 0) & 0x100) | code
  return encode({ type: 'response', id: query.id ?? 0, flags, questions: query.questions ?? [] })
}

/** From a port and with an id of its own, connected, so that nobody else's packet is taken for the answer. */
const askUdp: Ask = async (query, { host, port }) => {
  const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const signal = AbortSignal.timeout(caps.dnsMs.default / 2)
  try {
    udp.connect(port, host)
    await once(udp, 'connect', { signal })
    udp.send(query)
    for (;;) {
      const [reply] = (await once(udp, 'message', { signal })) as [Buffer]
      if (reply.length >= 12 && reply.readUInt16BE(0) === query.readUInt16BE(0)) return reply
    }
  } finally {
    udp.close()
  }
}

const askTcp: Ask = async (query, { host, port }) => {
  const socket = connect({ host, port })
  const signal = AbortSignal.timeout(caps.dnsMs.default / 2)
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal })
    socket.write(framed(query))
    let held = Buffer.alloc(0)
    for (;;) {
      const [chunk] = (await once(socket, 'data', { signal })) as [Buffer]
      held = Buffer.concat([held, chunk])
      if (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) return held.subarray(2, 2 + held.readUInt16BE(0))
    }
  } finally {
    socket.destroy()
  }
}

function serveTcp(socket: Socket, deps: DnsDeps): void {
  let held = Buffer.alloc(0)
  let isBusy = false
  socket.setTimeout(caps.dnsMs.default * 2, () => socket.destroy())
  const next = () => {
    if (isBusy || held.length < 2) return
    const length = held.readUInt16BE(0)
    if (length > caps.dnsMessageBytes.default) return void socket.destroy()
    if (held.length < 2 + length) return
    const query = held.subarray(2, 2 + length)
    held = held.subarray(2 + length)
    isBusy = true
    void answerOne(query)
  }
  const answerOne = async (query: Buffer) => {
    const reply = await answer(query, deps, askTcp).catch(() => undefined)
    isBusy = false
    if (reply === undefined) return void socket.destroy()
    socket.write(framed(reply))
    socket.resume()
    next()
  }
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    // One question at a time: whoever sends on meanwhile waits in the kernel's buffer.
    if (isBusy) socket.pause()
    next()
  })
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
