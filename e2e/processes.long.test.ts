// The stories, with every part as its own process and its own account: what a deployment is.
import { test } from 'node:test'
import { accountsAbsent } from './accounts.ts'
import { agentStories } from './stories-agent.ts'
import { browserStories } from './stories-browser.ts'
import { drillStories } from './stories-drill.ts'
import { httpStories } from './stories-http.ts'
import { tenantStories } from './stories-tenants.ts'
import { thirdPartyStories } from './stories-third-party.ts'
import { startWorld } from './world.ts'

test('every part in a process of its own', { timeout: 590_000 }, async (t) => {
  const absent = accountsAbsent()
  if (absent) t.diagnostic(absent)
  await using world = await startWorld('processes')
  await t.test('with an agent', (t) => agentStories(t, world))
  await t.test('with a plain browser', (t) => browserStories(t, world))
  await t.test('programs at the browser door', (t) => httpStories(t, world))
  await t.test('carol of Contoso', (t) => thirdPartyStories(t, world))
  await t.test('drills', (t) => drillStories(t, world))
  await t.test('the wall between tenants', (t) => tenantStories(t, world))
})
