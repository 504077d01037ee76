// Where and when somebody is: networks, countries, devices, hours, absences, and travel faster than aircraft. Without a
// map of addresses, a new network is only as odd as it is rare. Must never count a network that others share as new.
import { caps } from '#intelligence/caps.ts'
import { isSettled, remember } from './person.ts'
import { keep } from './tenant.ts'
import { plain, raiseOddity, span, type Watch } from './watch.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const KM_PER_HOUR = 950
/** What coordinates of an address may be wrong by, each end. */
const UNCERTAIN_KM = 250
/** Light in fibre covers 100 km there and back in 1 ms. */
const KM_PER_RTT_MS = 100
const SHARED_BY = 3

export function watchPlace(watch: Watch): void {
  const { person, observation } = watch
  watchAbsence(watch)
  watchHour(watch)
  if (observation.device !== '') watchDevice(watch)
  if (observation.network !== '') watchNetwork(watch)
  if (observation.coordinates !== null) watchTravel(watch)
  person.lastMs = Math.max(person.lastMs, observation.timeMs)
}

function watchAbsence(watch: Watch): void {
  const { person, observation } = watch
  if (person.lastMs === 0) return
  const awayMs = observation.timeMs - person.lastMs
  const sentence = () => `${plain(person.uid)} was not seen for ${span(awayMs)}`
  if (awayMs > 30 * DAY_MS) raiseOddity(watch, 'away-30-days', 'dormant', sentence)
  else if (awayMs > 10 * DAY_MS) raiseOddity(watch, 'away-10-days', 'dormant', sentence)
}

function watchHour(watch: Watch): void {
  const { person, observation } = watch
  const hour = Math.floor(observation.timeMs / HOUR_MS) % 24
  const { hours } = person
  let total = 0
  for (let at = 0; at < 24; at++) total += hours[at] ?? 0
  const near = (hours[hour] ?? 0) + ((hours[(hour + 1) % 24] ?? 0) + (hours[(hour + 23) % 24] ?? 0)) / 2
  if (total > 60 && near < total * 0.004)
    raiseOddity(watch, 'odd-hour', 'session-theft', () => `at ${hour}:00 UTC, an hour that is not theirs`)
  hours[hour] = (hours[hour] ?? 0) + 1
  if (total > 4000) for (let at = 0; at < 24; at++) hours[at] = (hours[at] ?? 0) >> 1
}

function watchDevice(watch: Watch): void {
  const { state, tenant, person, observation } = watch
  const { device } = observation
  if (device === person.device) return
  const isNew = remember(person.devices, device, caps.devicesPerPerson.default)
  const owner = tenant.deviceOwners.get(device)
  if (owner === undefined) {
    if (keep(tenant.deviceOwners, device, { owner: person.uid, users: 1 }, caps.devices.default))
      tenant.dropped.devices++
  } else if (isNew && owner.owner !== person.uid) {
    owner.users++
    const presence = state.presences.get(device)
    if (owner.users <= 2 && presence?.user !== undefined)
      raiseOddity(watch, 'device-of-another', 'identity-path', () => `on the device of ${plain(owner.owner)}`)
  }
  if (isNew && person.devices.length > 1)
    raiseOddity(watch, 'new-device', 'session-theft', () => `from a device (${plain(device)}) not seen for them before`)
  person.device = device
}

function watchNetwork(watch: Watch): void {
  const { tenant, person, observation } = watch
  const { network } = observation
  let known = tenant.networkUsers.get(network)
  if (known === undefined) {
    known = { users: 0, today: 0, day: tenant.day, lastUser: '' }
    if (keep(tenant.networkUsers, network, known, caps.networks.default)) tenant.dropped.networks++
  }
  if (known.day !== tenant.day) {
    known.day = tenant.day
    known.today = 0
  }
  const before = person.network
  const beforeMs = person.networkMs[person.networks.indexOf(before)] ?? 0
  if (network !== before) {
    const isNew = remember(person.networks, network, caps.networksPerPerson.default)
    if (isNew) {
      person.networkMs = person.networks.map((each) => (each === before ? beforeMs : 0))
      if (known.lastUser !== person.uid) {
        known.users++
        known.today++
        known.lastUser = person.uid
      }
      if (known.users <= SHARED_BY && person.networks.length > 1) newNetwork(watch, before, beforeMs)
    } else if (person.networkMs.length > 0) {
      person.networkMs = person.networks.map((each) => (each === before ? beforeMs : 0))
    }
    person.network = network
  }
  person.networkMs[person.networks.indexOf(network)] = observation.timeMs
  if (observation.country !== '' && remember(person.countries, observation.country, 8) && person.countries.length > 1)
    raiseOddity(watch, 'new-country', 'travel', () => `from ${plain(observation.country)}, new for them`)
}

/** One thing, told once: new, or new while the one before is still warm. */
function newNetwork(watch: Watch, before: string, beforeMs: number): void {
  const { observation, person } = watch
  const apartMs = observation.timeMs - beforeMs
  if (beforeMs > 0 && apartMs < HOUR_MS / 2)
    raiseOddity(
      watch,
      'two-networks-at-once',
      'travel',
      () =>
        `${span(apartMs)} after ${plain(person.uid)} was on ${plain(before)}, from a network (${plain(observation.network)}) new for them`,
    )
  else
    raiseOddity(
      watch,
      'new-network',
      'session-theft',
      () => `from a network (${plain(observation.network)}) new for them`,
    )
}

function watchTravel(watch: Watch): void {
  const { tenant, person, observation } = watch
  const { coordinates, timeMs, network } = observation
  if (coordinates === null) return
  const from = person.place
  const sinceMs = timeMs - person.placeMs
  if (sinceMs < 0) return
  const isShared = (tenant.networkUsers.get(network)?.users ?? 0) > SHARED_BY
  if (from !== null && isSettled(person) && !isShared) {
    // A short round trip bounds how far the place can be from where the exchange is: it makes the map more certain.
    const uncertainKm = observation.rttMs > 0 ? Math.min(UNCERTAIN_KM, observation.rttMs * KM_PER_RTT_MS) : UNCERTAIN_KM
    const km = distanceKm(from, coordinates) - UNCERTAIN_KM - uncertainKm
    const speed = km / Math.max(sinceMs / HOUR_MS, 1 / 60)
    if (km > 0 && speed > KM_PER_HOUR)
      raiseOddity(
        watch,
        'impossible-travel',
        'travel',
        () => `${Math.round(km)} km in ${span(sinceMs)} at the least, faster than any aircraft`,
      )
  }
  if (!isShared || from === null) {
    person.place = coordinates
    person.placeMs = timeMs
  }
}

function distanceKm(from: readonly [number, number], to: readonly [number, number]): number {
  const radians = Math.PI / 180
  const [a, b] = [from[0] * radians, to[0] * radians]
  const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(((to[1] - from[1]) * radians) / 2) ** 2
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(half)))
}
