import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caps } from '#intelligence/caps.ts'
import { observe, type Observation } from './observation.ts'
import { startReorder } from './reorder.ts'

const start = Date.UTC(2026, 0, 5)

function at(timeMs: number): Observation {
  const observation = observe({ class_uid: 4001, time: timeMs }, 'x')
  assert.ok(typeof observation === 'object')
  return observation
}

function run(times: readonly number[]): {
  readonly order: readonly number[]
  readonly wrongClock: number
  readonly late: number
} {
  const order: number[] = []
  const reorder = startReorder(({ timeMs }) => void order.push(timeMs - start))
  for (const time of times) reorder.push(at(start + time))
  reorder.flush()
  return { order, ...reorder.counts }
}

test('puts slightly late events in order', () => {
  assert.deepEqual(run([0, 5000, 1000, 90_000, 2000]).order, [0, 1000, 2000, 5000, 90_000])
})

test('one event from the year 2099 does not move the clock of the stream', () => {
  const { order, wrongClock } = run([0, 1000, 73 * 365 * 86_400_000, 2000, 3000])
  assert.deepEqual(order, [0, 1000, 2000, 3000])
  assert.equal(wrongClock, 1)
})

test('an early wrong clock does not silence everything after it', () => {
  const { order } = run([365 * 86_400_000, ...Array.from({ length: 100 }, (_, n) => n * 1000)])
  assert.ok(order.length > 70)
})

test('a stream that really paused for a month goes on', () => {
  const later = Array.from({ length: 40 }, (_, n) => 30 * 86_400_000 + n * 1000)
  assert.equal(run([0, 1000, ...later]).order.length, 42)
})

test('holds no more than its cap when every event has the same time', () => {
  let held = 0
  const reorder = startReorder(() => void held--)
  for (let each = 0; each < 3 * caps.reorderEvents.default; each++) {
    held++
    reorder.push(at(start))
    assert.ok(held <= caps.reorderEvents.default)
  }
})
