// One text while it is scanned: its bytes, what was found so far, the words passed. Positions are bytes of the UTF-8 text;
// they become code points only when the scan is over.
import { isWord } from './byte-class.ts'
import { Context, familyIndex, type Family } from './context.ts'

export type Hit = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly confidence: number
  readonly label?: string
}

const orderWords = familyIndex('order')
const versionWords = familyIndex('version')

export class Page {
  bytes: Buffer = Buffer.alloc(0)
  hits: Hit[] = []
  readonly context = new Context()
  maxHits = 0
  /** What is less sure is not kept. */
  minConfidence = 0
  isFull = false
  /** Where the last URL ended. */
  urlEnd = 0

  begin(bytes: Buffer, maxHits: number, minConfidence: number): void {
    this.bytes = bytes
    this.hits = []
    this.maxHits = maxHits
    this.minConfidence = minConfidence
    this.isFull = false
    this.urlEnd = 0
    this.context.begin(bytes)
  }

  add(type: string, start: number, end: number, confidence: number, label?: string): void {
    if (confidence <= 0 || confidence < this.minConfidence) return
    if (this.hits.length >= this.maxHits) {
      this.isFull = true
      return
    }
    this.hits.push({ type, start, end, confidence, ...(label !== undefined && { label }) })
  }

  /** ASCII text between two places. */
  ascii(start: number, end: number): string {
    return this.bytes.toString('latin1', start, end)
  }

  /**
   * How sure one may be: `near` when a word of the families is nearby and no word of other numbers is nearer, `alone`
   * otherwise; less when the value hangs on something by `-`, `_`, `.` or the like.
   */
  weigh(start: number, end: number, alone: number, near: number, families: readonly number[]): number {
    this.context.look(start, end)
    const distance = this.context.nearest(families)
    if (distance >= 0 && !this.#isNearer(orderWords, distance)) return this.isGlued(start, end) ? near * 0.85 : near
    if (alone === 0) return 0
    let confidence = alone
    if (this.context.distance(orderWords) >= 0) confidence *= 0.75
    if (this.context.distance(versionWords) >= 0 && alone < 0.9) confidence *= 0.75
    return this.isGlued(start, end) ? confidence * 0.6 : confidence
  }

  #isNearer(family: number, distance: number): boolean {
    const other = this.context.distance(family)
    return other >= 0 && other < distance
  }

  /** True when the value is a piece of something longer: of a path, a UUID, a file name, a decimal number. */
  isGlued(start: number, end: number): boolean {
    const { bytes } = this
    const left = bytes[start - 1]
    const right = bytes[end]
    // . - / _ + @ % \ on the left with a word before it; - _ @ and . with a word after it on the right.
    const isLeft =
      (left === 0x2d ||
        left === 0x2e ||
        left === 0x2f ||
        left === 0x40 ||
        left === 0x25 ||
        left === 0x5c ||
        left === 0x5f) &&
      isWord(bytes[start - 2])
    const isRight =
      (right === 0x2d || right === 0x2e || right === 0x40 || right === 0x5f || right === 0x25) && isWord(bytes[end + 1])
    return isLeft || isRight
  }
}

export const familyIndexes = (names: readonly Family[]): readonly number[] => names.map(familyIndex)
