// Attacks at the door: many users failing from one source (spraying), prompts until somebody gives in (fatigue), guessing.
// Must never name a source for what an office does on a Monday: it fails often, and gets in more often.
import { caps } from '#intelligence/caps.ts'
import { countDecades, remains } from './chance.ts'
import type { Observation } from './observation.ts'
import type { DetectionState, SourceTrace } from './state.ts'
import { keep } from './tenant.ts'
import { plain, raiseOddity, span, type Watch } from './watch.ts'

const HOUR_MS = 3_600_000
const WORDS = 16
const BITS = WORDS * 32
const FEWEST_VICTIMS = 12
const HOLD_MS = HOUR_MS / 2

export type Spray = { readonly source: string; readonly trace: SourceTrace; readonly users: number }

/** Watches where sign-ins come from. A spray whose story is due is handed on. */
export function watchSource(state: DetectionState, observation: Observation): void {
  const { ip, user, timeMs, outcome, kind } = observation
  if (kind !== 'sign-in' || ip === '' || user === '') return
  let trace = state.sources.get(ip)
  if (trace === undefined || timeMs - trace.sinceMs > 12 * HOUR_MS) {
    trace = {
      failed: new Uint32Array(WORDS),
      entered: new Uint32Array(WORDS),
      tries: 0,
      sinceMs: timeMs,
      lastMs: timeMs,
      toldMs: trace?.toldMs ?? 0,
      firstEvent: observation.id,
      dueMs: trace?.dueMs ?? 0,
      noticedMs: trace?.noticedMs ?? 0,
      victim: '',
      events: [],
    }
    state.sources.delete(ip)
    keep(state.sources, ip, trace, caps.sources.default)
  }
  trace.lastMs = timeMs
  mark(outcome === 'failure' ? trace.failed : trace.entered, user)
  if (outcome !== 'failure') return
  // As long as it goes on, it may still get in somewhere.
  if (trace.dueMs > 0) trace.dueMs = Math.min(timeMs + HOLD_MS, trace.noticedMs + 4 * HOLD_MS)
  trace.tries++
  if (trace.events.length < caps.storyEvents.default) trace.events.push(observation.id)
  if (trace.dueMs === 0 && timeMs - trace.toldMs > 12 * HOUR_MS && isSpraying(state, trace)) {
    trace.dueMs = timeMs + HOLD_MS
    trace.noticedMs = timeMs
    state.spraying.add(ip)
  }
}

/** Sprays whose half hour is over without a user's story: the source itself is the subject. */
export function spraysDue(state: DetectionState, nowMs: number): readonly Spray[] {
  const due: Spray[] = []
  for (const source of state.spraying) {
    const trace = state.sources.get(source)
    if (trace !== undefined && trace.dueMs > nowMs) continue
    state.spraying.delete(source)
    if (trace === undefined || trace.dueMs === 0) continue
    trace.dueMs = 0
    trace.toldMs = nowMs
    if (trace.victim === '') due.push({ source, trace, users: distinct(trace.failed) })
  }
  return due
}

function isSpraying(state: DetectionState, trace: SourceTrace): boolean {
  const failed = distinct(trace.failed)
  const entered = distinct(trace.entered)
  if (failed < FEWEST_VICTIMS || failed < 3 * entered) return false
  // Few tries a user: who forgot a password tries again and again, alone.
  if (trace.tries / failed > 12) return false
  // As many users as would fail by themselves behind a shared address must not suffice.
  const usual = state.failures.usual * Math.max(entered, 1)
  return countDecades(failed, usual + 1, 2) > 4
}

export function watchSignIn(watch: Watch): void {
  const { state, person, observation } = watch
  const { kind, outcome, timeMs, ip } = observation
  if (kind !== 'sign-in') return
  const kept = remains(timeMs - person.failuresAtMs, HOUR_MS / 3)
  person.failures *= kept
  person.prompts *= kept
  person.failuresAtMs = timeMs
  if (outcome === 'failure') {
    if (person.failures < 0.5) person.failuresFromMs = timeMs
    person.failures++
    if (observation.isPrompt) person.prompts++
    state.failures.today++
    if (person.prompts >= 7) judgeBurst(watch, 'still asked')
    return
  }
  const source = state.sources.get(ip)
  if (
    source !== undefined &&
    (source.dueMs > 0 || timeMs - source.toldMs < 12 * HOUR_MS) &&
    source.toldMs + source.dueMs > 0
  ) {
    source.victim = person.uid
    watch.raise({
      channel: 'sign-in-attack',
      about: 'from-spraying-source',
      decades: 7,
      isPart: true,
      sentence: `${plain(person.uid)} signed in from ${plain(ip)}, which failed for ${distinct(source.failed)} users`,
    })
  }
  if (person.failures >= 3.5) judgeBurst(watch, 'then let in')
  person.failures = 0
  person.prompts = 0
}

function judgeBurst(watch: Watch, end: string): void {
  const { state, person, observation } = watch
  const asked = person.prompts >= 2.5
  const decades = countDecades(person.failures, state.failures.usual + 0.3, 0.7) + (asked ? 1 : 0)
  const overMs = observation.timeMs - person.failuresFromMs
  watch.raise({
    channel: 'sign-in-attack',
    about: 'burst',
    decades,
    isPart: false,
    sentence: `${plain(person.uid)} was refused ${Math.round(person.failures)} times in ${span(overMs)}${asked ? ' at the second factor' : ''}, ${end}`,
  })
  if (asked && person.prompts >= 4)
    raiseOddity(watch, 'burst-of-prompts', 'sign-in-attack', () => 'prompts came in a burst')
}

function mark(table: Uint32Array, user: string): void {
  let hash = 0x811c9dc5
  for (let at = 0; at < user.length; at++) hash = Math.imul(hash ^ user.charCodeAt(at), 0x01000193) >>> 0
  const bit = (hash ^ (hash >>> 15)) % BITS
  table[bit >> 5] = (table[bit >> 5] ?? 0) | (1 << (bit & 31))
}

/** Linear counting (Whang et al. 1990): about as many users as bits can tell, up to a few thousand. */
function distinct(table: Uint32Array): number {
  let ones = 0
  for (const word of table) {
    let rest = word
    while (rest !== 0) {
      rest &= rest - 1
      ones++
    }
  }
  return Math.round(-BITS * Math.log(Math.max(1, BITS - ones) / BITS))
}
