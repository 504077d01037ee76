// Runs of digit groups joined by single separators, and every way to read a number out of them. Hot path: no allocation
// per group; a window is looked up by the key of its shape before any check runs.
import { americanNumbers } from '#inspection/detectors/numbers-americas.ts'
import { asiaPacificNumbers } from '#inspection/detectors/numbers-asia-pacific.ts'
import { europeanNumbers } from '#inspection/detectors/numbers-europe.ts'
import { moneyNumbers } from '#inspection/detectors/numbers-money.ts'
import {
  GROUP_FORMS,
  groupForm,
  MAX_GROUP_DIGITS,
  MAX_GROUPS,
  type NumberRule,
  shapeForms,
} from '#inspection/detectors/number-rule.ts'
import { classOf, DIGIT } from './byte-class.ts'
import { familyIndexes, type Page } from './page.ts'

const MAX_CHAIN_GROUPS = 32
const MAX_DIGITS = 24

type Compiled = { readonly rule: NumberRule; readonly families: readonly number[] }

export const numberRules: readonly NumberRule[] = [
  ...moneyNumbers,
  ...americanNumbers,
  ...europeanNumbers,
  ...asiaPacificNumbers,
]

/** Rows of groups as a tree: by node and next group the next node, 0 where no shape goes on. A row that is none ends early. */
const MAX_NODES = 1024
const nextOf = new Int32Array(MAX_NODES * GROUP_FORMS)
const rulesOf: Compiled[][] = [[]]
for (const rule of numberRules)
  for (const shape of rule.shapes)
    for (const groups of shapeForms(shape)) {
      let node = 0
      for (const group of groups) {
        const place = node * GROUP_FORMS + group
        if (nextOf[place] === 0) nextOf[place] = rulesOf.push([]) - 1
        node = nextOf[place] ?? 0
      }
      if (rulesOf.length > MAX_NODES) throw new RangeError('more shapes of numbers than there is room for')
      rulesOf[node]?.push({ rule, families: familyIndexes(rule.context) })
    }
// The surest without a word first: where no word is near the rest need not be tried.
for (const rules of rulesOf) rules.sort((one, other) => other.rule.alone - one.rule.alone)
/** How sure the surest of a node is without a word. */
const surest = Float64Array.from(rulesOf, ([first]) => first?.rule.alone ?? -1)

/** One chain at a time; its fields hold until the next `read`. */
export class NumberChain {
  readonly starts = new Int32Array(MAX_CHAIN_GROUPS)
  readonly ends = new Int32Array(MAX_CHAIN_GROUPS)
  /** Code of the separator before the group; the first one's is 0. */
  readonly separators = new Int32Array(MAX_CHAIN_GROUPS)
  groups = 0
  digits = 0
  readonly #values = new Uint8Array(MAX_DIGITS)

  /** Reads the groups from the pure digit token at [start, end); returns where the chain ends. */
  read(bytes: Buffer, start: number, end: number): number {
    this.starts[0] = start
    this.ends[0] = end
    this.separators[0] = 0
    this.groups = 1
    this.digits = end - start
    let at = end
    while (this.groups < MAX_CHAIN_GROUPS) {
      const byte = bytes[at]
      let code = byte === 0x20 ? 1 : byte === 0x2d ? 2 : byte === 0x2e ? 3 : byte === 0x2f ? 4 : byte === 0x29 ? 5 : 0
      if (code === 0) break
      let from = at + 1
      // A bracket may be followed by one more separator: `(085) 123`.
      if (code === 5 && (bytes[from] === 0x20 || bytes[from] === 0x2d || bytes[from] === 0x2e)) from++
      // So may a hyphen within blanks be one separator: `4556 - 6019`; and a comma or two blanks never are.
      if (code === 1 && bytes[from] === 0x2d && bytes[from + 1] === 0x20) {
        from += 2
        code = 2
      }
      let to = from
      while ((classOf[bytes[to] ?? 0] ?? 0) === DIGIT) to++
      if (to === from) break
      // `347.5681x8340`: the extension of a telephone number does not make its last group a word.
      const isExtended = (bytes[to] === 0x78 || bytes[to] === 0x58) && classOf[bytes[to + 1] ?? 0] === DIGIT
      if (classOf[bytes[to] ?? 0] !== 0 && !isExtended) break
      this.starts[this.groups] = from
      this.ends[this.groups] = to
      this.separators[this.groups] = code
      this.groups++
      this.digits += to - from
      at = to
      if (isExtended) break
    }
    return at
  }

  size(group: number): number {
    return (this.ends[group] ?? 0) - (this.starts[group] ?? 0)
  }

  /** The group as a number; exact up to 15 digits. */
  value(bytes: Buffer, group: number): number {
    let value = 0
    for (let at = this.starts[group] ?? 0; at < (this.ends[group] ?? 0); at++)
      value = value * 10 + (bytes[at] ?? 48) - 48
    return value
  }

  has(separator: number): boolean {
    for (let at = 1; at < this.groups; at++) if (this.separators[at] === separator) return true
    return false
  }

  /** Runs every rule whose shape fits a window of the chain. */
  match(page: Page): void {
    for (let first = 0; first < this.groups; first++) {
      let node = 0
      const limit = Math.min(this.groups, first + MAX_GROUPS)
      let digits = 0
      for (let last = first; last < limit; last++) {
        const size = (this.ends[last] ?? 0) - (this.starts[last] ?? 0)
        digits += size
        if (size > MAX_GROUP_DIGITS || digits > MAX_DIGITS) break
        const form = groupForm(last === first ? 0 : (this.separators[last] as number), size)
        node = nextOf[node * GROUP_FORMS + form] as number
        if (node === 0) break
        if ((surest[node] as number) >= 0) this.#try(page, node, first, last, digits)
      }
    }
  }

  #try(page: Page, node: number, first: number, last: number, digits: number): void {
    const before = first > 0 ? (this.separators[first] ?? 0) : 0
    const after = last + 1 < this.groups ? (this.separators[last + 1] ?? 0) : 0
    // A window cut out of a number that goes on with `-`, `.` or `/` is not a number of its own.
    if (before > 1 || after > 1) return
    const isCut = before === 1 || after === 1
    // Cut out of a longer row of groups by the same blanks it has within: only a word can say that it is a number.
    const isPiece = isCut && first < last && this.#hasBlankWithin(first, last)
    const start = this.starts[first] ?? 0
    const end = this.ends[last] ?? 0
    const { context, minConfidence } = page
    context.look(start, end)
    const { hasWords } = context
    if (!hasWords && (isPiece || (surest[node] as number) * (isCut ? 0.85 : 1) < minConfidence)) return
    const rules = rulesOf[node] as Compiled[]
    const values = this.#values
    let count = 0
    for (let group = first; group <= last; group++)
      for (let at = this.starts[group] ?? 0; at < (this.ends[group] ?? 0); at++)
        values[count++] = (page.bytes[at] ?? 48) - 48
    for (let at = 0; at < rules.length; at++) {
      const { rule, families } = rules[at] as Compiled
      const alone = isPiece ? 0 : isCut ? rule.alone * 0.85 : rule.alone
      // Most types need a word to be told from chance: without one their check digits do not matter.
      if (alone === 0 || alone < minConfidence) {
        if (!hasWords) return
        if (context.nearest(families) < 0) continue
      }
      if (!rule.check(values, digits)) continue
      page.add(rule.type, start, end, page.weigh(start, end, alone, rule.near, families))
    }
  }

  #hasBlankWithin(first: number, last: number): boolean {
    for (let group = first + 1; group <= last; group++) if (this.separators[group] === 1) return true
    return false
  }
}
