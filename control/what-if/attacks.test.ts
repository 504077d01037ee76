// The policy API under attack: other tenants' jobs, events and approvals, bombs in test cases, recorded decisions that were
// made to break whoever reads them. Real control, real what-ifs.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { addTenantWithAdministrator, startTestControl, tokenOf, type TestControl } from '#control/testing.ts'
import { startWhatIf, type WhatIf } from '#intelligence/what-if/what-if.ts'

let control: TestControl
let whatIf: WhatIf
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let globex: Awaited<ReturnType<typeof addTenantWithAdministrator>>

const app = { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } }
const tree: readonly object[] = [
  { kind: 'ConnectorGroup', name: 'dc', spec: {} },
  { kind: 'Group', name: 'staff', spec: {} },
  { kind: 'User', name: 'ada', spec: { groups: ['staff'] } },
  { kind: 'App', name: 'wiki', spec: app },
  {
    kind: 'Policy',
    name: 'staff',
    spec: { text: 'permit (principal in Group::"staff", action, resource == App::"wiki") when { context.risk < 50 };' },
  },
]

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-policy-attacks-'))
  whatIf = startWhatIf({ journalRoot: join(folder, 'journal') })
  control = await startTestControl({ whatIf }, folder)
  acme = await addTenantWithAdministrator(control, 'acme')
  globex = await addTenantWithAdministrator(control, 'globex')
  for (const tenant of [acme, globex]) assert.equal((await as(tenant, '/apply', { documents: tree })).status, 200)
})
after(async () => {
  await whatIf.close()
  await control.close()
})

const as = (
  who: { readonly token: string; readonly name: string },
  path: string,
  body?: unknown,
  of = who.name,
  method?: string,
) =>
  control.call(`/v1/tenants/${of}${path}`, {
    token: who.token,
    ...(body !== undefined && { body }),
    ...(method !== undefined && { method }),
  })

async function record(tenant: { readonly id: string }, inputs: unknown, uid: string = newId('event')): Promise<string> {
  const event = journalEvent('http', 'get', {
    uid,
    timeMs: Date.now() - 1000,
    tenantId: tenant.id,
    outcome: 'success',
    user: { uid: 'usr_ada', name: 'ada' },
    app: { uid: 'app_wiki', name: 'wiki' },
    decision: { kind: 'allow', policies: [{ id: 'p', name: 'staff' }], inputs: inputs as never },
  })
  await control.context.journal.record(tenant.id, event)
  return uid
}

async function finished(tenant: typeof acme, body: object) {
  const started = await as(tenant, '/policy/jobs', body)
  assert.equal(started.status, 202, started.text)
  for (;;) {
    const { body: job } = await as(tenant, `/policy/jobs/${started.body.id}`)
    if (job.status !== 'running') return job
    await wait(20)
  }
}

test('nobody asks about, sees, stops or answers for another tenant', async () => {
  const uid = await record(acme, null)
  const job = (await as(acme, '/policy/jobs', { kind: 'reach' })).body
  for (const [path, body, method] of [
    ['/policy/tests', {}, undefined],
    ['/policy/jobs', { kind: 'reach' }, undefined],
    ['/policy/jobs', { kind: 'replay', sinceSeconds: 3600 }, undefined],
    [`/policy/jobs/${job.id}`, undefined, undefined],
    [`/policy/jobs/${job.id}`, undefined, 'DELETE'],
    [`/policy/events/${uid}`, undefined, undefined],
    ['/policy/widening-requests', { request: 'x' }, undefined],
    ['/policy/widening-approvals', { request: 'x' }, undefined],
    ['/explain', { user: 'ada', app: 'wiki' }, undefined],
    ['/apply', { documents: tree }, undefined],
  ] as const) {
    const { status, text } = await as(globex, path, body, 'acme', method)
    assert.ok(status === 403 || status === 404, `${path}: ${status} ${text}`)
  }
  // In one's own tenant, with the ids of the other: they are not there.
  for (const [path, method] of [
    [`/policy/jobs/${job.id}`, undefined],
    [`/policy/jobs/${job.id}`, 'DELETE'],
    [`/policy/events/${uid}`, undefined],
  ] as const)
    assert.equal((await as(globex, path, undefined, 'globex', method)).status, 404, path)
  assert.notEqual((await as(acme, `/policy/jobs/${job.id}`)).status, 404)
})

test("a request or an approval of one tenant is worth nothing in another's, and neither is one that was bent", async () => {
  const wide = { kind: 'Policy', name: 'wide', spec: { text: 'permit (principal, action, resource == App::"wiki");' } }
  const held = await as(acme, '/apply', { documents: [wide] })
  assert.equal(held.body.error.code, 'widening-unconfirmed', held.text)
  const { approvalRequest: request } = held.body.error
  assert.equal(typeof request, 'string', held.text)
  const bent = `${request.slice(0, -4)}${request.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  for (const [tenant, text] of [
    [globex, request],
    [acme, bent],
    [acme, ''],
    [acme, 'x'.repeat(59_000)],
  ] as const)
    for (const path of ['/policy/widening-requests', '/policy/widening-approvals']) {
      const { status } = await as(tenant, path, { request: text })
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`)
    }
  await as(acme, '/resources/users/eve', { spec: {} }, 'acme', 'PUT')
  await as(acme, '/administrators/eve', { role: 'tenant-admin' }, 'acme', 'PUT')
  const eve = (await control.context.mirrors.current(acme.id)).byName('user', 'eve')
  const second = await tokenOf(control, acme.id, eve?.id ?? '', 'tenant-admin')
  const approved = await as({ ...acme, token: second }, '/policy/widening-approvals', { request })
  assert.equal(approved.status, 201, approved.text)
  const { approval } = approved.body
  assert.notEqual((await as(globex, '/apply', { documents: [wide], wideningApproval: approval })).status, 200)
  const more = { kind: 'Policy', name: 'more', spec: { text: 'permit (principal, action, resource);' } }
  assert.notEqual((await as(acme, '/apply', { documents: [wide, more], wideningApproval: approval })).status, 200)
  assert.equal((await as(acme, '/apply', { documents: [wide], wideningApproval: approval })).status, 200)
})

test('a bomb of test cases is refused with its size, and control answers others meanwhile', async () => {
  const cases = (count: number) =>
    Array.from({ length: count }, () => ({ who: { groups: ['staff'] }, app: 'wiki', expect: 'allow' }))
  const documents = Array.from({ length: 6 }, (_, at) => ({
    kind: 'PolicyTest',
    name: `bomb${at}`,
    spec: { tests: cases(500) },
  }))
  for (const path of ['/apply', '/policy/tests']) {
    const asked = as(acme, path, { documents })
    const other = await as(globex, '/settings')
    assert.equal(other.status, 200)
    const { status, body, text } = await asked
    assert.ok(status === 400 || status === 409 || status === 429 || status === 503, `${status} ${text.slice(0, 300)}`)
    assert.match(JSON.stringify(body.error), /2,?000/)
  }
  const one = await as(acme, '/apply', {
    documents: [{ kind: 'PolicyTest', name: 'many', spec: { tests: cases(501) } }],
  })
  assert.equal(one.status, 422)
})

test('recorded decisions that were made to break their readers are unknown, and stop nobody', async () => {
  const good = {
    user: 'ada',
    action: 'request',
    resource: { kind: 'app', name: 'wiki' },
    session: { factors: [], ageSeconds: 1, door: 'browser' },
    device: null,
    ip: '192.0.2.1',
    time: { nowMs: 1, hour: 1, weekday: 1 },
    risk: 1,
    approved: false,
    http: { method: 'GET', path: '/', host: 'x' },
  }
  const before = (await finished(globex, { kind: 'replay', documents: [], sinceSeconds: 3600 })).replay.decisions
  const hostile: readonly unknown[] = [
    { ...good, ip: 'not an address' },
    { ...good, ip: '::1%eth0' },
    { ...good, http: null },
    { ...good, action: 'connect' },
    { ...good, action: 'toString' },
    { ...good, risk: 1.5 },
    { ...good, risk: 2 ** 70 },
    { ...good, time: { nowMs: Number.MAX_SAFE_INTEGER, hour: 99, weekday: -1 } },
    { ...good, time: { nowMs: 2 ** 60, hour: 1, weekday: 1 } },
    { ...good, user: '__proto__' },
    { ...good, user: 'constructor' },
    { ...good, resource: { kind: 'app', name: '__proto__' } },
    { ...good, resource: { kind: 'destination', host: '', categories: ['__proto__'] } },
    { ...good, session: { ...good.session, factors: Array.from({ length: 5000 }, (_, at) => `f${at}`) } },
    { ...good, http: { method: '\u0000', path: '/'.repeat(20_000), host: '' } },
    'text',
    [],
    7,
  ]
  const uids = []
  for (const inputs of hostile) uids.push(await record(globex, inputs))
  await record(globex, good)
  const job = await finished(globex, {
    kind: 'replay',
    documents: [{ kind: 'Policy', name: 'staff', spec: { text: 'forbid (principal, action, resource);' } }],
    sinceSeconds: 3600,
  })
  assert.equal(job.status, 'done', JSON.stringify(job.error))
  assert.equal(job.replay.decisions - before, hostile.length + 1)
  assert.ok(job.replay.unknown.decisions >= 10, JSON.stringify(job.replay.unknown))
  assert.ok(job.replay.loses.decisions >= 1)
  for (const uid of uids) {
    const { status, text } = await as(globex, `/policy/events/${uid}`)
    assert.equal(status, 200, text)
  }
  const proposed = await finished(globex, { kind: 'propose', sinceSeconds: 3600, holdOutSeconds: 60 })
  assert.equal(proposed.status, 'done', JSON.stringify(proposed.error))
})

test('a tree as large as apply takes can be asked about before', async () => {
  const documents = Array.from({ length: 2000 }, (_, at) => ({
    kind: 'Group',
    name: `group-${at}-${'x'.repeat(40)}`,
    spec: {},
  }))
  assert.ok(JSON.stringify(documents).length > 150_000)
  for (const [path, body, status] of [
    ['/policy/tests', { documents }, 200],
    ['/policy/jobs', { kind: 'reach', documents }, 202],
    ['/apply', { documents, dryRun: true }, 200],
  ] as const)
    assert.equal((await as(globex, path, body)).status, status, path)
})

test('ids and texts that are none are refused as such', async () => {
  for (const id of ['..%2f..%2fetc', '%00', 'x'.repeat(2000), '__proto__', "'; DROP TABLE resources; --"]) {
    const { status } = await as(acme, `/policy/events/${encodeURIComponent(id)}`)
    assert.ok(status === 404 || status === 400 || status === 414, `${id.slice(0, 20)}: ${status}`)
  }
  for (const body of [
    { kind: 'replay', sinceSeconds: 1 },
    { kind: 'replay', sinceSeconds: 10 ** 12 },
    { kind: 'propose', sinceSeconds: 100, holdOutSeconds: 100 },
    { kind: 'reach', context: { path: '/'.repeat(5000) } },
    { kind: 'reach', context: { posture: 3 } },
    { kind: 'nothing' },
    { kind: 'reach', more: 1 },
  ])
    assert.equal((await as(acme, '/policy/jobs', body)).status, 400, JSON.stringify(body).slice(0, 80))
})
