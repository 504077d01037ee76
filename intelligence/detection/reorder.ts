// The second step: puts observations that are slightly late in order and keeps wrong clocks from moving the stream's.
// Must never hold more than its cap, and never let one event decide what time it is.
import { caps } from '#intelligence/caps.ts'
import type { Observation } from './observation.ts'

export type ReorderCounts = { late: number; wrongClock: number }

export type Reorder = {
  readonly counts: ReorderCounts
  /** Hands on, oldest first, whatever no later arrival may precede. */
  push(observation: Observation): void
  /** Hands on all the rest. */
  flush(): void
}

export function startReorder(handOn: (observation: Observation) => void): Reorder {
  const heap: Observation[] = []
  const counts: ReorderCounts = { late: 0, wrongClock: 0 }
  let newestMs = Number.NEGATIVE_INFINITY
  let releasedMs = Number.NEGATIVE_INFINITY
  let leaps: Observation[] = []
  let lateInRow = 0

  function release(): void {
    const next = pop(heap)
    if (next === undefined) return
    releasedMs = Math.max(releasedMs, next.timeMs)
    handOn(next)
  }

  function accept(observation: Observation): void {
    newestMs = Math.max(newestMs, observation.timeMs)
    if (observation.timeMs < releasedMs) counts.late++
    insert(heap, observation)
    while (
      heap.length > caps.reorderEvents.default ||
      (heap[0]?.timeMs ?? newestMs) < newestMs - caps.reorderMs.default
    )
      release()
  }

  return {
    counts,
    push(observation) {
      const aheadMs = observation.timeMs - newestMs
      if (newestMs > 0 && aheadMs > caps.leapMs.default) {
        leaps.push(observation)
        // A stream that really paused goes on from there; one wrong clock among right ones never gets its witnesses.
        if (leaps.length >= caps.leapWitnesses.default) {
          const agreed = leaps
          leaps = []
          for (const each of agreed.toSorted((left, right) => left.timeMs - right.timeMs)) accept(each)
        }
        return
      }
      if (leaps.length > 0 && aheadMs > -caps.lateMs.default) {
        counts.wrongClock += leaps.length
        leaps = []
      }
      if (aheadMs < -caps.lateMs.default) {
        counts.wrongClock++
        // When everything seems late, it was the stream's clock that an early event had set wrong.
        if (++lateInRow < caps.leapWitnesses.default) return
        newestMs = observation.timeMs
        releasedMs = observation.timeMs
      }
      lateInRow = 0
      accept(observation)
    },
    flush() {
      counts.wrongClock += leaps.length
      leaps = []
      while (heap.length > 0) release()
    },
  }
}

function insert(heap: Observation[], item: Observation): void {
  heap.push(item)
  let at = heap.length - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent]
    if (above === undefined || above.timeMs <= item.timeMs) break
    heap[at] = above
    at = parent
  }
  heap[at] = item
}

function pop(heap: Observation[]): Observation | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return last
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const right = heap[left + 1]
    let child = heap[left]
    let place = left
    if (child === undefined) break
    if (right !== undefined && right.timeMs < child.timeMs) {
      child = right
      place = left + 1
    }
    if (child.timeMs >= last.timeMs) break
    heap[at] = child
    at = place
  }
  heap[at] = last
  return top
}
