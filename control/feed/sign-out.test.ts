// Signing out at the agent or at an app host: the session ends at control, and nobody ends another's by way of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createSessions } from '#control/directory/sessions.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { enrolExchange, FakeExchange } from './testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let exchange: FakeExchange
const T = '/v1/tenants/acme'
const endedGrants: string[] = []

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  await addTenantWithAdministrator(test, 'umbra')
  await test.call(`${T}/apply`, { token: acme.token, body: { documents: documentsOfEverything() } })
  exchange = await FakeExchange.start(test, await enrolExchange(test))
  await exchange.until(() => exchange.tenants.has(acme.id))
  const { signIn } = test.context.links
  assert.ok(signIn)
  test.context.links.signIn = {
    ...signIn,
    endSession: async (tenantId, sessionId, reason) => {
      endedGrants.push(sessionId)
      await signIn.endSession(tenantId, sessionId, reason)
    },
  }
})
after(async () => {
  await exchange.close()
  await test.close()
})

async function addDevice(name: string): Promise<string> {
  const userId = (await test.context.mirrors.current(acme.id)).byName('user', 'ada')?.id ?? ''
  const { thumbprint } = await newCsr()
  const row = { id: `dev_${name.padEnd(20, 'a')}`, name, userId, keyThumbprint: thumbprint, posture: 1 as const }
  await test.context.store
    .forTenant(acme.id)
    .insertInto('devices', { ...row, os: 'linux', status: 'active', certificateUntilMs: null, createdAtMs: 1 })
    .execute()
  return row.id
}

async function open(deviceId: string | null, door: 'agent' | 'browser' | 'console' = 'agent') {
  const userId = (await test.context.mirrors.current(acme.id)).byName('user', 'ada')?.id ?? ''
  const facts = { tenantId: acme.id, userId, deviceId, door, factors: ['pwd'], ip: '192.0.2.1' }
  return createSessions(test.context).create(facts)
}

const end = (sessionId: string, deviceId: string | null, tenantId: string = acme.id) =>
  exchange.ask({ type: 'end-session', tenantId, sessionId, deviceId, reason: 'signed-out' })

describe('signing out', () => {
  it('on a device ends its session, with what could renew it, once, and on record', async () => {
    const deviceId = await addDevice('laptop')
    const { id } = await open(deviceId)
    await exchange.until(() => exchange.records(acme.id).some((record) => record.id === id))
    assert.deepEqual((await end(id, deviceId)).value, { ended: true })
    assert.deepEqual((await end(id, deviceId)).value, { ended: false })
    await exchange.until(() => !exchange.records(acme.id).some((record) => record.id === id))
    assert.equal(await createSessions(test.context).get(acme.id, id), undefined)
    assert.ok(endedGrants.includes(id))
    const events = (await test.call(`${T}/events?user=ada&limit=5`, { token: acme.token })).text
    assert.match(events, /"reason":"signed-out"/)
  })

  it('ends no session of another device, of a browser, of the console or of another tenant', async () => {
    const [mine, other] = [await addDevice('mine'), await addDevice('other')]
    const theirs = await open(other)
    const browser = await open(null, 'browser')
    const console_ = await open(null, 'console')
    const attacks = [
      end(theirs.id, mine),
      end(theirs.id, null),
      end(browser.id, mine),
      end(console_.id, null),
      end(console_.id, mine),
      exchange.ask({
        type: 'end-session',
        tenantId: 'ten_aaaaaaaaaaaaaaaaaaaa',
        sessionId: theirs.id,
        deviceId: other,
      }),
    ]
    for (const answer of await Promise.all(attacks)) assert.equal(answer.fault?.code, 'not-found')
    for (const { id } of [theirs, browser, console_])
      assert.ok(await createSessions(test.context).get(acme.id, id), 'still there')
    assert.deepEqual((await end(browser.id, null)).value, { ended: true })
  })
})
