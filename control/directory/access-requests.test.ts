// Third parties: asking, deciding, contracts, and that all of it ends by itself.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  tokenOf,
  type TestControl,
} from '#control/testing.ts'
import { sweepTenant } from '#control/sweep.ts'
import { createSessions } from './sessions.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const tokens = new Map<string, string>()
const T = '/v1/tenants/acme'
const as = (user: string, path: string, body?: unknown, method?: string) =>
  test.call(`${T}${path}`, { token: tokens.get(user) ?? acme.token, body, ...(method !== undefined && { method }) })

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  const documents = [
    ...documentsOfEverything(),
    { kind: 'User', name: 'carl', spec: {} },
    { kind: 'App', name: 'hidden', spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' } } },
    {
      kind: 'Policy',
      name: 'on-approval',
      spec: { text: 'permit (principal, action == Action::"connect", resource) when { context.approved };' },
    },
  ]
  const applied = await as('', '/apply', { documents })
  assert.equal(applied.status, 200, applied.text)
  const mirror = await test.context.mirrors.current(acme.id)
  for (const name of ['ada', 'bob', 'carl']) {
    const userId = mirror.byName('user', name)?.id ?? ''
    // People without a role sign in; a token of theirs has no role either.
    tokens.set(name, await tokenOf(test, acme.id, userId, 'auditor'))
  }
})
after(() => test.close())

describe('a request for access', () => {
  it('is decided by the sponsor or an administrator, never by oneself or a stranger', async () => {
    const asked = await as('bob', '/my/access-requests', { app: 'wiki', reason: 'audit' })
    assert.equal(asked.status, 201, asked.text)
    const again = await as('bob', '/my/access-requests', { app: 'wiki', reason: 'again' })
    assert.equal(again.body.id, asked.body.id)
    const path = `/my/access-requests/${asked.body.id}/decision`
    const approve = { decision: 'approve', accessSeconds: 3600 }
    for (const user of ['bob', 'carl']) assert.equal((await as(user, path, approve)).status, 404, user)
    assert.equal((await as('ada', '/my/access-requests')).body.toDecide.length, 1)
    assert.equal((await as('carl', '/my/access-requests')).body.toDecide.length, 0)
    const decided = await as('ada', path, approve)
    assert.equal(decided.body.status, 'approved', decided.text)
    assert.equal(decided.body.decidedBy, 'ada')
    assert.equal((await as('ada', path, { decision: 'refuse' })).status, 409)
  })

  it('once approved lets policy say yes, until it is withdrawn', async () => {
    const explain = async () => (await as('', '/explain', { user: 'carl', app: 'db' })).body
    assert.equal((await explain()).decision, 'deny')
    assert.match(JSON.stringify((await explain()).missing), /approv/i)
    const asked = await as('carl', '/my/access-requests', { app: 'db', reason: 'repair' })
    await as('', `/my/access-requests/${asked.body.id}/decision`, { decision: 'approve', accessSeconds: 3600 })
    assert.equal((await explain()).decision, 'allow')
    const { items } = (await as('', '/approvals?search=carl')).body
    const withdrawn = await as('', `/approvals/${items[0].id}`, undefined, 'DELETE')
    assert.equal(withdrawn.status, 200, withdrawn.text)
    assert.equal((await explain()).decision, 'deny')
    assert.equal((await as('carl', '/my/access-requests')).body.mine[0].status, 'withdrawn')
  })

  it('for an app outside the contract may be refused by the sponsor, and approved by its owner', async () => {
    const app = (owner?: string) =>
      as(
        '',
        '/resources/apps/side-door',
        {
          spec: { kind: 'http', connectorGroup: 'dc', upstream: { host: 'x' }, ...(owner && { owner }) },
          allowWidening: true,
        },
        'PUT',
      )
    await app()
    const ask = () => as('bob', '/my/access-requests', { app: 'side-door', reason: 'once' })
    const decide = async (decision: object) =>
      as('ada', `/my/access-requests/${(await ask()).body.id}/decision`, decision)
    const approve = { decision: 'approve', accessSeconds: 60 }
    assert.equal((await decide(approve)).status, 403)
    assert.equal((await decide({ decision: 'refuse' })).body.status, 'refused')
    await app('ada')
    const opened = await decide(approve)
    assert.equal(opened.body.status, 'approved', opened.text)
    const { items } = (await as('', '/approvals?search=bob')).body
    for (const { id, app: name } of items)
      if (name === 'side-door') await as('', `/approvals/${id}`, undefined, 'DELETE')
  })

  it('never reaches beyond the contract, in time or in apps', async () => {
    const names = (await as('bob', '/my/apps')).body.items.map(({ name }: { name: string }) => name)
    assert.deepEqual(names, ['wiki'])
    const outside = await as('', '/explain', { user: 'bob', app: 'hidden' })
    assert.equal(outside.body.reason, 'app-not-in-contract')
    const wish = await as('bob', '/my/access-requests', { app: 'hidden', reason: 'once' })
    const approve = { decision: 'approve', accessSeconds: 3600 }
    const bySponsor = await as('ada', `/my/access-requests/${wish.body.id}/decision`, approve)
    assert.equal(bySponsor.body.error?.code, 'not-permitted', 'the app is neither hers nor in the contract')
    assert.equal((await as('', '/explain', { user: 'bob', app: 'hidden' })).body.reason, 'app-not-in-contract')
    await as('', `/my/access-requests/${wish.body.id}/decision`, approve)
    const opened = await as('', '/explain', { user: 'bob', app: 'hidden' })
    assert.notEqual(opened.body.reason, 'app-not-in-contract', 'an approved request adds one app, as at the exchange')
    assert.equal((await as('bob', '/my/apps')).body.items.length, 2)
    const tooLate = await as('', '/explain', { user: 'bob', app: 'hidden', at: '2100-01-01T00:00:00Z' })
    assert.equal(tooLate.body.reason, 'outside-contract')
    const later = await as('', '/explain', { user: 'bob', app: 'wiki', at: '2100-01-01T00:00:00Z' })
    assert.equal(later.body.reason, 'outside-contract')
    const soon = new Date(Date.now() + 60_000).toISOString()
    await as(
      '',
      '/resources/organisations/partner',
      { spec: { sponsor: 'ada', from: '2020-01-01T00:00:00Z', until: soon, apps: ['wiki'] } },
      'PUT',
    )
    const asked = await as('bob', '/my/access-requests', { app: 'wiki', reason: 'longer' })
    const decided = await as('ada', `/my/access-requests/${asked.body.id}/decision`, {
      decision: 'approve',
      accessSeconds: 86_400,
    })
    assert.equal(decided.body.accessUntil, soon)
  })
})

it('what has expired is swept away, and exchanges are told', async () => {
  const mirror = await test.context.mirrors.current(acme.id)
  const session = await createSessions(test.context).create({
    tenantId: acme.id,
    userId: mirror.byName('user', 'ada')?.id ?? '',
    deviceId: null,
    door: 'browser',
    factors: [],
    ip: '192.0.2.1',
  })
  await as('', '/containments', { subject: { kind: 'app', name: 'wiki' }, reason: 'x', expiresInSeconds: 60 })
  await sweepTenant(acme.id, test.context)
  const before_ = await test.context.mirrors.current(acme.id)
  assert.ok(before_.get('session', session.id))
  const later = Date.now() + 30 * 86_400_000
  await sweepTenant(acme.id, { ...test.context, nowMs: () => later })
  const swept = await test.context.mirrors.current(acme.id)
  for (const kind of ['session', 'approval', 'containment'] as const) assert.deepEqual([...swept.all(kind)], [], kind)
})
