// How much somebody moves: bytes and events of an hour and of a day against the own record and everyone's, and a sum of
// small excesses over days (CUSUM). Must never let one great day move the own record far.
import { caps } from '#intelligence/caps.ts'
import { normalDecades } from './chance.ts'
import { METERS, meterNames } from './meter-names.ts'
import type { Observation } from './observation.ts'
import { isSettled, type Person } from './person.ts'
import { keep, type Tenant } from './tenant.ts'
import { plain, size, type Watch } from './watch.ts'

const HOUR_MS = 3_600_000
const HOUR_METERS = 3
/** Below this nothing is "mass": bytes, bytes, events, bytes, bytes. */
const LEAST = [20e6, 10e6, 150, 50e6, 30e6] as const
const LEAST_SPREAD = 0.7
const OWN_STRENGTH = 6
/** Positions of a meter: sum, number of hours or days learned from, mean and variance of the logarithm. */
const [SUM, COUNT, MEAN, VARIANCE, WIDTH] = [0, 1, 2, 3, 4]

export function watchVolume(watch: Watch): void {
  const { tenant, person, observation } = watch
  const { timeMs, bytesIn, bytesOut } = observation
  if (Math.floor(person.lastMs / HOUR_MS) !== Math.floor(timeMs / HOUR_MS)) close(tenant, person, 0, HOUR_METERS)
  const added = [bytesIn, bytesOut, 1, bytesIn, bytesOut]
  const usualOfApp = learnApp(tenant, observation)
  for (let meter = 0; meter < METERS; meter++) {
    const more = added[meter] ?? 0
    if (more === 0) continue
    const sum = (person.meters[meter * WIDTH + SUM] ?? 0) + more
    person.meters[meter * WIDTH + SUM] = sum
    if (sum < (LEAST[meter] ?? 0) || !isSettled(person)) continue
    const decades = normalDecades(zOf(tenant, person, meter, sum, usualOfApp))
    if (decades < 1.5) continue
    watch.raise({
      channel: 'mass-download',
      about: meterNames[meter] ?? '',
      decades,
      isPart: false,
      sentence: sentenceOf(tenant, person, meter, sum),
    })
  }
}

/** The day is over: its sums become the record; a leak is judged. */
export function learnVolumeOfDay(watch: Watch): void {
  const { tenant, person } = watch
  for (const [at, meter] of [3, 4].entries()) {
    const sum = person.meters[meter * WIDTH + SUM] ?? 0
    if (!isSettled(person) || (person.meters[meter * WIDTH + COUNT] ?? 0) < 5) continue
    const z = sum > 0 ? zOf(tenant, person, meter, sum) : -1
    const leak = Math.max(0, (person.leak[at] ?? 0) + Math.min(2.5, z) - 1)
    person.leak[at] = leak
    if (leak < 3 || sum < (LEAST[meter] ?? 0) / 5) continue
    watch.raise({
      channel: 'slow-leak',
      about: meterNames[meter] ?? '',
      decades: leak,
      isPart: false,
      sentence: `${plain(person.uid)} has ${at === 0 ? 'received' : 'sent'} more than usual for days on end, ${size(sum)} on the last one`,
    })
  }
  close(tenant, person, 0, METERS)
}

/** The usual logarithm of bytes of one access to the app; what great apps bring is no wonder. */
function learnApp(tenant: Tenant, { app, bytesIn, bytesOut }: Observation): number {
  const bytes = bytesIn + bytesOut
  if (app === '' || bytes <= 0) return 0
  const usual = tenant.appBytes.get(app)
  const value = Math.log(bytes)
  if (usual === undefined) {
    keep(tenant.appBytes, app, { count: 1, mean: value }, caps.apps.default)
    return 0
  }
  const before = usual.mean
  usual.count = Math.min(2000, usual.count + 1)
  usual.mean += Math.max(-3, Math.min(3, value - before)) / usual.count
  return usual.count > 30 ? before : 0
}

function zOf(tenant: Tenant, person: Person, meter: number, sum: number, usualOfApp = 0): number {
  const all = tenant.meters.subarray(meter * WIDTH, meter * WIDTH + WIDTH)
  const own = person.meters.subarray(meter * WIDTH, meter * WIDTH + WIDTH)
  const count = own[COUNT] ?? 0
  const allSpread = Math.sqrt(Math.max(all[VARIANCE] ?? 1, LEAST_SPREAD ** 2))
  const mean = ((own[MEAN] ?? 0) * count + OWN_STRENGTH * (all[MEAN] ?? 0)) / (count + OWN_STRENGTH)
  const variance = ((own[VARIANCE] ?? 0) * count + OWN_STRENGTH * allSpread ** 2) / (count + OWN_STRENGTH)
  // A record poisoned upward is bound by what everyone does.
  const bound = Math.max(usualOfApp, Math.min(mean, (all[MEAN] ?? 0) + 5 * allSpread))
  return (Math.log(sum) - bound) / Math.sqrt(Math.max(variance, LEAST_SPREAD ** 2))
}

function close(tenant: Tenant, person: Person, from: number, to: number): void {
  for (let meter = from; meter < to; meter++) {
    const base = meter * WIDTH
    const sum = person.meters[base + SUM] ?? 0
    person.meters[base + SUM] = 0
    if (sum <= 0) continue
    learn(person.meters, base, Math.log(sum), 40)
    learn(tenant.meters, base, Math.log(sum), 20_000)
  }
}

/** Moves mean and variance by a step that an outlier cannot make large. */
function learn(meters: Float64Array, base: number, value: number, memory: number): void {
  const count = Math.min(memory, (meters[base + COUNT] ?? 0) + 1)
  const mean = meters[base + MEAN] ?? 0
  const spread = Math.sqrt(Math.max(meters[base + VARIANCE] ?? 0, LEAST_SPREAD ** 2))
  const off = count > 3 ? Math.max(-3 * spread, Math.min(3 * spread, value - mean)) : value - mean
  meters[base + COUNT] = count
  meters[base + MEAN] = mean + off / count
  meters[base + VARIANCE] = count === 1 ? 0 : (meters[base + VARIANCE] ?? 0) * (1 - 1 / count) + (off * off) / count
}

function sentenceOf(tenant: Tenant, person: Person, meter: number, sum: number): string {
  const count = person.meters[meter * WIDTH + COUNT] ?? 0
  const usual = Math.exp(
    count > 2 ? (person.meters[meter * WIDTH + MEAN] ?? 0) : (tenant.meters[meter * WIDTH + MEAN] ?? 0),
  )
  const [verb, span] = [meter % 3 === 1 ? 'sent' : 'received', meter < HOUR_METERS ? 'an hour' : 'a day']
  return meter === 2
    ? `${plain(person.uid)} made ${Math.round(sum)} accesses in ${span}; usual are ${Math.round(usual)}`
    : `${plain(person.uid)} ${meter === 4 ? 'sent' : verb} ${size(sum)} in ${span}; usual are ${size(usual)}`
}
