// Places that many want, held by one: the others must still find theirs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { createShares } from './shares.ts'

const isFull = (error: unknown) => isFault(error, 'at-capacity')

test('one who holds a whole share keeps nobody else out, and gives back once', () => {
  const shares = createShares({ total: 4, perOwner: 2 }, 'test')
  const [first] = [shares.take('mallory'), shares.take('mallory')]
  assert.throws(() => shares.take('mallory'), isFull)
  shares.take('alice')
  shares.take('bob')
  assert.throws(() => shares.take('carol'), isFull)
  first?.()
  first?.()
  shares.take('carol')
  assert.throws(() => shares.take('dave'), isFull)
  assert.throws(() => shares.take('alice'), isFull)
})
