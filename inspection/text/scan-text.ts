// Findings of the built-in detectors in one text. Works on one thread, in time linear in the text.
import { isAscii } from 'node:buffer'
import type { Finding } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { codePoints, resolve, toFinding, type UniqueCount } from './findings.ts'
import { fold } from './fold.ts'
import type { Hit } from './page.ts'
import { scanBytes } from './scan.ts'

/** One place can be a candidate of several types, and most candidates are too unlikely to report. */
const RAW_PER_FINDING = 4

export type TextOptions = {
  readonly minConfidence?: number
  readonly maxFindings?: number
  readonly unique?: UniqueCount
  readonly part?: string
}

export type TextFindings = { readonly findings: readonly Finding[]; readonly isFull: boolean }

/** Hits in bytes of the text as it was given, sorted, none overlapping (except host names). */
export function hitsIn(
  bytes: Buffer,
  options: TextOptions = {},
): { readonly hits: readonly Hit[]; readonly isFull: boolean } {
  const folded = isAscii(bytes) ? null : fold(bytes)
  const minConfidence = options.minConfidence ?? caps.minConfidence.default
  const { hits, isFull } = scanBytes(
    folded?.bytes ?? bytes,
    (options.maxFindings ?? caps.findings.default) * RAW_PER_FINDING,
    minConfidence,
  )
  const resolved = resolve(hits, minConfidence)
  if (folded === null) return { hits: resolved, isFull }
  // The end is the place behind the last character, not before what was left out behind it.
  const mapped = resolved.map((hit) => ({
    ...hit,
    start: folded.original(hit.start),
    end: folded.original(hit.end - 1) + widthAt(bytes, folded.original(hit.end - 1)),
  }))
  return { hits: mapped, isFull }
}

function widthAt(bytes: Buffer, place: number): number {
  let end = place + 1
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end++
  return end - place
}

/** `bytes` must be valid UTF-8. */
export function scanText(bytes: Buffer, options: TextOptions = {}): TextFindings {
  const { hits, isFull } = hitsIn(bytes, options)
  if (hits.length === 0) return { findings: [], isFull }
  const place = codePoints(bytes)
  const findings = hits.map((hit) => {
    options.unique?.add(hit.type, bytes.toString('utf8', hit.start, hit.end))
    const start = place(hit.start)
    return toFinding(hit, start, place(hit.end), 'dlp', options.part)
  })
  return { findings, isFull }
}
