// Hot path. One record: its line, its hash, and reading it back. Must never accept a line it would not have written.
import { hash } from 'node:crypto'
import type { ChainPlace } from './layout.ts'

/**
 * A line as read. `json` is the event's bytes exactly as stored, which are what the hash covers; of a record that its
 * receiver refused, a stand-in that says so, and the bytes are `refused`.
 */
export type StoredRecord = {
  readonly sequence: number
  readonly timeMs: number
  readonly hash: string
  readonly json: Buffer
  readonly refused?: Buffer
}

type ChainName = Pick<ChainPlace, 'tenant' | 'writer'>

const LINE_FEED = 10
const CLOSING_BRACE = 125
const CLOSING_BRACKET = 93
const MAX_HEAD_CHARACTERS = 117
const headPattern = /^\[([1-9]\d{0,15}),(0|[1-9]\d{0,15}),"([0-9a-f]{64})",(null,)?\{/
/** What readers get instead of a refused event: OCSF's base event, attributed to nobody. */
const standIn = Buffer.from(
  JSON.stringify({
    class_uid: 0,
    category_uid: 0,
    activity_id: 0,
    type_uid: 0,
    severity_id: 4,
    message: 'An event of this writer was refused: it is not its to tell.',
  }),
)
const hashPattern = /^[0-9a-f]{64}$/

export function isHash(text: unknown): text is string {
  return typeof text === 'string' && hashPattern.test(text)
}

/** hash 0 of a chain: names tenant and writer, so that no two chains share a beginning. */
export function genesisHash(chain: ChainName): string {
  return hash('sha256', `sallyport-journal-genesis-v1\n${chain.tenant}\n${chain.writer}`, 'hex')
}

/** A clock's reading as a record can hold it, whatever the clock says: time is information, it must not break a line. */
export function wholeMs(clockMs: number): number {
  return clockMs >= 0 && clockMs <= Number.MAX_SAFE_INTEGER ? Math.floor(clockMs) : 0
}

/** What every record hash of the chain begins with. Made once per chain. */
export function hashPrefix(chain: ChainName): string {
  return `sallyport-journal-record-v1\n${chain.tenant}\n${chain.writer}\n`
}

export function hashRecord(prefix: string, sequence: number, previous: string, timeMs: number, json: string): string {
  return hash('sha256', `${prefix}${sequence}\n${previous}\n${timeMs}\n${json}`, 'hex')
}

export function formatLine(sequence: number, timeMs: number, recordHash: string, json: string): string {
  return `[${sequence},${timeMs},"${recordHash}",${json}]\n`
}

/** The line of a record as its receiver keeps it when it refuses it: no reader takes it for an event. */
export function formatRefused({ sequence, timeMs, hash: recordHash, json }: StoredRecord): Buffer {
  return Buffer.concat([Buffer.from(`[${sequence},${timeMs},"${recordHash}",null,`), json, Buffer.from(']\n')])
}

/** The hash a stored record must have after `previous`. Over bytes, because what is stored need not be valid UTF-8. */
export function hashStored(prefix: string, previous: string, record: StoredRecord): string {
  const head = `${prefix}${record.sequence}\n${previous}\n${record.timeMs}\n`
  const json = record.refused ?? record.json
  const bytes = scratchOf(head.length + json.length)
  bytes.write(head, 0, 'latin1')
  json.copy(bytes, head.length)
  return hash('sha256', bytes.subarray(0, head.length + json.length), 'hex')
}

/** Reads a line without its line feed; undefined when it is not one of ours. Does not look inside the event. */
export function parseLine(line: Buffer): StoredRecord | undefined {
  const end = line.length - 1
  if (line[end] !== CLOSING_BRACKET || line[end - 1] !== CLOSING_BRACE) return undefined
  const match = headPattern.exec(line.toString('latin1', 0, MAX_HEAD_CHARACTERS))
  if (match === null || match[3] === undefined) return undefined
  const sequence = Number(match[1])
  const timeMs = Number(match[2])
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(timeMs)) return undefined
  const json = line.subarray(match[0].length - 1, end)
  const head = { sequence, timeMs, hash: match[3] }
  return match[4] === undefined ? { ...head, json } : { ...head, json: standIn, refused: json }
}

/** The event inside a record; undefined when it is not UTF-8 or not a JSON object. */
export function parseEvent(json: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(json))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Cuts `bytes` at line feeds. `rest` is what follows the last one. */
export function splitLines(bytes: Buffer): { readonly lines: Buffer[]; readonly rest: Buffer } {
  const lines: Buffer[] = []
  let start = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, at))
    start = at + 1
  }
  return { lines, rest: bytes.subarray(start) }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Hashing is synchronous, so one buffer serves every caller of this thread.
let scratch = Buffer.allocUnsafe(0)
function scratchOf(bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.allocUnsafe(Math.max(bytes, 128 * 1024))
  return scratch
}
