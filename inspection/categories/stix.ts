// Reads the indicators of a STIX 2.1 bundle that name hosts or URLs. Only patterns that are one or more equalities joined by
// OR are taken: a pattern with AND, NOT, time or sequence means something narrower, and blocking on half of it would be
// wrong. Must respect `revoked` and `valid_until`.
import { Fault } from '#core/fault.ts'
import { categoryCaps } from './caps.ts'
import { type FeedEntry, readTarget, type Tally } from './feed-formats.ts'

export function readStix(text: string, nowMs: number, take: (entry: FeedEntry) => boolean, tally: Tally): void {
  if (text.length > categoryCaps.maxStixBytes)
    throw new Fault('request-too-large', { hint: 'The STIX bundle is too large.' })
  let bundle: unknown
  try {
    bundle = JSON.parse(text)
  } catch (cause) {
    throw new Fault('document-invalid', { hint: 'The STIX bundle is not JSON.', cause })
  }
  const objects = isRecord(bundle) && Array.isArray(bundle['objects']) ? bundle['objects'] : null
  if (objects === null) throw new Fault('document-invalid', { hint: 'A STIX bundle has an array "objects".' })
  if (objects.length > categoryCaps.maxStixObjects)
    throw new Fault('request-too-large', { hint: 'The STIX bundle has too many objects.' })
  for (const object of objects) {
    if (!isRecord(object) || object['type'] !== 'indicator') continue
    if (object['revoked'] === true || isPast(object['valid_until'], nowMs)) continue
    const targets =
      object['pattern_type'] === 'stix' && typeof object['pattern'] === 'string' ? targetsOf(object['pattern']) : null
    if (targets === null) tally.unreadable++
    else for (const { host, path } of targets) if (take({ host, path, category: '' })) tally.entries++
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isPast = (value: unknown, nowMs: number) => typeof value === 'string' && !(Date.parse(value) > nowMs)

const comparison =
  /^ ?\[? ?(domain-name:value|url:value|[a-z0-9-]+:[A-Za-z0-9_.'-]+) ?= ?'((?:[^'\\]|\\['\\])*)' ?\]? ?$/

/** Hosts and URLs; an equality of something else (a hash, an address) in an OR is passed over. null: not of this shape. */
function targetsOf(pattern: string): readonly { readonly host: string; readonly path: string }[] | null {
  if (pattern.length > categoryCaps.maxLineChars) return null
  const found: { host: string; path: string }[] = []
  // One blank for many, so that no pattern has two ways to read them.
  for (const part of pattern.replaceAll(/\s+/g, ' ').split(' OR ')) {
    const match = comparison.exec(part)
    if (!match) return null
    if (match[1] !== 'domain-name:value' && match[1] !== 'url:value') continue
    const target = readTarget((match[2] ?? '').replace(/\\(['\\])/g, '$1'))
    if (target === null) return null
    found.push(target)
  }
  return found.length === 0 ? null : found
}
