// The stories, with control, exchange and connector in one process: what `npm start` gives.
import { test } from 'node:test'
import { agentStories } from './stories-agent.ts'
import { browserStories } from './stories-browser.ts'
import { drillStories } from './stories-drill.ts'
import { startWorld } from './world.ts'

test('all parts in one process', { timeout: 570_000 }, async (t) => {
  await using world = await startWorld('one-process')
  await t.test('with an agent', (t) => agentStories(t, world))
  await t.test('with a plain browser', (t) => browserStories(t, world))
  await t.test('drills', (t) => drillStories(t, world))
})
