// Enrolment tokens that are no good: whoever has one is told what became of it, the tenant finds it among its events,
// and a stranger learns nothing.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  newCsr,
  providerToken,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'

let aheadMs = 0
let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const T = '/v1/tenants/acme'
const asAdmin = (path: string, body?: unknown) => test.call(`${T}${path}`, { token: acme.token, body })
const enrol = async (token: string) => test.call('/v1/enrol', { body: { token, csrPem: (await newCsr()).csrPem } })
const refusals = async () => (await asAdmin('/events?outcome=failure&limit=50')).body.items as { event: object }[]

before(async () => {
  test = await startTestControl({ nowMs: () => Date.now() + aheadMs })
  acme = await addTenantWithAdministrator(test, 'acme')
  await asAdmin('/apply', { documents: documentsOfEverything() })
})
after(() => test.close())

it('a used one says when it was used and leaves an event; tried again and again it leaves no more', async () => {
  const { token } = (await asAdmin('/enrolment-tokens', { connectorGroup: 'dc' })).body
  assert.equal((await enrol(token)).status, 201)
  for (let tries = 0; tries < 5; tries++) {
    const reused = await enrol(token)
    assert.equal(reused.body.error.code, 'token-invalid')
    assert.match(reused.body.error.message, /It was used at 20/)
  }
  const found = await refusals()
  assert.equal(found.length, 1)
  const text = JSON.stringify(found[0])
  assert.match(text, /"operation":"enrol"/)
  assert.match(text, /"reason":"used"/)
  assert.doesNotMatch(text, new RegExp(token.slice(0, 20)))
})

it('an expired one says so', async () => {
  const { token } = (await asAdmin('/enrolment-tokens', { connectorGroup: 'dc', expiresInSeconds: 60 })).body
  aheadMs = 120_000
  assert.match((await enrol(token)).body.error.message, /It expired at 20/)
  assert.match(JSON.stringify((await refusals())[0]), /"reason":"expired"/)
})

it('one that nobody made is refused with no word more, and recorded nowhere', async () => {
  const before_ = (await refusals()).length
  for (const token of [`sp_enr_${'a'.repeat(43)}`, 'x'.repeat(50)]) {
    const { error } = (await enrol(token)).body
    assert.doesNotMatch(error.message, /used at|expired at/)
  }
  assert.equal((await refusals()).length, before_)
})

it('one for an exchange is told to the provider', async () => {
  const token = await providerToken(test)
  const made = await test.call('/v1/exchanges/enrolment-tokens', { token, body: { name: 'edge' } })
  assert.equal((await enrol(made.body.token)).status, 201)
  assert.match((await enrol(made.body.token)).body.error.message, /It was used at 20/)
  const events = await test.call('/v1/tenants/provider/events?outcome=failure', { token })
  assert.match(events.text, /"reason":"used"/)
  assert.match(events.text, /"for":"edge"/)
})

it('an explanation for a name that does not exist says which, and what was probably meant', async () => {
  const ask = async (user: string, app: string) => (await asAdmin('/explain', { user, app })).body.error?.message
  assert.match(await ask('ada', 'wikki'), /no app named wikki\. Did you mean wiki\?/)
  assert.match(await ask('adda', 'wiki'), /no user named adda\. Did you mean ada\?/)
  assert.match(await ask('ada', 'zzzzzz'), /no app named zzzzzz\.$/)
})
