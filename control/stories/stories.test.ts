// Stories at control: kept once, told in the journal, answered only where the tenant wants it, judged by people.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createSessions } from '#control/directory/sessions.ts'
import { addTenantWithAdministrator, startTestControl, type TestControl } from '#control/testing.ts'
import { takeStory } from './take-story.ts'
import { toldStory } from './testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let ada: string
let count = 0

async function call(path: string, body?: unknown, method?: string) {
  const answer = await test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
  return {
    status: answer.status,
    body: answer.body as Record<string, never> & Record<string, unknown>,
    text: answer.text,
  }
}
type Listed = {
  items: readonly { id: string; sentence: string; containment: string | null; state: string }[]
  next: string | null
  total: number
}
const stories = async (query = '') => (await call(`/stories${query}`)).body as unknown as Listed

before(async () => {
  test = await startTestControl()
})
after(() => test.close())
beforeEach(async () => {
  acme = await addTenantWithAdministrator(test, `tenant${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
  await call('/apply', { documents: [{ kind: 'User', name: 'ada', spec: {} }] })
  ada = (await test.context.mirrors.current(acme.id)).byName('user', 'ada')?.id ?? ''
})

describe('a story', () => {
  it('is kept with names instead of ids, and is a finding in the journal', async () => {
    await takeStory(acme.id, toldStory(ada), test.context)
    const [story] = (await stories()).items
    assert.equal(story?.sentence, 'In 1 min ada opened 5 apps never used before.')
    const found = await call('/events?class=2004')
    type Told = { finding_info: { types: readonly string[] }; actor: { user: { uid: string } } }
    const [item] = found.body['items'] as unknown as readonly { event: Told }[]
    assert.deepEqual(item?.event.finding_info.types, ['car-park'])
    assert.equal(item.event.actor.user.uid, ada)
  })

  it('told twice is one story', async () => {
    await takeStory(acme.id, toldStory(ada), test.context)
    await takeStory(acme.id, toldStory(ada), test.context)
    assert.equal((await stories()).total, 1)
  })

  it('whose first telling broke off is in the journal and answered when it is told again, once', async () => {
    await call('/settings', { answerFrom: 'cut' }, 'PATCH')
    const { journal } = test.context
    const broken = { ...journal, record: () => Promise.reject(new Error('disk')) }
    const told = toldStory(ada, { level: 'cut' })
    await assert.rejects(takeStory(acme.id, told, { ...test.context, journal: broken }))
    assert.equal((await stories()).items[0]?.containment, null)
    for (let times = 0; times < 2; times++) await takeStory(acme.id, told, test.context)
    assert.notEqual((await stories()).items[0]?.containment, null)
    assert.equal((await call('/events?class=2004')).body['items']?.['length'], 1)
    assert.equal((await call('/containments')).body['items']?.['length'], 1)
  })

  it('contains nobody unless the tenant says from which level on', async () => {
    await takeStory(acme.id, toldStory(ada, { level: 'contain' }), test.context)
    assert.equal((await stories()).items[0]?.containment, null)
    const settings = await call('/settings', { answerFrom: 'cut' }, 'PATCH')
    assert.equal(settings.status, 200, settings.text)
    await takeStory(acme.id, toldStory(ada, { level: 'restrict', noticedMs: 2 }), test.context)
    assert.equal(
      (await stories()).items.some(({ containment }) => containment !== null),
      false,
    )
    const session = await createSessions(test.context).create({
      tenantId: acme.id,
      userId: ada,
      deviceId: null,
      door: 'browser',
      factors: ['pwd'],
      ip: '192.0.2.1',
    })
    type Lease = { readonly subject: { readonly name: string }; readonly answer: string }
    const inForce = async () => (await call('/containments')).body['items'] as unknown as readonly Lease[]
    await takeStory(acme.id, toldStory(ada, { level: 'cut', noticedMs: 3 }), test.context)
    assert.deepEqual(
      (await inForce()).map(({ subject, answer }) => [subject.name, answer]),
      [['ada', 'cut']],
    )
    assert.ok(await createSessions(test.context).get(acme.id, session.id), 'a cut leaves the sign-in')
    await takeStory(acme.id, toldStory(ada, { level: 'contain', noticedMs: 4 }), test.context)
    assert.equal((await inForce()).length, 2)
    assert.equal(await createSessions(test.context).get(acme.id, session.id), undefined, 'a containment ends it')
  })

  it('never contains an administrator by itself: whoever makes one look bad must not shut them out', async () => {
    await call('/settings', { answerFrom: 'note' }, 'PATCH')
    await takeStory(acme.id, toldStory(acme.administratorId, { level: 'contain' }), test.context)
    assert.equal((await stories()).items[0]?.containment, null)
    assert.deepEqual((await call('/containments')).body['items'], [])
  })

  it('about an address names the address, and contains nobody', async () => {
    await call('/settings', { answerFrom: 'note' }, 'PATCH')
    await takeStory(acme.id, toldStory('198.51.100.7', { kind: 'password-spray', level: 'cut' }), test.context)
    assert.match((await stories()).items[0]?.sentence ?? '', /198\.51\.100\.7/)
    assert.deepEqual((await call('/containments')).body['items'], [])
  })

  it('is taken, annotated and judged; a verdict closes it', async () => {
    await takeStory(acme.id, toldStory(ada), test.context)
    const id = (await stories()).items[0]?.id ?? ''
    assert.equal((await call(`/stories/${id}`, { take: true }, 'PATCH')).body['state'], 'taken')
    await call(`/stories/${id}`, { note: 'Asked her: <b>new project</b>' }, 'PATCH')
    const closed = await call(`/stories/${id}`, { verdict: 'expected' }, 'PATCH')
    assert.equal(closed.body['state'], 'closed')
    assert.equal((closed.body['notes'] as unknown as readonly { by: string }[])[0]?.by, 'boss')
    assert.equal((await stories('?state=open')).total, 0)
    assert.equal((await call(`/stories/${id}`, {}, 'PATCH')).status, 400)
    assert.equal((await call(`/stories/${id}`, { verdict: 'whatever' }, 'PATCH')).status, 400)
    assert.equal((await call('/stories/sty_nothing', { take: true }, 'PATCH')).status, 404)
  })

  it('is found by user, text and page by page, newest first', async () => {
    for (let at = 0; at < 25; at++)
      await takeStory(
        acme.id,
        toldStory(ada, { noticedMs: 1000 + at, sentence: `Number ${at} of ${ada}` }),
        test.context,
      )
    const first = await stories('?limit=10')
    assert.deepEqual([first.total, first.items[0]?.sentence], [25, 'Number 24 of ada'])
    const second = await stories(`?limit=10&after=${first.next ?? ''}`)
    assert.equal(second.items[0]?.sentence, 'Number 14 of ada')
    assert.equal((await stories('?search=NUMBER%2017')).total, 1)
    assert.equal((await stories(`?user=${ada}`)).total, 25)
    assert.equal((await stories(`?user=${acme.administratorId}`)).total, 0)
  })
})
