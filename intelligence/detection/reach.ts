// Who reaches what as whom: a device where the identity changes and then goes where its first user never could, and the
// first use of a privilege. Must never take a shared machine for a stolen one: what is rare here is learned here.
import { caps } from '#intelligence/caps.ts'
import { appOf, keep } from './tenant.ts'
import { hasToday, isSettled, placeOfApp, remember } from './person.ts'
import { plain, raiseOddity, span, type Watch } from './watch.ts'

const DAY_MS = 86_400_000

/** Before places are learned: needs to know who was on the device last. */
export function watchIdentityPath(watch: Watch): void {
  const { state, tenant, person, observation } = watch
  const { device, timeMs, app, outcome } = observation
  if (device === '') return
  const presence = state.presences.get(device)
  const owner = tenant.deviceOwners.get(device)?.owner
  if (presence !== undefined && owner !== undefined && owner !== person.uid && outcome === 'success') {
    const first = tenant.people.get(owner)
    const isForeign = !person.devices.includes(device) || person.devices.at(-1) === device
    if (first && isForeign && first.lastMs > timeMs - DAY_MS && app !== '' && isSettled(first)) {
      const place = appOf(tenant, app)
      if (placeOfApp(first, place) < 0 && !first.groups.some((group) => (tenant.groupApps[group]?.get(place) ?? 0) > 0))
        raiseOddity(
          watch,
          'beyond-first-identity',
          'identity-path',
          () =>
            `from the device of ${plain(owner)}, ${span(timeMs - presence.atMs)} after ${plain(presence.user)} was there, to ${plain(app)}, where ${plain(owner)} never was`,
        )
    }
  }
  keep(state.presences, device, { user: person.uid, atMs: timeMs }, caps.devices.default)
}

export function watchPrivilege(watch: Watch): void {
  const { tenant, person, observation } = watch
  const { kind, operation, app } = observation
  if (kind !== 'api' || operation === '') return
  const name = `${app}\u0000${operation}`
  if (!remember(person.operations, name, caps.operationsPerPerson.default)) return
  let isPeers = false
  for (const group of person.groups) {
    const key = `${group}\u0000${name}`
    const users = tenant.groupOperations.get(key)
    // Three peers who do it make it a thing that peers do.
    if (users && users.size >= 3) isPeers = true
    else if (users) users.add(hashOf(person.uid))
    else keep(tenant.groupOperations, key, new Set([hashOf(person.uid)]), caps.apps.default)
  }
  if (isPeers || person.activeDays < 4) return
  if (hasToday(person, 'first-privilege')) {
    const sentence = `and ${plain(operation)}`
    watch.raise({ channel: 'privilege', about: operation, decades: 0.8, isPart: true, sentence })
    return
  }
  raiseOddity(
    watch,
    'first-privilege',
    'privilege',
    () =>
      `${plain(person.uid)} used ${plain(operation)}${app ? ` of ${plain(app)}` : ''} for the first time, as none of their peers does`,
  )
}

function hashOf(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash
}
