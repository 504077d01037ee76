// A refusal of the API as the console sees it: a stable code, the server's message, and the place it is about.
// Must never show anything but text; all of it is hostile.
import { plain } from './plain-text.ts'

export type Place = { readonly line: number; readonly column: number | null }

export type PlacedFault = { readonly at: string; readonly message: string }
type Options = { readonly message?: string; readonly at?: unknown; readonly faults?: unknown; readonly cause?: unknown }

export class ApiFault extends Error {
  readonly code: string
  readonly status: number
  readonly at: string | null
  readonly place: Place | null
  /** What is wrong where, when a document was refused: one entry each. */
  readonly faults: readonly PlacedFault[]

  constructor(code: string, status: number, options: Options = {}) {
    super(plain(options.message ?? ''), { cause: options.cause })
    this.name = 'ApiFault'
    this.code = code
    this.status = status
    this.at = typeof options.at === 'string' ? plain(options.at) : null
    this.faults = (Array.isArray(options.faults) ? options.faults : [])
      .filter(isRecord)
      .slice(0, MAX_FAULTS)
      .map(placedFault)
    this.place = placeOf(options.at) ?? placeOf(this.faults[0]?.message) ?? placeOf(options.message)
  }
}

// As many as a person reads at once; the rest shows up after these are mended.
const MAX_FAULTS = 20

function placedFault({ at, message }: Record<string, unknown>): PlacedFault {
  return { at: typeof at === 'string' ? plain(at) : '', message: typeof message === 'string' ? plain(message) : '' }
}

/** The fault in a reply `{error: {code, message, at?, faults?}}`; anything else is `reply-malformed`. */
export function faultOf(status: number, text: string): ApiFault {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    body = null
  }
  const error = isRecord(body) ? body['error'] : null
  if (!isRecord(error)) return new ApiFault(status === 401 ? 'not-signed-in' : 'reply-malformed', status)
  const { code, message, at, faults } = error
  return new ApiFault(typeof code === 'string' ? code : 'reply-malformed', status, {
    ...(typeof message === 'string' && { message }),
    at,
    faults,
  })
}

/** Line and column from `{line, column}`, `3`, `"3:12"` or a message with "line 3, column 12". */
export function placeOf(at: unknown): Place | null {
  if (typeof at === 'number') return Number.isInteger(at) && at > 0 ? { line: at, column: null } : null
  if (isRecord(at)) {
    const { line, column } = at
    return typeof line === 'number' ? { line, column: typeof column === 'number' ? column : null } : null
  }
  if (typeof at !== 'string') return null
  const match = /(?:^|:)(\d{1,6})(?::(\d{1,6}))?$/.exec(at) ?? /\bline (\d{1,6})(?:\D{1,12}column (\d{1,6}))?/i.exec(at)
  if (!match) return null
  return { line: Number(match[1]), column: match[2] === undefined ? null : Number(match[2]) }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
