// Exact data match: rows of the customer's own table, known here only as salted, truncated fingerprints. A row is found by its
// key column, and confirmed by cells of the same row nearby. Must never hold or print a cell.
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { caps } from '#inspection/caps.ts'
import type { PartInspector } from '#inspection/file/walk.ts'
import { fnv, FNV_SEED, mix, pointsOf, tokensOf, type Token } from './tokens.ts'

export const ROW_MAGIC = 'SPROWS1\n'
export const KEY_BYTES = 6
export const CELL_BYTES = 3
export const MAX_CELL_TOKENS = 8

export type RowHead = {
  readonly name: string
  readonly salt: string
  readonly columns: number
  readonly rows: number
  /** How many cells besides the key must be near it. */
  readonly least: number
  /** 2 to this many bits in the filter. */
  readonly filterBits: number
}

export function cellHash(salt: Buffer, column: number, text: string): Buffer {
  return createHmac('sha256', salt).update(`${column}:${text}`).digest()
}

/** Bit of a joined text in the filter. */
export const filterBit = (hash: number, bits: number): number => mix(hash) >>> (32 - bits)

export async function loadRowMatch(file: string): Promise<PartInspector> {
  const data = await readFile(file)
  const bad = () => new Fault('configuration-invalid', { hint: `${file} is not a file of row fingerprints.` })
  if (data.length < 12 || data.toString('latin1', 0, 8) !== ROW_MAGIC) throw bad()
  const headBytes = data.readUInt32LE(8)
  const head = JSON.parse(data.toString('utf8', 12, 12 + headBytes)) as RowHead
  const filterAt = 12 + headBytes
  const rowsAt = filterAt + 2 ** head.filterBits / 8
  const rowBytes = KEY_BYTES + CELL_BYTES * (head.columns - 1)
  if (data.length !== rowsAt + head.rows * rowBytes) throw bad()
  const filter = data.subarray(filterAt, rowsAt)
  const rows = data.subarray(rowsAt)
  const salt = Buffer.from(head.salt, 'hex')
  return {
    name: 'edm',
    look({ text }) {
      if (text === null) return []
      const string = text.toString('utf8')
      return findRows(string, { head, filter, rows, rowBytes, salt })
    },
  }
}

type Table = {
  readonly head: RowHead
  readonly filter: Buffer
  readonly rows: Buffer
  readonly rowBytes: number
  readonly salt: Buffer
}
type Found = {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly confidence: number
  readonly label: string
}

function findRows(text: string, table: Table): readonly Found[] {
  const { head, filter, salt } = table
  const tokens = tokensOf(text)
  const point = pointsOf(text)
  const out: Found[] = []
  for (let first = 0; first < tokens.length; first++) {
    let hash = FNV_SEED
    for (let last = first; last < Math.min(tokens.length, first + MAX_CELL_TOKENS); last++) {
      const token = tokens[last]
      if (token === undefined) break
      hash = fnv(token.text, hash)
      const bit = filterBit(hash, head.filterBits)
      if (((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) continue
      const key = tokens
        .slice(first, last + 1)
        .map((each) => each.text)
        .join('')
      const cells = countCells(table, cellHash(salt, 0, key), tokens, first, last)
      if (cells < head.least) continue
      out.push({
        type: 'ROW_MATCH',
        start: point(tokens[first]?.start ?? 0),
        end: point(token.end),
        confidence: Math.min(0.99, 0.9 + cells * 0.03),
        label: `${head.name}: key and ${cells} of ${head.columns - 1} cells`,
      })
      if (out.length >= caps.findings.default) return out
    }
  }
  return out
}

/** The most cells of any row with this key that stand near; -1 when there is no such key. */
function countCells(
  { head, rows, rowBytes, salt }: Table,
  key: Buffer,
  tokens: readonly Token[],
  first: number,
  last: number,
): number {
  let low = 0
  let high = head.rows
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows.compare(key, 0, KEY_BYTES, middle * rowBytes, middle * rowBytes + KEY_BYTES) < 0) low = middle + 1
    else high = middle
  }
  let best = -1
  let near: readonly ReadonlySet<number>[] | null = null
  for (
    let at = low;
    at < head.rows && rows.compare(key, 0, KEY_BYTES, at * rowBytes, at * rowBytes + KEY_BYTES) === 0;
    at++
  ) {
    near ??= cellsNear(salt, head.columns, tokens, first, last)
    let count = 0
    for (let column = 1; column < head.columns; column++)
      if (
        near[column]?.has(rows.readUIntBE(at * rowBytes + KEY_BYTES + CELL_BYTES * (column - 1), CELL_BYTES)) === true
      )
        count++
    best = Math.max(best, count)
  }
  return best
}

/** Fingerprints of everything near a key that could be a cell, by column. */
function cellsNear(
  salt: Buffer,
  columns: number,
  tokens: readonly Token[],
  first: number,
  last: number,
): readonly ReadonlySet<number>[] {
  const reach = caps.rowDistanceTokens.default
  const sets = Array.from({ length: columns }, () => new Set<number>())
  const to = Math.min(tokens.length, last + reach)
  for (let from = Math.max(0, first - reach); from < to; from++) {
    let text = ''
    for (let at = from; at < Math.min(to, from + 4); at++) {
      text += tokens[at]?.text ?? ''
      for (let column = 1; column < columns; column++)
        sets[column]?.add(cellHash(salt, column, text).readUIntBE(0, CELL_BYTES))
    }
  }
  return sets
}
