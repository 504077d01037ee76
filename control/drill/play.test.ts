// Drills that control plays: proven without leaving anything, with nobody's rights but those of who asked, on their day.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Fault } from '#core/fault.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import type { PlayOrder } from './conductor-port.ts'
import { ConductorTokens } from './conductor-tokens.ts'
import { nextDrillAtMs, playDue } from './play.ts'
import { smallScenario } from './testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let count = 0
let nowMs = 0
const orders: PlayOrder[] = []
let refusal: Fault | null = null

/** Starts the drill as any conductor does: at the API, with what it was given. */
async function play(order: PlayOrder): Promise<{ drillId: string }> {
  orders.push(order)
  if (refusal) throw refusal
  const path = `/v1/tenants/${order.tenant}/drills`
  const body = { scenario: order.scenario, ports: { notes: 4001, safe: 4002 } }
  const answer = await test.call(path, { token: order.token, body })
  assert.equal(answer.status, 201, answer.text)
  return { drillId: (answer.body as { drill: { id: string } }).drill.id }
}

async function call(path: string, body?: unknown, method?: string) {
  const answer = await test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
  return { status: answer.status, body: answer.body as never as Record<string, unknown>, text: answer.text }
}
const everything = async () => {
  const handle = test.context.store.forTenant(acme.id)
  const rows = [
    await handle.selectFrom('resources').selectAll().execute(),
    await handle.selectFrom('drills').selectAll().execute(),
    await handle.selectFrom('enrolmentTokens').selectAll().execute(),
    await handle.selectFrom('changes').selectAll().execute(),
  ]
  return JSON.stringify(rows)
}
const report = (met: boolean) => ({
  verdict: met ? 'passed' : 'failed',
  outcomes: [{ expectation: 'thief is noticed within 30s', met, measured: met ? '812 ms' : 'not noticed' }],
  timeline: [],
  detectMs: null,
  decideMs: null,
  hopsUntilSeen: null,
  containMs: null,
  residual: [],
  receipts: [],
  missing: [],
})

before(async () => {
  test = await startTestControl({
    conductor: { play },
    scenarios: [smallScenario],
    nowMs: () => Date.now() + nowMs,
  })
})
after(() => test.close())
beforeEach(async () => {
  refusal = null
  orders.length = 0
  acme = await addTenantWithAdministrator(test, `acme${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
})

describe('the proof before a drill', () => {
  it('says what was looked through, and leaves not a row', async () => {
    const kept = await everything()
    const answer = await call('/drill-proof', { scenario: 'small' })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body['identities'], 1)
    assert.equal(await everything(), kept)
  })

  it('is refused with the policy and the app, and for a scenario that is not in the library', async () => {
    const app = { kind: 'http', connectorGroup: 'dc', names: [], upstream: { host: 'wiki.internal' } }
    const text = 'permit (principal, action, resource == App::"wiki") when { context.risk < 10 };'
    const documents = [
      { kind: 'ConnectorGroup', name: 'dc', spec: {} },
      { kind: 'App', name: 'wiki', spec: app },
      { kind: 'Policy', name: 'open', spec: { text } },
    ]
    assert.equal((await call('/apply', { documents, allowWidening: true })).status, 200)
    assert.match((await call('/drill-proof', { scenario: 'small' })).text, /drill-unsafe.*wiki.*open/)
    assert.equal((await call('/drill-proof', { scenario: 'nothing' })).status, 404)
  })
})

describe('a drill that control plays', () => {
  it('is started with the rights of who asks, by a token that ends with it', async () => {
    const answer = await call('/drill-plays', { scenario: 'small' })
    assert.equal(answer.status, 201, answer.text)
    assert.equal(answer.body['startedBy'], 'boss')
    const [order] = orders
    assert.ok(order)
    assert.match(order.server, /^https:\/\/api\./)
    assert.equal((await call('/drill-plays', { scenario: 'small' })).status, 409, 'one at a time')
    const use = () => test.call(`${T}/drills`, { token: order.token })
    assert.equal((await use()).status, 200)
    nowMs += 2 * 3_600_000
    assert.equal((await use()).status, 401, 'and no longer')
    nowMs = 0
  })

  it('gives its conductor no more than its person has by now', async () => {
    await call('/drill-plays', { scenario: 'small' })
    const [order] = orders
    const handle = test.context.store.forTenant(acme.id)
    await handle.updateTable('roles').set({ role: 'auditor' }).execute()
    const body = { scenario: smallScenario, ports: { notes: 4001, safe: 4002 } }
    assert.equal((await test.call(`${T}/drills`, { token: order?.token ?? '', body })).status, 403)
  })

  it('shows its people and flows on the board while it runs, to administrators alone', async () => {
    const { id } = (await call('/drill-plays', { scenario: 'small' })).body as { id: string }
    const progress = {
      stage: 'attack',
      firstHostileMs: 1,
      seenMs: null,
      decidedMs: null,
      containedMs: null,
      visits: [{ app: 'notes', done: true, hostile: true }],
      held: [],
      receipts: [],
      missing: [],
      residual: null,
      timeline: [{ atMs: 1, text: 'opens notes' }],
    }
    assert.equal((await call(`/drills/${id}/heartbeat`, { progress })).status, 200)
    assert.deepEqual((await call(`/drills/${id}`)).body['progress'], progress)
    assert.equal((await call(`/drills/${id}/heartbeat`, { progress: { ...progress, extra: 1 } })).status, 400)
    const handle = test.context.store.forTenant(acme.id)
    const row = await handle.selectFrom('drills').selectAll().executeTakeFirstOrThrow()
    assert.equal(JSON.stringify(row).includes('opens notes'), false, 'sealed as the ledger is')
  })
})

describe('gaps', () => {
  it('open with a failed expectation, have an owner, and close when the same drill meets it', async () => {
    const round = async (met: boolean) => {
      const { id } = (await call('/drill-plays', { scenario: 'small' })).body as { id: string }
      assert.equal((await call(`/drills/${id}/finish`, report(met))).status, 200)
      const { items } = (await call('/drill-gaps')).body as { items: Record<string, unknown>[] }
      return items
    }
    const [gap] = await round(false)
    assert.deepEqual([gap?.['state'], gap?.['owner'], gap?.['failures']], ['open', 'boss', 1])
    await call('/apply', { documents: [{ kind: 'User', name: 'ada', spec: {} }] })
    assert.equal((await call(`/drill-gaps/${String(gap?.['id'])}`, { owner: 'ada' }, 'PATCH')).status, 200)
    assert.equal((await call(`/drill-gaps/${String(gap?.['id'])}`, { owner: 'nobody' }, 'PATCH')).status, 422)
    const [again] = await round(false)
    assert.deepEqual([again?.['id'], again?.['owner'], again?.['failures']], [gap?.['id'], 'ada', 2])
    const closed = await round(true)
    assert.deepEqual(
      closed.map(({ state, measured }) => [state, measured]),
      [['closed', '812 ms']],
    )
  })
})

describe('the schedule', () => {
  it('plays when its time has come, once, and says why when it cannot', async () => {
    const set = await call('/drill-schedule', { everySeconds: 3600, scenarios: ['small'] }, 'PUT')
    assert.equal(set.status, 200, set.text)
    const due = () => playDue(acme.id, test.context)
    await due()
    assert.equal(orders.length, 0, 'not yet')
    const handle = test.context.store.forTenant(acme.id)
    const hasten = () => handle.updateTable('drillSchedules').set({ nextAtMs: 1 }).execute()
    await hasten()
    await Promise.all([due(), due()])
    assert.equal(orders.length, 1, 'of two who look at once, one plays')
    assert.ok(Date.parse(String((await call('/drill-schedule')).body['nextAt'])) > Date.now() + 2_600_000)
    refusal = new Fault('drill-unsafe', { hint: 'They could reach the app wiki.' })
    await hasten()
    await due()
    assert.match(String((await call('/drill-schedule')).body['failure']), /drill-unsafe.*wiki/)
    await call('/drill-schedule', { everySeconds: null, scenarios: [] }, 'PUT')
    assert.equal((await call('/drill-schedule')).body['nextAt'], null)
  })

  it('is refused for scenarios that are not in the library, and for none', async () => {
    assert.equal((await call('/drill-schedule', { everySeconds: 3600, scenarios: ['nothing'] }, 'PUT')).status, 404)
    assert.equal((await call('/drill-schedule', { everySeconds: 3600, scenarios: [] }, 'PUT')).status, 422)
    assert.equal((await call('/drill-schedule', { everySeconds: 1, scenarios: ['small'] }, 'PUT')).status, 400)
  })

  it('comes at no fixed minute', () => {
    assert.equal(nextDrillAtMs(0, 3600, 0), 2_700_000)
    assert.equal(nextDrillAtMs(0, 3600, 1), 4_500_000)
  })
})

describe('tokens of conductors', () => {
  it('are forgotten when their time is over, and are never many', () => {
    let atMs = 0
    const tokens = new ConductorTokens(() => atMs)
    const right = { tenantId: 't', userId: 'u', expiresAtMs: 10 }
    const token = tokens.give(right)
    assert.deepEqual(tokens.rightOf(token), right)
    assert.equal(tokens.rightOf(`${token}x`), undefined)
    for (let given = 1; given < 50; given++) tokens.give(right)
    assert.throws(() => tokens.give(right), { code: 'at-capacity' })
    atMs = 10
    assert.equal(tokens.rightOf(token), undefined)
    assert.ok(tokens.give({ ...right, expiresAtMs: 20 }))
  })
})
