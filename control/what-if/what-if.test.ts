// Policies in question, on a whole control plane with the real what-ifs: tests that refuse, changes that are held back,
// explanations of what was, replay, reach and proposals.
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { addTenantWithAdministrator, startTestControl, tokenOf, type TestControl } from '#control/testing.ts'
import { startWhatIf, type WhatIf } from '#intelligence/what-if/what-if.ts'

let test: TestControl
let whatIf: WhatIf
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let second: string
const T = '/v1/tenants/acme'

const wiki = { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } }
const tree: readonly object[] = [
  { kind: 'ConnectorGroup', name: 'dc', spec: {} },
  { kind: 'Group', name: 'staff', spec: {} },
  { kind: 'Group', name: 'finance', spec: {} },
  ...['ada', 'eva', 'ivo'].map((name) => ({ kind: 'User', name, spec: { groups: ['staff'] } })),
  { kind: 'User', name: 'fay', spec: { groups: ['finance'] } },
  { kind: 'User', name: 'bob', spec: { organisation: 'partner' } },
  {
    kind: 'Organisation',
    name: 'partner',
    spec: { sponsor: 'ada', from: '2020-01-01T00:00:00Z', until: '2099-01-01T00:00:00Z', apps: ['wiki', 'payroll'] },
  },
  { kind: 'App', name: 'wiki', spec: wiki },
  { kind: 'App', name: 'payroll', spec: wiki },
  {
    kind: 'Policy',
    name: 'staff',
    spec: {
      text: '// staff\npermit (principal in Group::"staff", action, resource == App::"wiki")\nwhen { context has device && context.device.posture >= 1 };',
    },
  },
  {
    kind: 'Policy',
    name: 'partner',
    spec: { text: 'permit (principal in Organisation::"partner", action, resource == App::"wiki");' },
  },
  { kind: 'PolicyTest', name: 'must', spec: { tests: [{ who: 'bob', app: 'payroll', expect: 'deny' }] } },
]
const policy = (name: string, text: string) => ({ kind: 'Policy', name, spec: { text } })
const payroll = policy('pay', 'permit (principal in Organisation::"partner", action, resource == App::"payroll");')

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-what-if-'))
  whatIf = startWhatIf({ journalRoot: join(folder, 'journal') })
  test = await startTestControl({ whatIf }, folder)
  acme = await addTenantWithAdministrator(test, 'acme')
  const applied = await call('/apply', { documents: tree })
  assert.equal(applied.status, 200, applied.text)
  await call('/administrators/ada', { role: 'tenant-admin' }, 'PUT')
  const mirror = await test.context.mirrors.current(acme.id)
  second = await tokenOf(test, acme.id, mirror.byName('user', 'ada')?.id ?? '', 'tenant-admin')
})
after(async () => {
  await whatIf.close()
  await test.close()
})

const call = (path: string, body?: unknown, method?: string, token = acme.token) =>
  test.call(`${T}${path}`, { token, body, ...(method !== undefined && { method }) })

describe('policy tests', () => {
  it('hold before and are told with their place and reason when they do not', async () => {
    assert.equal((await call('/policy/tests', {})).body.failed, 0)
    const asked = await call('/policy/tests', { documents: [payroll] })
    assert.equal(asked.body.failed, 1, asked.text)
    const [result] = asked.body.results
    assert.equal(result.at, 'PolicyTest must.spec.tests[0]')
    assert.match(result.message, /expected deny; allowed by pay/)
    assert.equal(result.explanation.policies[0].document, 'pay')
    assert.deepEqual(asked.body.openings[0], {
      who: 'organisation partner',
      app: 'payroll',
      circumstances: 'without an approved request',
      policies: ['pay'],
      cause: 'by "pay"',
    })
  })

  it('refuse an apply that breaks them, whoever allows what, and leave the old set in force', async () => {
    for (const body of [{ documents: [payroll] }, { documents: [payroll], dryRun: true }]) {
      const refused = await call('/apply', { ...body, allowWidening: true })
      assert.equal(refused.status, 422, refused.text)
      assert.equal(refused.body.error.code, 'policy-test-failed')
    }
    const sent = { kind: 'PolicyTest', name: 'own', spec: { tests: [{ who: 'fay', app: 'wiki', expect: 'allow' }] } }
    const own = await call('/apply', {
      documents: [policy('x', 'forbid (principal == User::"fay", action, resource);'), sent],
    })
    assert.equal(own.body.error.at, 'documents[1].spec.tests[0]')
    const put = await call('/resources/policies/pay', { spec: payroll.spec, allowWidening: true }, 'PUT')
    assert.equal(put.body.error.code, 'policy-test-failed')
    assert.equal((await call('/resources/policies/pay')).status, 404)
    assert.equal((await call('/explain', { user: 'bob', app: 'payroll' })).body.reason, 'no-policy')
    const gone = await call('/resources/users/bob', undefined, 'DELETE')
    assert.equal(gone.body.error.code, 'policy-test-failed', 'a test that says nothing any more')
  })

  it('are resources like others: a test can be taken away, and a bad one is refused with its place', async () => {
    const bad = { kind: 'PolicyTest', name: 'bad', spec: { tests: [{ who: 'bob', expect: 'deny' }] } }
    const refused = await call('/apply', { documents: [bad] })
    assert.equal(refused.body.error.at, 'documents[0].spec.tests[0]', refused.text)
  })
})

describe('a change that opens something', () => {
  const wide = policy(
    'new',
    'permit (principal in Organisation::"partner", action, resource == App::"wiki");\npermit (principal, action, resource == App::"wiki") when { context.risk < 10 };',
  )

  it('is held back with the list, in every way of writing', async () => {
    const refused = await call('/apply', { documents: [wide] })
    assert.equal(refused.status, 409, refused.text)
    assert.equal(refused.body.error.code, 'widening-unconfirmed')
    assert.deepEqual(refused.body.error.faults, [
      { at: 'App wiki', message: 'opens to everyone without an approved request: by "new.1"' },
    ])
    assert.equal((await call('/resources/policies/new', { spec: wide.spec }, 'PUT')).status, 409)
    const dry = await call('/apply', { documents: [wide], dryRun: true })
    assert.deepEqual(dry.body.openings.length, 1, dry.text)
    const forbid = policy('stop', 'forbid (principal, action, resource == App::"wiki");')
    assert.equal((await call('/apply', { documents: [forbid] })).status, 200)
    assert.equal((await call('/resources/policies/stop', undefined, 'DELETE')).status, 409)
    assert.equal((await call('/resources/policies/stop?allowWidening=true', undefined, 'DELETE')).status, 200)
  })

  it('is held back when an identity provider may put people into a group that reaches something', async () => {
    const provider = (spec: object) => ({
      kind: 'IdentityProvider',
      name: 'idp',
      spec: { issuer: 'https://idp.test', clientId: 'x', ...spec },
    })
    assert.equal((await call('/apply', { documents: [provider({})] })).status, 200)
    const mapped = provider({ groups: { everyone: 'staff' } })
    const refused = await call('/apply', { documents: [mapped] })
    assert.equal(refused.body.error.code, 'widening-unconfirmed', refused.text)
    assert.match(
      refused.body.error.faults[0].message,
      /^opens to whoever identity provider idp puts into "everyone" .*: they become members of group staff$/,
    )
    const tested = await call('/policy/tests', { documents: [mapped] })
    assert.deepEqual(tested.body.openings[0].policies, ['staff'], tested.text)
    assert.equal((await call('/apply', { documents: [mapped], allowWidening: true })).status, 200)
    const renamed = provider({ groups: { everyone: 'staff' }, displayName: 'Ours' })
    assert.equal((await call('/apply', { documents: [renamed] })).status, 200)
    const moved = provider({ groups: { everyone: 'staff' }, issuer: 'https://other.test' })
    assert.equal((await call('/apply', { documents: [moved] })).body.error?.code, 'widening-unconfirmed')
    const off = provider({ groups: { everyone: 'staff' }, enabled: false, issuer: 'https://other.test' })
    assert.equal((await call('/apply', { documents: [off] })).status, 200)
  })

  it('goes through with a second administrator, for exactly that change and that person', async () => {
    const request = (await call('/apply', { documents: [wide] })).body.error.approvalRequest
    const own = await call('/policy/widening-approvals', { request })
    assert.equal(own.body.error.code, 'not-permitted')
    assert.equal(
      (await call('/policy/widening-requests', { request }, 'POST', second)).body.openings[0].who,
      'everyone',
    )
    const { approval } = (await call('/policy/widening-approvals', { request }, 'POST', second)).body
    const wider = policy('new', 'permit (principal, action, resource == App::"wiki");')
    for (const [documents, token] of [
      [[wider], acme.token],
      [[wide, policy('more', wide.spec.text)], acme.token],
      [[wide], second],
    ] as const) {
      const other = await call('/apply', { documents, wideningApproval: approval }, 'POST', token)
      assert.equal(other.body.error?.code, 'token-invalid', other.text)
    }
    assert.equal((await call('/apply', { documents: [wide], wideningApproval: request })).status, 401)
    const applied = await call('/apply', { documents: [wide], wideningApproval: approval })
    assert.equal(applied.status, 200, applied.text)
    const events = await call('/events?class=6003&limit=20')
    assert.match(events.text, /approveWidening/)
    assert.match(events.text, /"opens":\["wiki to everyone"\]/)
    await call('/resources/policies/new', undefined, 'DELETE')
  })
})

type Recorded = { readonly user: string; readonly app: string; readonly posture?: 0 | 1 | 2; readonly atMs: number }

async function decided({ user, app, posture, atMs }: Recorded, kind: 'allow' | 'deny', more: object = {}) {
  const uid = newId('event')
  const at = new Date(atMs)
  const inputs = {
    user,
    action: 'request',
    resource: { kind: 'app', name: app },
    session: { factors: ['pwd'], ageSeconds: 60, door: posture === undefined ? 'browser' : 'agent' },
    device: posture === undefined ? null : { id: 'dev_1', posture, os: 'linux' },
    ip: '192.0.2.9',
    time: { nowMs: atMs, hour: at.getUTCHours(), weekday: at.getUTCDay() || 7 },
    risk: 0,
    approved: false,
    http: { method: 'GET', path: '/', host: 'x' },
  }
  const event = journalEvent('http', 'get', {
    uid,
    timeMs: atMs,
    tenantId: acme.id,
    outcome: kind === 'allow' ? 'success' : 'failure',
    user: { uid: `usr_${user}`, name: user },
    app: { uid: `app_${app}`, name: app },
    decision: {
      kind,
      policies: kind === 'allow' ? [{ id: 'p', name: user === 'bob' ? 'partner' : 'staff' }] : [],
      ...(kind === 'deny' && { reason: 'no-policy' }),
      inputs,
      ...more,
    },
  })
  await test.context.journal.record(acme.id, event)
  return uid
}

async function finished(body: object) {
  const started = await call('/policy/jobs', body)
  assert.equal(started.status, 202, started.text)
  for (;;) {
    const { body: job, text } = await call(`/policy/jobs/${started.body.id}`)
    assert.notEqual(job.status, 'failed', text)
    if (job.status === 'done') return job
    await wait(20)
  }
}

describe('recorded decisions', () => {
  const nowMs = Date.now()
  let allowed: string
  let without: string

  before(async () => {
    for (let at = 1; at <= 5; at++)
      await decided({ user: 'ada', app: 'wiki', posture: 1, atMs: nowMs - at * 1000 }, 'allow')
    allowed = await decided({ user: 'eva', app: 'wiki', posture: 2, atMs: Date.now() }, 'allow')
    await decided({ user: 'fay', app: 'wiki', atMs: nowMs - 9000 }, 'deny')
    await decided({ user: 'bob', app: 'wiki', atMs: nowMs - 9000 }, 'allow')
    await decided({ user: 'gone', app: 'wiki', atMs: nowMs - 9000 }, 'allow')
    without = await decided({ user: 'ada', app: 'wiki', posture: 1, atMs: nowMs - 9000 }, 'allow', {
      inputs: undefined,
    })
    await decided({ user: 'ada', app: 'wiki', posture: 1, atMs: nowMs - 9000 }, 'deny', { reason: 'session-ended' })
  })

  it('are explained with the policies of then, also when these are gone', async () => {
    const first = (await call(`/policy/events/${allowed}`)).body
    assert.equal(first.then.known, true, JSON.stringify(first))
    assert.deepEqual(
      first.then.explanation.policies.map(({ name, document, line }: Record<string, unknown>) => [
        name,
        document,
        line,
      ]),
      [['staff', 'staff', 2]],
    )
    await wait(2)
    const narrower = policy('staff', 'permit (principal in Group::"finance", action, resource == App::"wiki");')
    assert.equal((await call('/apply', { documents: [narrower] })).status, 200)
    const later = (await call(`/policy/events/${allowed}`)).body
    assert.equal(later.then.explanation?.decision, 'allow', JSON.stringify(later.then))
    assert.match(later.then.explanation.policies[0].text, /posture >= 1/)
    assert.equal(later.now.reason, 'no-policy')
    assert.match(JSON.stringify(later.now.missing), /needs membership of Group ..finance/)
    await call('/apply', { documents: tree })
  })

  it('are unknown without inputs or with forgotten policies, and not found when they are somebody else’s', async () => {
    const unknown = (await call(`/policy/events/${without}`)).body
    assert.equal(unknown.then.known, false)
    assert.equal(unknown.now, null)
    assert.equal((await call(`/policy/events/${newId('event')}`)).status, 404)
    const handle = test.context.store.forTenant(acme.id)
    await handle.deleteFrom('changes').where('changes.sequence', '<', 5).execute()
    const kept = await decided({ user: 'ada', app: 'wiki', posture: 1, atMs: Date.now() - 86_400_000 }, 'allow')
    const forgotten = (await call(`/policy/events/${kept}`)).body
    assert.match(forgotten.then.why, /not kept any more/)
  })

  it('are replayed: who loses and gains what, how often, and what cannot be known', async () => {
    const documents = [
      policy(
        'staff',
        'permit (principal in Group::"staff", action, resource == App::"wiki") when { context has device && context.device.posture >= 2 };\npermit (principal in Group::"finance", action, resource == App::"wiki");',
      ),
    ]
    const { replay } = await finished({ kind: 'replay', documents, sinceSeconds: 3600 })
    assert.equal(replay.decisions, 11)
    assert.deepEqual(
      replay.loses.rows.map(({ user, app, decisions, groups }: Record<string, unknown>) => [
        user,
        app,
        decisions,
        groups,
      ]),
      [['ada', 'wiki', 5, ['staff']]],
    )
    assert.deepEqual(
      replay.gains.rows.map(({ user, decisions }: Record<string, unknown>) => [user, decisions]),
      [['fay', 1]],
    )
    assert.equal(replay.loses.byGroup[0].name, 'staff')
    assert.match(replay.loses.rows[0].after, /needs device posture >= 2/)
    assert.deepEqual(replay.same, { allowed: 2, denied: 0 })
    assert.equal(replay.apart, 1)
    assert.deepEqual(
      replay.unknown.why.map(({ why, decisions }: Record<string, unknown>) => `${decisions} ${why}`).toSorted(),
      ['1 no inputs were recorded', '1 the user is not there any more'],
    )
    assert.ok(replay.classes < 11)
    const refused = await call('/policy/jobs', {
      kind: 'replay',
      documents: [policy('bad', 'permit (')],
      sinceSeconds: 3600,
    })
    assert.equal(refused.body.error.code, 'policy-invalid')
  })

  it('make a proposal that lets nobody in, as YAML that can be applied', async () => {
    const { proposal } = await finished({ kind: 'propose', sinceSeconds: 3600, holdOutSeconds: 60 })
    assert.equal(proposal.heldOut.pairs, 3, JSON.stringify(proposal))
    assert.ok(proposal.pairs.proposed <= proposal.pairs.now)
  })
})

describe('reach', () => {
  it('says what becomes possible and impossible, used or not', async () => {
    const documents = [policy('staff', 'permit (principal in Group::"finance", action, resource == App::"payroll");')]
    const { reach } = await finished({ kind: 'reach', documents })
    assert.deepEqual(
      reach.change.pairs
        .map(({ name, app, becomes }: Record<string, unknown>) => `${name} ${app} ${becomes}`)
        .toSorted(),
      ['finance payroll possible', 'staff wiki impossible'],
    )
    assert.deepEqual(
      reach.change.apps.find(({ app }: { app: string }) => app === 'wiki'),
      { app: 'wiki', gain: 0, lose: 3, gaining: [], losing: ['ada', 'eva', 'ivo'] },
    )
  })

  it('is under the circumstances that are stated', async () => {
    const { reach } = await finished({ kind: 'reach', context: { posture: 0 } })
    assert.deepEqual(reach.possible.find(({ name }: { name: string }) => name === 'staff')?.apps, [])
    const any = (await finished({ kind: 'reach' })).reach
    assert.deepEqual(any.possible.find(({ name }: { name: string }) => name === 'staff')?.apps, ['wiki'])
  })
})

describe('a question that takes long', () => {
  it('is one’s own tenant’s, and is forgotten when it is stopped', async () => {
    const other = await addTenantWithAdministrator(test, 'other')
    const started = await call('/policy/jobs', { kind: 'reach' })
    const path = `/policy/jobs/${started.body.id}`
    assert.equal((await test.call(`/v1/tenants/other${path}`, { token: other.token })).status, 404)
    assert.equal((await call(path, undefined, 'DELETE')).status, 200)
    assert.equal((await call(path)).status, 404)
  })
})
