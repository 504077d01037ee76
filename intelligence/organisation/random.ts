// Chance that can be repeated: the same seed gives the same organisation on every machine. Must never be used where an
// attacker could gain from guessing.
export type Chance = {
  /** 0 ≤ x < 1 */
  next(): number
  /** Whole, least ≤ n ≤ most. */
  whole(least: number, most: number): number
  isSo(share: number): boolean
  pick<T>(list: readonly T[]): T
  normal(): number
  /** With this median; `spread` is of the natural logarithm. */
  logNormal(median: number, spread: number): number
  /** A Poisson count. */
  count(mean: number): number
  /** An independent stream for something named. */
  fork(name: string): Chance
}

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0 || 1
  // Mulberry-style mixing of a Weyl sequence: small, and good enough for scenery.
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296
  }
  const chance: Chance = {
    next,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    isSo: (share) => next() < share,
    pick: (list) => {
      const item = list[Math.floor(next() * list.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    logNormal: (median, spread) => median * Math.exp(spread * chance.normal()),
    count: (mean) => {
      const limit = Math.exp(-mean)
      let product = next()
      let count = 0
      while (product > limit && count < 1000) {
        product *= next()
        count++
      }
      return count
    },
    fork: (name) => {
      let hash = seed ^ 0x5bd1e995
      for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
      return chanceOf(hash >>> 0)
    },
  }
  return chance
}
