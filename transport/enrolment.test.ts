import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { addTenantWithAdministrator, providerToken, startTestControl, type TestControl } from '#control/testing.ts'
import { enrol, type EnrolmentRequest } from './enrolment.ts'
import { identityOf, readPeer } from './peer-certificate.ts'

async function setUp(test: TestControl) {
  const acme = await addTenantWithAdministrator(test, 'acme')
  const applied = await test.call('/v1/tenants/acme/apply', {
    token: acme.token,
    body: { documents: [{ kind: 'ConnectorGroup', name: 'dc', spec: {} }] },
  })
  assert.equal(applied.status, 200, applied.text)
  const connectorToken = async (expiresInSeconds = 600): Promise<string> => {
    const body = { connectorGroup: 'dc', expiresInSeconds }
    const made = await test.call('/v1/tenants/acme/enrolment-tokens', { token: acme.token, body })
    assert.equal(made.status, 201, made.text)
    return String(made.body.token)
  }
  const exchangeToken = async (): Promise<string> => {
    const body = { name: 'one' }
    const made = await test.call('/v1/exchanges/enrolment-tokens', { token: await providerToken(test), body })
    assert.equal(made.status, 201, made.text)
    return String(made.body.token)
  }
  const api = { host: '127.0.0.1', port: test.control.port, serverName: 'api.sallyport.localhost' }
  const ask = (token: string, more: Partial<EnrolmentRequest> = {}) => enrol({ token, use: 'connector', api, ...more })
  return { tenantId: acme.id, adminToken: acme.token, connectorToken, exchangeToken, ask }
}

test('with a right token gives an identity for the key made here, once', async () => {
  await using control = await startTestControl()
  const { tenantId, connectorToken, exchangeToken, ask } = await setUp(control)
  const token = await connectorToken()
  assert.match(token, /~/, 'control speaks with an authority of its own, hence a pin')
  const { reply, privateKeyPem, csrPem } = await ask(token, { software: 'test' })
  const certificate = new X509Certificate(reply.certificatePem)
  assert.deepEqual(identityOf(readPeer(certificate)), { owner: tenantId, role: 'connector', id: reply.id })
  assert.match(privateKeyPem, /PRIVATE KEY/)
  assert.match(csrPem, /CERTIFICATE REQUEST/)

  await assert.rejects(ask(token), { code: 'enrolment-refused' })
  const exchange = await ask(await exchangeToken(), { use: 'exchange' })
  assert.equal(identityOf(readPeer(new X509Certificate(exchange.reply.certificatePem)))?.role, 'exchange')
})

test('with a used, withdrawn, unknown or expired token is refused with the reason that control gives', async () => {
  let nowMs = Date.now()
  await using control = await startTestControl({ nowMs: () => nowMs })
  const { adminToken, connectorToken, ask } = await setUp(control)
  const isRefused = (error: unknown) => {
    assert.ok(isFault(error, 'enrolment-refused'))
    assert.match(error.message, /unknown, used up or expired/)
    assert.doesNotMatch(error.message, /sp_enr_/, 'a token is never repeated')
    return true
  }
  const used = await connectorToken()
  await ask(used)
  await assert.rejects(ask(used), isRefused)

  const unknown = used.replace(/_[^~]+/, `_enr_${'x'.repeat(43)}`)
  await assert.rejects(ask(unknown), isRefused)

  const withdrawn = await connectorToken()
  const listed = await control.call('/v1/tenants/acme/enrolment-tokens', { token: adminToken })
  for (const { id } of listed.body.items as { id: string }[]) {
    await control.call(`/v1/tenants/acme/enrolment-tokens/${id}`, { method: 'DELETE', token: adminToken })
  }
  await assert.rejects(ask(withdrawn), isRefused)

  const late = await connectorToken(60)
  nowMs += 61_000
  await assert.rejects(ask(late), isRefused)
})

test('shows a token to no server but that of its pin, and the token of one use opens no other', async () => {
  await using control = await startTestControl()
  const { connectorToken, exchangeToken, ask } = await setUp(control)
  const token = await connectorToken()
  const otherPin = token.replace(/~.*$/, `~${'A'.repeat(43)}`)
  await assert.rejects(ask(otherPin), { code: 'certificate-refused' })
  await assert.rejects(ask(token.replace(/~.*$/, '~short')), { code: 'enrolment-refused' })
  await assert.rejects(ask(token.replace(/~.*$/, '')), { code: 'certificate-refused' }, 'no public root signed it')
  assert.equal((await ask(token)).reply.use, 'connector', 'nobody has seen it until now')

  await assert.rejects(ask(await connectorToken(), { use: 'exchange' }), { code: 'enrolment-refused' })
  await assert.rejects(ask(await exchangeToken()), { code: 'enrolment-refused' })
})

test('at an address where nobody answers says so', async () => {
  await using control = await startTestControl()
  const { connectorToken, ask } = await setUp(control)
  const token = await connectorToken()
  await control.close()
  await assert.rejects(ask(token), { code: 'control-unreachable' })
})
