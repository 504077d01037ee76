// Which connector a flow takes, what happens when one does not want it, and what control hears about it all.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { createServer } from 'node:tls'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { startFrames } from '#transport/frames.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { leaf, selfSigned, type Credentials } from '#transport/testing.ts'
import { startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

/** A connector of the same group that parks sockets and refuses every flow. */
async function unwilling(world: World) {
  const other = await world.makeConnector(world.acme, world.group.id)
  await world.control.change(world.acme, { op: 'put', record: other.record })
  const stream = world.door('acme.link.sallyport.test', {
    key: other.privateKeyPem,
    cert: other.enrolment.certificatePem,
  })
  const offers: string[] = []
  const parked = world.exchange.metrics().parked
  const frames = startFrames(stream, {
    onMessage(message) {
      const said = message as { type: string; tokens?: string[]; grant?: string }
      for (const token of said.tokens ?? []) world.tcp().write(`SALLYPORT-PARK/1 ${token}\n`)
      if (said.type !== 'offer' || said.grant === undefined) return
      const { flowId } = JSON.parse(Buffer.from(said.grant.split('.')[2] ?? '', 'base64url').toString())
      offers.push(flowId)
      frames.send({ type: 'flow-refused', flowId, code: 'at-capacity', message: 'no' })
    },
  })
  frames.send({ type: 'hello', versions: [1], software: 'test' })
  while (world.exchange.metrics().parked < parked + 8) await new Promise((resolve) => setTimeout(resolve, 5))
  return { offers }
}

const open = async (world: World) =>
  JSON.parse((await world.ask('/v1/flows', { host: 'ssh.acme.internal', port: 22 })).body)

test('takes the next connector when one refuses, the least loaded first', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const { offers } = await unwilling(world)
  assert.equal((await open(world)).kind, 'sealed')
  assert.equal(offers.length, 0)
  assert.equal((await open(world)).kind, 'sealed')
  assert.equal(offers.length, 1)
})

test('says no-connector when all refuse', async () => {
  await using world = await startWorld()
  const { offers } = await unwilling(world)
  assert.equal((await open(world)).denial.reason, 'no-connector')
  assert.equal(offers.length, 1)
})

test('hands no request to whoever answers on a parked socket but the connector itself', async () => {
  await using world = await startWorld()
  const { privateKeyPem, enrolment, record } = world.connector
  const globexConnector = await world.makeConnector(world.globex, world.group.id)
  const sibling = await world.makeConnector(world.acme, world.group.id)
  const uri = identityUri({ owner: world.acme.id, role: 'connector', id: record.id })
  const impostors: readonly Credentials[] = [
    selfSigned(),
    { key: globexConnector.privateKeyPem, cert: globexConnector.enrolment.certificatePem },
    { key: sibling.privateKeyPem, cert: sibling.enrolment.certificatePem },
    // The right name and authority, another key; and the same, expired.
    await leaf(world.acme.identityCa, { sanUris: [uri] }),
    await leaf(world.acme.identityCa, {
      sanUris: [uri],
      notBefore: new Date(Date.now() - 7_200_000),
      notAfter: new Date(Date.now() - 3_600_000),
    }),
    world.device.credentials,
  ]
  const parked = new Map<string, Socket>()
  let heard = ''
  let impostor = impostors[0]
  const stream = world.door('acme.link.sallyport.test', { key: privateKeyPem, cert: enrolment.certificatePem })
  const frames = startFrames(stream, {
    onMessage(message) {
      const said = message as { type: string; tokens?: string[]; grant?: string; parkToken?: string }
      for (const token of said.tokens ?? []) {
        const socket = world.tcp()
        socket.write(`SALLYPORT-PARK/1 ${token}\n`)
        parked.set(token, socket)
      }
      const socket = parked.get(said.parkToken ?? '')
      if (said.grant === undefined || socket === undefined) return
      const { flowId } = JSON.parse(Buffer.from(said.grant.split('.')[2] ?? '', 'base64url').toString())
      const server = createServer({ ...impostor, minVersion: 'TLSv1.3' }, (secured) => {
        secured.on('error', () => {})
        secured.write('{"status":"open"}\n')
        secured.on('data', (chunk: Buffer) => (heard += String(chunk)))
      })
      server.emit('connection', socket)
      frames.send({ type: 'flow-accepted', flowId })
    },
  })
  frames.send({ type: 'hello', versions: [1], software: 'test' })
  while (world.exchange.metrics().parked < 8) await new Promise((resolve) => setTimeout(resolve, 5))
  for (impostor of impostors) {
    const { status } = await world.browse('/secret', { headers: { cookie: world.cookie() } })
    assert.ok(status >= 500, String(status))
  }
  assert.equal(heard, '')
})

test('refuses a wire version that it does not speak, and messages before hello', async () => {
  await using world = await startWorld()
  const { privateKeyPem, enrolment } = world.connector
  for (const message of [
    { type: 'hello', versions: [99], software: 'test' },
    { type: 'draining' },
    { type: 'hello', versions: [1], software: 'test', extra: true },
  ]) {
    const stream = world.door('acme.link.sallyport.test', { key: privateKeyPem, cert: enrolment.certificatePem })
    const { promise, resolve } = Promise.withResolvers<void>()
    const frames = startFrames(stream, { onMessage: () => assert.fail('welcomed'), onClose: () => resolve() })
    frames.send(message)
    await promise
  }
  assert.equal(world.exchange.metrics().links, 0)
})

test('tells control its live flows, of that tenant only', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  await open(world)
  const list = (tenantId: string) => world.control.listFlows(tenantId)
  const { flows, total } = await list(world.acme.id)
  assert.equal(total, 1)
  assert.equal(flows[0]?.userName, 'alice')
  assert.equal(flows[0]?.way, 'sealed')
  assert.deepEqual(flows[0]?.policies, ['allow-all'])
  assert.equal((await list(world.globex.id)).total, 0)
})

test('ends an HTTP/2 connection that resets its streams as fast as it opens them', async () => {
  await using world = await startWorld()
  const session = connectHttp2(`https://${world.wikiHost}`, {
    createConnection: () => world.door(world.wikiHost, { ALPNProtocols: ['h2'] }),
  })
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  const closed = new Promise<void>((resolve) => void session.once('close', () => resolve()))
  while (!session.destroyed && !session.closed) {
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    stream.close(8)
    await new Promise((resolve) => setImmediate(resolve))
  }
  session.destroy()
  await closed
  // Others are served as before.
  assert.equal((await world.browse('/')).status, 401)
})

test('a large upload arrives whole', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const size = 48 * 1024 * 1024
  let received = 0
  world.appState.handler = (request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.length))
    request.on('end', () => response.end('ok'))
  }
  const socket = world.door(world.wikiHost, {})
  socket.write(
    `PUT /file HTTP/1.1\r\nHost: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\nContent-Length: ${size}\r\n\r\n`,
  )
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (let sent = 0; sent < size; sent += chunk.length) if (!socket.write(chunk)) await once(socket, 'drain')
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 200/)
  assert.equal(received, size)
})
