// A fixed number of bits: which of many people. Must never be compared with one of another length.
export class Bits {
  readonly length: number
  readonly #words: Uint32Array

  constructor(length: number) {
    this.length = length
    this.#words = new Uint32Array(Math.ceil(length / 32))
  }

  set(at: number): void {
    const word = at >>> 5
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (at & 31))
  }

  has(at: number): boolean {
    return ((this.#words[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0
  }

  add(other: Bits): void {
    for (let at = 0; at < this.#words.length; at++) this.#words[at] = (this.#words[at] ?? 0) | (other.#words[at] ?? 0)
  }

  remove(other: Bits): void {
    for (let at = 0; at < this.#words.length; at++) this.#words[at] = (this.#words[at] ?? 0) & ~(other.#words[at] ?? 0)
  }

  /** Those that are here and not there. */
  without(other: Bits): Bits {
    const made = new Bits(this.length)
    made.add(this)
    made.remove(other)
    return made
  }

  /** Those that are in both. */
  and(other: Bits): Bits {
    return this.without(this.without(other))
  }

  isEmpty(): boolean {
    return this.#words.every((word) => word === 0)
  }

  count(): number {
    let sum = 0
    for (const word of this.#words) for (let bits = word; bits !== 0; bits &= bits - 1) sum++
    return sum
  }

  each(visit: (at: number) => void): void {
    for (let word = 0; word < this.#words.length; word++) {
      let bits = this.#words[word] ?? 0
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits)
        visit(word * 32 + bit)
        bits &= bits - 1
      }
    }
  }

  /** Takes away those that `holds` refuses. */
  keep(holds: (at: number) => boolean): void {
    this.each((at) => {
      if (!holds(at)) this.#words[at >>> 5] = (this.#words[at >>> 5] ?? 0) & ~(1 << (at & 31))
    })
  }
}
