// Every hop is made to fail on real parts, and the doctor names it and no other.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { Profile } from '#agent/profile.ts'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { startWorld, type World } from '#exchange/testing/world.ts'
import { appRecord } from '#exchange/testing/records.ts'
import { diagnosePath, type PathConfig } from '#operations/doctor/diagnose-path.ts'
import type { HopResult } from '#operations/doctor/hop.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { listen } from '#transport/testing.ts'
import { examineProfile } from './examine-profile.ts'

const connector = { Identity, startConnector }
const deps = { nowMs: Date.now }

const pathTo = (world: World, change: Partial<PathConfig> = {}): PathConfig => ({
  target: { host: '127.0.0.1', port: world.port },
  serverName: 'acme.proxy.sallyport.test',
  caPem: [world.control.exchangeCa.certificatePem],
  credentials: world.device.credentials,
  path: '/v1/whoami',
  deadlineMs: 1500,
  ...change,
})

function profileOf(world: World, exchanges = [`127.0.0.1:${world.port}`]): Profile {
  const { key, cert } = world.device.credentials
  const signedIn = {
    tenant: 'acme',
    tenantId: world.acme.id,
    user: 'alice',
    deviceId: world.device.record.id,
    sessionId: world.agentSession.id,
    sessionExpiresAt: Date.now() + 3_600_000,
    certificatePem: cert,
    identityCaPem: [world.acme.identityCa.certificatePem],
    doorsCaPem: world.control.exchangeCa.certificatePem,
    domain: 'sallyport.test',
    exchanges,
    inspectionCaPem: [],
    csrPem: '',
  }
  return new Profile(signedIn, key)
}

/** The hop that failed, and that nothing behind it was tried. */
function failedAt(hops: readonly HopResult[]): string | undefined {
  const at = hops.findIndex(({ status }) => status === 'failed')
  const failed = hops[at]
  if (failed === undefined) return undefined
  assert.ok(failed.advice !== null && failed.said !== '', JSON.stringify(failed))
  assert.ok(hops.slice(at + 1).every(({ status }) => status === 'skipped'))
  return failed.hop
}

/** Passes on what is small and swallows packets of full size, as a path with a wrong MTU does. */
async function narrowPath(port: number): Promise<Server & { port?: number }> {
  const server: Server & { port?: number } = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    const pass = (to: Socket) => (chunk: Buffer) => void (chunk.length <= 4000 && to.write(chunk))
    near.on('data', pass(far))
    far.on('data', (chunk) => near.write(chunk))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
  })
  server.port = await listen(server)
  return server
}

test('a path that is well is said to be well, each hop of it', async () => {
  await using world = await startWorld()
  const hops = await diagnosePath(pathTo(world), deps)
  assert.deepEqual(
    hops.map(({ hop, status }) => `${hop} ${status}`),
    ['name', 'route', 'tcp', 'tls', 'certificate', 'clock', 'mtu'].map((hop) => `${hop} ok`),
    JSON.stringify(hops),
  )
})

test('each hop of the path fails by itself and is named', async (t) => {
  await using world = await startWorld()
  const stranger = await createAuthority({ commonName: 'other', days: 1, pathLength: 0 })
  const closed = createServer()
  const closedPort = await listen(closed)
  closed.close()
  await once(closed, 'close')
  const plain = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const plainPort = await listen(plain)
  const mute = createServer((socket) => socket.on('error', () => {}))
  const mutePort = await listen(mute)
  const narrow = await narrowPath(world.port)
  const expired = await world.makeDevice(world.acme, world.alice.id, -1000)
  const foreign = await world.makeDevice(world.globex, world.alice.id)
  t.after(() => [plain, mute, narrow].map((server) => server.close()))
  const at = (port: number) => ({ target: { host: '127.0.0.1', port } })
  const cases: readonly (readonly [string, Partial<PathConfig>, number?])[] = [
    ['name', { target: { host: 'nowhere.invalid', port: 443 } }],
    ['route', { target: { host: '255.255.255.255', port: 443 } }],
    ['tcp', at(closedPort)],
    ['tls', at(plainPort)],
    ['tls', at(mutePort)],
    ['tls', { serverName: 'nobody.proxy.sallyport.test' }],
    ['certificate', { caPem: [stranger.certificatePem] }],
    ['certificate', { credentials: expired.credentials }],
    ['certificate', { credentials: foreign.credentials }],
    ['clock', {}, 20 * 60_000],
    ['clock', {}, -30_000],
    ['mtu', at(narrow.port ?? 0)],
  ]
  for (const [hop, change, aheadMs = 0] of cases) {
    const hops = await diagnosePath(pathTo(world, change), { nowMs: () => Date.now() + aheadMs })
    assert.equal(failedAt(hops), hop, `${hop}: ${JSON.stringify(hops)}`)
  }
})

test('from the exchange to the app, each hop fails by itself and is named', async () => {
  await using world = await startWorld()
  const profile = profileOf(world)
  const examine = async (host: string, port: number) => {
    const examined = await examineProfile(profile, { host, port }, deps)
    assert.equal(failedAt(examined[0]?.hops ?? []), undefined, JSON.stringify(examined[0]))
    return examined.at(-1)?.hops ?? []
  }
  const down = createServer()
  const downPort = await listen(down)
  down.close()
  const dead = appRecord('dead', 'tcp', downPort, { connectorGroupId: world.group.id })
  const deadWeb = appRecord('deadweb', 'http', downPort, { connectorGroupId: world.group.id })
  await world.control.change(world.acme, { op: 'put', record: dead })
  await world.control.change(world.acme, { op: 'put', record: deadWeb })

  assert.equal(failedAt(await examine('no-such-app.acme.internal', 22)), 'policy')
  assert.equal(failedAt(await examine('ssh.acme.internal', 22)), 'connector')
  await using _ = await world.link(connector)
  for (const [host, port] of [
    ['ssh.acme.internal', 22],
    ['wiki.acme.internal', 80],
  ] as const)
    assert.equal(failedAt(await examine(host, port)), undefined, JSON.stringify(await examine(host, port)))
  assert.equal(failedAt(await examine('dead.acme.internal', 22)), 'app')
  assert.equal(failedAt(await examine('deadweb.acme.internal', 80)), 'app')
  const allowAll = world.acme.records.values().find(({ kind }) => kind === 'policy')
  assert.ok(allowAll)
  await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: allowAll.id })
  assert.equal(failedAt(await examine('ssh.acme.internal', 22)), 'policy')
})
