// What one inspection may cost: bytes out, entries, depth, time, and growth against what came in. One for a whole tree of
// archives within archives, so that many small bombs count as one. Must be asked before anything is unpacked.
import type { Gap, PartialReason, UnscannableReason } from '#core/inspection/verdict.ts'

export type BudgetLimits = {
  readonly outBytes: number
  readonly entries: number
  readonly depth: number
  /** Bytes out per byte in, judged once more than `ratioFromBytes` came out. */
  readonly ratio: number
  readonly ratioFromBytes: number
  readonly timeMs: number
}

export class Budget {
  readonly limits: BudgetLimits
  readonly gaps: Gap[] = []
  readonly #now: () => number
  readonly #deadline: number
  #outBytes = 0
  #entries = 0
  #inBytes = 0

  constructor(limits: BudgetLimits, inBytes: number, now: () => number = () => performance.now()) {
    this.limits = limits
    this.#now = now
    this.#inBytes = Math.max(1, inBytes)
    this.#deadline = now() + limits.timeMs
  }

  isOver(): boolean {
    return this.#now() > this.#deadline
  }

  /** False, with a gap, when there is no room for one more entry at this depth. */
  enter(depth: number, part?: string): boolean {
    if (depth > this.limits.depth) return this.unscannable('too-deep', part)
    if (this.isOver()) return this.partial('time', part)
    if (++this.#entries > this.limits.entries) return this.partial('entries', part)
    return true
  }

  /** Most bytes that may come out next: by what is left, and by growth. */
  room(): number {
    const byRatio = Math.max(this.limits.ratioFromBytes, this.#inBytes * this.limits.ratio)
    return Math.max(0, Math.min(this.limits.outBytes, byRatio) - this.#outBytes)
  }

  spend(bytes: number): void {
    this.#outBytes += bytes
  }

  unscannable(reason: UnscannableReason, part?: string): false {
    this.#add({ kind: 'unscannable', reason, ...(part !== undefined && { part }) })
    return false
  }

  partial(reason: PartialReason, part?: string): false {
    this.#add({ kind: 'partial', reason, ...(part !== undefined && { part }) })
    return false
  }

  #add(gap: Gap): void {
    if (this.gaps.length < 100 && !this.gaps.some(({ reason, part }) => reason === gap.reason && part === gap.part))
      this.gaps.push(gap)
  }
}
