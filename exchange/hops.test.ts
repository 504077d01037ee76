// What a connection tells of its own way: the time at every hop, in numbers that add up.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { flowAnswer } from '#core/wire/flow.ts'
import type { Seen } from './context.ts'
import { readFlowStatus } from './flows/flow-status.ts'
import { startWorld } from './testing/world.ts'

const connector = { Identity, startConnector }

function witness() {
  const { promise, resolve } = Promise.withResolvers<Seen>()
  return { seen: promise, watch: (seen: Seen) => resolve(seen) }
}

test('a sealed flow tells each hop, those of the connector included', async () => {
  const { seen, watch } = witness()
  await using world = await startWorld({}, undefined, {}, { watch })
  await using _ = await world.link(connector)
  const answer = flowAnswer.parse(
    JSON.parse((await world.ask('/v1/flows', { host: 'ssh.acme.internal', port: 22 })).body),
  )
  assert.equal(answer.kind, 'sealed')
  const socket = world.door(answer.ticketHost, {
    ...world.device.credentials,
    ca: [world.acme.identityCa.certificatePem],
    checkServerIdentity: () => undefined,
  })
  await once(socket, 'secureConnect')
  await readFlowStatus(socket)
  const { kind, id, hops, eventId } = await seen
  assert.deepEqual([kind, id], ['flow', answer.flowId])
  assert.deepEqual(Object.keys(hops).toSorted(), ['app', 'claim', 'decide', 'handshake', 'offer', 'park', 'statement'])
  assert.ok(Object.values(hops).every((ms) => ms >= 0 && ms < 60_000))
  assert.match(eventId, /^[0-9a-f-]{36}$/)
})

test('an http request tells its first byte, and the app is told the same id', async () => {
  const { seen, watch } = witness()
  await using world = await startWorld({}, undefined, {}, { watch })
  await using _ = await world.link(connector)
  await world.browse('/page', { headers: { cookie: world.cookie() } })
  const { kind, hops, eventId } = await seen
  assert.equal(kind, 'request')
  assert.deepEqual(Object.keys(hops), ['decide', 'firstByte'])
  assert.equal(world.seen.at(-1)?.headers['x-sallyport-request-id'], eventId)
})

test('the trace of a stranger goes no further; that of a trusted peer does', async () => {
  const traceHeaders = (came: string | undefined, clientIp: string) => ({
    trusted: clientIp === '127.0.0.1' ? came : undefined,
    forward: clientIp === '127.0.0.1' ? came : undefined,
  })
  await using world = await startWorld({}, undefined, {}, { traceHeaders })
  await using _ = await world.link(connector)
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
  await world.browse('/', { headers: { cookie: world.cookie(), traceparent } })
  assert.equal(world.seen.at(-1)?.headers['traceparent'], traceparent)
})
