// A resolver on loopback that says what a test wants, over UDP and TCP. Must never be imported by product code.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { listen } from '#transport/testing.ts'
import { readQuery } from './message.ts'
import { wireOf } from './name.ts'

export type TestRecord = {
  readonly name: string
  readonly type: number
  readonly ttl?: number
  readonly data: Uint8Array
}
export type TestAnswer = {
  readonly rcode?: number
  readonly isCut?: boolean
  readonly records?: readonly TestRecord[]
}

export const address = (name: string, text: string, ttl = 60): TestRecord => ({
  name,
  type: 1,
  ttl,
  data: Uint8Array.from(text.split('.').map(Number)),
})
export const alias = (name: string, to: string): TestRecord => ({ name, type: 5, data: wireOf(to) })

/** `answerOf` is asked with the name, the type and how it came; `undefined`: silence. */
export async function startTestResolver(
  answerOf: (name: string, type: number, by: 'udp' | 'tcp') => TestAnswer | undefined,
) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const udp = createSocket('udp4')
  const tcp = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (chunk: Buffer) => {
      const message = answered(chunk.subarray(2), 'tcp')
      if (message === undefined) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      socket.end(Buffer.concat([length, message]))
    })
  })
  const port = await listen(tcp)
  udp.on('message', (message, from) => {
    const reply = answered(message, 'udp')
    if (reply !== undefined) udp.send(reply, from.port, from.address)
  })
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  return {
    port,
    asked,
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      udp.close()
      tcp.close()
    },
  }

  function answered(bytes: Uint8Array, by: 'udp' | 'tcp'): Uint8Array | undefined {
    const query = readQuery(bytes)
    asked.push(`${query.name} ${query.type}`)
    const answer = answerOf(query.name, query.type, by)
    if (answer === undefined) return undefined
    return writeTestAnswer(query.id, query.question, answer)
  }
}

export function writeTestAnswer(id: number, question: Uint8Array, answer: TestAnswer): Uint8Array {
  const { rcode = 0, isCut = false, records = [] } = answer
  const flags = 0x8180 | rcode | (isCut ? 0x200 : 0)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(id, 0)
  head.writeUInt16BE(flags, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  const parts = records.flatMap(({ name, type, ttl = 60, data }) => {
    const middle = Buffer.alloc(10)
    middle.writeUInt16BE(type, 0)
    middle.writeUInt16BE(1, 2)
    middle.writeUInt32BE(ttl, 4)
    middle.writeUInt16BE(data.length, 8)
    return [Buffer.from(wireOf(name)), middle, Buffer.from(data)]
  })
  return Buffer.concat([head, question, ...parts])
}
