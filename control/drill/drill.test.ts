// Drills at control: refused unless provably safe, made of ordinary things, and undone to the last row.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { addTenantWithAdministrator, newCsr, startTestControl, type TestControl } from '#control/testing.ts'
import { endDrill } from './end.ts'
import { insertDrill, smallScenario } from './testing.ts'
import { lookAfterDrills, startDrillUpkeep } from './upkeep.ts'
import { drillWall } from './wall.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let T: string
let count = 0

const documents = [
  { kind: 'ConnectorGroup', name: 'dc', spec: {} },
  { kind: 'Group', name: 'staff', spec: {} },
  { kind: 'User', name: 'ada.lovelace', spec: { groups: ['staff'] } },
  {
    kind: 'App',
    name: 'wiki',
    spec: {
      kind: 'http',
      connectorGroup: 'dc',
      names: [{ host: 'wiki.acme.test', ports: ['80'] }],
      upstream: { host: 'wiki.internal' },
    },
  },
  {
    kind: 'Policy',
    name: 'staff-wiki',
    spec: { text: 'permit (principal in Group::"staff", action == Action::"request", resource == App::"wiki");' },
  },
  {
    kind: 'Policy',
    name: 'approved',
    spec: { text: 'permit (principal, action, resource) when { context.approved };' },
  },
]

async function call(path: string, body?: unknown, method?: string) {
  const answer = await test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })
  return {
    status: answer.status,
    body: answer.body as never as Record<string, never> & Record<string, unknown>,
    text: answer.text,
  }
}

async function resources(): Promise<string[]> {
  const rows = await test.context.store.forTenant(acme.id).selectFrom('resources').selectAll().execute()
  return rows.map(({ kind, name, spec }) => `${kind} ${name} ${spec}`).toSorted()
}

const start = (scenario: object = smallScenario) => call('/drills', { scenario, ports: { notes: 4001, safe: 4002 } })

before(async () => {
  test = await startTestControl()
})
after(() => test.close())
beforeEach(async () => {
  acme = await addTenantWithAdministrator(test, `acme${count++}`, 'boss')
  T = `/v1/tenants/${acme.name}`
  const applied = await call('/apply', { documents })
  assert.equal(applied.status, 200, applied.text)
})

describe('a drill', () => {
  it('is refused, and nothing is made, when a permit might let its identities reach a real app', async () => {
    const open = {
      kind: 'Policy',
      name: 'open',
      spec: { text: 'permit (principal, action, resource == App::"wiki") when { context.risk < 10 };' },
    }
    assert.equal((await call('/apply', { documents: [open], allowWidening: true })).status, 200)
    const kept = await resources()
    const answer = await start()
    assert.equal(answer.status, 409)
    assert.match(answer.text, /drill-unsafe.*wiki.*open/)
    assert.deepEqual(await resources(), kept)
    assert.equal((await test.context.store.forTenant(acme.id).selectFrom('drills').selectAll().execute()).length, 0)
  })

  it('makes ordinary users and apps in the manner of the tenant, and says so nowhere', async () => {
    const answer = await start()
    assert.equal(answer.status, 201, answer.text)
    const mirror = await test.context.mirrors.current(acme.id)
    const { actors, apps } = answer.body as unknown as {
      actors: Record<string, { user: string; userId: string }>
      apps: Record<string, { name: string; appId: string; host: string }>
    }
    assert.match(actors['thief']?.user ?? '', /^[a-z]+\.[a-z]+(-\d+)?$/, 'as ada.lovelace has it')
    assert.match(apps['notes']?.host ?? '', /\.acme\.test$/, 'as wiki.acme.test has it')
    const told = JSON.stringify([...mirror.records()])
    for (const word of ['drill', 'canary', 'decoy', 'thief', 'small']) assert.equal(told.includes(word), false, word)
    const journal = await call('/events?limit=100')
    assert.equal(/drill|canary/i.test(journal.text), false, 'not in the journal while it runs')
    const handle = test.context.store.forTenant(acme.id)
    const row = await handle.selectFrom('drills').selectAll().executeTakeFirstOrThrow()
    const listed = async () => ((await call('/drills')).body['items'] as unknown as unknown[]).length
    assert.equal(await listed(), 1, 'whoever started it finds its stop button')
    await handle
      .updateTable('drills')
      .set({ startedBy: actors['thief']?.userId ?? '' })
      .execute()
    assert.equal(await listed(), 0, 'blind: nobody else sees it while it runs')
    await handle.updateTable('drills').set({ startedBy: row.startedBy }).execute()
    assert.equal(row.sealed.includes(actors['thief']?.userId ?? '-'), false)
  })

  it('is written down as any other change is, with every name', async () => {
    const { actors } = (await start()).body as unknown as { actors: Record<string, { user: string }> }
    type Act = {
      event: { api: { operation: string; request: object }; resources: readonly unknown[]; unmapped: object }
    }
    const { items } = (await call('/events?limit=100')).body as unknown as { items: readonly Act[] }
    const [drill, ordinary] = items.map(({ event }) => event).filter(({ api }) => api.operation === 'apply')
    assert.deepEqual(drill?.resources, ordinary?.resources)
    assert.deepEqual(Object.keys(drill?.unmapped ?? {}), Object.keys(ordinary?.unmapped ?? {}))
    assert.match(JSON.stringify(drill), new RegExp(`"${actors['thief']?.user}"`))
  })

  it('that cannot be told of has not ended', async () => {
    const { id } = (await start()).body['drill'] as unknown as { id: string }
    const handle = test.context.store.forTenant(acme.id)
    const row = () => handle.selectFrom('drills').selectAll().where('drills.id', '=', id).executeTakeFirstOrThrow()
    const journal = { ...test.context.journal, record: () => Promise.reject(new Error('disk')) }
    await assert.rejects(endDrill(await row(), 'silent', null, { ...test.context, journal }))
    assert.equal((await row()).endedAtMs, null)
    await endDrill(await row(), 'silent', null, test.context)
    assert.equal((await row()).restored, 1)
  })

  it('is one at a time, and takes no ports or handles that the scenario does not have', async () => {
    assert.equal((await start()).status, 201)
    assert.match((await start()).text, /drill-running/)
    const broken = { ...smallScenario, steps: [{ hop: { actor: 'nobody', apps: ['notes'], pace: { median: '1s' } } }] }
    assert.match((await start(broken)).text, /nobody/)
    assert.match((await start({ ...smallScenario, within: '2000m' })).text, /60 minutes/)
    assert.equal((await start({ ...smallScenario, extra: true })).status, 400)
  })

  it('gives an actor a device with a session, and nobody a device who is not one', async () => {
    const { id } = (await start()).body['drill'] as unknown as { id: string }
    const csr = await newCsr()
    const device = { csrPem: csr.csrPem, name: 'laptop', os: 'linux x64' }
    const opened = await call(`/drills/${id}/devices`, { actor: 'thief', ...device })
    assert.equal(opened.status, 201, opened.text)
    assert.match(String(opened.body['certificatePem']), /BEGIN CERTIFICATE/)
    const refused = await call(`/drills/${id}/devices`, { actor: 'ada', ...device, csrPem: (await newCsr()).csrPem })
    assert.equal(refused.status, 404)
  })

  it('opens a device of an actor as that person would, and says nothing more', async () => {
    const { drill, actors } = (await start()).body as unknown as {
      drill: { id: string }
      actors: Record<string, { userId: string }>
    }
    const before_ = (await call('/events?limit=100')).body['items'] as unknown as readonly object[]
    const device = { csrPem: (await newCsr()).csrPem, name: 'laptop', os: 'linux x64' }
    assert.equal((await call(`/drills/${drill.id}/devices`, { actor: 'thief', ...device })).status, 201)
    type Told = { event: { actor?: { user?: { uid: string } } } }
    const items = (await call('/events?limit=100')).body['items'] as unknown as readonly Told[]
    const told = items.slice(0, items.length - before_.length)
    assert.ok(told.length > 0)
    for (const { event } of told) assert.equal(event.actor?.user?.uid, actors['thief']?.userId)
  })

  it('keeps its people from the internet whatever the tenant lets everybody browse, or does not begin', async () => {
    const web = {
      kind: 'Policy',
      name: 'browsing',
      spec: {
        text: 'permit (principal, action in [Action::"browse", Action::"upload", Action::"download"], resource);',
      },
    }
    const allowed = await call('/apply', { documents: [web], allowWidening: true })
    assert.equal(allowed.status, 200, allowed.text)
    const { drill, actors } = (await start()).body as unknown as {
      drill: { id: string }
      actors: Record<string, { user: string }>
    }
    const { rulesOfMirror } = await import('#control/directory/decide-for.ts')
    const { decidePolicy } = await import('#core/policy/decide.ts')
    const decide = async (user: string) => {
      const { policies, entities } = rulesOfMirror(await test.context.mirrors.current(acme.id))
      return decidePolicy(policies, entities, {
        user,
        action: 'browse',
        resource: { kind: 'destination', host: 'example.com', categories: [] },
        session: { factors: ['pwd'], ageSeconds: 1, door: 'agent' },
        device: null,
        ip: '192.0.2.1',
        time: { nowMs: 0, hour: 0, weekday: 1 },
        risk: 0,
        approved: false,
        http: null,
      } as never).kind
    }
    assert.equal(await decide('ada.lovelace'), 'allow')
    assert.equal(await decide(actors['thief']?.user ?? ''), 'deny')
    const kept = (await resources()).filter((text) => text.includes('forbid'))
    const name = kept[0]?.split(' ')[1] ?? ''
    // The wall is taken away while the drill lasts: the drill ends.
    const gone = await call(`/resources/policies/${name}?allowWidening=true`, undefined, 'DELETE')
    if (gone.status !== 200)
      await call('/apply', {
        documents: [{ kind: 'Policy', name, spec: { text: 'forbid (principal, action, resource == App::"wiki");' } }],
        allowWidening: true,
      })
    await lookAfterDrills(acme.id, test.context)
    const row = await test.context.store
      .forTenant(acme.id)
      .selectFrom('drills')
      .selectAll()
      .where('drills.id', '=', drill.id)
      .executeTakeFirstOrThrow()
    assert.equal(row.endReason, 'unsafe')
  })

  it('leaves nothing behind: everything else is exactly as it was', async () => {
    const kept = await resources()
    const { id } = (await start()).body['drill'] as unknown as { id: string }
    const csr = await newCsr()
    await call(`/drills/${id}/devices`, { actor: 'thief', csrPem: csr.csrPem, name: 'laptop', os: 'linux' })
    const report = {
      verdict: 'passed',
      outcomes: [],
      timeline: [],
      detectMs: null,
      hopsUntilSeen: null,
      containMs: null,
      residual: [],
      receipts: [],
      missing: [],
    }
    const finished = await call(`/drills/${id}/finish`, report)
    assert.equal(finished.status, 200, finished.text)
    assert.equal(finished.body['restored'], true)
    assert.deepEqual(await resources(), kept)
    const handle = test.context.store.forTenant(acme.id)
    for (const table of ['devices', 'connectors', 'containments', 'approvals', 'enrolmentTokens'] as const)
      assert.deepEqual(await handle.selectFrom(table).selectAll().execute(), [], table)
    assert.match((await call('/events?limit=100')).text, /A drill has ended/, 'told afterwards')
    const listed = (await call('/drills')).body['items'] as unknown as readonly { verdict: string }[]
    assert.equal(listed[0]?.verdict, 'passed')
  })

  it('ends although something else refers to what it made, which stays without any use', async () => {
    const answer = await start()
    const { drill, actors, apps } = answer.body as unknown as {
      drill: { id: string }
      actors: Record<string, { user: string; userId: string }>
      apps: Record<string, { name: string; appId: string }>
    }
    const csr = await newCsr()
    await call(`/drills/${drill.id}/devices`, { actor: 'thief', csrPem: csr.csrPem, name: 'laptop', os: 'linux' })
    const owned = { kind: 'App', name: 'wiki', spec: { ...documents[3]?.spec, owner: actors['thief']?.user } }
    const contract = { from: '2026-01-01T00:00:00Z', until: '2036-01-01T00:00:00Z', apps: [apps['notes']?.name] }
    const organisation = { kind: 'Organisation', name: 'others', spec: { sponsor: 'ada.lovelace', ...contract } }
    const applied = await call('/apply', { documents: [owned, organisation], allowWidening: true })
    assert.equal(applied.status, 200, applied.text)
    const stopped = await call(`/drills/${drill.id}`, undefined, 'DELETE')
    assert.equal(stopped.status, 200, stopped.text)
    assert.equal((await call(`/drills/${drill.id}`)).body['restored'], false)
    const mirror = await test.context.mirrors.current(acme.id)
    assert.equal(mirror.get('user', actors['thief']?.userId ?? '')?.status, 'disabled')
    // The second one by way of the thief's own organisation, whose contract names both.
    for (const app of Object.values(apps)) assert.equal(mirror.get('app', app.appId)?.enabled, false)
    assert.equal(JSON.stringify([...mirror.all('policy')]).includes(actors['thief']?.user ?? '-'), false)
    assert.deepEqual([...mirror.all('session')], [])
    assert.match((await call('/events?limit=100')).text, /A drill has ended/)
    assert.equal((await start()).status, 201, 'the next one may begin')
  })

  it('of one tenant that cannot be ended does not keep those of others going', async (t) => {
    const { context } = test
    const broken = await insertDrill(acme.id, acme.administratorId, context)
    await context.store.forTenant(acme.id).updateTable('drills').set({ sealed: 'x' }).where('id', '=', broken).execute()
    await context.store
      .forTenant(acme.id)
      .updateTable('drills')
      .set({ aliveAtMs: 0 })
      .where('id', '=', broken)
      .execute()
    const other = await addTenantWithAdministrator(test, `other${count++}`, 'boss')
    const silent = await insertDrill(other.id, other.administratorId, context)
    await context.store
      .forTenant(other.id)
      .updateTable('drills')
      .set({ aliveAtMs: 0 })
      .where('id', '=', silent)
      .execute()
    const upkeep = startDrillUpkeep({ ...context, log: () => {} }, 10)
    t.after(() => upkeep.stop())
    for (;;) {
      const row = await context.store.forTenant(other.id).selectFrom('drills').selectAll().executeTakeFirstOrThrow()
      if (row.endedAtMs !== null) break
      await setImmediate()
    }
  })

  it('says that it is not restored when somebody else changed something meanwhile', async () => {
    const { id } = (await start()).body['drill'] as unknown as { id: string }
    await call('/apply', { documents: [{ kind: 'Group', name: 'newcomers', spec: {} }] })
    assert.equal((await call(`/drills/${id}`, undefined, 'DELETE')).status, 200)
    assert.equal((await call(`/drills/${id}`)).body['restored'], false)
  })

  it('ends by itself: silent for a minute, out of time, or no longer provably safe', async (t) => {
    const { context } = test
    const ends = async (change: (id: string) => Promise<unknown>) => {
      const { id } = (await start()).body['drill'] as unknown as { id: string }
      await lookAfterDrills(acme.id, context)
      assert.equal(((await call(`/drills/${id}`)).body['drill'] as unknown as { state: string }).state, 'running')
      await change(id)
      await lookAfterDrills(acme.id, context)
      const { drill } = (await call(`/drills/${id}`)).body as unknown as { drill: { endReason: string } }
      return drill.endReason
    }
    const drills = () => context.store.forTenant(acme.id).updateTable('drills')
    const silent = await ends((id) =>
      drills()
        .set({ aliveAtMs: context.nowMs() - 60_001 })
        .where('drills.id', '=', id)
        .execute(),
    )
    assert.equal(silent, 'silent')
    const late = await ends((id) =>
      drills()
        .set({ endsAtMs: context.nowMs() - 1 })
        .where('drills.id', '=', id)
        .execute(),
    )
    assert.equal(late, 'out-of-time')
    const wide = { kind: 'Policy', name: 'wide', spec: { text: 'permit (principal, action, resource);' } }
    assert.equal(await ends(() => call('/apply', { documents: [wide], allowWidening: true })), 'unsafe')
    t.diagnostic('each of them left the resources as they were')
    assert.equal((await resources()).length, documents.length + 2, 'the administrator and the wide policy besides')
  })

  it('is on a wall that connectors hold, which looks the same when there is none', async () => {
    const handle = test.context.store.forTenant(acme.id)
    const quiet = await drillWall(handle, test.context)
    const { apps, actors } = (await start()).body as unknown as {
      apps: Record<string, { appId: string }>
      actors: Record<string, { userId: string }>
    }
    const wall = await drillWall(handle, test.context)
    assert.deepEqual([quiet.people.length, quiet.apps.length], [wall.people.length, wall.apps.length])
    assert.equal(
      wall.people.some((hash) => hash.includes(actors['thief']?.userId ?? '-')),
      false,
    )
    assert.notEqual(apps['notes']?.appId, undefined)
  })
})
