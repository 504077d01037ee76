// What detection knows of a tenant as a whole: apps, groups, networks, devices, and how often each oddity happens to
// anyone. Plain data, so that a snapshot is one serialisation. Must never grow past its caps.
import { caps } from '#intelligence/caps.ts'
import { type Calibration, newCalibration } from './calibration.ts'
import { newCoUse } from './co-use.ts'
import { type Channel, channels, oddities, type Oddity } from './kinds.ts'
import { METERS } from './meter-names.ts'
import type { Person } from './person.ts'

export type Adoption = { credit: number; atMs: number }

export type Tenant = {
  readonly people: Map<string, Person>
  readonly appIndex: Map<string, number>
  readonly appNames: string[]
  /** Distinct users who ever got in. */
  readonly appUsers: number[]
  readonly appFirstDay: number[]
  /** People who came to the app lately, each counted less the more they went about. */
  readonly adoption: Adoption[]
  /** Of apps below the cap: users of both, row by row. */
  coUse: Uint16Array
  readonly groupIndex: Map<string, number>
  readonly groupNames: string[]
  readonly groupSizes: number[]
  readonly groupApps: Map<number, number>[]
  readonly groupOperations: Map<string, Set<number>>
  readonly networkUsers: Map<string, { users: number; today: number; day: number; lastUser: string }>
  readonly deviceOwners: Map<string, { owner: string; users: number }>
  readonly calibrations: Record<Channel, Calibration>
  readonly rates: Record<Oddity, { days: number; today: number }>
  /** Decayed user-days behind `rates`. */
  userDays: number
  usersToday: number
  day: number
  startMs: number
  nowMs: number
  /** Weight of first-ever edges by how many days a user has been known: sum and user-days. */
  readonly noveltyByTenure: readonly { weight: number; days: number }[]
  noveltyToday: number
  /** The decayed usual of `noveltyToday` per active user. */
  noveltyUsual: number
  accessWithName: number
  accessHostOnly: number
  /** Everyone's meters, laid out like those of a person. */
  readonly meters: Float64Array
  readonly appBytes: Map<string, { count: number; mean: number }>
  readonly dropped: { people: number; apps: number; groups: number; networks: number; devices: number }
}

export const TENURES = [1, 2, 4, 7, 14, 30, Number.POSITIVE_INFINITY] as const

export function newTenant(): Tenant {
  return {
    people: new Map(),
    appIndex: new Map(),
    appNames: [],
    appUsers: [],
    appFirstDay: [],
    adoption: [],
    coUse: newCoUse(),
    groupIndex: new Map(),
    groupNames: [],
    groupSizes: [],
    groupApps: [],
    groupOperations: new Map(),
    networkUsers: new Map(),
    deviceOwners: new Map(),
    calibrations: Object.fromEntries(channels.map((channel) => [channel, newCalibration()])) as Tenant['calibrations'],
    rates: Object.fromEntries(oddities.map((oddity) => [oddity, { days: 0, today: 0 }])) as Tenant['rates'],
    userDays: 0,
    usersToday: 0,
    day: 0,
    startMs: 0,
    nowMs: 0,
    noveltyByTenure: TENURES.map(() => ({ weight: 0, days: 0 })),
    noveltyToday: 0,
    noveltyUsual: 0,
    accessWithName: 0,
    accessHostOnly: 0,
    meters: new Float64Array(METERS * 4),
    appBytes: new Map(),
    dropped: { people: 0, apps: 0, groups: 0, networks: 0, devices: 0 },
  }
}

const OTHER_APPS = '(apps beyond the cap)'

export function appOf(tenant: Tenant, name: string): number {
  const known = tenant.appIndex.get(name)
  if (known !== undefined) return known
  if (tenant.appNames.length >= caps.apps.default) {
    tenant.dropped.apps++
    if (name !== OTHER_APPS) return appOf(tenant, OTHER_APPS)
  }
  const app = tenant.appNames.length
  tenant.appIndex.set(name, app)
  tenant.appNames.push(name)
  tenant.appUsers.push(0)
  tenant.appFirstDay.push(tenant.day)
  tenant.adoption.push({ credit: 0, atMs: tenant.nowMs })
  return app
}

/** -1 past the cap. */
export function groupOf(tenant: Tenant, name: string): number {
  const known = tenant.groupIndex.get(name)
  if (known !== undefined) return known
  if (tenant.groupNames.length >= caps.groups.default) {
    tenant.dropped.groups++
    return -1
  }
  const group = tenant.groupNames.length
  tenant.groupIndex.set(name, group)
  tenant.groupNames.push(name)
  tenant.groupSizes.push(0)
  tenant.groupApps.push(new Map())
  return group
}

/** Adds to a map of bounded size; the entry added first goes when it is full. True when one went. */
export function keep<K, V>(map: Map<K, V>, key: K, value: V, cap: number): boolean {
  map.set(key, value)
  if (map.size <= cap) return false
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return true
  }
  return false
}
