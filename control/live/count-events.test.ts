// Counts of events add up, and stay few.
import assert from 'node:assert/strict'
import test from 'node:test'
import { countEvents } from './count-events.ts'

const event = (time: number, ok: boolean, user: string) => ({
  time,
  status_id: ok ? 1 : 2,
  class_uid: 3003,
  actor: { user: { name: user } },
  ...(ok ? {} : { status_code: 'no-policy' }),
})

test('every event is in one bucket and in each list that it has a value for, the most frequent first', () => {
  const events = Array.from({ length: 500 }, (_, n) => event(1_000_000 + n * 7_000, n % 5 !== 0, `u${n % 12}`))
  const counted = countEvents(events, true, {})
  assert.ok(counted.buckets.length <= 61)
  assert.equal(
    counted.buckets.reduce((sum, { ok, failed }) => sum + ok + failed, 0),
    500,
  )
  assert.deepEqual(counted.reasons, [{ value: 'no-policy', count: 100 }])
  assert.equal(counted.users.length, 8)
  assert.equal(counted.isPartial, true)
})

test('hostile fields, no events, and a range without any give no count and no fault', () => {
  const strange = [{ time: 'x', class_uid: {}, actor: null }, { time: 5, app_name: ['a'] }, {}]
  assert.equal(countEvents(strange, false, {}).total, 3)
  assert.deepEqual(countEvents([], false, {}).buckets, [])
  assert.ok(countEvents([], false, { fromMs: 0, untilMs: 10 ** 12 }).buckets.length <= 120)
})
