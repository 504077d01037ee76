// How much is enough: a level's budget of false stories, shared out to the channels, becomes a threshold each. Must never
// go below a channel's floor: where little was seen, little proves nothing.
import { thresholdOf } from './calibration.ts'
import { type Channel, channels, type Level, levels } from './kinds.ts'
import type { DetectionState } from './state.ts'

/** False stories per 10,000 users and day that a level may cost. */
export type Budgets = Readonly<Record<Exclude<Level, 'note'>, number>>

/** What is aimed at: part of the budget, since tomorrow differs from the days that were learned from. */
const AIM = 0.5

/** What a level's floor lies above (below) that of a story, in decades. */
const floorSteps = [0, -1.5, -0.7, 0, 0.5, 1.5] as const

/** Parts of a budget, and the least that is evidence at all, in decades. */
const shares: Readonly<Record<Channel, readonly [share: number, floor: number]>> = {
  'car-park': [0.24, 4.8],
  'car-park-day': [0.19, 4.9],
  'car-park-slow': [0.03, 7],
  'session-theft': [0.06, 5.4],
  travel: [0.03, 4],
  'mass-download': [0.06, 5],
  'slow-leak': [0.02, 10],
  'sign-in-attack': [0.06, 4.5],
  'identity-path': [0.03, 4],
  privilege: [0.02, 4],
  outbound: [0.04, 3.5],
  dormant: [0.01, 5],
  'third-party': [0.03, 5],
  takeover: [0.12, 5.8],
  together: [0.06, 7],
}

export type Thresholds = Readonly<Record<Channel, readonly number[]>>

/** For every channel the least score of each level, mildest level first. */
export function thresholdsOf(state: DetectionState, budgets: Budgets): Thresholds {
  const of = (channel: Channel): readonly number[] => {
    const [share, floor] = shares[channel]
    const calibration = state.tenant.calibrations[channel]
    const { wasTrue, wasOdd } = state.verdicts.get(channel) ?? { wasTrue: 0, wasOdd: 0 }
    // Verdicts move a channel's part of the budget, at most threefold either way.
    const taught = Math.min(3, Math.max(1 / 3, (wasTrue + 2) / (wasOdd + 2)))
    return levels.map((level, rank) =>
      level === 'note'
        ? 0
        : thresholdOf(calibration, (budgets[level] * AIM * share * taught) / 10_000, floor + (floorSteps[rank] ?? 0)),
    )
  }
  return Object.fromEntries(channels.map((channel) => [channel, of(channel)])) as Thresholds
}

/** The greatest level whose threshold the score reaches. */
export function levelOf(thresholds: Thresholds, channel: Channel, score: number): Level {
  let reached: Level = 'note'
  for (const [at, level] of levels.entries()) if (score >= (thresholds[channel][at] ?? 0)) reached = level
  return reached
}

export function rankOf(level: Level): number {
  return levels.indexOf(level)
}

/** The budgets when `stories` false ones are allowed where stories begin; stronger answers cost in proportion. */
export function budgetsFor(stories: number): Budgets {
  return {
    ask: stories * 20,
    'step-up': stories * 3,
    restrict: stories,
    cut: stories * 0.5,
    contain: stories * 0.1,
  }
}
