// Tickets of sealed flows: what they save, and what they must not become. A ticket proves that a key was shown here a
// moment ago; it is never a right to a flow, and dies with certificate, connector, authority and time.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { identityUri } from '#transport/identity-uri.ts'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf, selfSigned, socketPair, type Credentials } from '#transport/testing.ts'
import { internalTls } from '#transport/tls-defaults.ts'
import { caps } from './caps.ts'
import { type ExpectedPeer, PeerHandshakes } from './peer-handshake.ts'
import { makeTenant, thumbprintOf, type Tenant } from './testing.ts'

const signal = AbortSignal.timeout(20_000)

function startServer(tenant: Tenant, server: Credentials, deps: { nowMs: () => number } = { nowMs: Date.now }) {
  const config = { credentials: server, caPem: [tenant.identityCa.certificatePem] }
  return { config, handshakes: new PeerHandshakes(config, { ...deps, mayResume: true }) }
}

function peerOf(tenant: Tenant, device: Credentials, id = tenant.ids.deviceId): ExpectedPeer {
  return { role: 'device', owner: tenant.ids.tenantId, id, keyThumbprint: thumbprintOf(device) }
}

type Opened = { readonly client: TLSSocket; readonly server: TLSSocket; readonly tickets: Buffer[] }

/** A handshake over a socket pair, as an agent and a connector do it. */
async function open(
  handshakes: PeerHandshakes,
  tenant: Tenant,
  device: Credentials | undefined,
  peer: ExpectedPeer,
  session?: Buffer,
): Promise<Opened> {
  const { near, far } = await socketPair()
  const client = connect({
    ...internalTls,
    ...device,
    ca: [tenant.identityCa.certificatePem],
    socket: far as Socket,
    servername: 'x.flow.sallyport.test',
    checkServerIdentity: () => undefined,
    ...(session !== undefined && { session }),
  })
  client.on('error', () => {})
  const tickets: Buffer[] = []
  client.on('session', (ticket: Buffer) => tickets.push(ticket))
  try {
    const server = await handshakes.accept(near, peer, signal)
    server.write('hello')
    await once(client, 'data')
    return { client, server, tickets }
  } catch (error) {
    client.destroy()
    throw error
  }
}

async function refused(opening: Promise<Opened>): Promise<void> {
  await assert.rejects(opening, (error) => isFault(error, 'certificate-refused'))
}

function end({ client, server }: Opened): void {
  client.destroy()
  server.destroy()
}

async function setUp(clock?: { nowMs: () => number }) {
  const tenant = await makeTenant()
  const uri = identityUri({ owner: tenant.ids.tenantId, role: 'connector', id: tenant.ids.connectorId })
  const server = await leaf(tenant.identityCa, { sanUris: [uri] })
  const { handshakes, config } = startServer(tenant, server, clock)
  const { device } = tenant
  const peer = peerOf(tenant, device)
  const first = await open(handshakes, tenant, device, peer)
  const [ticket, second] = first.tickets
  assert.equal(first.client.isSessionReused(), false)
  assert.ok(ticket !== undefined && second !== undefined)
  end(first)
  return { tenant, server, handshakes, config, device, peer, ticket, second }
}

test('the same device resumes, and the connector still sees whose key it was', async () => {
  const { tenant, handshakes, device, peer, ticket } = await setUp()
  const again = await open(handshakes, tenant, device, peer, ticket)
  assert.ok(again.client.isSessionReused() && again.server.isSessionReused())
  assert.equal(again.client.authorized, true)
  assert.ok(again.server.getPeerX509Certificate()?.subjectAltName?.includes(tenant.ids.deviceId))
  // Node does not give a client the certificate of a resumed server: the agent goes by where its ticket is from.
  assert.equal(again.client.getPeerX509Certificate(), undefined)
  // The keys are agreed on anew, so that a stolen ticket key opens no recording.
  const key = again.client.getEphemeralKeyInfo()
  assert.ok(key !== null && JSON.stringify(key) !== '{}')
  end(again)
})

test("a grant for another device or another name is not met by this device's ticket", async () => {
  const { tenant, handshakes, device, peer, ticket, second } = await setUp()
  const other = await leaf(tenant.identityCa, {
    sanUris: [identityUri({ owner: tenant.ids.tenantId, role: 'device', id: newId('device') })],
  })
  await refused(open(handshakes, tenant, device, peerOf(tenant, other), ticket))
  await refused(open(handshakes, tenant, device, { ...peer, id: newId('device') }, second))
})

test('a ticket is of no use at another connector, nor at this one with another key', async () => {
  const { tenant, server, handshakes, config, device, peer, ticket, second } = await setUp()
  const twin = startServer(tenant, server).handshakes
  const there = await open(twin, tenant, device, peer, ticket)
  assert.equal(there.client.isSessionReused(), false)
  end(there)
  // Without the key, with nothing but the ticket, nobody is let in there.
  await refused(open(twin, tenant, undefined, peer, ticket))
  handshakes.update({ ...config, credentials: await leaf(tenant.identityCa, {}) })
  await refused(open(handshakes, tenant, undefined, peer, second))
})

test('an authority that is withdrawn takes the tickets of its people with it', async () => {
  const { tenant, handshakes, config, device, peer, ticket } = await setUp()
  const elsewhere = await createAuthority({ commonName: 'other', days: 1, pathLength: 0 })
  handshakes.update({ ...config, caPem: [elsewhere.certificatePem] })
  await refused(open(handshakes, tenant, device, peer, ticket))
})

test('a configuration that says the same leaves tickets as they are', async () => {
  const { tenant, handshakes, config, device, peer, ticket } = await setUp()
  handshakes.update({ credentials: { ...config.credentials }, caPem: [...config.caPem] })
  const again = await open(handshakes, tenant, device, peer, ticket)
  assert.equal(again.client.isSessionReused(), true)
  end(again)
})

test('a certificate that has ended is not resumed either', async () => {
  let nowMs = Date.now()
  const { tenant, handshakes, device, peer, ticket } = await setUp({ nowMs: () => nowMs })
  nowMs += 400 * 86_400_000
  await refused(open(handshakes, tenant, device, peer, ticket))
})

test('however often it is resumed, a key has to be shown again after a time', async () => {
  let nowMs = Date.now()
  const { tenant, handshakes, device, peer, ticket } = await setUp({ nowMs: () => nowMs })
  nowMs += caps.ticketKeyLifeMs.default
  const later = await open(handshakes, tenant, device, peer, ticket)
  assert.equal(later.client.isSessionReused(), false)
  end(later)
})

test('made-up and cut tickets, and those of strangers, lead to a full handshake or to nothing', async () => {
  const { tenant, handshakes, peer, ticket, second } = await setUp()
  const broken = Buffer.from(ticket)
  broken.fill(0x55, broken.length >> 1, (broken.length >> 1) + 64)
  await refused(open(handshakes, tenant, undefined, peer, broken))
  const stranger = selfSigned()
  await refused(open(handshakes, tenant, stranger, { ...peer, keyThumbprint: thumbprintOf(stranger) }))
  // Whoever holds ticket and its secret is taken for the device for as long as a ticket lives: what that opens is
  // nothing without a grant, which names session, app and key, and is asked for with the key itself.
  const thief = await open(handshakes, tenant, undefined, peer, second)
  assert.equal(thief.client.isSessionReused(), true)
  end(thief)
})

test('where resumption is not meant, what looks like a ticket is none', async () => {
  const tenant = await makeTenant()
  const config = { credentials: await leaf(tenant.identityCa, {}), caPem: [tenant.identityCa.certificatePem] }
  const handshakes = new PeerHandshakes(config, { nowMs: Date.now, mayResume: false })
  const peer = peerOf(tenant, tenant.device)
  const opened = await open(handshakes, tenant, tenant.device, peer)
  const [ticket] = opened.tickets
  end(opened)
  const again = await open(handshakes, tenant, tenant.device, peer, ticket)
  assert.equal(again.client.isSessionReused(), false)
  end(again)
})
