// A part that is told to stop does stop, whenever it is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runUntilSignal } from './running.ts'

test('a part that was told to stop while it was starting closes at once', async () => {
  const closed: string[] = []
  const part = (name: string) => ({
    close: async () => {
      closed.push(name)
    },
  })
  assert.equal(await runUntilSignal([part('first'), part('second')], AbortSignal.abort()), 0)
  assert.deepEqual(closed, ['second', 'first'])
})
