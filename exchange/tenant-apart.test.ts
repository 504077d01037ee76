// One tenant's news that this exchange cannot follow end that tenant's service, and nobody else's feed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedApp, startWorld } from './testing/world.ts'

test('drops the tenant whose authentic delta or snapshot cannot be read, and keeps the link', async () => {
  await using world = await startWorld()
  const { control, acme, globex } = world
  const { hellos } = control
  const delta = {
    tenantId: globex.id,
    epoch: globex.epoch,
    from: globex.sequence,
    to: globex.sequence + 1,
    issuedAtMs: Date.now(),
    changes: [{ op: 'put', record: { kind: 'group', id: 'x', name: 'x'.repeat(1000), parentIds: [] } }],
  }
  control.send({ type: 'delta', token: control.sign('delta', delta) })
  await control.change(acme, changedApp(world.wiki, { displayName: 'after a delta' }))
  const chunks = ['[{"kind":"unknown"}]', '[]']
  control.send({ type: 'snapshot-root', token: control.rootOf(globex, chunks) })
  for (const [index, text] of chunks.entries())
    control.send({ type: 'snapshot-chunk', tenantId: globex.id, index, text })
  await control.change(acme, changedApp(world.wiki, { displayName: 'after a snapshot' }))
  assert.equal(control.hellos, hellos, 'the feed was never lost')
  assert.equal(world.log.filter((line) => line.startsWith('a tenant was dropped')).length, 2)
})
