// Fills the arrays of an index from entries, growing as they come, with sets of categories kept once. Runs in the worker
// that builds. Must refuse to grow beyond the cap, and must end with an index that has empty slots (a full one never
// stops searching).
import { Fault } from '#core/fault.ts'
import { categoryCaps } from './caps.ts'
import { HashWalk } from './host-hash.ts'
import { hasPaths, type IndexArrays } from './index-table.ts'

const setMask = 0x7fff

export class IndexBuilder {
  #lows = new Uint32Array(1024)
  #highs = new Uint32Array(1024)
  #values = new Uint16Array(1024)
  #used = 0
  #entries = 0
  readonly #seed: readonly [number, number]
  readonly #walk: HashWalk
  readonly #sets: (readonly string[])[] = [[]]
  readonly #setNumbers = new Map<string, number>([['', 0]])
  /** (set, category) → set: what most entries need, without a new string. */
  readonly #joined = new Map<string, Map<number, number>>()

  constructor(seed: readonly [number, number]) {
    this.#seed = seed
    this.#walk = new HashWalk(seed)
  }

  get entries(): number {
    return this.#entries
  }

  /** `path` without leading slash; '' for the whole host. False for what no host can be. */
  add(host: string, path: string, category: string): boolean {
    if (!/^[a-z0-9._-]{1,253}$/.test(host) || host.startsWith('.') || host.endsWith('.')) return false
    if (this.#entries >= categoryCaps.maxEntries)
      throw new Fault('request-too-large', { hint: `Feeds hold more than ${categoryCaps.maxEntries} entries.` })
    const walk = this.#walk
    walk.start()
    for (let at = host.length - 1; at >= 0; at--) walk.step(host.charCodeAt(at))
    if (path === '') this.#put(category, 0)
    else {
      this.#put('', hasPaths)
      walk.step(47)
      for (let at = 0; at < path.length && at < 512; at++) walk.step(path.charCodeAt(at))
      this.#put(category, 0)
    }
    this.#entries++
    return true
  }

  finish(): IndexArrays {
    return {
      lows: this.#lows,
      highs: this.#highs,
      values: this.#values,
      seed: this.#seed,
      entries: this.#entries,
      sets: this.#sets,
    }
  }

  #put(category: string, flag: number): void {
    if (this.#used + 1 > this.#lows.length * 0.7) this.#grow()
    const mask = this.#lows.length - 1
    const [low, high] = [this.#walk.low >>> 0, this.#walk.high >>> 0]
    let slot = this.#walk.slot(mask)
    while ((this.#values[slot] ?? 0) !== 0 && !(this.#lows[slot] === low && this.#highs[slot] === high))
      slot = (slot + 1) & mask
    const before = this.#values[slot] ?? 0
    if (before === 0) this.#used++
    this.#lows[slot] = low
    this.#highs[slot] = high
    this.#values[slot] =
      (before & hasPaths) | flag | (category === '' ? before & setMask : this.#join(before & setMask, category))
  }

  #join(set: number, category: string): number {
    let known = this.#joined.get(category)
    if (known === undefined) {
      if (this.#joined.size >= categoryCaps.maxCategories)
        throw new Fault('request-too-large', { hint: `Feeds have more than ${categoryCaps.maxCategories} categories.` })
      known = new Map()
      this.#joined.set(category, known)
    }
    const joined = known.get(set)
    if (joined !== undefined) return joined
    const names = [...new Set([...(this.#sets[set] ?? []), category])].toSorted()
    const key = names.join('\n')
    let number = this.#setNumbers.get(key)
    if (number === undefined) {
      number = this.#sets.length
      if (number > categoryCaps.maxSets)
        throw new Fault('request-too-large', { hint: 'Feeds combine too many categories.' })
      this.#sets.push(names)
      this.#setNumbers.set(key, number)
    }
    known.set(set, number)
    return number
  }

  #grow(): void {
    const [lows, highs, values] = [this.#lows, this.#highs, this.#values]
    const size = lows.length * 2
    this.#lows = new Uint32Array(size)
    this.#highs = new Uint32Array(size)
    this.#values = new Uint16Array(size)
    const mover = new HashWalk(this.#seed)
    for (let old = 0; old < values.length; old++) {
      const value = values[old] ?? 0
      if (value === 0) continue
      mover.low = lows[old] ?? 0
      mover.high = highs[old] ?? 0
      let slot = mover.slot(size - 1)
      while ((this.#values[slot] ?? 0) !== 0) slot = (slot + 1) & (size - 1)
      this.#lows[slot] = lows[old] ?? 0
      this.#highs[slot] = highs[old] ?? 0
      this.#values[slot] = value
    }
  }
}
