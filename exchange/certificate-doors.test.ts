// Who may come in at the doors that ask for a certificate, and what a hello may look like.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { test } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { leaf, selfSigned } from '#transport/testing.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { closeOf, readAll, startWorld, type World } from './testing/world.ts'

const doors = ['acme.proxy.sallyport.test', 'acme.link.sallyport.test'] as const
const whoami = 'GET /v1/whoami HTTP/1.1\r\nHost: acme.proxy.sallyport.test\r\nConnection: close\r\n\r\n'

/** What a peer hears at a door: a door that refuses says nothing. */
async function heard(world: World, door: string, credentials: ConnectionOptions): Promise<string> {
  const socket = world.door(door, credentials)
  socket.write(whoami)
  return readAll(socket)
}

test('refuses strangers, other tenants, the expired, the wrong role and the unknown at each certificate door', async () => {
  await using world = await startWorld()
  const { acme, globex, alice } = world
  const bob = await world.makeDevice(globex, alice.id)
  globex.put(bob.record)
  world.control.sendSnapshot(globex)
  const expired = await world.makeDevice(acme, alice.id, -1000)
  const unknown = await world.makeDevice(acme, alice.id)
  const exchangeLike = await leaf(world.control.exchangeCa, {
    sanUris: [identityUri({ owner: 'provider', role: 'exchange', id: world.exchange.exchangeId as never })],
  })
  // A certificate of the right authority and name, but for a key that the record does not have.
  const otherKey = await leaf(acme.identityCa, {
    sanUris: [identityUri({ owner: acme.id, role: 'device', id: world.device.record.id })],
  })
  for (const door of doors) {
    const tried: readonly (readonly [string, ConnectionOptions])[] = [
      ['no certificate', {}],
      ['self-signed', selfSigned()],
      ['another tenant', bob.credentials],
      ['expired', expired.credentials],
      ['unknown', unknown.credentials],
      ['exchange', exchangeLike],
      ['other key', otherKey],
    ]
    for (const [who, credentials] of tried) assert.equal(await heard(world, door, credentials), '', `${who} at ${door}`)
  }
  assert.equal(await heard(world, doors[1], world.device.credentials), '', 'a device at the link door')
  const { privateKeyPem, enrolment } = world.connector
  const asConnector = { key: privateKeyPem, cert: enrolment.certificatePem }
  assert.equal(await heard(world, doors[0], asConnector), '', 'a connector at the agent door')
  assert.match(await heard(world, doors[0], world.device.credentials), /^HTTP\/1\.1 200 /)
})

test('a device that is revoked loses its open connections and gets no new ones', async () => {
  await using world = await startWorld()
  const socket = world.door(doors[0])
  await once(socket, 'secureConnect')
  socket.write(whoami.replace('close', 'keep-alive'))
  await once(socket, 'data')
  const closed = closeOf(socket)
  await world.control.change(world.acme, { op: 'put', record: { ...world.device.record, status: 'revoked' } })
  await closed
  assert.equal(await heard(world, doors[0], world.device.credentials), '')
})

test('resumes no session at certificate doors', async () => {
  await using world = await startWorld()
  const first = world.door(doors[0])
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  first.on('session', resolve)
  first.write(whoami)
  await readAll(first)
  const session = await promise
  const again = world.door(doors[0], { ...world.device.credentials, session })
  await once(again, 'secureConnect')
  assert.equal(again.isSessionReused(), false)
  assert.equal(await heard(world, doors[0], { session }), '', 'a ticket in place of a certificate')
})

test('a session resumed from another tenant still names only its own host', async () => {
  await using world = await startWorld()
  const socket = world.door(world.wikiHost, {})
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  socket.on('session', resolve)
  socket.write(`GET / HTTP/1.1\r\nHost: ${world.wikiHost}\r\nConnection: close\r\n\r\n`)
  await readAll(socket)
  const session = await promise
  assert.equal(await heard(world, doors[0], { session }), '')
})

test('an unknown name gets the alert for it, whoever it may belong to', async () => {
  await using world = await startWorld()
  const names = [
    'nobody.proxy.sallyport.test',
    'a.b.c.sallyport.test',
    'sallyport.test',
    'wiki.globex.apps.test',
    'x.test',
  ]
  for (const name of names) {
    const [error] = (await once(world.door(name, {}), 'error')) as [Error]
    assert.match(error.message, /unrecognized/, name)
  }
})

test('reads a hello that comes byte by byte, and refuses one that is none', async () => {
  await using world = await startWorld()
  const { connect } = await import('node:tls')
  const { Duplex } = await import('node:stream')
  const tcp = world.tcp()
  const drip = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) tcp.write(Buffer.from([byte]))
      done()
    },
  })
  tcp.on('data', (chunk: Buffer) => drip.push(chunk))
  tcp.setNoDelay(true)
  const socket = connect({
    socket: drip,
    servername: doors[0],
    ca: world.control.exchangeCa.certificatePem,
    ...world.device.credentials,
  })
  await once(socket, 'secureConnect')
  socket.destroy()
  for (const bytes of [
    [22, 3, 1, 0, 0],
    [22, 3, 1, 0xff, 0xff],
    [22, 3, 1, 0, 4, 2, 0, 0, 0],
    [0x16, 9],
  ]) {
    const raw = world.tcp()
    raw.write(Buffer.from(bytes))
    assert.equal((await readAll(raw)).replace(/^\x15\x03.*/s, ''), '')
  }
})

test('whoami names apps and whether policy allows them, and nothing behind the connector', async () => {
  await using world = await startWorld()
  const { status, body } = await world.ask('/v1/whoami')
  assert.equal(status, 200)
  const answer = JSON.parse(body)
  assert.equal(answer.user, 'alice')
  assert.deepEqual(
    answer.apps.map(({ name, allowed }: { name: string; allowed: boolean }) => [name, allowed]),
    [
      ['ssh', true],
      ['wiki', true],
    ],
  )
  assert.ok(!body.includes(String(world.ssh.upstream.port)))
})

test('a device signs out of its own session, and of no other', async () => {
  await using world = await startWorld()
  const named = await world.ask('/v1/sign-out', { sessionId: world.browserSession.id })
  assert.equal(named.status, 200)
  assert.deepEqual(JSON.parse(named.body), { ended: true })
  assert.deepEqual(world.control.ended, [world.agentSession.id])
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.agentSession.id })
  assert.equal((await world.ask('/v1/sign-out', {})).status, 401)
  assert.equal(world.control.ended.length, 1)
})

test('without a live session the agent is told to sign in', async () => {
  await using world = await startWorld()
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.agentSession.id })
  for (const [path, question] of [['/v1/whoami'], ['/v1/flows', { host: 'ssh.acme.internal', port: 22 }]] as const) {
    const { status, headers } = await world.ask(path, question)
    assert.equal(status, 401)
    assert.equal(headers['sallyport-reason'], 'session-ended')
  }
})

test('a connector gets no offer for an app of another group', async () => {
  await using world = await startWorld()
  await using _ = await world.link({ Identity, startConnector })
  await world.control.change(world.acme, {
    op: 'put',
    record: { ...world.ssh, connectorGroupId: 'cgr_other' },
  })
  const { body } = await world.ask('/v1/flows', { host: 'ssh.acme.internal', port: 22 })
  assert.equal(JSON.parse(body).denial.reason, 'no-connector')
})

test('large bodies to the agent api are refused', async () => {
  await using world = await startWorld()
  const call = request({
    host: '127.0.0.1',
    port: world.port,
    servername: doors[0],
    ca: world.control.exchangeCa.certificatePem,
    ...world.device.credentials,
    agent: false,
    path: '/v1/flows',
    method: 'POST',
  })
  call.on('error', () => {})
  call.end(JSON.stringify({ host: 'a'.repeat(100_000), port: 1 }))
  const [response] = await once(call, 'response')
  assert.equal(response.statusCode, 413)
  response.destroy()
})
