// Where a reading stopped: one position per writer, as text a client keeps. Must never trust that text: it names
// sequences only, and a wrong one shows other events of the same tenant at worst.
import { Fault } from '#core/fault.ts'
import { MAX_CURSOR_CHARACTERS, MAX_READ_WRITERS } from './caps.ts'
import { parseWriter } from './layout.ts'
import { isObject } from './record.ts'

export type EventOrder = 'newest-first' | 'oldest-first'

/** Writer → the sequence seen last. */
export type Positions = ReadonlyMap<string, number>

export function formatCursor(order: EventOrder, positions: Positions): string {
  const letter = order === 'newest-first' ? 'n' : 'o'
  return Buffer.from(JSON.stringify({ [letter]: Object.fromEntries(positions) })).toString('base64url')
}

/** Throws `request-malformed` when the text is not a cursor of this order. */
export function parseCursor(order: EventOrder, text: string): Positions {
  const letter = order === 'newest-first' ? 'n' : 'o'
  const malformed = new Fault('request-malformed', { hint: 'The cursor is not valid for this order.' })
  if (text.length > MAX_CURSOR_CHARACTERS || !/^[\w-]+$/.test(text)) throw malformed
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    throw malformed
  }
  const inner = isObject(value) && Object.keys(value).length === 1 ? value[letter] : undefined
  if (!isObject(inner)) throw malformed
  const positions = new Map<string, number>()
  for (const [writer, sequence] of Object.entries(inner)) {
    if (parseWriter(writer) === undefined || typeof sequence !== 'number') throw malformed
    if (!Number.isSafeInteger(sequence) || sequence < 0 || positions.size >= MAX_READ_WRITERS) throw malformed
    positions.set(writer, sequence)
  }
  return positions
}
