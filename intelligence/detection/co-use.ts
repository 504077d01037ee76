// How many people use two apps both: a square of counts over the apps below the cap, only as large as the apps that are
// there. Must never grow past the cap: what lies beyond it is not counted.
import { caps } from '#intelligence/caps.ts'

const LEAST_SIDE = 16
const MOST_COUNTED = 65_535

export function newCoUse(): Uint16Array {
  return new Uint16Array(LEAST_SIDE ** 2)
}

/** Row by row; 0 for apps that were never counted. */
export function usersOfBoth(coUse: Uint16Array, app: number, other: number): number {
  const side = sideOf(coUse)
  return app < side && other < side ? (coUse[app * side + other] ?? 0) : 0
}

/** Counts one more user of both, in both directions; returns what to keep instead of `coUse`. Both are below the cap. */
export function countBoth(coUse: Uint16Array, app: number, other: number): Uint16Array {
  const wanted = Math.max(app, other) + 1
  const counts = wanted > sideOf(coUse) ? sized(coUse, sideFor(wanted)) : coUse
  const side = sideOf(counts)
  for (const at of [app * side + other, other * side + app]) counts[at] = Math.min(MOST_COUNTED, (counts[at] ?? 0) + 1)
  return counts
}

/** As small as so many apps allow: a state that was saved at its full size held 4.5 MB for each tenant. */
export function fittedTo(coUse: Uint16Array, apps: number): Uint16Array {
  const side = sideFor(apps)
  return side < sideOf(coUse) ? sized(coUse, side) : coUse
}

function sideOf(coUse: Uint16Array): number {
  return Math.sqrt(coUse.length)
}

/** Doubled, so that a thousand apps are copied a few times and not a thousand. */
function sideFor(apps: number): number {
  let side = LEAST_SIDE
  while (side < apps) side *= 2
  return Math.min(side, caps.coUseApps.default)
}

function sized(coUse: Uint16Array, side: number): Uint16Array {
  const before = sideOf(coUse)
  const width = Math.min(before, side)
  const counts = new Uint16Array(side ** 2)
  for (let row = 0; row < width; row++) counts.set(coUse.subarray(row * before, row * before + width), row * side)
  return counts
}
