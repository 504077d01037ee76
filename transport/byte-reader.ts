// Walks length-prefixed binary structures. Must never read past its own block: every length is checked against
// what is really there.

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #malformed: (why: string) => Error
  #at = 0

  /** `malformed` makes the error to throw. */
  constructor(bytes: Uint8Array, malformed: (why: string) => Error) {
    this.#bytes = bytes
    this.#malformed = malformed
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  u8(): number {
    const at = this.skip(1)
    return this.#bytes[at] ?? 0
  }

  u16(): number {
    return this.u8() * 256 + this.u8()
  }

  /** Steps over `count` bytes and says where they began. */
  skip(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) throw this.#malformed('a length beyond the end')
    this.#at = at + count
    return at
  }

  take(count: number): Uint8Array {
    const at = this.skip(count)
    return this.#bytes.subarray(at, at + count)
  }

  block8(): Uint8Array {
    return this.take(this.u8())
  }

  block16(): Uint8Array {
    return this.take(this.u16())
  }

  /** Throws when bytes are left over. */
  end(): void {
    if (!this.atEnd) throw this.#malformed('bytes left over')
  }
}
