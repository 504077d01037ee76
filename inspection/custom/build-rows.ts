// Makes the file of row fingerprints from a CSV file, on the customer's side: the table itself never leaves. Constant memory but
// for the fingerprints. Must never write a cell, not even into an error.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { readCsv } from './csv.ts'
import { CELL_BYTES, cellHash, filterBit, KEY_BYTES, ROW_MAGIC, type RowHead } from './row-match.ts'
import { fnv, joined } from './tokens.ts'

export type BuildRows = {
  readonly name: string
  readonly key: string | undefined
  readonly columns: readonly string[]
  readonly least: number
  readonly salt?: Buffer
}

const MIN_KEY_CHARACTERS = 4

export async function buildRows(
  csvFile: string,
  out: string,
  options: BuildRows,
): Promise<{ readonly rows: number; readonly skipped: number; readonly bytes: number }> {
  const salt = options.salt ?? randomBytes(32)
  let order: readonly number[] | null = null
  let rowBytes = 0
  let data = Buffer.alloc(1024 * 1024)
  let filterHashes = new Int32Array(65_536)
  let rows = 0
  let skipped = 0
  for await (const record of readCsv(createReadStream(csvFile))) {
    if (order === null) {
      order = columnOrder(record, options)
      rowBytes = KEY_BYTES + CELL_BYTES * (order.length - 1)
      continue
    }
    const key = joined(record[order[0] ?? 0] ?? '')
    if (key.length < MIN_KEY_CHARACTERS) {
      skipped++
      continue
    }
    if ((rows + 1) * rowBytes > data.length) data = Buffer.concat([data, Buffer.alloc(data.length)])
    if (rows >= filterHashes.length) {
      const larger = new Int32Array(filterHashes.length * 2)
      larger.set(filterHashes)
      filterHashes = larger
    }
    cellHash(salt, 0, key).copy(data, rows * rowBytes, 0, KEY_BYTES)
    for (let column = 1; column < order.length; column++)
      cellHash(salt, column, joined(record[order[column] ?? 0] ?? '')).copy(
        data,
        rows * rowBytes + KEY_BYTES + CELL_BYTES * (column - 1),
        0,
        CELL_BYTES,
      )
    filterHashes[rows] = fnv(key)
    rows++
  }
  if (order === null || rows === 0)
    throw new Fault('document-invalid', {
      hint: 'The table has no rows whose key column has at least four letters or digits.',
    })
  const filterBits = Math.max(10, Math.min(27, Math.ceil(Math.log2(rows * 12))))
  const filter = Buffer.alloc(2 ** filterBits / 8)
  for (let row = 0; row < rows; row++) {
    const bit = filterBit(filterHashes[row] ?? 0, filterBits)
    filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7))
  }
  const head: RowHead = {
    name: options.name,
    salt: salt.toString('hex'),
    columns: order.length,
    rows,
    least: options.least,
    filterBits,
  }
  const headText = Buffer.from(JSON.stringify(head))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(headText.length)
  const whole = [Buffer.from(ROW_MAGIC, 'latin1'), size, headText, filter, sortRows(data, rows, rowBytes)]
  await writeFile(out, whole, { mode: 0o600 })
  return { rows, skipped, bytes: whole.reduce((sum, { length }) => sum + length, 0) }
}

function columnOrder(header: readonly string[], { key, columns, least }: BuildRows): readonly number[] {
  const wanted = columns.length > 0 ? columns : header
  const find = (name: string) => {
    const at = header.findIndex((each) => each.trim().toLowerCase() === name.trim().toLowerCase())
    if (at < 0) throw new Fault('document-invalid', { hint: `The table has no column "${name}".` })
    return at
  }
  const first = find(key ?? wanted[0] ?? '')
  const order = [first, ...wanted.map(find).filter((at) => at !== first)]
  if (order.length > 16) throw new Fault('document-invalid', { hint: 'At most 16 columns are matched.' })
  if (least > order.length - 1)
    throw new Fault('document-invalid', { hint: 'More cells are asked for than there are columns besides the key.' })
  return order
}

/** By key: first into buckets by its leading two bytes, then each bucket. */
function sortRows(data: Buffer, rows: number, rowBytes: number): Buffer {
  const counts = new Uint32Array(65_537)
  for (let row = 0; row < rows; row++) {
    const bucket = data.readUInt16BE(row * rowBytes) + 1
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  for (let bucket = 1; bucket <= 65_536; bucket++) counts[bucket] = (counts[bucket] ?? 0) + (counts[bucket - 1] ?? 0)
  const order = new Uint32Array(rows)
  const next = counts.slice()
  for (let row = 0; row < rows; row++) {
    const bucket = data.readUInt16BE(row * rowBytes)
    order[next[bucket] ?? 0] = row
    next[bucket] = (next[bucket] ?? 0) + 1
  }
  const key = (row: number) => data.readUIntBE(row * rowBytes, KEY_BYTES)
  const out = Buffer.allocUnsafe(rows * rowBytes)
  for (let bucket = 0; bucket < 65_536; bucket++) {
    const from = counts[bucket] ?? 0
    const slice = order.subarray(from, counts[bucket + 1] ?? rows)
    slice.sort((a, b) => key(a) - key(b))
    slice.forEach((row, at) => data.copy(out, (from + at) * rowBytes, row * rowBytes, (row + 1) * rowBytes))
  }
  return out
}
