// One trial: a made-up organisation through the detectors, scored. What is published in docs/detection.md comes from here.
// Must never let detection see a label.
import { type DetectionConfig, startDetecting } from '#intelligence/detection/detection.ts'
import { type Scores, startEvaluation } from '#intelligence/detection/evaluate.ts'
import { observe } from '#intelligence/detection/observation.ts'
import { newState } from '#intelligence/detection/state.ts'
import { budgetsFor } from '#intelligence/detection/thresholds.ts'
import { generateOrganisation, type GenerateOptions } from './generate.ts'

const DAY_MS = 86_400_000
const WARMUP_MS = 14 * DAY_MS

export type Trial = Scores & {
  readonly events: number
  /** Stories on the day that everyone opens the new app, labelled attacks apart. */
  readonly newAppDayStories: number
  /** A histogram of what one event costs, in steps of 1 µs. */
  readonly costUs: Uint32Array
}

export function runTrial(options: GenerateOptions): Trial {
  // The organisation is lived twice: once for the labels, once for the detectors.
  const rehearsal = generateOrganisation(options)
  let events = 0
  for (const day of rehearsal.days()) events += day.length
  const labels = rehearsal.labels.map(({ startMs, endMs, member, name }) => ({
    startMs,
    endMs,
    user: member.uid,
    name,
  }))
  const evaluation = startEvaluation(labels, WARMUP_MS)
  const config: DetectionConfig = { warmupMs: WARMUP_MS, budgets: budgetsFor(1), decoys: new Set() }
  const { newAppDay, startMs, days } = generateOrganisation(options)
  const newAppMs = newAppDay === null ? Number.NaN : startMs + newAppDay * DAY_MS
  let newAppDayStories = 0
  const detection = startDetecting(config, newState(), (story) => {
    evaluation.story(story)
    const isLabelled = labels.some(
      ({ user, startMs: from, endMs }) =>
        user === story.subject && story.last_ms >= from && story.last_ms <= endMs + 3_600_000,
    )
    if (!isLabelled && story.last_ms >= newAppMs && story.last_ms < newAppMs + DAY_MS) newAppDayStories++
  })
  const costUs = new Uint32Array(1000)
  for (const day of days())
    for (const [at, event] of day.entries()) {
      const observation = observe(event, `event ${at}`)
      if (typeof observation === 'string') continue
      evaluation.observe(observation)
      const before = performance.now()
      detection.observe(observation)
      const cost = Math.min(999, Math.floor((performance.now() - before) * 1000))
      costUs[cost] = (costUs[cost] ?? 0) + 1
    }
  detection.finish()
  return { ...evaluation.summary(), events, newAppDayStories, costUs }
}

/** The cost that this share of events stays under, µs. */
export function costPercentile(costUs: Uint32Array, share: number): number {
  const total = costUs.reduce((sum, count) => sum + count, 0)
  let seen = 0
  for (const [us, count] of costUs.entries()) {
    seen += count
    if (seen >= share * total) return us + 1
  }
  return costUs.length
}
