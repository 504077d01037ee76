// Playbooks at control: started by stories or by hand, bounded, audited; they end, and do nothing that a person could not.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parse } from 'yaml'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { takeStory } from '#control/stories/take-story.ts'
import { toldStory } from '#control/stories/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let ada: string
let count = 0
let aheadMs = 0

before(async () => {
  test = await startTestControl({ nowMs: () => Date.now() + aheadMs })
})
after(() => test.close())
beforeEach(async () => {
  acme = await addTenantWithAdministrator(test, `play${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
  await call('/apply', { documents: [{ kind: 'User', name: 'ada', spec: {} }] })
  ada = (await test.context.mirrors.current(acme.id)).byName('user', 'ada')?.id ?? ''
})

async function call(path: string, body?: unknown, method?: string) {
  return test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
}

const shipped = () =>
  parse(readFileSync(new URL('../../cli/playbooks/stolen-session.yaml', import.meta.url), 'utf8')) as object
const declare = (steps: object[], more: object = {}, name = 'book') =>
  call('/apply', { documents: [{ kind: 'Playbook', name, spec: { title: 'x', steps, ...more } }] })
const story = (subject = ada) =>
  takeStory(acme.id, toldStory(subject, { kind: 'car-park', level: 'cut', noticedMs: count++ }), test.context)
type Shown = {
  id: string
  state: string
  incident: string
  question: string | null
  why: string | null
  playbook: string
}
const runs = async () => (await call('/playbook-runs')).body.items as readonly Shown[]
const contained = async () => (await call('/containments')).body.items.length as number

async function untilState(state: string): Promise<Shown> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const [run] = await runs()
    if (run?.state === state) return run
    if (performance.now() > deadline) assert.fail(`never ${state}: ${JSON.stringify(run)}`)
    await pause(50)
  }
}

describe('the shipped playbook', () => {
  it('contains, asks, and gives back what it took when the answer is yes; all of it is on record', async () => {
    assert.equal((await call('/apply', { documents: [shipped()] })).status, 200)
    await story()
    const asking = await untilState('asking')
    assert.match(asking.question ?? '', /Was it them/)
    assert.equal(await contained(), 1)
    const answered = await call(`/playbook-runs/${asking.id}/answer`, { answer: 'yes' })
    assert.equal(answered.status, 200, answered.text)
    await untilState('done')
    assert.equal(await contained(), 0)
    const { incident, timeline } = (await call(`/incidents/${asking.incident}`)).body
    assert.deepEqual([incident.state, incident.cause, incident.severity], ['closed', 'expected', 'high'])
    const acts = timeline.filter((item: { kind: string }) => item.kind === 'act')
    assert.deepEqual(
      acts.map(({ what, by }: { what: string; by: string }) => `${what}: ${by}`),
      [
        'opened: playbook',
        'contained: playbook stolen-session',
        'triaged: playbook stolen-session',
        'playbook: playbook stolen-session',
        'playbook: boss',
        'released: playbook stolen-session',
        'closed: playbook stolen-session',
      ],
    )
    const told = (await call('/events?class=6003&limit=50')).text
    for (const operation of ['startPlaybook', 'contain', 'answerPlaybook', 'releaseContainment'])
      assert.match(told, new RegExp(`"operation":"${operation}"`))
  })

  it('keeps the person contained when nobody answers in time', async () => {
    await call('/apply', { documents: [shipped()] })
    await story()
    await untilState('asking')
    aheadMs += 26 * 60_000
    const run = await untilState('done')
    assert.equal(await contained(), 1)
    assert.equal((await call(`/incidents/${run.incident}`)).body.incident.state, 'contained')
    assert.equal((await call(`/playbook-runs/${run.id}/answer`, { answer: 'yes' })).status, 409)
  })

  it('never contains an administrator', async () => {
    await call('/apply', { documents: [shipped()] })
    await story(acme.administratorId)
    await untilState('asking')
    assert.equal(await contained(), 0)
  })
})

describe('a playbook', () => {
  it('that loops, leads nowhere or names a step twice is refused with the step', async () => {
    const comment = (id: string, next?: string) => ({ id, comment: 'x', ...(next !== undefined && { next }) })
    for (const [steps, message] of [
      [[comment('a'), comment('b', 'a')], /leads back to a: a playbook may not loop/],
      [[comment('a', 'a')], /may not loop/],
      [[comment('a', 'nowhere')], /there is no step nowhere/],
      [[comment('a'), comment('a')], /taken by another step/],
      [[comment('end')], /may not be called end/],
      [[{ id: 'a', shell: 'rm -rf /' }], /steps/],
    ] as const) {
      const applied = await declare([...steps])
      assert.equal(applied.status, 422)
      assert.match(applied.text, message)
    }
  })

  it('runs no more often than it may, and once for a story told twice', async () => {
    await declare([{ id: 'a', wait: '1h' }], { on: [{ levelAtLeast: 'note' }], runsPerHour: 2 })
    const told = toldStory(ada, { noticedMs: 7 })
    for (let times = 0; times < 2; times++) await takeStory(acme.id, told, test.context)
    assert.equal((await runs()).length, 1)
    for (let times = 0; times < 4; times++) await story()
    assert.equal((await runs()).length, 2)
    assert.match((await call('/incidents?limit=50')).text, /inc_/)
  })

  it('begins only for stories of its kinds and level', async () => {
    await declare([{ id: 'a', wait: '1h' }], { on: [{ kinds: ['travel'], levelAtLeast: 'note' }] })
    await declare([{ id: 'a', wait: '1h' }], { on: [{ levelAtLeast: 'contain' }] }, 'other')
    await declare([{ id: 'a', wait: '1h' }], {}, 'by-hand')
    await story()
    assert.deepEqual(await runs(), [])
    assert.equal((await call('/incidents')).body.total, 0)
  })

  it('is started by hand in an incident, stopped, and not twice at once', async () => {
    await declare([
      { id: 'a', wait: '1h' },
      { id: 'b', close: { cause: 'attack' } },
    ])
    const { id } = (await call('/incidents', { title: 'by hand' })).body
    const started = await call(`/incidents/${id}/playbooks`, { playbook: 'book' })
    assert.equal(started.status, 201, started.text)
    assert.equal((await call(`/incidents/${id}/playbooks`, { playbook: 'book' })).status, 503)
    assert.equal((await call(`/incidents/${id}/playbooks`, { playbook: 'nothing' })).status, 404)
    await untilState('waiting')
    assert.equal((await call(`/playbook-runs/${started.body.id}`, undefined, 'DELETE')).body.state, 'stopped')
    aheadMs += 12 * 60_000
    await pause(1500)
    assert.equal((await call(`/incidents/${id}`)).body.incident.state, 'open', 'what was stopped does nothing more')
  })

  it('stops when the incident is closed under it', async () => {
    await declare(
      [
        { id: 'a', wait: '1m' },
        { id: 'b', severity: 'critical' },
      ],
      { on: [{ levelAtLeast: 'note' }] },
    )
    await story()
    const { incident } = await untilState('waiting')
    await call(`/incidents/${incident}`, { close: { cause: 'expected', text: '' } }, 'PATCH')
    aheadMs += 120_000
    assert.equal((await untilState('stopped')).why, 'the incident was closed')
    assert.equal((await call(`/incidents/${incident}`)).body.incident.severity, 'high')
  })
})
