// What an exchange takes from control, what it refuses, and what it does while control is away.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { whoami } from '#core/wire/flow.ts'
import { changedApp, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

async function reconnected(world: World, hellos: number): Promise<void> {
  while (world.control.hellos <= hellos) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function nameOf(world: World): Promise<string | undefined> {
  const { apps } = whoami.parse(JSON.parse((await world.ask('/v1/whoami')).body))
  return apps.find(({ name }) => name === 'wiki')?.displayName
}

test('refuses a snapshot that turns a tenant back, and keeps what it has', async () => {
  await using world = await startWorld()
  const { control, acme } = world
  const chunks = [...acme.records.values()].map((record) => JSON.stringify([record]))
  const old = control.rootOf(acme, chunks, Date.now() - 60_000)
  await control.change(acme, changedApp(world.wiki, { displayName: 'new' }))
  const hellos = control.hellos
  control.send({ type: 'snapshot-root', token: old })
  await reconnected(world, hellos)
  assert.equal(await nameOf(world), 'new')
})

test('refuses another epoch that was issued earlier', async () => {
  await using world = await startWorld()
  const { control, acme } = world
  const hellos = control.hellos
  acme.epoch = 'epoch-0'
  control.send({ type: 'snapshot-root', token: control.rootOf(acme, ['[]'], Date.now() - 60_000) })
  acme.epoch = 'epoch-1'
  await reconnected(world, hellos)
  assert.equal(await nameOf(world), 'wiki')
})

test("refuses a chunk that is not the signed one, a gap, and a stranger's signature", async () => {
  await using world = await startWorld()
  const { control, acme } = world
  const stranger = generateKeyPairSync('ed25519').privateKey
  const forged = {
    tenantId: acme.id,
    epoch: acme.epoch,
    from: acme.sequence,
    to: acme.sequence + 1,
    issuedAtMs: Date.now(),
    changes: [],
  }
  const attacks = [
    () => {
      control.send({ type: 'snapshot-root', token: control.rootOf(acme, ['[]']) })
      control.send({ type: 'snapshot-chunk', tenantId: acme.id, index: 0, text: '[ ]' })
    },
    () => control.send({ type: 'delta', token: control.deltaOf(acme, [], acme.sequence + 5) }),
    () => control.send({ type: 'delta', token: control.sign('delta', forged, stranger) }),
    () => control.send({ type: 'delta', token: control.sign('heartbeat', forged) }),
    () =>
      control.send({
        type: 'delta',
        token: control.sign('delta', {
          ...forged,
          changes: [{ op: 'put', record: world.globex.get('tenant', world.globex.id) }],
        }),
      }),
  ]
  for (const attack of attacks) {
    const hellos = control.hellos
    attack()
    await reconnected(world, hellos)
    assert.equal(await nameOf(world), 'wiki')
  }
})

test('goes by what it has kept when control is away, verified anew', async () => {
  await using world = await startWorld()
  await world.control.change(world.acme, changedApp(world.wiki, { displayName: 'kept' }))
  world.control.isSilent = true
  await world.restart()
  await world.exchange.ready(AbortSignal.timeout(5000))
  assert.equal(await nameOf(world), 'kept')
})

test('cuts everything and forgets its tenants when control revokes it, and serves nobody from what it kept', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  assert.equal((await world.browse('/', { headers: { cookie: world.cookie() } })).status, 200)
  world.control.send({ type: 'revoked' })
  while (world.exchange.metrics().tenants > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await world.exchange.close()
  assert.equal(world.exchange.metrics().liveFlows, 0)
  assert.equal(world.exchange.metrics().links, 0)
  await assert.rejects(world.browse('/', { headers: { cookie: world.cookie() } }))
  world.control.isSilent = true
  await world.restart()
  await assert.rejects(world.exchange.ready(AbortSignal.timeout(300)))
  assert.equal(world.exchange.metrics().tenants, 0)
})

test('a kept snapshot that somebody edited is not taken in', async () => {
  await using world = await startWorld()
  world.control.isSilent = true
  await world.exchange.close()
  const path = join(world.folder, 'data', 'tenants', `${world.acme.id}.snapshot`)
  await writeFile(path, (await readFile(path, 'utf8')).replace('alice', 'mallo'))
  await world.restart()
  while (world.exchange.metrics().tenants < 1) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(world.exchange.metrics().tenants, 1)
  assert.ok(world.log.some((line) => line.startsWith('a saved tenant was refused')))
})

test('decides nothing new on facts that are too old, and lets live flows go on', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const { control, acme } = world
  const record = acme.get('tenant', acme.id)
  await control.change(acme, { op: 'put', record: { ...record, staleAfterSeconds: 1 } })
  assert.equal((await world.browse('/', { headers: { cookie: world.cookie() } })).status, 200)
  const startMs = Date.now()
  while (Date.now() - startMs < 1100) await new Promise((resolve) => setTimeout(resolve, 50))
  const stale = await world.browse('/', { headers: { cookie: world.cookie() } })
  assert.equal(stale.headers['sallyport-reason'], 'snapshot-stale')
  control.heartbeat(acme)
  while ((await world.browse('/', { headers: { cookie: world.cookie() } })).status !== 200);
})

test('a policy that cannot be read denies everything if it forbids, and nothing more if it permits', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const unreadable = (effect: string) => ({
    kind: 'policy' as const,
    id: `pol_${effect}`,
    name: effect,
    line: 1,
    text: '',
    est: { effect, principal: { op: 'Unheard' }, action: { op: 'All' }, resource: { op: 'All' }, conditions: [] },
  })
  const get = () => world.browse('/', { headers: { cookie: world.cookie() } })
  await world.control.change(world.acme, { op: 'put', record: unreadable('permit') })
  assert.equal((await get()).status, 200)
  await world.control.change(world.acme, { op: 'put', record: unreadable('forbid') })
  assert.equal((await get()).status, 503)
  await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: 'pol_forbid' })
  assert.equal((await get()).status, 200)
})
