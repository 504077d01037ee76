// Around drills at control: tabletops, the ATT&CK view, reports as files, and what is real going first.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { takeStory } from '#control/stories/take-story.ts'
import { toldStory } from '#control/stories/testing.ts'
import { smallScenario } from './testing.ts'
import { lookAfterDrills } from './upkeep.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let count = 0
let aheadMs = 0

const tabletop = {
  drill: 'words',
  version: 1,
  title: 'Only words',
  about: 'Nothing is made.',
  level: 'tabletop',
  attack: { version: '19.0', techniques: ['T1078'] },
  within: '10m',
  blind: false,
  actors: {},
  apps: {},
  steps: [{ inject: { to: 'duty', text: 'A laptop is gone.', answerWithin: '5m' } }],
  expect: [{ answered: 'all' }],
}
const attacked = { ...smallScenario, attack: { version: '19.0', techniques: ['T1021'] } }
const report = (verdict: string, text = 'x') => ({
  verdict,
  outcomes: [{ expectation: text, met: verdict === 'passed', measured: text }],
  timeline: [{ atMs: 1, text }],
  detectMs: 12,
  hopsUntilSeen: 1,
  containMs: null,
  residual: [],
  receipts: [],
  missing: [],
})

before(async () => {
  test = await startTestControl({
    nowMs: () => Date.now() + aheadMs,
    scenarios: [attacked as never, tabletop as never],
  })
})
after(() => test.close())
beforeEach(async () => {
  aheadMs = 0
  acme = await addTenantWithAdministrator(test, `drill${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
})

async function call(path: string, body?: unknown, method?: string) {
  return test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
}
const start = async (scenario: object, ports: object = {}) => {
  const started = await call('/drills', { scenario, ports })
  assert.equal(started.status, 201, started.text)
  return started.body.drill.id as string
}
const live = () => start(attacked, { notes: 4001, safe: 4002 })

describe('a tabletop', () => {
  it('makes nothing, takes answers while it runs, and keeps them', async () => {
    const handle = test.context.store.forTenant(acme.id)
    const rows = async () => JSON.stringify(await handle.selectFrom('resources').selectAll().execute())
    const kept = await rows()
    const id = await start(tabletop)
    assert.equal(await rows(), kept)
    assert.deepEqual(await handle.selectFrom('enrolmentTokens').selectAll().execute(), [])
    assert.equal((await call(`/drills/${id}/answers`, { inject: 1, text: 'x' })).status, 404)
    assert.equal((await call(`/drills/${id}/answers`, { inject: 0, text: '<b>Contain it</b>' })).status, 200)
    await call(`/drills/${id}/finish`, report('passed'))
    const { answers, restored, drill } = (await call(`/drills/${id}`)).body
    assert.deepEqual(
      [answers[0].by, answers[0].text, restored, drill.level],
      ['boss', '<b>Contain it</b>', true, 'tabletop'],
    )
    assert.equal((await call(`/drills/${id}/answers`, { inject: 0, text: 'late' })).status, 404)
  })

  it('has no actors, apps or acts, and what is none has both', async () => {
    const acts = { ...tabletop, steps: [{ hop: { actor: 'a', apps: ['b'], pace: { median: '1s' } } }] }
    for (const wrong of [acts, { ...tabletop, apps: smallScenario.apps }, { ...smallScenario, actors: {} }])
      assert.equal((await call('/drills', { scenario: wrong, ports: {} })).status, 400)
  })
})

it('techniques are proven by the last drill of them, failed, stale after 90 days, or untested', async () => {
  const states = async () =>
    Object.fromEntries(
      (await call('/attack-techniques')).body.techniques.map(({ id, state }: { id: string; state: string }) => [
        id,
        state,
      ]),
    )
  assert.deepEqual(await states(), { T1021: 'untested', T1078: 'untested' })
  await call(`/drills/${await live()}/finish`, report('failed'))
  assert.equal((await states()).T1021, 'failed')
  aheadMs += 1000
  await call(`/drills/${await live()}/finish`, report('passed'))
  assert.equal((await states()).T1021, 'proven')
  const { scenarios } = (await call('/attack-techniques')).body
  assert.deepEqual(
    scenarios.map((each: { lastVerdict: string | null }) => each.lastVerdict),
    ['passed', null],
  )
  const { attackView } = await import('./attack-view.ts')
  const [row] = await test.context.store.forTenant(acme.id).selectFrom('drills').selectAll().execute()
  assert.ok(row)
  const later = attackView([], [{ row, scenario: attacked, verdict: 'passed' }], Date.now() + 91 * 86_400_000)
  assert.equal(later.techniques[0]?.state, 'stale')
})

it('the report of a drill is HTML, PDF and OCSF, in the order of SP 800-84, with hostile words as text', async () => {
  const id = await live()
  assert.equal((await call(`/drills/${id}/report`)).status, 404, 'not while it runs')
  await call(`/drills/${id}/finish`, report('failed', '<img src=x onerror=alert(1)>\u202e'))
  const get = async (format: string) => {
    const { body, status, text } = await call(`/drills/${id}/report?format=${format}`)
    assert.equal(status, 200, text)
    return Buffer.from(body.content, 'base64')
  }
  const html = (await get('html')).toString()
  assert.doesNotMatch(html, /<img|\u202e/)
  const order = ['Objectives', 'Scope', 'Results', 'Gaps', 'What happened'].map((title) => html.indexOf(`<h2>${title}`))
  assert.ok(order.every((at, index) => at > (order[index - 1] ?? 0)))
  assert.equal((await get('pdf')).subarray(0, 5).toString(), '%PDF-')
  const event = JSON.parse((await get('ocsf')).toString())
  assert.deepEqual([event.class_uid, event.verdict_id, event.attacks[0].technique.uid], [2005, 6, 'T1021'])
})

describe('what is real goes first', () => {
  const reasonOf = async (id: string) => (await call(`/drills/${id}`)).body.drill.endReason

  it('a strong story about somebody else ends the drill', async () => {
    const id = await live()
    await takeStory(
      acme.id,
      toldStory('198.51.100.9', { level: 'restrict', noticedMs: Date.now() + 1000 }),
      test.context,
    )
    await lookAfterDrills(acme.id, test.context)
    assert.equal(await reasonOf(id), null, 'a mild one does not')
    await takeStory(acme.id, toldStory('198.51.100.9', { level: 'cut', noticedMs: Date.now() + 1001 }), test.context)
    await lookAfterDrills(acme.id, test.context)
    assert.equal(await reasonOf(id), 'alarm')
  })

  it('a story about its own people does not', async () => {
    const started = await call('/drills', { scenario: attacked, ports: { notes: 4001, safe: 4002 } })
    const thief = started.body.actors.thief.userId
    await takeStory(acme.id, toldStory(thief, { level: 'contain', noticedMs: Date.now() + 1000 }), test.context)
    await lookAfterDrills(acme.id, test.context)
    assert.equal(await reasonOf(started.body.drill.id), null)
  })
})
