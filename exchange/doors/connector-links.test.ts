// A tenant's own connector that lies about its health: what it says ends neither the process nor other tenants' reports.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { feedFromExchange } from '#core/wire/feed.ts'
import { caps as transportCaps } from '#transport/caps.ts'
import { startFrames } from '#transport/frames.ts'
import { socketPair } from '#transport/testing.ts'
import { Parking } from '#exchange/flows/parking.ts'
import { startUpkeep } from './connector-link-upkeep.ts'
import { ConnectorLink } from './connector-link.ts'
import { ConnectorLinks, type ConnectedReport } from './connector-links.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

async function linked(links: ConnectorLinks, tenantId: string, slice: () => Promise<string> = async () => 'slice') {
  const { near, far } = await socketPair()
  const parking = new Parking()
  const ready = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<Fault | undefined>()
  let onChange = (): void => {}
  const link = new ConnectorLink(
    near,
    {
      tenantId,
      connectorId: newId('connector'),
      exchangeId: newId('exchange'),
      exchanges: [],
      signingKey: privateKey,
      sinceMs: 1,
      notAfterMs: Number.MAX_SAFE_INTEGER,
      keyThumbprint: 'x',
    },
    {
      parking,
      slice,
      renew: async () => '',
      isOwnApp: (appId) => appId.startsWith('own-'),
      onReady(each) {
        links.add(each)
        ready.resolve()
      },
      onChange: () => onChange(),
      onClosed: (_link, fault) => closed.resolve(fault),
    },
  )
  const peer = startFrames(far, { onMessage() {} })
  peer.send({ type: 'hello', versions: [1], software: 'x' })
  await ready.promise
  return {
    link,
    closed: closed.promise,
    async says(apps: { appId: string; healthy: boolean; detail: string }[]): Promise<void> {
      const changed = Promise.withResolvers<void>()
      onChange = () => changed.resolve()
      peer.send({ type: 'health', liveFlows: 0, apps })
      await changed.promise
    },
    async [Symbol.asyncDispose]() {
      link.destroy(new Fault('closing'))
      await peer.closed
      parking.destroy()
    },
  }
}

const unwell = (prefix: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    appId: `${prefix}${String(from + index).padStart(6, '0')}`,
    healthy: false,
    detail: '\u0001'.repeat(200),
  }))

test('keeps nothing about apps of others, and no more than control takes', async () => {
  const links = new ConnectorLinks()
  await using rogue = await linked(links, 'globex')
  await rogue.says(unwell('\u0001'.repeat(58), 300))
  assert.equal(rogue.link.unhealthy.size, 0)
  for (let from = 0; from < 2000; from += 500) await rogue.says(unwell('own-', 500, from))
  assert.equal(rogue.link.unhealthy.size, 1000)
  assert.ok(rogue.link.unhealthy.values().every((detail) => !detail.includes('\u0001')))
})

test('makes reports that fit a frame, however much the connectors of a tenant say', async () => {
  const links = new ConnectorLinks()
  await using stack = new AsyncDisposableStack()
  for (let count = 0; count < 4; count++) {
    const each = stack.use(await linked(links, 'globex'))
    await each.says(unwell('own-', 1000).map((app) => ({ ...app, detail: '\uffee"'.repeat(100) })))
  }
  const [report] = links.takeReports()
  assert.ok(Buffer.byteLength(JSON.stringify(report)) < transportCaps.frameBytes.default)
  assert.equal(feedFromExchange.safeParse(report).success, true)
  assert.equal(report?.connected.length, 4, 'every connector is named')
})

test('goes on with other tenants when the report of one cannot be sent', async () => {
  const links = new ConnectorLinks()
  await using _bad = await linked(links, 'globex')
  await using _good = await linked(links, 'acme')
  const told: ConnectedReport[] = []
  const log: string[] = []
  const upkeep = startUpkeep({
    links,
    now: () => 0,
    log: (message) => log.push(message),
    tell(report) {
      if (report.tenantId === 'globex') throw new Fault('request-too-large')
      told.push(report)
    },
  })
  upkeep.tick()
  upkeep.close()
  assert.deepEqual(
    told.map(({ tenantId }) => tenantId),
    ['acme'],
  )
  assert.equal(log.length, 1)
})

test('cuts a connector for which control has a slice that fits no message', async () => {
  const links = new ConnectorLinks()
  await using one = await linked(links, 'globex', () => Promise.reject(new Fault('request-too-large')))
  assert.equal((await one.closed)?.code, 'request-too-large')
  await using other = await linked(links, 'globex', () => Promise.reject(new Fault('control-unreachable')))
  await other.says([])
  assert.ok(other.link.parkedCount === 0)
})
