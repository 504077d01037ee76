// The detectors that look at one user's observation, in their order. Must keep it: what learns a place comes after what
// asks who was there before.
import { type CarParkScore, watchEdge } from './car-park.ts'
import { watchVolume } from './meters.ts'
import type { Observation } from './observation.ts'
import { watchDestination, watchFinding } from './outbound.ts'
import { watchPlace } from './place.ts'
import { watchIdentityPath, watchPrivilege } from './reach.ts'
import { watchSession } from './session.ts'
import { watchSignIn } from './sign-in.ts'
import type { Tenant } from './tenant.ts'
import { watchThirdParty } from './third-party.ts'
import type { Watch } from './watch.ts'

export function runDetectors(watch: Watch, takeScore: (score: CarParkScore) => void): void {
  const { tenant, person, observation } = watch
  watchSession(watch)
  if (observation.kind !== 'sign-in') watchVolume(watch)
  watchIdentityPath(watch)
  watchPlace(watch)
  watchSignIn(watch)
  watchPrivilege(watch)
  watchFinding(watch)
  if (observation.app === '' || observation.kind === 'finding') return
  if (isDestination(tenant, observation)) {
    watchDestination(watch)
    return
  }
  const before = person.trail.at(-1)
  for (const score of watchEdge(tenant, person, observation)) takeScore(score)
  const newest = person.trail.at(-1)
  watchThirdParty(watch, newest === before ? undefined : newest)
}

/** A bare host name is an app where a tenant's events name apps in no other way, and a place in the internet elsewhere. */
function isDestination(tenant: Tenant, observation: Observation): boolean {
  if (observation.kind !== 'access' || !observation.isHostOnly) {
    tenant.accessWithName++
    return false
  }
  tenant.accessHostOnly++
  return observation.isOutbound || tenant.accessWithName > 0.05 * tenant.accessHostOnly
}
