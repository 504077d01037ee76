// Masks sensitive values in a body on its way, for the kinds of body where that can be done: text, JSON, forms and multipart,
// not compressed. Lengths never change, so a content-length stays true. Must never let out a byte that was not looked at.
import { Fault } from '#core/fault.ts'
import type { BodyMeta, Finding, Redaction, Verdict } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { isSensitive } from '#inspection/detectors/catalogue.ts'
import { boundaryOf, partsOfMultipart } from '#inspection/extract/mime.ts'
import { formView, hitsThrough, jsonView, type View } from '#inspection/extract/views.ts'
import { verdictOf } from '#inspection/file/inspect-body.ts'
import { codePoints, toFinding, UniqueCount } from '#inspection/text/findings.ts'
import { oneByteEach } from '#inspection/text/charset.ts'
import type { Hit } from '#inspection/text/page.ts'
import { isUtf8 } from 'node:buffer'
import { Budget } from '#inspection/unpack/budget.ts'
import { defaultLimits } from '#inspection/file/inspect-body.ts'
import { mask } from './mask.ts'

type Kind = 'text' | 'json' | 'form' | 'multipart'

function kindOf(meta: BodyMeta): Kind | null {
  if (meta.contentEncoding !== null && meta.contentEncoding.toLowerCase() !== 'identity') return null
  const type = (meta.contentType ?? '').toLowerCase().split(';', 1)[0]?.trim() ?? ''
  if (/^application\/(?:[\w.-]+\+)?json$|^application\/(?:x-)?(?:ndjson|jsonl)$/.test(type)) return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type === 'multipart/form-data') return boundaryOf(meta.contentType ?? '') === null ? null : 'multipart'
  return type.startsWith('text/') ? 'text' : null
}

/** Null: bodies of this kind cannot be masked, and policy must block or let them be. */
export function openRedaction(meta: BodyMeta): Redaction | null {
  const kind = kindOf(meta)
  if (kind === null) return null
  return kind === 'text' ? streamText() : holdWhole(meta, kind)
}

type Masked = { readonly findings: Finding[]; readonly unique: UniqueCount; masked: number; seen: number }

const begin = (): Masked => ({ findings: [], unique: new UniqueCount(), masked: 0, seen: 0 })

function take(
  state: Masked,
  bytes: Buffer,
  hits: readonly Hit[],
  kind: 'text' | 'json' | 'form',
  place: (at: number) => number,
  part?: string,
): void {
  const secret = hits.filter(({ type }) => isSensitive(type))
  for (const hit of hits) {
    state.unique.add(hit.type, bytes.toString('utf8', hit.start, hit.end))
    const start = place(hit.start)
    if (state.findings.length < caps.findings.default)
      state.findings.push(toFinding(hit, start, place(hit.end), 'dlp', part))
  }
  state.masked += secret.length
  mask(bytes, secret, kind)
}

function finish(state: Masked, fileType: string): { readonly verdict: Verdict; readonly masked: number } {
  const verdict = verdictOf(
    { fileType, findings: state.findings, unique: state.unique.counts(), bytesSeen: state.seen },
    [],
  )
  return { verdict, masked: state.masked }
}

/** JSON, forms and multipart are read whole, up to the cap: masking half of one would be worse than none. */
function holdWhole(meta: BodyMeta, kind: 'json' | 'form' | 'multipart'): Redaction {
  const held: Buffer[] = []
  let size = 0
  return {
    push(chunk) {
      size += chunk.length
      if (size <= caps.redactBytes.default) held.push(Buffer.from(chunk))
      return Buffer.alloc(0)
    },
    async end() {
      if (size > caps.redactBytes.default)
        throw new Fault('request-too-large', {
          hint: `Values can be masked in bodies of up to ${caps.redactBytes.default} bytes.`,
        })
      const bytes = Buffer.concat(held)
      held.length = 0
      const state = begin()
      state.seen = bytes.length
      if (kind === 'multipart') maskParts(state, bytes, boundaryOf(meta.contentType ?? '') ?? '')
      else maskOne(state, bytes, kind)
      return { rest: bytes, ...finish(state, kind) }
    },
    abort() {
      held.length = 0
    },
  }
}

function maskOne(state: Masked, bytes: Buffer, kind: 'text' | 'json' | 'form', part?: string): void {
  const text = isUtf8(bytes) ? bytes : oneByteEach(bytes)
  const view: View =
    kind === 'json' ? jsonView(text) : kind === 'form' ? formView(text) : { bytes: text, original: (at) => at }
  const { hits, isFull } = hitsThrough(view, {})
  if (isFull) throw new Fault('request-too-large', { hint: 'It has more sensitive values than can be masked.' })
  take(state, bytes, hits, kind, codePoints(text), part)
}

function maskParts(state: Masked, bytes: Buffer, boundary: string): void {
  const budget = new Budget(defaultLimits, bytes.length)
  for (const part of partsOfMultipart(bytes, boundary, budget)) {
    const body = bytes.subarray(part.start, part.end)
    // A part that is encoded or is a file of its own kind cannot be masked in place.
    if (part.fileName !== null && !/^text\/|json/i.test(part.contentType)) continue
    maskOne(state, body, /json/i.test(part.contentType) ? 'json' : 'text', part.name)
  }
  if (budget.gaps.length > 0)
    throw new Fault('request-malformed', { hint: 'The parts of the form could not be told apart.' })
}

/** Text leaves as it comes, but for a tail long enough to hold any value and the words before it. */
function streamText(): Redaction {
  const state = begin()
  let kept: Buffer = Buffer.alloc(0)
  let taken = 0
  let points = 0
  const scan = (isLast: boolean): Buffer => {
    const whole = isLast ? kept.length : Math.max(0, kept.length - 4)
    const window = kept.subarray(0, whole)
    const text = isUtf8(window) ? window : oneByteEach(window)
    const limit = isLast ? text.length : Math.max(taken, text.length - caps.redactTailBytes.default)
    const { hits, isFull } = hitsThrough({ bytes: text, original: (at) => at }, {})
    if (isFull) throw new Fault('request-too-large', { hint: 'It has more sensitive values than can be masked.' })
    const now = hits.filter(({ start }) => start >= taken && start < limit)
    // What begins before the limit is masked whole, so the part behind the limit is masked already.
    const place = codePoints(text)
    const from = Math.max(0, limit - caps.windowContextBytes.default)
    // Counted before masking, which may put several stars in the place of one character.
    const passed = codePoints(text)(from)
    take(state, kept, now, 'text', (at) => place(at) + points)
    const out = Buffer.from(kept.subarray(sentUpTo, isLast ? kept.length : limit))
    if (!isLast) {
      points += passed
      taken = Math.max(limit, ...now.map(({ end }) => end)) - from
      sentUpTo = limit - from
      kept = Buffer.from(kept.subarray(from))
    }
    return out
  }
  let sentUpTo = 0
  return {
    push(chunk) {
      state.seen += chunk.length
      kept = Buffer.concat([kept, chunk])
      return kept.length - sentUpTo > caps.redactTailBytes.default * 2 ? scan(false) : Buffer.alloc(0)
    },
    async end() {
      const rest = scan(true)
      kept = Buffer.alloc(0)
      return { rest, ...finish(state, 'text') }
    },
    abort() {
      kept = Buffer.alloc(0)
    },
  }
}
