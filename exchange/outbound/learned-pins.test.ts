// Programs that refuse interception: which are believed, for how long and how much, and the ones that cheat.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { test } from 'node:test'
import { newId } from '#core/ids.ts'
import { webSettingsOf } from '#core/records/outbound.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { sessionRecord, userRecord } from '#exchange/testing/records.ts'
import { closeOf } from '#exchange/testing/world.ts'
import { createLearnedPins } from './learned-pins.ts'
import { startWebWorld, type SiteHandler, type WebWorld } from './testing.ts'

const learn = { learn: true, owner: 'security@acme.test' }
const big: SiteHandler = (_request, response) => {
  const body = Buffer.alloc(3_000_000)
  if ('stream' in response) response.end(body)
  else response.end(body)
}

async function start(settings: Parameters<WebWorld['put']>[0], categories: Record<string, string[]>) {
  const world = await startWebWorld(issueIntermediate, {
    settings: { ports: ['1-65535'], ...settings },
    categoriesOf: (_tenant, host) => categories[host] ?? [],
  })
  const bob = userRecord('bob')
  const device = await world.makeDevice(world.acme, bob.id)
  const session = sessionRecord(bob.id, device.record.id)
  await world.control.change(
    world.acme,
    ...[bob, device.record, session].map((record) => ({ op: 'put' as const, record })),
  )
  const hosts = ['bank.test', 'new.test', 'evil.test']
  const port = await world.site(hosts, big)
  const at = (name: string, text: string) => {
    writeFileSync(join(world.folder, name), text)
    return join(world.folder, name)
  }
  const siteCa = at('site-ca.pem', world.siteCa.certificatePem)
  const { cert, key } = device.credentials
  const asBob = ['--proxy-cert', at('bob.pem', cert), '--proxy-key', at('bob.key', key)]
  const get = async (host: string, ...args: readonly string[]) =>
    (await world.curl(...args, '-o', '/dev/null', '-w', '%{size_download}', `https://${host}:${port}/`)).stdout
  return Object.assign(world, {
    /** Bytes that a program gets that takes nothing but the site's own authority. */
    pins: (host: string, ...who: readonly string[]) => get(host, '--cacert', siteCa, ...who),
    /** One that takes ours. */
    visits: (host: string, ...who: readonly string[]) => get(host, ...who),
    asBob,
    sitePort: port,
  })
}

const WHOLE = '3000000'
const NOTHING = '0'

test('nothing is learned unless the tenant wants it', async () => {
  await using world = await start({}, { 'bank.test': ['finance'] })
  assert.equal(await world.visits('bank.test', ...world.asBob), WHOLE)
  for (let each = 0; each < 4; each++) assert.equal(await world.pins('bank.test'), NOTHING)
  assert.equal(world.exchange.metrics().passed, 0)
})

test('a program that cheats is not believed: not alone, not for sites that nobody knows, not for risky ones', async () => {
  const categories = { 'bank.test': ['finance'], 'evil.test': ['malware'] }
  await using world = await start({ pinnedClients: learn }, categories)
  // It was there itself with inspection on: that vouches for nothing.
  assert.equal(await world.visits('bank.test'), WHOLE)
  for (const host of ['new.test', 'evil.test']) assert.equal(await world.visits(host, ...world.asBob), WHOLE)
  for (const host of ['bank.test', 'new.test', 'evil.test'])
    for (let each = 0; each < 4; each++) assert.equal(await world.pins(host), NOTHING, host)
  // Nor does an administrator's yes open a site that nobody has put into a category.
  await world.put({ ports: ['1-65535'], pinnedClients: { ...learn, approved: ['new.test', 'evil.test'] } })
  for (const host of ['new.test', 'evil.test'])
    for (let each = 0; each < 4; each++) assert.equal(await world.pins(host), NOTHING, host)
  assert.equal(world.exchange.metrics().passed, 0)
})

test('after two refusals a program is passed where somebody else was with inspection on, up to its volume', async () => {
  await using world = await start({ pinnedClients: { ...learn, megabytes: 1 } }, { 'bank.test': ['finance'] })
  assert.equal(await world.visits('bank.test', ...world.asBob), WHOLE)
  assert.equal(await world.pins('bank.test'), NOTHING)
  assert.equal(await world.pins('bank.test'), NOTHING)
  assert.ok(Number(await world.pins('bank.test')) > 100_000)
  assert.equal(world.exchange.metrics().passed, 1)
  // Others are looked into as before.
  assert.equal(await world.pins('bank.test', ...world.asBob), NOTHING)
  assert.equal(await world.visits('bank.test', ...world.asBob), WHOLE)
  // Used up within the answer: refusing again earns nothing more.
  for (let each = 0; each < 3; each++) assert.equal(await world.pins('bank.test'), NOTHING)
  assert.equal(world.exchange.metrics().passed, 1)
})

test("an administrator's yes is enough, and taking it back cuts what was passed", async () => {
  await using world = await start(
    { pinnedClients: { ...learn, approved: ['bank.test'] } },
    { 'bank.test': ['finance'] },
  )
  for (let each = 0; each < 2; each++) assert.equal(await world.pins('bank.test'), NOTHING)
  assert.equal(await world.pins('bank.test'), WHOLE)
  const { socket } = await world.tunnel(`bank.test:${world.sitePort}`)
  const passed = connectTls({ socket, servername: 'bank.test', ca: world.siteCa.certificatePem })
  passed.on('error', () => {})
  await once(passed, 'secureConnect')
  const cut = closeOf(passed)
  await world.put({ ports: ['1-65535'] })
  await cut
  assert.equal(await world.pins('bank.test'), NOTHING)
})

test('a used-up allowance is not renewed: not by refusing elsewhere, by another session, or by a name below', () => {
  let nowMs = 1_000_000
  const pins = createLearnedPins(() => nowMs)
  const asker = (tenant: string, userId: string, sessionId: string, deviceId: string | null = null) =>
    ({
      tenant: {
        id: tenant,
        webSettings: { pinnedClients: { learn: true, approved: ['bank.test'], megabytes: 1, hours: 1 } },
      },
      session: { id: sessionId, userId, deviceId },
    }) as never
  const site = (host: string) => ({ host, port: 443 }) as never
  const refuseTwice = (who: never, host: string) => {
    pins.refused(who, site(host), ['finance'])
    return pins.refused(who, site(host), ['finance'])
  }
  const bob = asker('ten_a', 'bob', 's1')
  assert.equal(refuseTwice(bob, 'bank.test').kind, 'learned')
  assert.equal(pins.passes(bob, site('bank.test'), ['finance']), true)
  assert.equal(pins.carried(bob, site('bank.test'), 2_000_000), false)
  for (let at = 0; at < 21_000; at++) pins.refused(bob, site(`h${at}.test`), ['finance'])
  for (let at = 0; at < 21_000; at++) pins.refused(asker('ten_b', `u${at}`, 's'), site('bank.test'), ['finance'])
  for (const [who, host] of [
    [bob, 'bank.test'],
    [asker('ten_a', 'bob', 's2'), 'bank.test'],
    [bob, 'www.bank.test'],
  ] as const) {
    refuseTwice(who, host)
    assert.equal(pins.passes(who, site(host), ['finance']), false, host)
  }
  assert.equal(refuseTwice(asker('ten_a', 'eve', 's3'), 'bank.test').kind, 'learned')
  nowMs += 3_600_001
  assert.equal(refuseTwice(bob, 'bank.test').kind, 'learned')
})

test('a tenant that visits site after site makes no other tenant forget who was where', () => {
  const pins = createLearnedPins(() => 0)
  const webSettings = webSettingsOf(newId('webSettings'), { pinnedClients: learn })
  const asker = (id: string, name: string) => ({
    // What is looked at of a tenant here.
    tenant: { id, webSettings } as unknown as Tenant,
    session: sessionRecord(userRecord(name).id, null),
    clientIp: '192.0.2.1',
  })
  const site = { host: 'bank.test', port: 443 }
  pins.accepted(asker('small', 'alice'), site)
  const eves = Array.from({ length: 7 }, (_, at) => asker(`large ${at}`, 'eve'))
  for (const eve of eves) for (let at = 0; at < 4_000; at++) pins.accepted(eve, { host: `s${at}.test`, port: 443 })
  const bob = asker('small', 'bob')
  pins.refused(bob, site, ['business'])
  assert.equal(pins.refused(bob, site, ['business']).kind, 'learned')
})
