// Where a reading stopped: one position per writer, as text a client keeps. Must never trust that text: it names
// sequences only, and a wrong one shows other events of the same tenant at worst.
import { Fault } from '#core/fault.ts'
import { MAX_CURSOR_CHARACTERS, MAX_CURSOR_WRITERS, MAX_EPOCHS } from './caps.ts'
import { formatWriter, parseWriter } from './layout.ts'
import { isObject } from './record.ts'

export type EventOrder = 'newest-first' | 'oldest-first'

/** Writer → the sequence seen last. */
export type Positions = ReadonlyMap<string, number>

/**
 * Newest first, a writer with nothing left is one number in a range of its epochs: a reading through hundreds of old
 * epochs must fit in an address. Oldest first there is always a position, since more may come.
 */
export function formatCursor(order: EventOrder, positions: Positions, done: ReadonlySet<string> = new Set()): string {
  if (order === 'oldest-first') return encode({ o: Object.fromEntries(positions) })
  const left = [...positions].filter(([writer]) => !done.has(writer))
  const ranges = rangesOf(done)
  return encode({ n: Object.fromEntries(left), ...(ranges.size > 0 && { d: Object.fromEntries(ranges) }) })
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Throws `request-malformed` when the text is not a cursor of this order. What is done is at position 1. */
export function parseCursor(order: EventOrder, text: string): Positions {
  if (text.length > MAX_CURSOR_CHARACTERS || !/^[\w-]+$/.test(text)) throw malformed()
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    throw malformed()
  }
  const letter = order === 'newest-first' ? 'n' : 'o'
  const { [letter]: inner, d: ranges = {}, ...others } = isObject(value) ? value : {}
  if (!isObject(inner) || !isObject(ranges) || Object.keys(others).length > 0) throw malformed()
  if (order === 'oldest-first' && Object.keys(ranges).length > 0) throw malformed()
  const positions = new Map<string, number>()
  const add = (writer: string, sequence: number) => {
    if (positions.size >= MAX_CURSOR_WRITERS) throw malformed()
    positions.set(writer, sequence)
  }
  for (const [name, epochs] of Object.entries(ranges)) for (const writer of writersIn(name, epochs)) add(writer, 1)
  for (const [writer, sequence] of Object.entries(inner)) {
    if (parseWriter(writer) === undefined || typeof sequence !== 'number') throw malformed()
    if (!Number.isSafeInteger(sequence) || sequence < 0) throw malformed()
    add(writer, sequence)
  }
  return positions
}

const malformed = () => new Fault('request-malformed', { hint: 'The cursor is not valid for this order.' })

/** Name → its epochs as `1-40,42`. */
function rangesOf(writers: ReadonlySet<string>): Map<string, string> {
  const epochs = new Map<string, number[]>()
  for (const text of writers) {
    const writer = parseWriter(text)
    if (writer !== undefined) epochs.getOrInsertComputed(writer.name, () => []).push(writer.epoch)
  }
  const ranges = new Map<string, string>()
  for (const [name, all] of epochs) {
    const runs: { first: number; last: number }[] = []
    for (const epoch of all.toSorted((a, b) => a - b)) {
      const run = runs.at(-1)
      if (run?.last === epoch - 1) run.last = epoch
      else runs.push({ first: epoch, last: epoch })
    }
    ranges.set(name, runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(','))
  }
  return ranges
}

function writersIn(name: string, ranges: unknown): string[] {
  if (parseWriter(name)?.name !== name || typeof ranges !== 'string' || !/^[\d,-]{1,4096}$/.test(ranges)) {
    throw malformed()
  }
  return ranges.split(',').flatMap((range) => {
    const match = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(range)
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (match === null || first < 1 || last < first || last > MAX_EPOCHS) throw malformed()
    return Array.from({ length: last - first + 1 }, (_, at) => formatWriter(name, first + at))
  })
}
