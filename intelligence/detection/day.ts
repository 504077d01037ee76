// What is learned when a day ends: of the tenant once, of a user at their first event of a later day. Must never learn
// from a day twice.
import { learnNoveltyOfDay } from './car-park.ts'
import { learnPeak } from './calibration.ts'
import { channels, oddities } from './kinds.ts'
import { learnVolumeOfDay } from './meters.ts'
import { isSettled } from './person.ts'
import type { DetectionState } from './state.ts'
import type { Watch } from './watch.ts'

const DAY_MS = 86_400_000
/** Half of what is known of rates is four weeks old. */
const DAILY_KEPT = 2 ** (-1 / 28)
const OWN_KEPT = 0.95

export function endTenantDay(state: DetectionState, timeMs: number): void {
  const { tenant } = state
  const day = Math.floor(timeMs / DAY_MS)
  if (tenant.day === 0) {
    tenant.startMs = timeMs
    tenant.day = day
    return
  }
  if (day <= tenant.day) return
  const kept = DAILY_KEPT ** Math.min(60, day - tenant.day)
  for (const oddity of oddities) {
    const rate = tenant.rates[oddity]
    rate.days *= kept
    rate.today = 0
  }
  tenant.userDays *= kept
  if (tenant.usersToday >= 5) {
    const usual = tenant.noveltyToday / tenant.usersToday
    tenant.noveltyUsual += (usual - tenant.noveltyUsual) * (tenant.noveltyUsual === 0 ? 1 : 0.25)
    state.failures.usual += (state.failures.today / tenant.usersToday - state.failures.usual) * 0.2
  }
  state.failures.today = 0
  tenant.noveltyToday = 0
  tenant.usersToday = 0
  tenant.day = day
}

/** `isCalibrating`: the tenant is known well enough for this day's scores to say what is ordinary. */
export function endPersonDay(watch: Watch, isCalibrating: boolean): void {
  const { tenant, person } = watch
  if (person.day >= tenant.day) return
  learnVolumeOfDay(watch)
  if (isCalibrating && isSettled(person))
    for (const [at, channel] of channels.entries())
      learnPeak(tenant.calibrations[channel], person.day, person.peaks[at] ?? 0)
  learnNoveltyOfDay(tenant, person, tenant.day)
  person.peaks.fill(0)
  for (let at = 0; at < person.hits.length; at++) person.hits[at] = (person.hits[at] ?? 0) * OWN_KEPT
  person.oddToday = 0
  person.activeDays++
  person.day = tenant.day
  tenant.usersToday++
  if (isSettled(person)) tenant.userDays++
}
