// When an agent offers a ticket, and when it must not: to another connector, twice, too late, or after its own identity
// has changed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { leaf, selfSigned } from '#transport/testing.ts'
import { caps } from './caps.ts'
import { Exchanges } from './exchanges.ts'
import { FlowTickets } from './flow-tickets.ts'
import { openFlow } from './open-flow.ts'
import type { Profile } from './profile.ts'
import { makeTenant, TestExchange } from './testing.ts'

const tenant = await makeTenant()
const signal = AbortSignal.timeout(20_000)

async function setUp() {
  const stack = new AsyncDisposableStack()
  const exchange = stack.use(await new TestExchange(tenant).start())
  const newProfile = async () => tenant.profile(await tenant.certify(), [exchange.address])
  let profile = await newProfile()
  const exchanges = new Exchanges(profile, { nowMs: Date.now })
  stack.defer(() => exchanges.close())
  /** Opens a flow, says a word and hears it: by then its tickets are here. */
  const speak = async () => {
    const opened = await openFlow('echo.acme.test', 7000, { exchanges, profile: () => profile, signal })
    assert.ok(opened.kind === 'open')
    opened.socket.write('word')
    const [answer] = (await once(opened.socket, 'data')) as [Buffer]
    opened.socket.destroy()
    assert.equal(String(answer), 'word')
  }
  const useProfile = async (other?: Profile) => void (profile = other ?? (await newProfile()))
  return { exchange, speak, useProfile, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('the second flow to a connector resumes, and carries the same bytes', async () => {
  await using set = await setUp()
  for (let each = 0; each < 3; each++) await set.speak()
  assert.deepEqual(set.exchange.resumed, [false, true, true])
})

test('an agent with a new certificate begins anew', async () => {
  await using set = await setUp()
  await set.speak()
  await set.useProfile()
  await set.speak()
  assert.deepEqual(set.exchange.resumed, [false, false])
})

test('another connector of the tenant is not offered the ticket, and must be the one that the exchange names', async () => {
  await using set = await setUp()
  await set.speak()
  const uri = identityUri({ owner: tenant.ids.tenantId, role: 'connector', id: newId('connector') })
  set.exchange.answerFlow = () => ({ ...set.exchange.sealed(), connectorUri: uri }) as never
  // The first connector would take its own ticket back; under another name it gets none, and shows the wrong name.
  await assert.rejects(set.speak(), (error) => isFault(error, 'certificate-refused'))
  set.exchange.connector = await leaf(tenant.identityCa, { sanUris: [uri] })
  await set.speak()
  assert.ok(!set.exchange.resumed.includes(true))
})

test('who is not the connector gains nothing from being offered its ticket', async () => {
  await using set = await setUp()
  await set.speak()
  set.exchange.connector = selfSigned()
  await assert.rejects(set.speak(), (error) => isFault(error, 'certificate-refused'))
  // Of the same tenant, and not the one that was named.
  set.exchange.connector = await leaf(tenant.identityCa, {
    sanUris: [identityUri({ owner: tenant.ids.tenantId, role: 'connector', id: newId('connector') })],
  })
  await assert.rejects(set.speak(), (error) => isFault(error, 'certificate-refused'))
})

test('a ticket is taken once, by its connector alone, and not when it is old', () => {
  let nowMs = 1000
  const tickets = new FlowTickets(() => nowMs)
  const one = { ticket: Buffer.from('one'), untilMs: 10 ** 9 }
  tickets.keep('a', one)
  assert.equal(tickets.take('b'), undefined)
  assert.equal(tickets.take('a')?.ticket, one.ticket)
  assert.equal(tickets.take('a'), undefined)
  tickets.keep('a', one)
  nowMs += caps.flowTicketMs.default
  assert.equal(tickets.take('a'), undefined)
  tickets.keep('a', { ...one, untilMs: nowMs + 5 })
  nowMs += 5
  assert.equal(tickets.take('a'), undefined, 'the certificate has ended')
})

test('tickets are bounded, for each connector and in all', () => {
  const tickets = new FlowTickets()
  const untilMs = Date.now() + 10 ** 9
  for (let at = 0; at < 100; at++) tickets.keep('a', { ticket: Buffer.from(`${at}`), untilMs })
  const taken: string[] = []
  for (let one = tickets.take('a'); one !== undefined; one = tickets.take('a')) taken.push(String(one.ticket))
  assert.equal(taken.length, caps.flowTickets.default)
  assert.equal(taken[0], '99')
  for (let at = 0; at <= caps.ticketedConnectors.default; at++)
    tickets.keep(`c${at}`, { ticket: Buffer.alloc(1), untilMs })
  assert.equal(tickets.take('c0'), undefined)
})
