// The first test of this part: a self-signed stranger on a parked socket is refused.
// A connector dials out and then acts as TLS server on that outgoing socket; who answers there must prove itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect, createServer, TLSSocket } from 'node:tls'
import { createAuthority } from './certificate-authority.ts'
import { leaf, selfSigned, socketPair } from './testing.ts'
import { certificateDoorTls, internalTls } from './tls-defaults.ts'

async function setUp() {
  const authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
  const serverOptions = { ...certificateDoorTls, ...(await leaf(authority)), ca: [authority.certificatePem] }
  const { near: parked, far: stranger } = await socketPair()
  const open = { ...internalTls, ca: [authority.certificatePem], servername: 'door.test', socket: stranger }
  return { authority, serverOptions, parked, open }
}

test('a self-signed stranger on a parked socket is refused', async () => {
  const { serverOptions, parked, open } = await setUp()
  const neverListening = createServer(serverOptions)
  neverListening.on('secureConnection', () => assert.fail('a stranger was let in'))
  const refused = once(neverListening, 'tlsClientError')
  neverListening.emit('connection', parked)
  const client = connect({ ...open, ...selfSigned() })
  client.on('error', () => {})
  client.write('let me in')
  const [, socket] = (await refused) as [Error, TLSSocket]
  assert.equal(socket.authorizationError, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  assert.ok(socket.destroyed)
  if (!parked.destroyed) await once(parked, 'close')
})

test('a member of the tenant on a parked socket is heard', async () => {
  const { authority, serverOptions, parked, open } = await setUp()
  const neverListening = createServer(serverOptions)
  const opened = once(neverListening, 'secureConnection')
  neverListening.emit('connection', parked)
  const client = connect({ ...open, ...(await leaf(authority)) })
  client.write('let me in')
  const [socket] = (await opened) as [TLSSocket]
  const [data] = await once(socket, 'data')
  assert.equal(String(data), 'let me in')
  client.destroy()
  socket.destroy()
})

test('why not TLSSocket by itself: it delivers the words of a self-signed stranger', async () => {
  // Should Node ever change this, the test says so; the product does not rely on it either way.
  const { serverOptions, parked, open } = await setUp()
  const trusting = new TLSSocket(parked, { isServer: true, ...serverOptions })
  const client = connect({ ...open, ...selfSigned() })
  client.on('error', () => {})
  client.write('let me in')
  const [data] = await once(trusting, 'data')
  assert.equal(String(data), 'let me in')
  assert.equal(trusting.authorized, false)
  client.destroy()
  trusting.destroy()
})
