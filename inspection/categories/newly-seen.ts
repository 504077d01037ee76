// Remembers which registrable domains a tenant has been to, and since when: "newly seen by this tenant" needs no feed. A
// table of fixed size (32-bit fingerprints, days); full buckets forget who was seen longest ago, so that it errs towards
// "new", which costs a question and not a hole. Must keep no name: a stolen file lists no one's browsing.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { categoryCaps } from './caps.ts'
import { HashWalk } from './host-hash.ts'

const slots = categoryCaps.newlySeenSlots
const waysPerBucket = 8
const dayMs = 86_400_000
const headerBytes = 24
const fileBytes = headerBytes + slots * 8 + 32
const magic = 'SALLYSN1'

export type Seen = {
  readonly isFirst: boolean
  /** Days since the first visit that is remembered. */ readonly days: number
}

export class NewlySeen {
  readonly #prints: Uint32Array<ArrayBuffer>
  readonly #first: Uint16Array<ArrayBuffer>
  readonly #last: Uint16Array<ArrayBuffer>
  readonly #seed: Buffer
  readonly #walk: HashWalk

  private constructor(seed: Buffer) {
    this.#prints = new Uint32Array(slots)
    this.#first = new Uint16Array(slots)
    this.#last = new Uint16Array(slots)
    this.#seed = seed
    this.#walk = new HashWalk([seed.readUInt32LE(0), seed.readUInt32LE(4)])
  }

  static empty(): NewlySeen {
    return new NewlySeen(randomBytes(8))
  }

  /** Says whether the domain is new, and remembers the visit. */
  visit(registrable: string, nowMs: number): Seen {
    const walk = this.#walk
    walk.start()
    for (let at = registrable.length - 1; at >= 0; at--) walk.step(registrable.charCodeAt(at))
    const print = (walk.high | 1) >>> 0
    const bucket = walk.slot(slots / waysPerBucket - 1) * waysPerBucket
    // Day 0 is 2020; sixteen bits reach to 2199.
    const today = Math.max(1, Math.min(65_535, Math.floor(nowMs / dayMs) - 18_262))
    let [oldest, oldestDay] = [bucket, Infinity]
    for (let at = bucket; at < bucket + waysPerBucket; at++) {
      if (this.#prints[at] === print) {
        this.#last[at] = today
        return { isFirst: false, days: Math.max(0, today - (this.#first[at] ?? today)) }
      }
      const day = this.#prints[at] === 0 ? -1 : (this.#last[at] ?? 0)
      if (day < oldestDay) [oldest, oldestDay] = [at, day]
    }
    this.#prints[oldest] = print
    this.#first[oldest] = today
    this.#last[oldest] = today
    return { isFirst: true, days: 0 }
  }

  /** What `load` reads. */
  encode(): Buffer {
    const bytes = Buffer.alloc(fileBytes)
    bytes.write(magic, 'latin1')
    this.#seed.copy(bytes, 8)
    let at = headerBytes
    for (const array of [this.#prints, this.#first, this.#last]) {
      Buffer.from(array.buffer).copy(bytes, at)
      at += array.byteLength
    }
    createHash('sha256').update(bytes.subarray(0, at)).digest().copy(bytes, at)
    return bytes
  }

  /** The saved one; an empty one where there is none. A damaged file is a fault: the caller says so and starts empty. */
  static load(path: string): NewlySeen {
    let bytes: Buffer
    try {
      bytes = readFileSync(path)
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return NewlySeen.empty()
      throw cause
    }
    const end = fileBytes - 32
    const isWhole =
      bytes.length === fileBytes &&
      bytes.toString('latin1', 0, 8) === magic &&
      createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))
    if (!isWhole) throw new Fault('document-invalid', { hint: 'The record of seen domains is damaged.' })
    const seen = new NewlySeen(Buffer.from(bytes.subarray(8, 16)))
    let at = headerBytes
    for (const array of [seen.#prints, seen.#first, seen.#last]) {
      new Uint8Array(array.buffer).set(bytes.subarray(at, at + array.byteLength))
      at += array.byteLength
    }
    return seen
  }
}
