// How much a name reads like the names people give their sites: letter statistics of benign host names (trigram chain
// with back-off, eight bits a cell). Shared by the URL model and the DNS detectors. Must stay read-only after loading.

/** a–z, 0–9, hyphen, and the edge of a name. */
export const nameSymbols = 38
const EDGE = 37
export const nameCells = nameSymbols ** 3
/** A cell holds −log2 of the probability in sixteenths of a bit. */
export const cellsPerBit = 16

function symbolOf(code: number): number {
  if (code >= 97 && code <= 122) return code - 97
  if (code >= 48 && code <= 57) return code - 48 + 26
  return 36
}

export type NameScore = {
  /** Bits a letter costs on average; about 3.5 for words, 5 and more for random letters. */
  readonly meanBits: number
  /** The dearest four letters in a row, bits a letter. */
  readonly worstBits: number
}
const empty: NameScore = { meanBits: 0, worstBits: 0 }

export class NameModel {
  readonly #cells: Uint8Array
  constructor(cells: Uint8Array) {
    if (cells.length !== nameCells) throw new RangeError('a name model has 38³ cells')
    this.#cells = cells
  }

  score(name: string): NameScore {
    if (name === '') return empty
    let [first, second] = [EDGE, EDGE]
    let [total, worst, window] = [0, 0, 0]
    const length = Math.min(name.length, 63)
    const recent = [0, 0, 0, 0]
    for (let at = 0; at <= length; at++) {
      const third = at === length ? EDGE : symbolOf(name.charCodeAt(at))
      const bits = (this.#cells[(first * nameSymbols + second) * nameSymbols + third] ?? 0) / cellsPerBit
      total += bits
      window += bits - (recent[at & 3] ?? 0)
      recent[at & 3] = bits
      if (at >= 3 && window > worst) worst = window
      first = second
      second = third
    }
    return { meanBits: total / (length + 1), worstBits: (worst || total) / 4 }
  }
}

/** Counts names and makes the cells: trigram, backed off to bigram, then to single letters. */
export function trainNameModel(names: Iterable<string>): Uint8Array {
  const triples = new Float64Array(nameCells)
  const pairs = new Float64Array(nameSymbols ** 2)
  const singles = new Float64Array(nameSymbols)
  for (const name of names) {
    let [first, second] = [EDGE, EDGE]
    for (let at = 0; at <= name.length; at++) {
      const third = at === name.length ? EDGE : symbolOf(name.charCodeAt(at))
      add(triples, (first * nameSymbols + second) * nameSymbols + third)
      add(pairs, second * nameSymbols + third)
      add(singles, third)
      first = second
      second = third
    }
  }
  const total = singles.reduce((sum, each) => sum + each, 0)
  const cells = new Uint8Array(nameCells)
  for (let first = 0; first < nameSymbols; first++) {
    for (let second = 0; second < nameSymbols; second++) {
      const tripleTotal = sumOf(triples, (first * nameSymbols + second) * nameSymbols)
      const pairTotal = sumOf(pairs, second * nameSymbols)
      for (let third = 0; third < nameSymbols; third++) {
        const single = ((singles[third] ?? 0) + 1) / (total + nameSymbols)
        const pair = ((pairs[second * nameSymbols + third] ?? 0) + 20 * single) / (pairTotal + 20)
        const at = (first * nameSymbols + second) * nameSymbols + third
        const triple = ((triples[at] ?? 0) + 10 * pair) / (tripleTotal + 10)
        cells[at] = Math.min(255, Math.round(-Math.log2(triple) * cellsPerBit))
      }
    }
  }
  return cells
}

function add(counts: Float64Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1
}
function sumOf(counts: Float64Array, from: number): number {
  let sum = 0
  for (let at = from; at < from + nameSymbols; at++) sum += counts[at] ?? 0
  return sum
}
