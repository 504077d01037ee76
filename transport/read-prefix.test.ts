// Who is blamed when the first bytes of a connection never come whole.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { readPrefix, type PrefixOptions } from './read-prefix.ts'

async function halfALine(from: PrefixOptions['from'], end: (socket: Socket) => void): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write('{"status":')
    end(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    return await readPrefix(socket, (chunk) => (chunk.includes(10) ? chunk : undefined), {
      deadlineMs: 200,
      ...(from !== undefined && { from }),
    })
  } finally {
    server.close()
    socket.destroy()
  }
}

test('a server that dies or hangs before its first line is unreachable or late; nobody asked anything wrong', async () => {
  const ends = (socket: Socket) => socket.destroySoon()
  const resets = (socket: Socket) => socket.resetAndDestroy()
  const hangs = (socket: Socket) => void setTimeout(() => socket.destroy(), 1000).unref()
  await assert.rejects(halfALine('server', ends), { code: 'upstream-unreachable' })
  await assert.rejects(halfALine('server', resets), { code: 'upstream-unreachable' })
  await assert.rejects(halfALine('server', hangs), { code: 'upstream-timeout' })
  await assert.rejects(halfALine(undefined, ends), { code: 'request-malformed' })
  await assert.rejects(halfALine('client', hangs), { code: 'request-timeout' })
})
