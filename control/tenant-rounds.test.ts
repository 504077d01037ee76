// Rounds over tenants: one tenant's trouble is its own, a slow round does not pile up, and stopping waits.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addTenantWithAdministrator, startTestControl, type TestControl } from './testing.ts'
import { startTenantRounds } from './tenant-rounds.ts'

let control: TestControl
before(async () => {
  control = await startTestControl()
  await addTenantWithAdministrator(control, 'acme')
  await addTenantWithAdministrator(control, 'globex')
})
after(() => control.close())

test('the trouble of one tenant is told and keeps the round from no other', async () => {
  const told: unknown[] = []
  const tenants = await control.context.store.provider.selectFrom('tenants').select('tenants.id').execute()
  const [broken] = tenants
  const reached = new Set<string>()
  const all = Promise.withResolvers<void>()
  const context = { ...control.context, log: (_what: string, fields?: object) => void told.push(fields) }
  const rounds = startTenantRounds('the test', 5, context, async (tenantId) => {
    if (tenantId === broken?.id) throw new Error('broken')
    reached.add(tenantId)
    if (reached.size === tenants.length - 1) all.resolve()
  })
  await all.promise
  await rounds.stop()
  assert.ok(tenants.length >= 3)
  assert.deepEqual(told[0], { tenantId: broken?.id, error: 'Error: broken' })
})

test('a round begins when the one before is over, and stopping waits for the tenant under way', async () => {
  let underWay = 0
  let most = 0
  let isDone = false
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const rounds = startTenantRounds('the test', 2, control.context, async () => {
    most = Math.max(most, ++underWay)
    begun.resolve()
    await go.promise
    underWay--
    isDone = true
  })
  await begun.promise
  const stopped = rounds.stop()
  assert.equal(isDone, false)
  go.resolve()
  await stopped
  assert.deepEqual([isDone, underWay, most], [true, 0, 1])
})
