// A confirmation where it counts: on the session's row, at the exchanges and in the journal; and its opposite, a story.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dialFeed, enrolExchange, FakeExchange } from '#control/feed/testing.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { isFault } from '#core/fault.ts'
import { createPortal } from './portal.ts'
import { createSessions } from './sessions.ts'

let control: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
let exchange: FakeExchange
const ip = '127.0.0.1'
const factors = ['pwd', 'otp', 'mfa']
const asAdmin = (path: string, body: unknown) => control.call(`/v1/tenants/acme${path}`, { token: acme.token, body })

before(async () => {
  control = await startTestControl()
  acme = await addTenantWithAdministrator(control, 'acme')
  const people = ['eve', 'sid'].map((name) => ({ kind: 'User', name, spec: {} }))
  const applied = await asAdmin('/apply', { documents: [...documentsOfEverything(), ...people] })
  assert.equal(applied.status, 200, applied.text)
  const identity = await enrolExchange(control)
  exchange = new FakeExchange(identity.id, await dialFeed(control, identity))
  await exchange.until(() => exchange.tenants.has(acme.id))
})
after(async () => {
  await exchange.close()
  await control.close()
})

async function sessionOf(name: string, door: 'browser' | 'console' = 'browser') {
  const userId = (await control.context.mirrors.current(acme.id)).byName('user', name)?.id ?? ''
  const sessions = createSessions(control.context)
  const made = await sessions.create({ tenantId: acme.id, userId, deviceId: null, door, factors: ['pwd'], ip })
  const confirmedAtMs = () =>
    exchange.records(acme.id).flatMap((each) => (each.kind === 'session' && each.id === made.id ? [each] : []))[0]
      ?.confirmedAtMs
  return { sessions, userId, id: made.id, confirmedAtMs }
}

test('a confirmed session is so at the exchanges and in the journal, also while the person is only asked', async () => {
  const { sessions, userId, id, confirmedAtMs } = await sessionOf('ada')
  const asked = await asAdmin('/containments', {
    subject: { kind: 'user', name: 'ada' },
    answer: 'ask',
    reason: 'odd hours',
    expiresInSeconds: 600,
  })
  assert.equal(asked.status, 201, asked.text)
  assert.equal(confirmedAtMs(), undefined)
  await sessions.confirm(acme.id, id, { userId, factors, ip })
  await exchange.until(() => confirmedAtMs() !== undefined)
  const { items } = await control.context.journal.list(acme.id, {
    limit: 5,
    fields: { message: 'confirmed with another factor' },
  })
  assert.equal(items.length, 1)
  assert.equal(items[0]?.event['class_uid'], 3002)
})

test('nobody confirms the session of another, one that ended, or one of the console', async () => {
  const ada = await sessionOf('ada')
  const eve = await sessionOf('eve')
  const terminal = await sessionOf('eve', 'console')
  const refused = (error: unknown) => isFault(error, 'not-found')
  const proof = { userId: eve.userId, factors, ip }
  await assert.rejects(eve.sessions.confirm(acme.id, ada.id, proof), refused)
  await assert.rejects(eve.sessions.confirm(acme.id, terminal.id, proof), refused)
  await eve.sessions.end(acme.id, eve.id, 'signed-out')
  await assert.rejects(eve.sessions.confirm(acme.id, eve.id, proof), refused)
  assert.equal(ada.confirmedAtMs(), undefined)
})

test('whoever is contained confirms nothing', async () => {
  const { sessions, userId, id, confirmedAtMs } = await sessionOf('sid')
  const contained = await asAdmin('/containments', {
    subject: { kind: 'session', name: id },
    reason: 'stolen laptop',
    expiresInSeconds: 600,
  })
  assert.equal(contained.status, 201, contained.text)
  await assert.rejects(sessions.confirm(acme.id, id, { userId, factors, ip }), (error) => isFault(error))
  assert.equal(confirmedAtMs(), undefined)
})

test('a person who says that it was not them is a story for the administrators', async () => {
  const { userId } = await sessionOf('eve')
  await createPortal(control.context).reportStranger(acme.id, userId, { ip })
  const stories = await control.call('/v1/tenants/acme/stories', { token: acme.token })
  assert.equal(stories.status, 200, stories.text)
  assert.match(stories.text, /eve was asked whether it was them and said no/)
  assert.match(stories.text, /not-me/)
})
