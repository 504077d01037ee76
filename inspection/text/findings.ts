// From hits in bytes to findings: one type for a place, code points instead of bytes, different values counted. Must never
// keep a value: only its keyed hash, for as long as the count goes on.
import { createHmac, randomBytes } from 'node:crypto'
import { isAscii } from 'node:buffer'
import type { Finding, InspectorName } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import type { Hit } from './page.ts'

/** Types that may lie within or around others and take no place from them. */
const beside = new Set(['DOMAIN_NAME'])

/** Of overlapping hits the likelier, then the longer one, then the one found first. Sorted by start. */
export function resolve(hits: readonly Hit[], minConfidence: number): readonly Hit[] {
  const sorted = hits
    .filter(({ confidence }) => confidence >= minConfidence)
    .toSorted((a, b) => a.start - b.start || b.end - a.end)
  const kept: Hit[] = []
  const open: Hit[] = []
  let last = -1
  for (const hit of sorted) {
    if (beside.has(hit.type)) {
      open.push(hit)
      continue
    }
    const previous = kept[last]
    if (previous === undefined || hit.start >= previous.end) {
      last = kept.push(hit) - 1
    } else if (
      hit.confidence > previous.confidence + 1e-9 ||
      (Math.abs(hit.confidence - previous.confidence) < 1e-9 && hit.end - hit.start > previous.end - previous.start)
    ) {
      kept[last] = hit
    }
  }
  return open.length === 0 ? kept : [...kept, ...open].toSorted((a, b) => a.start - b.start || a.end - b.end)
}

/** Turns byte places of a UTF-8 text into code points; places must come in ascending order of `start`. */
export function codePoints(bytes: Buffer, from = 0): (place: number) => number {
  if (isAscii(bytes)) return (place) => place + from
  let at = 0
  let count = 0
  return (place) => {
    if (place < at) {
      at = 0
      count = 0
    }
    // Continuation bytes are no characters.
    for (; at < place; at++) if (((bytes[at] as number) & 0xc0) !== 0x80) count++
    return count + from
  }
}

/** Counts different values per type, up to a cap, without keeping any. */
export class UniqueCount {
  readonly #key = randomBytes(32)
  readonly #seen = new Map<string, Set<string>>()

  add(type: string, value: string): void {
    const set = this.#seen.get(type) ?? new Set()
    this.#seen.set(type, set)
    if (set.size >= caps.uniqueValues.default) return
    const plain = value.replaceAll(/[\s.\-/()]/g, '').toUpperCase()
    set.add(createHmac('sha256', this.#key).update(plain).digest('base64').slice(0, 16))
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(Array.from(this.#seen, ([type, set]) => [type, set.size]))
  }
}

export function toFinding(hit: Hit, start: number, end: number, inspector: InspectorName, part?: string): Finding {
  return {
    type: hit.type,
    start,
    end,
    confidence: Math.round(Math.min(1, hit.confidence) * 100) / 100,
    inspector,
    ...(part !== undefined && { part }),
    ...(hit.label !== undefined && { label: hit.label }),
  }
}
