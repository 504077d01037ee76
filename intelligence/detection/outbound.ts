// What goes out: the regular beat of a program that calls home, much data to a place nobody knew, and what inspection
// found. Must never count a place that colleagues use as unknown.
import { caps } from '#intelligence/caps.ts'
import type { Beat } from './state.ts'
import { keep } from './tenant.ts'
import { plain, raiseOddity, size, span, type Watch } from './watch.ts'

const FEWEST_BEATS = 24
const FEW_USERS = 3
const UPLOAD_BYTES = 10e6

export function watchDestination(watch: Watch): void {
  const { state, tenant, person, observation } = watch
  const host = observation.app
  let known = state.destinations.get(host)
  if (known === undefined) {
    known = { users: 1, day: tenant.day, lastUser: person.uid }
    keep(state.destinations, host, known, caps.destinations.default)
  } else if (known.lastUser !== person.uid) {
    known.users++
    known.lastUser = person.uid
  }
  if (known.users > FEW_USERS) return
  if (tenant.day - known.day <= 1 && observation.bytesOut > UPLOAD_BYTES)
    raiseOddity(
      watch,
      'upload-to-new-place',
      'outbound',
      () => `${plain(person.uid)} sent ${size(observation.bytesOut)} to ${plain(host)}, which nobody knew`,
    )
  watchBeat(watch, host)
}

function watchBeat(watch: Watch, host: string): void {
  const { state, person, observation } = watch
  const key = `${person.uid}\u0000${host}`
  const beat: Beat | undefined = state.beats.get(key)
  if (beat === undefined) {
    keep(state.beats, key, { lastMs: observation.timeMs, count: 0, mean: 0, spread: 0 }, caps.beats.default)
    return
  }
  const gapMs = observation.timeMs - beat.lastMs
  beat.lastMs = observation.timeMs
  if (gapMs < 5000) return
  // A pause (the lid closed) starts no new beat and spoils none.
  if (beat.count >= 4 && gapMs > 6 * beat.mean) return
  beat.count++
  const share = 1 / Math.min(beat.count, 48)
  const off = gapMs - beat.mean
  beat.mean += off * share
  beat.spread += (Math.abs(gapMs - beat.mean) - beat.spread) * share
  if (beat.count >= FEWEST_BEATS && beat.spread < 0.15 * beat.mean)
    raiseOddity(
      watch,
      'beacon',
      'outbound',
      () => `${plain(person.uid)} calls ${plain(host)} every ${span(beat.mean)} like a clock, as hardly anyone does`,
    )
}

export function watchFinding(watch: Watch): void {
  const { person, observation } = watch
  if (observation.kind !== 'finding') return
  const sentence = () => `inspection found "${plain(observation.finding)}" at ${plain(person.uid)}`
  raiseOddity(watch, observation.severity >= 4 ? 'severe-finding' : 'finding', 'outbound', sentence)
}
