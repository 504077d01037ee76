// How many rows each table has, and a digest of them that does not depend on their order: what two stores must agree on
// to hold the same. Must never tell a row from it.
import { createHash } from 'node:crypto'

export type StoredRow = Readonly<Record<string, string | number | null>>
/** table → count, and the sum of the SHA-256 of its rows modulo 2^256 in hexadecimal. */
export type RowDigest = Readonly<Record<string, { readonly count: number; readonly sum: string }>>

const MODULUS = 1n << 256n

export class RowSum {
  readonly #tables = new Map<string, { count: number; sum: bigint }>()

  add(table: string, row: StoredRow): void {
    const known = this.#tables.get(table) ?? { count: 0, sum: 0n }
    const text = JSON.stringify([table, Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))])
    known.count++
    known.sum = (known.sum + BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)) % MODULUS
    this.#tables.set(table, known)
  }

  digest(): RowDigest {
    const tables = [...this.#tables].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(tables.map(([name, { count, sum }]) => [name, { count, sum: sum.toString(16) }]))
  }
}

/** The tables in which two stores differ. */
export function differingTables(left: RowDigest, right: RowDigest): readonly string[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...names].filter((name) => left[name]?.count !== right[name]?.count || left[name]?.sum !== right[name]?.sum)
}
