// Words that make it likelier that a number beside them is what it could be, in families by what they speak of. Words of
// the common languages of the countries concerned. Must never be the only reason for a finding whose form has a check.
import { classOf, DIGIT, LETTER, LOWER, UNDERSCORE, UPPER } from './byte-class.ts'
import { words } from './context-words.ts'

export type Family = keyof typeof words
export const families = Object.keys(words).filter((name): name is Family => name in words)
const indexOf: ReadonlyMap<string, number> = new Map(families.map((name, at) => [name, at]))

export function familyIndex(name: Family): number {
  return indexOf.get(name) ?? 0
}

const SEED = 0x811c9dc5 | 0
const PRIME = 0x01000193

/** FNV-1a over a word's bytes as they stand. */
function hashOf(word: string): number {
  let hash = SEED
  for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, PRIME)
  return hash
}

/**
 * Hash of a word → the families it belongs to. Capitals outside ASCII are not folded while scanning, so that a word's
 * capitalised form is listed too.
 */
const familiesOf = new Map<number, number[]>()
for (const name of families)
  for (const word of words[name].split(/\s+/)) {
    if (word === '') continue
    for (const form of new Set([word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()])) {
      // ASCII capitals are folded before hashing.
      const hash = hashOf(form.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()))
      const list = familiesOf.get(hash) ?? []
      if (!list.includes(familyIndex(name))) list.push(familyIndex(name))
      familiesOf.set(hash, list)
    }
  }

const BEFORE_BYTES = 72
const AFTER_BYTES = 36
const RING = 32
const MAX_WORD_BYTES = 48
/** The last words of the pass so far, looked at only when a candidate asks. */
export class Context {
  readonly #starts = new Int32Array(RING)
  readonly #ends = new Int32Array(RING)
  #count = 0
  #bytes: Buffer = Buffer.alloc(0)
  readonly #distance = new Int32Array(families.length).fill(-1)
  readonly #touched: number[] = []
  #from = -1

  begin(bytes: Buffer): void {
    this.#bytes = bytes
    this.#count = 0
    this.#from = -1
  }

  /** Hot path: a token with letters in it has passed. */
  word(start: number, end: number): void {
    const at = this.#count++ & (RING - 1)
    this.#starts[at] = start
    this.#ends[at] = end
  }

  /** Looks around a candidate; the answers of `distance` hold until the next call. */
  look(start: number, end: number): void {
    if (this.#from === start) return
    this.#from = start
    for (const each of this.#touched) this.#distance[each] = -1
    this.#touched.length = 0
    const oldest = Math.max(0, this.#count - RING)
    for (let at = this.#count - 1; at >= oldest; at--) {
      const from = this.#starts[at & (RING - 1)] ?? 0
      const to = this.#ends[at & (RING - 1)] ?? 0
      if (to < start - BEFORE_BYTES) break
      if (to <= start) this.#take(from, to, start - to)
    }
    const bytes = this.#bytes
    const limit = Math.min(bytes.length, end + AFTER_BYTES)
    let at = end
    while (at < limit) {
      while (at < limit && ((classOf[bytes[at] ?? 0] ?? 0) & LETTER) === 0) at++
      const from = at
      while (at < bytes.length && classOf[bytes[at] ?? 0] !== 0 && at - from < MAX_WORD_BYTES) at++
      // What follows belongs to the value less often than what precedes: it counts as farther away.
      if (at > from) this.#take(from, at, from - end + 12)
    }
  }

  /** Bytes to the nearest word of the family, -1 when there is none near. */
  distance(family: number): number {
    return this.#distance[family] ?? -1
  }

  /** The distance to the nearest of several families, -1 when none is near. */
  nearest(list: readonly number[]): number {
    let best = -1
    for (const family of list) {
      const distance = this.#distance[family] ?? -1
      if (distance >= 0 && (best < 0 || distance < best)) best = distance
    }
    return best
  }

  /** Names such as `creditCardNumber` and `tax_id` are taken apart; no string is made. */
  #take(from: number, to: number, distance: number): void {
    if (to - from > MAX_WORD_BYTES || to - from < 2) return
    const bytes = this.#bytes
    let whole = SEED
    let part = SEED
    let partFrom = from
    let isAfterLower = false
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number
      const kind = classOf[byte] as number
      const folded = kind === UPPER ? byte | 0x20 : byte
      if (kind === DIGIT || kind === UNDERSCORE || (kind === UPPER && isAfterLower)) {
        if (at - partFrom > 1) this.#mark(part, distance)
        part = SEED
        partFrom = kind === UPPER ? at : at + 1
      }
      if (kind !== DIGIT && kind !== UNDERSCORE) part = Math.imul(part ^ folded, PRIME)
      whole = Math.imul(whole ^ folded, PRIME)
      isAfterLower = kind === LOWER
    }
    this.#mark(whole, distance)
    if (partFrom > from && to - partFrom > 1) this.#mark(part, distance)
  }

  #mark(hash: number, distance: number): void {
    const list = familiesOf.get(hash)
    if (list === undefined) return
    for (const family of list) {
      const known = this.#distance[family] ?? -1
      if (known < 0) this.#touched.push(family)
      if (known < 0 || distance < known) this.#distance[family] = distance
    }
  }
}
