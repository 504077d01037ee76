// The feed over real TLS with a reduced exchange: who gets in, that news are whole and in order, that effects are true.
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { newId } from '#core/ids.ts'
import { statement } from '#core/wire/grant.ts'
import { connectorSlice } from '#core/wire/snapshot.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { selfSigned } from '#transport/testing.ts'
import { loadTenant } from '#control/records/load.ts'
import { createSessions } from '#control/directory/sessions.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  providerToken,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { dialFeed, enrolExchange, FakeExchange, type Identity } from './testing.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let identity: Identity
let exchange: FakeExchange
const T = '/v1/tenants/acme'
const asAdmin = (path: string, body?: unknown, method?: string) =>
  test.call(path, { token: acme.token, body, ...(method !== undefined && { method }) })

before(async () => {
  test = await startTestControl({ heartbeatMs: 50 })
  acme = await addTenantWithAdministrator(test, 'acme')
  await asAdmin(`${T}/apply`, { documents: documentsOfEverything() })
  identity = await enrolExchange(test)
  exchange = await FakeExchange.start(test, identity)
  await exchange.until(() => exchange.tenants.has(acme.id))
})
after(async () => {
  await exchange.close()
  await test.close()
})

async function enrolConnector() {
  const { token } = (await asAdmin(`${T}/enrolment-tokens`, { connectorGroup: 'dc' })).body
  const { privateKeyPem, csrPem } = await newCsr()
  const reply = await test.call('/v1/enrol', { body: { token, csrPem } })
  return { id: reply.body.id as string, key: privateKeyPem, cert: reply.body.certificatePem as string, csrPem }
}

async function newSession(userName = 'ada', deviceId: string | null = null) {
  const user = (await test.context.mirrors.current(acme.id)).byName('user', userName)
  return createSessions(test.context).create({
    tenantId: acme.id,
    userId: user?.id ?? '',
    deviceId,
    door: 'browser',
    factors: ['pwd'],
    ip: '192.0.2.1',
  })
}

/** What an exchange should have, read afresh from the rows. */
async function truth(tenantId: string) {
  const { context } = test
  const { records } = await loadTenant(tenantId, {
    ...context,
    ...context.config,
    identityCaPem: context.authority.identityCaPem,
  })
  return new Map(records.map((record) => [`${record.kind} ${record.id}`, record]))
}

async function caughtUp(tenantId = acme.id) {
  const { sequence } = await test.context.mirrors.current(tenantId)
  await exchange.until(() => exchange.tenants.get(tenantId)?.sequence === sequence)
}

describe('a stranger', () => {
  it('with no certificate, a self-signed one or that of a connector gets nothing', async () => {
    const connector = await enrolConnector()
    const strangers = [{}, selfSigned(), { key: connector.key, cert: connector.cert }]
    for (const credentials of strangers) {
      const outcome = await dialFeed(test, { ...credentials, ca: identity.ca }).then(
        async (socket) => {
          let heard = 'closed'
          socket.on('error', () => {})
          socket.on('data', () => (heard = 'data'))
          const { promise, resolve } = Promise.withResolvers<void>()
          socket.once('close', () => resolve())
          await promise
          return heard
        },
        () => 'closed',
      )
      assert.equal(outcome, 'closed')
    }
  })

  it('that was an exchange and is revoked is cut, and does not come back', async () => {
    const other = await enrolExchange(test, 'two')
    const lost = await FakeExchange.start(test, other)
    const answer = await test.call(`/v1/exchanges/${other.id}`, { token: await providerToken(test), method: 'DELETE' })
    assert.equal(answer.status, 200, answer.text)
    await lost.closed
    // An honest one is told to cut what it has, at once, and again should it come back with what it kept.
    assert.equal(lost.tenants.size, 0)
    assert.equal(lost.told.at(-1)?.type, 'revoked')
    const again = new FakeExchange(other.id, await dialFeed(test, other))
    await again.closed
    assert.deepEqual(
      again.told.map(({ type }) => type),
      ['revoked'],
    )
  })
})

it('keeps every key that signed a journal, and refuses an exchange that wants one too many', async () => {
  const other = await enrolExchange(test, 'keys')
  const keys = Array.from({ length: 50 }, () => generateKeyPairSync('ed25519').publicKey)
  const pems = keys.map((key) => key.export({ type: 'spki', format: 'pem' }).toString())
  const row = test.context.store.provider
  await row
    .updateTable('exchanges')
    .set({ journalKeys: JSON.stringify(pems) })
    .where('id', '=', other.id)
    .execute()
  const refused = new FakeExchange(other.id, await dialFeed(test, other))
  await refused.closed
  assert.deepEqual(refused.told, [])
  const kept = await row.selectFrom('exchanges').select('journalKeys').where('id', '=', other.id).executeTakeFirst()
  assert.deepEqual(JSON.parse(kept?.journalKeys ?? ''), pems)
  await test.call(`/v1/exchanges/${other.id}`, { token: await providerToken(test), method: 'DELETE' })
})

describe('news', () => {
  it('are a snapshot first, then every change in order, and equal to the rows', async () => {
    await newSession()
    await asAdmin(`${T}/resources/groups/night`, { spec: { parents: ['staff'] } }, 'PUT')
    await asAdmin(
      `${T}/resources/policies/allow`,
      {
        spec: {
          text: 'permit (principal, action, resource);\nforbid (principal, action, resource) when { context.risk > 90 };',
        },
        allowWidening: true,
      },
      'PUT',
    )
    await asAdmin(
      `${T}/resources/policies/allow`,
      { spec: { text: 'permit (principal, action, resource);' }, allowWidening: true },
      'PUT',
    )
    await asAdmin(`${T}/resources/groups/night`, undefined, 'DELETE')
    await asAdmin(`${T}/settings`, { staleAfterSeconds: 60 }, 'PATCH')
    await test.call(`${T}/own-hosts`, {
      token: await providerToken(test),
      method: 'PUT',
      body: { hosts: ['wiki.acme.test'] },
    })
    await caughtUp()
    assert.equal(exchange.tenants.get(acme.id)?.snapshots, 1)
    const expected = await truth(acme.id)
    assert.deepEqual(new Map(exchange.tenants.get(acme.id)?.records), expected)
    assert.ok([...expected.keys()].some((key) => key.startsWith('session ')))
    assert.equal(JSON.stringify(exchange.told).includes('very-secret'), false)
  })

  it('are kept alive by signed heartbeats that name the sequence', async () => {
    const tenant = exchange.tenants.get(acme.id)
    const seen = tenant?.heartbeats ?? 0
    await exchange.until(() => (exchange.tenants.get(acme.id)?.heartbeats ?? 0) > seen)
  })

  it('go on from what an exchange has, and start over for another life of the store', async () => {
    await caughtUp()
    const { epoch, sequence } = exchange.tenants.get(acme.id) ?? { epoch: '', sequence: 0 }
    await exchange.close()
    await newSession()
    exchange = await FakeExchange.start(test, identity, [{ tenantId: acme.id, epoch, sequence }])
    await caughtUp()
    assert.equal(exchange.tenants.get(acme.id)?.snapshots, 0)
    for (const have of [
      { tenantId: acme.id, epoch: 'another', sequence },
      { tenantId: acme.id, epoch, sequence: sequence + 1000 },
    ]) {
      await exchange.close()
      exchange = await FakeExchange.start(test, identity, [have])
      await exchange.until(() => (exchange.tenants.get(acme.id)?.snapshots ?? 0) > 0)
      await caughtUp()
    }
  })

  it('begin for a tenant that is made, and end with one that is deleted', async () => {
    const late = await addTenantWithAdministrator(test, 'late')
    await exchange.until(() => exchange.tenants.has(late.id))
    const token = await providerToken(test)
    await test.call('/v1/tenants/late', { token, method: 'PATCH', body: { status: 'suspended' } })
    await exchange.until(() =>
      exchange.records(late.id).some((record) => record.kind === 'tenant' && record.status === 'suspended'),
    )
    await test.call('/v1/tenants/late', { token, method: 'DELETE' })
    await exchange.until(() => !exchange.tenants.has(late.id))
    assert.equal(exchange.tenants.has(test.context.config.providerId), false)
  })
})

it('brings a tenant that needs several chunks, whole', async () => {
  const large = await addTenantWithAdministrator(test, 'large')
  const email = `"${'x'.repeat(280)}"`
  const documents = Array.from({ length: 4500 }, (_, index) => ({
    kind: 'User',
    name: `person-${index}`,
    spec: { email, displayName: '"'.repeat(120) },
  }))
  const answer = await test.call('/v1/tenants/large/apply', { token: large.token, body: { documents } })
  assert.equal(answer.status, 200, answer.text.slice(0, 300))
  await exchange.close()
  exchange = await FakeExchange.start(test, identity)
  await exchange.until(() => exchange.records(large.id).length > 4500)
  const chunks = exchange.told.filter((message) => message.type === 'snapshot-chunk' && message.tenantId === large.id)
  assert.ok(chunks.length > 1)
  assert.deepEqual(new Map(exchange.tenants.get(large.id)?.records), await truth(large.id))
})

describe('an effect', () => {
  it('is told once every exchange said so, with the flows that were cut', async () => {
    const session = await newSession()
    const answer = await asAdmin(`${T}/sessions/${session.id}`, undefined, 'DELETE')
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(answer.body.missing, [])
    assert.deepEqual(
      answer.body.receipts.map(({ exchangeId, cutFlows }: { exchangeId: string; cutFlows: number }) => [
        exchangeId,
        cutFlows,
      ]),
      [[identity.id, 2]],
    )
    assert.equal(
      exchange.records(acme.id).some(({ id }) => id === session.id),
      false,
    )
  })

  it('names the exchange that did not answer, and the one that is not there', async () => {
    const contain = () =>
      asAdmin(`${T}/containments`, { subject: { kind: 'app', name: 'wiki' }, reason: 'drill', expiresInSeconds: 60 })
    exchange.answersReceipts = false
    const { sequence } = await test.context.mirrors.current(acme.id)
    const silent = await test.context.links.feed?.awaitEffect(acme.id, sequence + 1, 20)
    assert.deepEqual(silent?.missing, [identity.id])
    exchange.answersReceipts = true
    const contained = await contain()
    assert.deepEqual(contained.body.effect.missing, [], contained.text)
    const denied = await asAdmin(`${T}/explain`, { user: 'ada', app: 'wiki' })
    assert.equal(denied.body.reason, 'contained')
    await asAdmin(`${T}/containments/${contained.body.containment.id}`, undefined, 'DELETE')
    const away = await enrolExchange(test, 'away')
    const again = await contain()
    assert.deepEqual(again.body.effect.missing, [away.id])
    await asAdmin(`${T}/containments/${again.body.containment.id}`, undefined, 'DELETE')
    await test.call(`/v1/exchanges/${away.id}`, { token: await providerToken(test), method: 'DELETE' })
  })
})

describe('a request', () => {
  it('for a statement is answered for live sessions only', async () => {
    const session = await newSession()
    const ask = () => exchange.ask({ type: 'statement', tenantId: acme.id, sessionId: session.id })
    const answer = await ask()
    const keys = (exchange.welcome?.statementKeys ?? []).map((pem) => createPublicKey(pem))
    const { token } = answer.value as { token: string }
    const said = statement.parse(verifyToken('statement', token, keys, { nowMs: Date.now() }))
    assert.equal(said.userName, 'ada')
    assert.equal(said.deviceKeyThumbprint, null)
    await exchange.ask({ type: 'end-session', tenantId: acme.id, sessionId: session.id })
    assert.equal((await ask()).fault?.code, 'not-found')
  })

  it('about a tenant that the exchange does not serve is answered as one about nothing', async () => {
    const { providerId } = test.context.config
    for (const tenantId of [providerId, newId('tenant')]) {
      const answer = await exchange.ask({ type: 'statement', tenantId, sessionId: newId('session') })
      assert.equal(answer.fault?.code, 'not-found')
      const web = await exchange.ask({ type: 'certificate', use: 'web', tenantId, csrPem: identity.csrPem })
      assert.equal(web.fault?.code, 'not-found')
    }
  })

  it('for certificates gives those of its use, and an identity only for its own key', async () => {
    const ask = async (use: string, csrPem = identity.csrPem, tenantId: string | null = acme.id) =>
      exchange.ask({ type: 'certificate', use, tenantId, csrPem })
    const names = async (use: string) =>
      new X509Certificate(
        (await ask(use)).value ? ((await ask(use)).value as { certificatePem: string }).certificatePem : '',
      )
    assert.match(
      (await names('identity')).subjectAltName ?? '',
      new RegExp(`URI:sallyport://provider/exchange/${identity.id}`),
    )
    assert.match((await names('doors')).subjectAltName ?? '', /DNS:\*\.proxy\.sallyport\.localhost/)
    assert.match(
      (await names('web')).subjectAltName ?? '',
      /DNS:\*\.acme\.apps\.localhost, DNS:acme\.web\.sallyport\.localhost, DNS:wiki\.acme\.test/,
    )
    assert.equal((await names('inspection')).ca, true)
    assert.equal((await ask('identity', (await newCsr()).csrPem)).fault?.code, 'certificate-refused')
  })

  it('for a slice gives the apps of the connector’s group, and a newer one follows each change', async () => {
    const connector = await enrolConnector()
    await caughtUp()
    const ask = () => exchange.ask({ type: 'slice', tenantId: acme.id, connectorId: connector.id })
    const keys = (exchange.welcome?.snapshotKeys ?? []).map((pem) => createPublicKey(pem))
    const read = (token: string) => connectorSlice.parse(verifyToken('slice', token, keys, { maxBytes: 1_000_000 }))
    const slice = read(((await ask()).value as { token: string }).token)
    assert.deepEqual(slice.apps.map(({ name }) => name).toSorted(), ['db', 'wiki'])
    exchange.tell({
      type: 'connectors',
      tenantId: acme.id,
      connected: [{ connectorId: connector.id, sinceMs: 1, liveFlows: 3, parked: 8, unhealthyApps: [] }],
    })
    await exchange.until(() => exchange.slices.has(connector.id))
    const newest = () => read(exchange.slices.get(connector.id) ?? '')
    const stolen = await enrolExchange(test, 'stolen')
    await test.call(`/v1/exchanges/${stolen.id}`, { token: await providerToken(test), method: 'DELETE' })
    await exchange.until(() => newest().revokedExchangeIds.includes(stolen.id))
    const session = await newSession()
    await exchange.ask({ type: 'statement', tenantId: acme.id, sessionId: session.id })
    await asAdmin(`${T}/sessions/${session.id}`, undefined, 'DELETE')
    await exchange.until(() => read(exchange.slices.get(connector.id) ?? '').revokedSessionIds.includes(session.id))
    // Without a change, too: a connector goes by no slice that is older than the tenant allows.
    const { issuedAtMs } = newest()
    await asAdmin(`${T}/settings`, { staleAfterSeconds: 30 }, 'PATCH')
    await exchange.until(() => newest().staleAfterSeconds === 30 && newest().issuedAtMs - issuedAtMs >= 3000)
    const listed = await asAdmin(`${T}/connectors?search=dc`)
    const own = listed.body.items.find(({ id }: { id: string }) => id === connector.id)
    assert.equal(own.connected[0].liveFlows, 3)
    const renewed = await exchange.ask({
      type: 'renew-connector',
      tenantId: acme.id,
      connectorId: connector.id,
      csrPem: connector.csrPem,
    })
    assert.match((renewed.value as { certificatePem: string }).certificatePem, /BEGIN CERTIFICATE/)
    await asAdmin(`${T}/connectors/${connector.id}`, undefined, 'DELETE')
    assert.equal((await ask()).fault?.code, 'not-found')
    const refused = await exchange.ask({
      type: 'renew-connector',
      tenantId: acme.id,
      connectorId: connector.id,
      csrPem: connector.csrPem,
    })
    assert.equal(refused.fault?.code, 'certificate-refused')
  })
})

it('shows live flows as exchanges tell them, of this tenant and this exchange only', async () => {
  const asked = asAdmin(`${T}/flows`)
  await exchange.until(() => exchange.told.some(({ type }) => type === 'list-flows'))
  const message = exchange.told.find((told) => told.type === 'list-flows')
  const flow = {
    flowId: 'f',
    tenantId: acme.id,
    userId: 'u',
    userName: 'ada',
    sessionId: 's',
    deviceId: null,
    appId: 'a',
    appName: 'wiki',
    connectorId: null,
    exchangeId: identity.id,
    way: 'browser' as const,
    clientIp: '192.0.2.1',
    openedAtMs: 1,
    bytesIn: 1,
    bytesOut: 2,
    policies: ['allow'],
  }
  const foreign = { ...flow, flowId: 'x', tenantId: newId('tenant') }
  exchange.tell({ type: 'live-flows', requestId: message?.requestId ?? 0, flows: [flow, foreign], total: 1 })
  const answer = await asked
  assert.deepEqual(
    answer.body.items.map(({ flowId }: { flowId: string }) => flowId),
    ['f'],
    answer.text,
  )
})
