// What analysts say of stories, and the exceptions that follow. Must never make a silent, global or endless exception: each
// names a subject, has a reason, and ends.
import { Fault } from '#core/fault.ts'
import { caps } from '#intelligence/caps.ts'
import type { DetectionState, Exception } from './state.ts'
import type { Story } from './story.ts'

const LONGEST_MS = 90 * 86_400_000

export type Verdict = 'true' | 'expected' | 'odd-but-benign' | 'drill'

/**
 * `true` and `odd-but-benign` move the kind's part of the budget, within bounds; `expected` needs `until` and becomes an
 * exception; `drill` teaches nothing.
 */
export function giveVerdict(
  state: DetectionState,
  story: Pick<Story, 'subject' | 'kind'>,
  verdict: Verdict,
  until?: Omit<Exception, 'subject' | 'kind'>,
): void {
  const tally = state.verdicts.get(story.kind) ?? { wasTrue: 0, wasOdd: 0 }
  switch (verdict) {
    case 'true':
      tally.wasTrue = Math.min(50, tally.wasTrue + 1)
      break
    case 'odd-but-benign':
      tally.wasOdd = Math.min(50, tally.wasOdd + 1)
      break
    case 'expected':
      if (until === undefined)
        throw new Fault('request-malformed', { hint: 'An expected story needs an exception with a reason and an end.' })
      addException(state, { ...until, subject: story.subject, kind: story.kind })
      return
    case 'drill':
      return
  }
  state.verdicts.set(story.kind, tally)
}

/** Throws `request-malformed` without subject, reason or an end within 90 days; `at-capacity` when the list is full. */
export function addException(state: DetectionState, exception: Exception): void {
  const { nowMs } = state.tenant
  for (const [id, { untilMs }] of state.exceptions) if (untilMs <= nowMs) state.exceptions.delete(id)
  if (exception.subject === '' || exception.reason.trim() === '')
    throw new Fault('request-malformed', { hint: 'An exception names one subject and a reason.' })
  if (!(exception.untilMs > nowMs && exception.untilMs <= nowMs + LONGEST_MS))
    throw new Fault('request-malformed', { hint: 'An exception ends within 90 days.' })
  if (state.exceptions.size >= caps.exceptions.default && !state.exceptions.has(exception.id))
    throw new Fault('at-capacity', { hint: 'There are too many exceptions; end some first.' })
  state.exceptions.set(exception.id, exception)
}

/** False when there was none. */
export function removeException(state: DetectionState, id: string): boolean {
  return state.exceptions.delete(id)
}
