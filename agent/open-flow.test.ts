// What a person is told when the connection to a connector is not made.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { faultOfHandshake } from './open-flow.ts'

async function handshakeWith(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [error] = (await once(socket, 'error').catch((cause: unknown) => [cause])) as [Error]
  server.close()
  return faultOfHandshake(error).code
}

test('a connector that dies in the handshake is unreachable; one that speaks no TLS is refused', async () => {
  assert.equal(await handshakeWith((socket) => socket.resetAndDestroy()), 'upstream-unreachable')
  assert.equal(await handshakeWith((socket) => void socket.end()), 'upstream-unreachable')
  assert.equal(await handshakeWith((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n')), 'certificate-refused')
})
