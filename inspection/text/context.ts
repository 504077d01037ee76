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

/** A word whose hash has no bit here is in no family: most words end here. */
const mayBeKnown = new Uint8Array(1 << 16)
for (const hash of familiesOf.keys()) mayBeKnown[hash & 0xffff] = 1

const BEFORE_BYTES = 72
const AFTER_BYTES = 36
const MAX_WORD_BYTES = 48
const MOST_AHEAD_BYTES = 1024
const KNOWN_WORDS = 4096
/** What one more piece of text can add at most. */
const SPARE_WORDS = 1024
const nothing: readonly number[] = []

/**
 * The words of families around a candidate. Text is read for words only where a candidate asks, and there once: prose
 * has no candidates, and tables have many beside the same words.
 */
export class Context {
  readonly #starts = new Int32Array(KNOWN_WORDS)
  readonly #ends = new Int32Array(KNOWN_WORDS)
  readonly #lists: (readonly number[])[] = Array.from({ length: KNOWN_WORDS }, () => nothing)
  #count = 0
  #cursor = 0
  /** The part of the text whose words are known; both at the end of a word or between words. */
  #low = 0
  #high = 0
  /** How far to read on; more the more candidates there are. */
  #ahead = 0
  #bytes: Buffer = Buffer.alloc(0)
  readonly #distance = new Int32Array(families.length).fill(-1)
  readonly #touched: number[] = []
  #from = -1
  #to = -1

  begin(bytes: Buffer): void {
    this.#bytes = bytes
    this.#count = 0
    this.#cursor = 0
    this.#low = 0
    this.#high = 0
    this.#forget()
    this.#from = -1
  }

  /** Looks around a candidate; the answers of `distance` hold until the next call. */
  look(start: number, end: number): void {
    if (this.#from === start && this.#to === end) return
    this.#from = start
    this.#to = end
    if (this.#touched.length > 0) this.#forget()
    const low = start - BEFORE_BYTES
    const high = end + AFTER_BYTES
    if (low - MAX_WORD_BYTES < this.#low || high + MAX_WORD_BYTES > this.#high) this.#read(low, high)
    let at = this.#cursor
    while (at > 0 && (this.#ends[at - 1] as number) >= low) at--
    while (at < this.#count && (this.#ends[at] as number) < low) at++
    this.#cursor = at
    for (; at < this.#count && (this.#starts[at] as number) < high; at++) {
      const from = this.#starts[at] as number
      const to = this.#ends[at] as number
      if (to <= start) this.#mark(this.#lists[at] ?? nothing, start - to)
      // What follows belongs to the value less often than what precedes: it counts as farther away.
      else if (from >= end) this.#mark(this.#lists[at] ?? nothing, from - end + 12)
    }
  }

  /** True when a word of any family is near the candidate that was looked at last. */
  get hasWords(): boolean {
    return this.#touched.length > 0
  }

  /** Bytes to the nearest word of the family, -1 when there is none near. */
  distance(family: number): number {
    return this.#distance[family] as number
  }

  /** The distance to the nearest of several families, -1 when none is near. */
  nearest(list: readonly number[]): number {
    if (this.#touched.length === 0) return -1
    let best = -1
    for (let at = 0; at < list.length; at++) {
      const distance = this.#distance[list[at] as number] as number
      if (distance >= 0 && (best < 0 || distance < best)) best = distance
    }
    return best
  }

  #forget(): void {
    for (const each of this.#touched) this.#distance[each] = -1
    this.#touched.length = 0
  }

  #mark(list: readonly number[], distance: number): void {
    for (let at = 0; at < list.length; at++) {
      const family = list[at] as number
      const known = this.#distance[family] as number
      if (known < 0) this.#touched.push(family)
      if (known < 0 || distance < known) this.#distance[family] = distance
    }
  }

  /** Makes the words between two places known, and some behind them. */
  #read(low: number, high: number): void {
    const bytes = this.#bytes
    const from = Math.max(0, low - MAX_WORD_BYTES)
    const to = Math.min(bytes.length, high + MAX_WORD_BYTES)
    if (from >= this.#low && to <= this.#high) return
    // The first candidate for long is mostly the only one; where there are two there are many.
    const isAlone = from < this.#low || from > this.#high
    this.#ahead = isAlone ? 0 : Math.min(MOST_AHEAD_BYTES, this.#ahead * 2 + 16)
    if (isAlone || this.#count > KNOWN_WORDS - SPARE_WORDS) {
      let at = from
      for (let back = 0; back < MAX_WORD_BYTES && at > 0 && classOf[bytes[at - 1] as number] !== 0; back++) at--
      this.#low = at
      this.#high = at
      this.#count = 0
      this.#cursor = 0
    }
    const limit = Math.min(bytes.length, to + this.#ahead)
    let at = this.#high
    while (at < limit) {
      while (at < limit && ((classOf[bytes[at] as number] as number) & LETTER) === 0) at++
      if (at < limit) at = this.#take(at)
    }
    this.#high = at
  }

  /** One word; names such as `creditCardNumber` and `tax_id` are taken apart. Returns where it ends. */
  #take(from: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    const longest = from + MAX_WORD_BYTES
    let whole = SEED
    let part = SEED
    let partFrom = from
    let isAfterLower = false
    let at = from
    const before = this.#count
    for (; at < length && at < longest; at++) {
      const byte = bytes[at] as number
      const kind = classOf[byte] as number
      if (kind === 0) break
      const folded = kind === UPPER ? byte | 0x20 : byte
      if (kind === DIGIT || kind === UNDERSCORE || (kind === UPPER && isAfterLower)) {
        if (at - partFrom > 1) this.#keep(part, from)
        part = SEED
        partFrom = kind === UPPER ? at : at + 1
      }
      if (kind !== DIGIT && kind !== UNDERSCORE) part = Math.imul(part ^ folded, PRIME)
      whole = Math.imul(whole ^ folded, PRIME)
      isAfterLower = kind === LOWER
    }
    if (at - from > 1) this.#keep(whole, from)
    if (partFrom > from && at - partFrom > 1) this.#keep(part, from)
    for (let each = before; each < this.#count; each++) this.#ends[each] = at
    return at
  }

  #keep(hash: number, from: number): void {
    if (mayBeKnown[hash & 0xffff] === 0) return
    const list = familiesOf.get(hash)
    if (list === undefined || this.#count >= KNOWN_WORDS) return
    this.#starts[this.#count] = from
    this.#lists[this.#count++] = list
  }
}
