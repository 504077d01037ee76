// Stored rows outlive the limits they were written under: reading is lenient about size and about nothing else.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { isFault } from '#core/fault.ts'
import {
  addTenantWithAdministrator,
  documentsOfEverything,
  startTestControl,
  type TestControl,
} from '#control/testing.ts'
import { specOf } from './from-rows.ts'

let test: TestControl
let acme: Awaited<ReturnType<typeof addTenantWithAdministrator>>
const T = '/v1/tenants/acme'
const call = (path: string, body?: unknown, method?: string) =>
  test.call(`${T}${path}`, { token: acme.token, body, ...(method !== undefined && { method }) })

before(async () => {
  test = await startTestControl()
  acme = await addTenantWithAdministrator(test, 'acme')
  await call('/apply', { documents: documentsOfEverything() })
})
after(() => test.close())

it('a stored resource over a newer limit is read and served, and only a new write of it is refused', async () => {
  const groups = Array.from({ length: 300 }, () => 'staff')
  const spec = { displayName: 'A'.repeat(5000), groups }
  await test.context.store
    .forTenant(acme.id)
    .updateTable('resources')
    .set({ spec: JSON.stringify(spec) })
    .where('resources.name', '=', 'ada')
    .execute()
  test.context.mirrors.forget(acme.id)
  const read = await call('/resources/users/ada')
  assert.equal(read.body.spec.displayName.length, 5000)
  const mirror = await test.context.mirrors.current(acme.id)
  assert.equal(mirror.byName('user', 'ada')?.displayName.length, 5000)
  assert.equal((await call('/explain', { user: 'ada', app: 'wiki' })).status, 200)
  const other = await call('/resources/groups/everyone', { spec: { displayName: 'All' } }, 'PUT')
  assert.equal(other.status, 200, other.text)
  const again = await call('/resources/users/ada', { spec }, 'PUT')
  assert.equal(again.body.error?.code, 'document-invalid', again.text)
})

it('a stored spec of another form is refused, as ever', () => {
  for (const spec of [{ colour: 'red' }, { status: 'odd' }, { groups: 'staff' }, { groups: [5] }, []])
    assert.throws(
      () => specOf('User', { spec: JSON.stringify(spec) }),
      (error) => isFault(error, 'store-failed'),
    )
})
