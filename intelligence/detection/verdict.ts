// What people said of stories, taken over as a whole: counts by kind, and exceptions. Must never make a silent, global or
// endless exception: each names a subject and ends, and nothing that was said teaches more than a bounded step.
import { caps } from '#intelligence/caps.ts'
import type { DetectionState, Exception } from './state.ts'

const LONGEST_MS = 90 * 86_400_000
const MOST_SAID = 50

/** `wasTrue`: attacks; `wasOdd`: benign but out of the ordinary. Expected and rehearsed ones teach no threshold. */
export type Taught = {
  readonly verdicts: readonly { readonly kind: string; readonly wasTrue: number; readonly wasOdd: number }[]
  readonly exceptions: readonly Exception[]
}

/** Users whose risk changes by it: what is expected is no evidence any more. */
export function teach(state: DetectionState, { verdicts, exceptions }: Taught): readonly string[] {
  const { nowMs, people } = state.tenant
  state.verdicts.clear()
  for (const { kind, wasTrue, wasOdd } of verdicts.slice(0, caps.exceptions.default))
    state.verdicts.set(kind, { wasTrue: Math.min(MOST_SAID, wasTrue), wasOdd: Math.min(MOST_SAID, wasOdd) })
  state.exceptions.clear()
  const touched: string[] = []
  for (const exception of exceptions) {
    const { id, subject, kind, untilMs } = exception
    if (state.exceptions.size >= caps.exceptions.default) break
    // Counted from the stream's own clock as well: one that is far behind must not make it endless.
    if (subject === '' || untilMs <= nowMs || untilMs > Math.max(nowMs, Date.now()) + LONGEST_MS) continue
    state.exceptions.set(id, exception)
    const person = people.get(subject)
    const left = person?.evidence.filter(({ channel }) => kind !== '' && channel !== kind)
    if (person === undefined || left === undefined || left.length === person.evidence.length) continue
    person.evidence = left
    touched.push(subject)
  }
  return touched
}
