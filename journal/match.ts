// Which events a reader wants: equal fields on dotted paths, and free text. Must never run a pattern from outside.
import { Fault } from '#core/fault.ts'
import { MAX_MATCH_CHARACTERS, MAX_MATCH_FIELDS } from './caps.ts'
import { isObject } from './record.ts'

export type EventMatch = {
  /** `{'actor.user.uid': 'usr_…'}`: all must be equal. An array on the path matches by any of its elements. */
  readonly fields?: Readonly<Record<string, string | number | boolean | null>>
  /** Found anywhere in the event's values, ignoring case. */
  readonly text?: string
}

export type Matcher = (event: Readonly<Record<string, unknown>>) => boolean

/** Throws `request-malformed` beyond the caps. */
export function compileMatch(match: EventMatch | undefined): Matcher {
  const wanted = Object.entries(match?.fields ?? {}).map(([path, value]) => ({
    path: path.split('.'),
    path0: path,
    value,
  }))
  const text = match?.text?.toLowerCase() ?? ''
  const isTooLong = wanted.some(({ path0, value }) => path0.length + String(value).length > MAX_MATCH_CHARACTERS)
  if (wanted.length > MAX_MATCH_FIELDS || text.length > MAX_MATCH_CHARACTERS || isTooLong) {
    throw new Fault('request-malformed', { hint: 'The event filter is too long.' })
  }
  return (event) =>
    wanted.every(({ path, value }) => holds(event, path, 0, value)) && (text === '' || contains(event, text))
}

function holds(node: unknown, path: readonly string[], at: number, value: unknown): boolean {
  // One level of array only: deeper nesting would let an event choose the depth of this recursion.
  if (Array.isArray(node)) return node.some((one) => !Array.isArray(one) && holds(one, path, at, value))
  const key = path[at]
  if (key === undefined) return node === value
  return isObject(node) && Object.hasOwn(node, key) && holds(node[key], path, at + 1, value)
}

// An event is at most 64 KiB, but its nesting may be deep: no recursion.
function contains(event: object, text: string): boolean {
  const open: unknown[] = [event]
  while (open.length > 0) {
    const node = open.pop()
    if (typeof node === 'string' ? node.toLowerCase().includes(text) : typeof node === 'number' && `${node}` === text) {
      return true
    }
    if (typeof node === 'object' && node !== null) for (const one of Object.values(node)) open.push(one)
  }
  return false
}
