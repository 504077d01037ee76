// Risk at control: kept with its sentences, told to exchanges by steps, faded, and forgotten; what is left of a contained
// subject; networks that nobody signs in from.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { createSessions } from '#control/directory/sessions.ts'
import { toldStory } from '#control/stories/testing.ts'
import { takeStory } from '#control/stories/take-story.ts'
import { sweepTenant } from '#control/sweep.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { takeRisks } from './risk.ts'
import { taughtOf } from './taught.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let ada: string
const call = (path: string, body?: unknown, method?: string) =>
  test.call(`/v1/tenants/acme${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme', 'boss')
  await call('/apply', { documents: [{ kind: 'User', name: 'ada', spec: {} }] })
  ada = (await test.context.mirrors.current(acme.id)).byName('user', 'ada')?.id ?? ''
})
after(() => test.close())

const part = (points: number, sentence = 'ada went to 4 apps never used before') => ({
  points,
  sentence,
  timeMs: test.context.nowMs(),
  eventId: 'evt_1',
})
const tell = (...parts: ReturnType<typeof part>[]) =>
  takeRisks(acme.id, [{ subject: { kind: 'user', id: ada }, parts }], test.context)
const recordNow = async () => (await test.context.mirrors.current(acme.id)).get('risk', `user:${ada}`)

it('a score is the sum of the sentences shown, and only steps are told to exchanges', async () => {
  await tell(part(3))
  assert.equal(await recordNow(), undefined, 'three points are no step')
  assert.equal((await call(`/risks/${ada}`)).body.points, 3)
  await tell(part(40), part(22, '<b>hostile</b>'))
  assert.equal((await recordNow())?.points, 62)
  const { body } = await call(`/risks/${ada}`)
  assert.equal(body.points, 62)
  assert.equal(body.level, 'high')
  const shown = body.parts as readonly { points: number; sentence: string }[]
  assert.equal(
    shown.reduce((sum, { points }) => sum + points, 0),
    62,
  )
  assert.equal(shown[1]?.sentence, '<b>hostile</b>')
  const sequence = (await test.context.mirrors.current(acme.id)).sequence
  for (let each = 0; each < 50; each++) await tell(part(40), part(23))
  assert.equal((await test.context.mirrors.current(acme.id)).sequence, sequence, 'a flood of the same is no change')
  await tell()
  await sweepTenant(acme.id, test.context)
  assert.equal(await recordNow(), undefined)
  assert.equal((await call('/risks')).body.total, 0)
})

it('nobody of another tenant, and nobody unknown, gets a risk', async () => {
  await takeRisks(acme.id, [{ subject: { kind: 'user', id: 'usr_nobody' }, parts: [part(90)] }], test.context)
  await takeRisks(acme.id, [{ subject: { kind: 'organisation', id: 'no-such' }, parts: [part(90)] }], test.context)
  assert.equal((await call('/risks')).body.total, 0)
  assert.equal((await call('/risks/usr_nobody')).status, 404)
})

it('from a contained network nobody signs in, and who sits in it is not locked out by mistake', async () => {
  const signIn = () =>
    createSessions(test.context).create({
      tenantId: acme.id,
      userId: ada,
      deviceId: null,
      door: 'browser',
      factors: ['pwd'],
      ip: '198.51.100.9',
    })
  const session = await signIn()
  const lease = { subject: { kind: 'network', name: '198.51.100.0/24' }, reason: 'spray', expiresInSeconds: 600 }
  const contained = await call('/containments', lease)
  assert.equal(contained.status, 201, contained.text)
  assert.equal(await createSessions(test.context).get(acme.id, session.id), undefined)
  await assert.rejects(signIn(), { code: 'contained' })
  const { id } = contained.body.containment
  const left = await call(`/containments/${id}/residual`)
  assert.deepEqual(left.body, { isNone: true, flows: [], sessions: [], missing: [] })
  await call(`/containments/${id}`, undefined, 'DELETE')
  await signIn()

  const own = { ...lease, subject: { kind: 'network', name: '127.0.0.0/8' } }
  assert.equal((await call('/containments', own)).body.error?.code, 'last-administrator')
  for (const name of ['0.0.0.0/0', 'office', '10.0.0.0/33'])
    assert.equal((await call('/containments', { ...lease, subject: { kind: 'network', name } })).status, 400, name)
})

it('what people say of stories is what detection is taught; an exception ends, and can be ended', async () => {
  const handle = test.context.store.forTenant(acme.id)
  const nowMs = test.context.nowMs()
  for (const [at, verdict] of (['true', 'odd', 'odd', 'drill', 'expected'] as const).entries()) {
    await takeStory(acme.id, toldStory(ada, { noticedMs: nowMs + at }), test.context)
    const [story] = (await call('/stories?limit=1')).body.items as readonly { id: string }[]
    const judged = await call(`/stories/${story?.id}`, { verdict, note: 'looked into' }, 'PATCH')
    assert.equal(judged.status, 200, judged.text)
  }
  const taught = await taughtOf(handle, nowMs)
  assert.deepEqual(taught.verdicts, [{ kind: 'car-park', wasTrue: 1, wasOdd: 2 }])
  assert.deepEqual(
    taught.exceptions.map(({ subject, kind, reason }) => [subject, kind, reason]),
    [[ada, 'car-park', 'looked into']],
  )
  assert.deepEqual((await taughtOf(handle, nowMs + 31 * 86_400_000)).exceptions, [])
  const [exception] = (await call('/story-exceptions')).body.items as readonly { id: string }[]
  assert.equal((await call(`/story-exceptions/${exception?.id}`, undefined, 'DELETE')).status, 200)
  assert.deepEqual((await taughtOf(handle, nowMs)).exceptions, [])
  const storyBudget = { ask: 20, 'step-up': 3, restrict: 0.5, cut: 0.2, contain: 0.1 }
  assert.equal((await call('/settings', { storyBudget }, 'PATCH')).status, 200)
  assert.deepEqual((await taughtOf(handle, nowMs)).budgets, storyBudget)
})
