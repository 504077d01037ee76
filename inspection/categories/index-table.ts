// HOT: the compact index: hashes of hosts and paths to sets of categories, by open addressing in typed arrays. Ten bytes a
// slot, no strings kept. Built once (index-builder.ts), then read only, so that it can be swapped under traffic. A path
// is looked at only where its host says that paths are listed below it. Must stay free of allocation in `find`.
import { HashWalk } from './host-hash.ts'
import { categoryCaps } from './caps.ts'

/** What crosses from the worker that builds: nothing but numbers and names. */
export type IndexArrays = {
  readonly lows: Uint32Array<ArrayBuffer>
  readonly highs: Uint32Array<ArrayBuffer>
  readonly values: Uint16Array<ArrayBuffer>
  readonly seed: readonly [number, number]
  readonly entries: number
  /** Set number → categories; number 0 is the empty set. */
  readonly sets: readonly (readonly string[])[]
}
/** Top bit of a value: there are paths below this host. */
export const hasPaths = 0x8000
const setMask = 0x7fff
/** Characters of a path that are walked. */
const maxPathChars = 512

export class CategoryIndex {
  readonly #arrays: IndexArrays
  readonly #walk: HashWalk
  readonly #mask: number
  readonly #found = new Uint16Array(categoryCaps.maxMatches)
  #count = 0

  constructor(arrays: IndexArrays) {
    this.#arrays = arrays
    this.#walk = new HashWalk(arrays.seed)
    this.#mask = arrays.lows.length - 1
  }

  get entries(): number {
    return this.#arrays.entries
  }
  /** Bytes of the table. */
  get bytes(): number {
    const { lows, highs, values } = this.#arrays
    return lows.byteLength + highs.byteLength + values.byteLength
  }

  /** Number of matches of a host (lower case ASCII) and its parents, and of path prefixes where a path is given. */
  find(host: string, path = ''): number {
    this.#count = 0
    const walk = this.#walk
    walk.start()
    for (let at = host.length - 1; at >= 0; at--) {
      walk.step(host.charCodeAt(at))
      if (at > 0 && host.charCodeAt(at - 1) !== 46) continue
      const value = this.#probe()
      if (value === 0) continue
      this.#add(value & setMask)
      if ((value & hasPaths) !== 0 && path !== '') this.#findPaths(path)
    }
    return this.#count
  }

  /** Categories of the last `find`, the most specific first, each once. */
  categories(): readonly string[] {
    if (this.#count === 0) return none
    if (this.#count === 1) return this.#arrays.sets[this.#found[0] ?? 0] ?? none
    const all = new Set<string>()
    for (let at = this.#count - 1; at >= 0; at--)
      for (const name of this.#arrays.sets[this.#found[at] ?? 0] ?? none) all.add(name)
    return [...all]
  }

  lookup(host: string, path = ''): readonly string[] {
    return this.find(host, path) === 0 ? none : this.categories()
  }

  #findPaths(path: string): void {
    const walk = this.#walk
    const [low, high] = [walk.low, walk.high]
    walk.step(47)
    const length = Math.min(path.length, maxPathChars)
    let at = path.charCodeAt(0) === 47 ? 1 : 0
    for (; at < length; at++) {
      const code = path.charCodeAt(at)
      if (code === 47 || code === 63 || code === 35) {
        const value = this.#probe()
        if (value !== 0) this.#add(value & setMask)
        if (code !== 47) break
      }
      walk.step(code)
    }
    if (at === length) {
      const value = this.#probe()
      if (value !== 0) this.#add(value & setMask)
    }
    walk.low = low
    walk.high = high
  }

  #add(set: number): void {
    if (set !== 0 && this.#count < this.#found.length) this.#found[this.#count++] = set
  }

  #probe(): number {
    const { lows, highs, values } = this.#arrays
    const walk = this.#walk
    const [low, high] = [walk.low >>> 0, walk.high >>> 0]
    for (let slot = walk.slot(this.#mask); ; slot = (slot + 1) & this.#mask) {
      const value = values[slot] ?? 0
      if (value === 0) return 0
      if (lows[slot] === low && highs[slot] === high) return value
    }
  }
}
const none: readonly string[] = []
