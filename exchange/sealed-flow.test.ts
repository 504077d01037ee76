// Sealed flows through a real exchange and a real connector, and what tickets and park tokens are good for.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { flowAnswer, type FlowAnswer } from '#core/wire/flow.ts'
import { readFlowStatus } from './flows/flow-status.ts'
import { closeOf, readAll, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }
const ssh = { host: 'ssh.acme.internal', port: 22 }

async function openFlow(world: World): Promise<Extract<FlowAnswer, { kind: 'sealed' }>> {
  const answer = flowAnswer.parse(JSON.parse((await world.ask('/v1/flows', ssh)).body))
  if (answer.kind !== 'sealed') throw new Error(JSON.stringify(answer))
  return answer
}

function dialTicket(world: World, ticketHost: string, options = world.device.credentials): TLSSocket {
  return world.door(ticketHost, {
    ...options,
    ca: [world.acme.identityCa.certificatePem],
    checkServerIdentity: () => undefined,
  })
}

async function openSealed(world: World): Promise<TLSSocket> {
  const socket = dialTicket(world, (await openFlow(world)).ticketHost)
  await once(socket, 'secureConnect')
  await readFlowStatus(socket)
  return socket
}

test('refuses a ticket that is used a second time', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const { ticketHost } = await openFlow(world)
  const first = dialTicket(world, ticketHost)
  await once(first, 'secureConnect')
  const [error] = (await once(dialTicket(world, ticketHost), 'error')) as [Error]
  assert.match(error.message, /unrecognized_name|unrecognized name/)
})

test("an app's name for browsers is no name for agents, and is told so", async () => {
  await using world = await startWorld()
  const ask = async (host: string) =>
    flowAnswer.parse(JSON.parse((await world.ask('/v1/flows', { host, port: 443 })).body))
  const own = await ask(world.wikiHost)
  assert.ok(own.kind === 'denied')
  assert.match(own.denial.advice, /wiki\.acme\.internal/)
  assert.equal((await ask('wiki.globex.apps.test')).kind, 'unknown')
})

test('refuses a guessed ticket', async () => {
  await using world = await startWorld()
  for (const label of ['a'.repeat(32), 'short', '2'.repeat(40)]) {
    const [error] = (await once(dialTicket(world, `${label}.flow.sallyport.test`), 'error')) as [Error]
    assert.match(error.message, /unrecognized/)
  }
})

test('a stolen ticket is worth nothing without the key of the device', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const thief = await world.makeDevice(world.acme, world.alice.id)
  const socket = dialTicket(world, (await openFlow(world)).ticketHost, thief.credentials)
  socket.write('x')
  assert.equal(await readAll(socket), '')
})

test('bytes go to the app and back through a flow that the exchange cannot read', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const socket = await openSealed(world)
  socket.write('ping')
  const [data] = await once(socket, 'data')
  assert.equal(String(data), 'ping')
  assert.equal(world.exchange.metrics().liveFlows, 1)
})

test('cuts a live flow when its session ends, and says so in the receipt', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const socket = await openSealed(world)
  const closed = closeOf(socket)
  const { id } = world.agentSession
  const receipt = await world.control.change(world.acme, { op: 'remove', kind: 'session', id })
  assert.equal(receipt.cutFlows, 1)
  await closed
  assert.equal(world.exchange.metrics().liveFlows, 0)
})

test('cuts a live flow when policy no longer allows it', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const socket = await openSealed(world)
  const closed = closeOf(socket)
  const policy = [...world.acme.records.values()].find(({ kind }) => kind === 'policy')
  assert.ok(policy)
  const receipt = await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: policy.id })
  assert.equal(receipt.cutFlows, 1)
  await closed
})

test('cuts the flows and the link of a connector that is revoked', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const closed = closeOf(await openSealed(world))
  const { record } = world.connector
  await world.control.change(world.acme, { op: 'put', record: { ...record, status: 'revoked' } })
  await closed
  while (world.exchange.metrics().links > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.exchange.metrics().parked, 0)
})

test('denies with reason and advice, and without a policy for it', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const policy = [...world.acme.records.values()].find(({ kind }) => kind === 'policy')
  assert.ok(policy)
  await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: policy.id })
  const answer = flowAnswer.parse(JSON.parse((await world.ask('/v1/flows', ssh)).body))
  assert.equal(answer.kind, 'denied')
  if (answer.kind !== 'denied') return
  assert.equal(answer.denial.reason, 'no-policy')
  assert.match(answer.denial.requestAccessUrl ?? '', /\/request\?app=ssh$/)
})

test('answers no-connector, not a hang, when none is linked', async () => {
  await using world = await startWorld()
  const answer = flowAnswer.parse(JSON.parse((await world.ask('/v1/flows', ssh)).body))
  assert.equal(answer.kind === 'denied' && answer.denial.reason, 'no-connector')
})

test('closes a socket with a guessed or malformed park preface', async () => {
  await using world = await startWorld()
  for (const line of [
    'SALLYPORT-PARK/1 prk_guessed\n',
    'GET / HTTP/1.1\r\n\r\n',
    `SALLYPORT-PARK/1 ${'a'.repeat(500)}`,
  ]) {
    const socket = world.tcp()
    socket.write(line)
    assert.equal(await readAll(socket), '')
  }
  assert.equal(world.exchange.metrics().parked, 0)
})

test('a park token works once', async () => {
  await using world = await startWorld()
  const link = world.door('acme.link.sallyport.test', {
    key: world.connector.privateKeyPem,
    cert: world.connector.enrolment.certificatePem,
  })
  const { startFrames } = await import('#transport/frames.ts')
  const { promise, resolve } = Promise.withResolvers<string>()
  const frames = startFrames(link, {
    onMessage(message) {
      const { type, tokens } = message as { type: string; tokens?: string[] }
      if (type === 'park') resolve(tokens?.[0] ?? '')
    },
  })
  frames.send({ type: 'hello', versions: [1], software: 'test' })
  const token = await promise
  const first = world.tcp()
  first.write(`SALLYPORT-PARK/1 ${token}\n`)
  while (world.exchange.metrics().parked < 1) await new Promise((resolve) => setImmediate(resolve))
  const second = world.tcp()
  second.write(`SALLYPORT-PARK/1 ${token}\n`)
  assert.equal(await readAll(second), '')
  assert.equal(world.exchange.metrics().parked, 1)
  // A parked socket that speaks before it is spoken to is closed.
  first.write('x')
  assert.equal(await readAll(first), '')
})
