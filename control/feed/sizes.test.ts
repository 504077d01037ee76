// A tenant that grows what it sends to exchanges: its own news and connectors suffer, those of other tenants never.
import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { after, before, it } from 'node:test'
import { newId } from '#core/ids.ts'
import { endedSessions } from '#core/wire/session-marks.ts'
import { connectorSlice } from '#core/wire/snapshot.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from '#control/caps.ts'
import { createSessions } from '#control/directory/sessions.ts'
import { lastSequence } from '#control/store/changes.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { enrolExchange, FakeExchange } from './testing.ts'

type Tenant = Awaited<ReturnType<typeof addTenantWithAdministrator>>
let test: TestControl
let acme: Tenant
let globex: Tenant
let exchange: FakeExchange
let linkEnded = false

before(async () => {
  test = await startTestControl({ heartbeatMs: 50 })
  acme = await addTenantWithAdministrator(test, 'acme')
  globex = await addTenantWithAdministrator(test, 'globex')
  await apply('globex', globex, documentsOfEverything())
  exchange = await FakeExchange.start(test, await enrolExchange(test))
  void exchange.closed.then(() => (linkEnded = true))
  await exchange.until(() => exchange.tenants.has(acme.id) && exchange.tenants.has(globex.id))
})
after(async () => {
  await exchange.close()
  await test.close()
})

function apply(name: string, { token }: Tenant, documents: object[]) {
  return test.call(`/v1/tenants/${name}/apply`, { token, body: { documents } })
}

async function acmeIsServed(): Promise<void> {
  const name = `group-${(await lastSequence(test.context.store.forTenant(acme.id))).toString()}`
  const answer = await apply('acme', acme, [{ kind: 'Group', name, spec: {} }])
  assert.equal(answer.status, 200, answer.text)
  await exchange.until(() => exchange.records(acme.id).some((record) => 'name' in record && record.name === name))
  assert.equal(linkEnded, false, 'the link that all tenants share')
}

function app(name: string, change: object) {
  const spec = {
    kind: 'http',
    connectorGroup: 'dc',
    upstream: { host: '127.0.0.1', port: 9 },
    health: { kind: 'none' },
  }
  return { kind: 'App', name, spec: { ...spec, ...change } }
}

const headers = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-H${index}`, 'y'.repeat(4000)]))

it('refuses a document whose record is too large to travel, and names it', async () => {
  const many = await apply('globex', globex, [app('fat', { http: { requestHeaders: { set: headers(300) } } })])
  assert.equal(many.status, 422, many.text)
  const set = headers(60)
  const two = await apply('globex', globex, [
    app('thin', {}),
    app('fat', { http: { requestHeaders: { set }, responseHeaders: { set } } }),
  ])
  assert.equal(two.status, 422, two.text)
  assert.match(two.text, /documents\[1\].*App fat/)
  await acmeIsServed()
})

it('refuses a policy that nests deeper than readers follow', async () => {
  const text = `permit (principal, action, resource) when { ${'!('.repeat(90)}true${')'.repeat(90)} };`
  const deep = `permit (principal, action, resource) when { ${Array.from({ length: 90 }, () => 'context.a').join(' && ')} };`
  for (const each of [text, deep]) {
    const answer = await apply('globex', globex, [{ kind: 'Policy', name: 'deep', spec: { text: each } }])
    assert.equal(answer.status, 422, answer.text)
  }
  await acmeIsServed()
})

it('lets the apps of a connector group take no more than its slices hold', async () => {
  const ca = 'x'.repeat(16_000)
  const tls = { upstream: { host: '127.0.0.1', port: 9, tls: { ca } } }
  const answer = await apply(
    'globex',
    globex,
    Array.from({ length: 40 }, (_, index) => app(`fat${index}`, tls)),
  )
  assert.equal(answer.status, 422, answer.text)
  assert.match(answer.text, /connector group/)
  await acmeIsServed()
})

it('stops only the tenant whose change log holds a record over a frame, until that is gone', async () => {
  const store = test.context.store.forTenant(globex.id)
  const id = newId('group')
  await store.transaction(async (tx) => {
    const sequence = await tx.appendChanges([{ op: 'remove', kind: 'group', id }])
    const record = { kind: 'group', id, name: 'x'.repeat(1_200_000), parentIds: [] }
    // As a version that did not bound records has left it.
    await tx
      .updateTable('changes')
      .set({ change: JSON.stringify({ op: 'put', record }) })
      .where('changes.sequence', '=', sequence)
      .execute()
  })
  await exchange.until(() => !exchange.tenants.has(globex.id))
  await acmeIsServed()
  await store.transaction((tx) => tx.appendChanges([{ op: 'remove', kind: 'group', id }]))
  await exchange.until(() => exchange.tenants.has(globex.id))
  await acmeIsServed()
})

it('has connectors cut whose slice fits no message, and nobody else', async () => {
  const { token } = (
    await test.call('/v1/tenants/globex/enrolment-tokens', { token: globex.token, body: { connectorGroup: 'dc' } })
  ).body
  const connectorId: string = (await test.call('/v1/enrol', { body: { token, csrPem: (await newCsr()).csrPem } })).body
    .id
  const connected = [{ connectorId, sinceMs: 1, liveFlows: 0, parked: 0, unhealthyApps: [] }]
  exchange.tell({ type: 'connectors', tenantId: globex.id, connected })
  await exchange.until(() => exchange.slices.has(connectorId))
  const store = test.context.store.forTenant(globex.id)
  const user = (await test.context.mirrors.current(globex.id)).byName('user', 'ada')
  const { id } = await createSessions(test.context).create({
    tenantId: globex.id,
    userId: user?.id ?? '',
    deviceId: null,
    door: 'browser',
    factors: ['pwd'],
    ip: '192.0.2.1',
  })
  const rows = await store.selectFrom('sessions').selectAll().where('sessions.id', '=', id).execute()
  const nowMs = Date.now()
  const inserted = async <T>(all: readonly T[], insert: (part: readonly T[]) => Promise<unknown>) => {
    for (let at = 0; at < all.length; at += caps.insertRows.default)
      await insert(all.slice(at, at + caps.insertRows.default))
  }
  const endMany = (count: number, issuedAgoMs: number) =>
    inserted(
      Array.from({ length: count }, (_, at) =>
        rows.map((row) => ({
          ...row,
          id: newId('session'),
          endedAtMs: nowMs,
          statementAtMs: nowMs - issuedAgoMs - at,
          statementUntilMs: nowMs + 600_000,
        })),
      ).flat(),
      (part) => store.insertInto('sessions', part).execute(),
    )
  const sliceNow = async () => {
    const { value, fault } = await exchange.ask({ type: 'slice', tenantId: globex.id, connectorId })
    assert.equal(fault, undefined)
    const { token } = value as { token: string }
    const keys = (exchange.welcome?.snapshotKeys ?? []).map((pem) => createPublicKey(pem))
    return { token, slice: connectorSlice.parse(verifyToken('slice', token, keys, { maxBytes: 2_000_000 })) }
  }
  // Those about which nothing was ever said need no mention, however many there are.
  await inserted(
    Array.from({ length: 5_000 }, () => rows.map((row) => ({ ...row, id: newId('session'), endedAtMs: nowMs }))).flat(),
    (part) => store.insertInto('sessions', part).execute(),
  )
  assert.deepEqual((await sliceNow()).slice.revokedSessionIds, [])

  await endMany(15_000, 0)
  const many = await sliceNow()
  assert.ok(many.token.length < 250_000, `${many.token.length} characters`)
  assert.equal(many.slice.statementsSinceMs, undefined)
  const someEnded = await store.selectFrom('sessions').select('id').where('statementAtMs', '=', nowMs).execute()
  const has = endedSessions(many.slice.revokedSessionIds, many.slice.revokedSessionMarks ?? '')
  assert.ok(someEnded.length > 0 && someEnded.every((session) => has.has(session.id)))
  assert.equal(has.has(newId('session')), false)

  await endMany(11_000, 100_000)
  const most = await sliceNow()
  const { statementsSinceMs = 0, revokedSessionMarks = '' } = most.slice
  assert.ok(most.token.length < caps.sliceTokenBytes.default - 600_000, `${most.token.length} characters`)
  const unnamed = await store
    .selectFrom('sessions')
    .select(['id', 'statementAtMs'])
    .where('endedAtMs', 'is not', null)
    .where('statementAtMs', 'is not', null)
    .execute()
  const marked = endedSessions([], revokedSessionMarks)
  for (const session of unnamed)
    assert.ok(marked.has(session.id) || (session.statementAtMs ?? 0) < statementsSinceMs, 'an ended session got away')
  assert.ok(statementsSinceMs < nowMs - 100_000, 'and no more statements are refused than must be')

  const wait = exchange.refusedSlices.size
  const revoked = Array.from({ length: 40_000 }, () => ({
    id: newId('device'),
    name: 'x',
    userId: user?.id ?? '',
    keyThumbprint: newId('device'),
    posture: 1 as const,
    os: 'linux',
    status: 'revoked' as const,
    certificateUntilMs: null,
    createdAtMs: 1,
  }))
  await inserted(revoked, (part) => store.insertInto('devices', part).execute())
  await test.call(`/v1/tenants/globex/sessions/${id}`, { token: globex.token, method: 'DELETE' })
  await exchange.until(() => exchange.refusedSlices.size > wait)
  const answer = await exchange.ask({ type: 'slice', tenantId: globex.id, connectorId })
  assert.equal(answer.fault?.code, 'request-too-large')
  await acmeIsServed()
  // Once none of their certificates can be alive, the slice is small again.
  await store.updateTable('devices').set({ certificateUntilMs: 1 }).where('devices.status', '=', 'revoked').execute()
  const again = await exchange.ask({ type: 'slice', tenantId: globex.id, connectorId })
  assert.equal(again.fault, undefined)
})
