// The path of one observation through the detectors, in order, to a story. O(1) per event. Must never tell a story during
// the warm-up, and never more than one per subject and day.
import { caps } from '#intelligence/caps.ts'
import { spendBuckets } from './car-park.ts'
import { remains } from './chance.ts'
import { endPersonDay, endTenantDay } from './day.ts'
import { type Channel, channels } from './kinds.ts'
import { runDetectors } from './order.ts'
import type { Observation } from './observation.ts'
import { findPerson, learnGroups, type Person } from './person.ts'
import { type DetectionState } from './state.ts'
import { type Story, tellDecoy, tellPerson, tellSpray } from './story.ts'
import { spraysDue, watchSource } from './sign-in.ts'
import { type Budgets, levelOf, rankOf, type Thresholds, thresholdsOf } from './thresholds.ts'
import type { Signal, Watch } from './watch.ts'

export type DetectionConfig = {
  /** Only learning, from the first event on. 0: no warm-up; thresholds then rest on their floors. */
  readonly warmupMs: number
  readonly budgets: Budgets
  /** Names of apps and documents that nobody has a reason to touch. */
  readonly decoys: ReadonlySet<string>
}

export type Detection = {
  observe(observation: Observation): void
  /** The stream has ended: tells what is still due. */
  finish(): void
  /** Verdicts, exceptions or budgets have changed: thresholds follow at once. */
  relearn(budgets: Budgets): void
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const SCORE_HALF_LIFE_MS = 12 * HOUR_MS
const STORY_RANK = rankOf('restrict')
const carPark: readonly Channel[] = ['car-park', 'car-park-day', 'car-park-slow']
const takeover = channels.indexOf('takeover')
const together = channels.indexOf('together')

export function startDetecting(
  config: DetectionConfig,
  state: DetectionState,
  tell: (story: Story) => void,
  /** What makes up the risk of this user has changed. */
  onRisk: (uid: string) => void = () => {},
): Detection {
  const { tenant } = state
  let { budgets } = config
  let thresholds: Thresholds = thresholdsOf(state, budgets)
  let thresholdDay = tenant.day
  let sprayCheckMs = 0
  const dirty: boolean[] = channels.map(() => false)

  function raise(person: Person, observation: Observation, signal: Signal): void {
    const at = channels.indexOf(signal.channel)
    fade(person, tenant.nowMs)
    const before = person.scores[at] ?? 0
    const after = signal.isPart ? before + signal.decades : Math.max(before, signal.decades)
    if (after <= before) return
    person.scores[at] = after
    dirty[at] = true
    keepEvidence(person, {
      channel: signal.channel,
      about: signal.about,
      decades: signal.decades,
      timeMs: observation.timeMs,
      eventId: observation.id,
      sentence: signal.sentence,
    })
    sumUp(person)
    onRisk(person.uid)
    dirty[takeover] = true
    dirty[together] = true
  }

  function judge(person: Person, observation: Observation): void {
    const isWarm = observation.timeMs >= tenant.startMs + config.warmupMs
    let best: { channel: Channel; score: number; ratio: number } | undefined
    for (const [at, channel] of channels.entries()) {
      if (dirty[at] !== true) continue
      dirty[at] = false
      const score = person.scores[at] ?? 0
      if (person.toldDay !== tenant.day) person.peaks[at] = Math.max(person.peaks[at] ?? 0, score)
      const ratio = score / Math.max(0.1, thresholds[channel][STORY_RANK] ?? 0)
      if (ratio >= 1 && (best === undefined || ratio > best.ratio)) best = { channel, score, ratio }
    }
    if (best === undefined || !isWarm || person.toldDay === tenant.day) return
    const { channel, score } = best
    if (isExcepted(state, person.uid, channel)) return
    const threshold = thresholds[channel][STORY_RANK] ?? 0
    const level = levelOf(thresholds, channel, score)
    const story = tellPerson(tenant, person, { channel, score, threshold, level })
    // Its parts are spent; what was said stays a part of the risk.
    const { timeMs, id: eventId } = observation
    keepEvidence(person, { channel, about: 'story', decades: score, timeMs, eventId, sentence: story.sentence })
    onRisk(person.uid)
    tellOnce(person, story)
  }

  function tellOnce(person: Person, story: Story): void {
    person.toldDay = tenant.day
    state.stories++
    // Told days are the end of the tail when they are false and not of it when they are true. As many as the budget
    // takes for false count as its end; more must not raise the threshold for the next attack.
    const isOrdinary = state.allowance >= 1
    if (isOrdinary) state.allowance--
    for (const [at, channel] of channels.entries()) {
      const most = isOrdinary ? (thresholds[channel][STORY_RANK] ?? 0) + 0.3 : 0
      person.peaks[at] = Math.min(person.peaks[at] ?? 0, most)
    }
    spendBuckets(person)
    person.scores.fill(0)
    tell(story)
  }

  return {
    observe(observation) {
      if (Math.floor(observation.timeMs / DAY_MS) > tenant.day) endTenantDay(state, observation.timeMs)
      tenant.nowMs = Math.max(tenant.nowMs, observation.timeMs)
      if (thresholdDay !== tenant.day) {
        thresholds = thresholdsOf(state, budgets)
        thresholdDay = tenant.day
        const aDay = (1.5 * budgets.restrict * tenant.people.size) / 10_000
        state.allowance = Math.min(state.allowance + aDay, 3 + 3 * aDay)
      }
      watchSource(state, observation)
      if (tenant.nowMs - sprayCheckMs > 60_000) {
        sprayCheckMs = tenant.nowMs
        const isWarm = tenant.nowMs >= tenant.startMs + config.warmupMs
        for (const spray of spraysDue(state, tenant.nowMs))
          if (isWarm && !isExcepted(state, spray.source, 'password-spray')) tell(tellSpray(spray))
      }
      if (observation.user === '') return
      // Whoever tries made-up names must not fill the memory with them.
      if (observation.kind === 'sign-in' && observation.outcome === 'failure' && !tenant.people.has(observation.user))
        return
      const person = findPerson(tenant, observation.user)
      const watch: Watch = { state, tenant, person, observation, raise: (signal) => raise(person, observation, signal) }
      const isCalibrating = tenant.nowMs >= tenant.startMs + Math.min(config.warmupMs / 2, 7 * DAY_MS)
      endPersonDay(watch, isCalibrating)
      learnGroups(tenant, person, observation.groups)
      if (observation.organisation !== '') person.organisation = observation.organisation
      if (isDecoy(config, observation)) {
        if (tenant.nowMs >= tenant.startMs + config.warmupMs && person.toldDay !== tenant.day)
          tellOnce(person, tellDecoy(person, observation.app, observation.timeMs, observation.id))
        return
      }
      runDetectors(watch, (score) => {
        const at = channels.indexOf(score.channel)
        fade(person, tenant.nowMs)
        // A bucket leaks by itself: its score is what it says now, not what it once said.
        if (score.decades > (person.scores[at] ?? 0)) onRisk(person.uid)
        person.scores[at] = score.decades
        dirty[at] = true
        sumUp(person)
        dirty[together] = true
      })
      judge(person, observation)
    },
    relearn(given) {
      budgets = given
      thresholds = thresholdsOf(state, budgets)
    },
    finish() {
      for (const spray of spraysDue(state, Number.POSITIVE_INFINITY))
        if (tenant.nowMs >= tenant.startMs + config.warmupMs) tell(tellSpray(spray))
    },
  }
}

/** Sums over channels, each bounded: no one channel carries a sum alone, for that it has a threshold of its own. */
function sumUp(person: Person): void {
  const of = (channel: Channel, most: number): number => Math.min(most, person.scores[channels.indexOf(channel)] ?? 0)
  const parts = [
    of('session-theft', 6),
    of('travel', 5),
    of('dormant', 4),
    of('identity-path', 5),
    of('sign-in-attack', 3),
  ]
  const sum = parts.reduce((total, part) => total + part, 0)
  person.scores[takeover] = parts.filter((part) => part >= 1).length >= 2 ? sum : 0
  const deeds = [
    Math.max(...carPark.map((channel) => of(channel, 4.5))),
    of('mass-download', 2),
    of('privilege', 3),
    of('outbound', 3),
  ]
  const most = Math.max(...deeds)
  person.scores[together] = sum >= 1 && most >= 1 ? sum + most : 0
}

function fade(person: Person, nowMs: number): void {
  const elapsedMs = nowMs - person.scoresAtMs
  if (elapsedMs < 60_000) return
  const share = remains(elapsedMs, SCORE_HALF_LIFE_MS)
  for (let at = 0; at < person.scores.length; at++) person.scores[at] = (person.scores[at] ?? 0) * share
  person.scoresAtMs = nowMs
}

function keepEvidence(person: Person, part: Person['evidence'][number]): void {
  const { evidence } = person
  const same = evidence.findIndex(({ channel, about }) => channel === part.channel && about === part.about)
  if (same >= 0) evidence.splice(same, 1)
  evidence.push(part)
  if (evidence.length <= caps.evidence.default) return
  let least = 0
  const worth = (each: typeof part): number => each.decades * remains(part.timeMs - each.timeMs, DAY_MS)
  for (const [at, each] of evidence.entries()) if (worth(each) < worth(evidence[least] ?? each)) least = at
  evidence.splice(least, 1)
}

function isDecoy({ decoys }: DetectionConfig, { app, object }: Observation): boolean {
  return decoys.size > 0 && (decoys.has(app) || (object !== '' && decoys.has(object)))
}

function isExcepted(state: DetectionState, subject: string, kind: string): boolean {
  if (state.exceptions.size === 0) return false
  for (const exception of state.exceptions.values())
    if (
      exception.subject === subject &&
      (exception.kind === '' || exception.kind === kind) &&
      exception.untilMs > state.tenant.nowMs
    )
      return true
  return false
}
