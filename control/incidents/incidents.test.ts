// Incidents at control: opened from a story, worked on by people, contained, recovered and closed; each act on record.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { takeStory } from '#control/stories/take-story.ts'
import { toldStory } from '#control/stories/testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let ada: string
let wiki: string
let count = 0

before(async () => {
  test = await startTestControl()
})
after(() => test.close())
beforeEach(async () => {
  acme = await addTenantWithAdministrator(test, `case${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
  await call('/apply', { documents: documentsOfEverything() })
  const mirror = await test.context.mirrors.current(acme.id)
  ada = mirror.byName('user', 'ada')?.id ?? ''
  wiki = mirror.byName('app', 'wiki')?.id ?? ''
})

async function call(path: string, body?: unknown, method?: string) {
  return test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
}

async function visit(changes: { readonly app?: string; readonly refused?: boolean; readonly path?: string } = {}) {
  await test.context.journal.record(
    acme.id,
    journalEvent('authorization', 'decide', {
      uid: newId('event'),
      timeMs: test.context.nowMs(),
      tenantId: acme.id,
      outcome: changes.refused ? 'failure' : 'success',
      user: { uid: ada, name: 'ada' },
      deviceId: 'dev_laptop',
      source: { ip: '192.0.2.9' },
      app: { uid: wiki, name: changes.app ?? 'wiki' },
      decision: { kind: changes.refused ? 'deny' : 'allow', policies: [] },
      http: { method: 'GET', path: changes.path ?? '/' },
    }),
  )
}

async function openFromStory() {
  await takeStory(acme.id, toldStory(ada, { firstMs: Date.now() - 60_000, noticedMs: Date.now() }), test.context)
  const story = (await call('/stories')).body.items[0].id as string
  const opened = await call('/incidents', { story })
  assert.equal(opened.status, 201, opened.text)
  return { story, id: opened.body.id as string }
}

describe('an incident', () => {
  it('opened from a story brings its subject, its events and the graph of who reached what', async () => {
    await visit()
    await visit({ refused: true })
    const { story, id } = await openFromStory()
    const found = await call(`/incidents/${id}`)
    assert.equal(found.status, 200, found.text)
    const { incident, links, timeline, graph } = found.body
    assert.equal(incident.severity, 'medium')
    assert.deepEqual(
      links.map((link: { kind: string }) => link.kind),
      ['story', 'user'],
    )
    for (const kind of ['act', 'event', 'story'])
      assert.ok(
        timeline.some((item: { kind: string }) => item.kind === kind),
        kind,
      )
    const edge = graph.edges.find((each: { to: string }) => each.to === wiki)
    assert.deepEqual([edge.from, edge.count, edge.refused], ['dev_laptop', 2, 1])
    assert.equal((await call('/stories')).body.items[0].state, 'taken')
    assert.equal(story.startsWith('sty_'), true)
  })

  it('goes from open to closed, and its history and the journal say by whom', async () => {
    const { id } = await openFromStory()
    assert.equal((await call(`/incidents/${id}`, { take: true, severity: 'high' }, 'PATCH')).body.state, 'taken')
    await call(`/incidents/${id}`, { comment: '<script>alert(1)</script>' }, 'PATCH')
    const contained = await call(`/incidents/${id}/contain`, { kind: 'user', name: 'ada', expiresInSeconds: 600 })
    assert.equal(contained.status, 201, contained.text)
    assert.equal((await call('/containments')).body.items.length, 1)
    const radius = await call('/blast-radius/ada')
    assert.equal(radius.status, 200, radius.text)
    assert.deepEqual([radius.body.now, radius.body.could > 0], [0, true], 'contained: nothing is reachable now')
    const recovered = await call(`/incidents/${id}/recover`, {})
    assert.equal(recovered.body.released, 1, recovered.text)
    assert.equal((await call('/containments')).body.items.length, 0)
    assert.equal((await call('/blast-radius/ada')).body.now > 0, true, 'released: reachable again')
    const closed = await call(`/incidents/${id}`, { close: { cause: 'misuse', text: 'gave the laptop away' } }, 'PATCH')
    assert.equal(closed.body.state, 'closed', closed.text)
    assert.equal((await call('/stories')).body.items[0].verdict, 'true')
    const acts = (await call(`/incidents/${id}`)).body.timeline.filter((item: { kind: string }) => item.kind === 'act')
    assert.deepEqual(
      acts.map((item: { what: string; by: string }) => `${item.what} by ${item.by}`),
      ['opened', 'triaged', 'taken', 'comment', 'contained', 'released', 'closed'].map((what) => `${what} by boss`),
    )
    const told = (await call('/events?class=2005')).body.items.map(
      ({ event }: { event: { unmapped: { state: string }; type_uid: number; verdict_id?: number } }) => event,
    )
    assert.deepEqual(
      told.map((event: { unmapped: { state: string } }) => event.unmapped.state),
      ['closed', 'recovered', 'contained', 'taken', 'open'],
    )
    assert.deepEqual([told[0].type_uid, told[0].verdict_id], [200_503, 2])
    assert.doesNotMatch(JSON.stringify(told), /script/, 'comments stay in the case')
  })

  it('that is closed is not contained in, closed again or taken; opened again it is', async () => {
    const { id } = await openFromStory()
    await call(`/incidents/${id}`, { close: { cause: 'false-alarm', text: '' } }, 'PATCH')
    for (const body of [{ take: true }, { close: { cause: 'attack', text: '' } }])
      assert.equal((await call(`/incidents/${id}`, body, 'PATCH')).status, 409)
    const contained = await call(`/incidents/${id}/contain`, { kind: 'user', name: 'ada', expiresInSeconds: 60 })
    assert.equal(contained.status, 409)
    assert.equal((await call('/containments')).body.items.length, 0, 'refused before anything happened')
    assert.equal((await call(`/incidents/${id}`, { reopen: true }, 'PATCH')).body.state, 'taken')
  })

  it('by hand needs a title, and names only what is there', async () => {
    assert.equal((await call('/incidents', {})).status, 400)
    assert.equal((await call('/incidents', { title: 'x', subjects: [{ kind: 'user', name: 'nobody' }] })).status, 404)
    const opened = await call('/incidents', {
      title: 'A call from the press',
      subjects: [{ kind: 'app', name: 'wiki' }],
    })
    const { id } = opened.body
    assert.equal((await call(`/incidents/${id}/things`, { kind: 'user', name: 'ada' })).status, 200)
    assert.equal((await call(`/incidents/${id}/things`, { kind: 'event', name: 'evt_nothing' })).status, 404)
    assert.equal((await call('/incidents?search=PRESS')).body.total, 1)
  })

  it('is read by auditors and changed by administrators only', async () => {
    const { id } = await openFromStory()
    const { tokenOf } = await import('#control/testing.ts')
    const token = await tokenOf(test, acme.id, acme.administratorId, 'auditor')
    assert.equal((await test.call(`${T}/incidents/${id}`, { token })).status, 200)
    const refused = await test.call(`${T}/incidents/${id}`, { token, method: 'PATCH', body: { take: true } })
    assert.equal(refused.status, 403)
  })

  it('is reported as HTML, PDF and OCSF, with hostile words as text', async () => {
    await visit({ path: '/<script>alert(1)</script>\u202e' })
    const { id } = await openFromStory()
    await call(
      `/incidents/${id}`,
      { comment: '</td><script>alert(2)</script> Жанна \u0000', title: '<b>x</b>' },
      'PATCH',
    )
    const report = async (format: string) => {
      const { body, status, text } = await call(`/incidents/${id}/report?format=${format}`)
      assert.equal(status, 200, text)
      return { ...body, bytes: Buffer.from(body.content, 'base64') }
    }
    const html = (await report('html')).bytes.toString()
    assert.doesNotMatch(html, /<script|<b>|\u202e|\u0000/)
    assert.match(html, /&lt;script&gt;alert\(2\)/)
    const pdf = await report('pdf')
    assert.equal(pdf.bytes.subarray(0, 5).toString(), '%PDF-')
    assert.match(pdf.bytes.subarray(-10).toString(), /%%EOF/)
    const lines = (await report('ocsf')).bytes.toString().trim().split('\n')
    assert.deepEqual(
      lines.map((line: string) => JSON.parse(line).activity_name),
      ['create', 'update'],
    )
  })
})

describe('investigating', () => {
  it('pivots by any field and counts by any other', async () => {
    await visit()
    await visit()
    await visit({ app: 'db', refused: true })
    const found = await call('/investigate?field=src_endpoint.ip&value=192.0.2.9&by=app_name')
    assert.equal(found.status, 200, found.text)
    assert.deepEqual(
      found.body.counts.map(({ value, count: n }: { value: string; count: number }) => [value, n]),
      [
        ['wiki', 2],
        ['db', 1],
      ],
    )
    assert.equal((await call('/investigate?field=class_uid&value=3003')).body.found, 3)
    assert.equal((await call('/investigate?field=a..b&value=x')).status, 400)
    assert.equal((await call('/investigate?field=app_name')).status, 400)
  })

  it('tells what a person could reach, did reach and can reach now', async () => {
    await visit()
    await visit({ refused: true })
    const { body } = await call('/blast-radius/ada')
    const app = body.apps.find((each: { app: string }) => each.app === 'wiki')
    assert.deepEqual([app.could, app.now, app.allowed, app.refused, app.stopped], [true, true, 1, 1, null])
    assert.equal((await call('/blast-radius/nobody')).status, 404)
    await call('/containments', { subject: { kind: 'app', name: 'wiki' }, reason: 'x', expiresInSeconds: 60 })
    const after_ = await call('/blast-radius/ada')
    assert.equal(after_.body.apps.find((each: { app: string }) => each.app === 'wiki').stopped, 'contained')
  })

  it('shows all the rest when one event says that it was at no time', async () => {
    const { id } = await openFromStory()
    await visit()
    await test.context.journal.record(acme.id, {
      ...journalEvent('authorization', 'decide', {
        uid: newId('event'),
        timeMs: test.context.nowMs(),
        tenantId: acme.id,
        outcome: 'success',
        user: { uid: ada, name: 'ada' },
        source: { ip: '192.0.2.9' },
      }),
      time: 1e300,
    })
    for (const path of [
      `/incidents/${id}`,
      `/incidents/${id}/report`,
      '/investigate?field=src_endpoint.ip&value=192.0.2.9&by=app_name',
      '/blast-radius/ada',
      '/web/overview',
    ])
      assert.equal((await call(path)).status, 200, path)
  })

  it('asks before somebody contains the network that they sit in, as everywhere', async () => {
    const { id } = await openFromStory()
    const body = { kind: 'network', name: '127.0.0.0/8', expiresInSeconds: 60 }
    const refused = await call(`/incidents/${id}/contain`, body)
    assert.deepEqual([refused.status, refused.body.error.code], [409, 'last-administrator'])
  })
})
