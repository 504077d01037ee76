// The stories of programs at the browser door, of third parties and of the wall between tenants, in one process.
import { test } from 'node:test'
import { httpStories } from './stories-http.ts'
import { tenantStories } from './stories-tenants.ts'
import { thirdPartyStories } from './stories-third-party.ts'
import { startWorld } from './world.ts'

test('programs, third parties and tenants', { timeout: 300_000 }, async (t) => {
  await using world = await startWorld('one-process')
  await t.test('programs at the browser door', (t) => httpStories(t, world))
  await t.test('carol of Contoso', (t) => thirdPartyStories(t, world))
  await t.test('the wall between tenants', (t) => tenantStories(t, world))
})
