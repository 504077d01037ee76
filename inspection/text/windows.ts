// A text of any length in constant memory: scanned in windows that overlap, so that no value is lost or found twice where two
// meet. The bytes must be one text in UTF-8; must never hold more than a window and its overlap.
import { isUtf8 } from 'node:buffer'
import type { Finding } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { oneByteEach } from './charset.ts'
import { codePoints, toFinding, UniqueCount } from './findings.ts'
import { hitsIn } from './scan-text.ts'

export type WindowOptions = { readonly minConfidence?: number; readonly maxFindings?: number; readonly part?: string }

export class TextWindows {
  readonly findings: Finding[] = []
  readonly unique = new UniqueCount()
  isFull = false
  bytesSeen = 0
  readonly #options: WindowOptions
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** What is kept of the last window, the code points before it, and up to which of its bytes values were taken. */
  #kept: Buffer = Buffer.alloc(0)
  #pointsBefore = 0
  #taken = 0

  constructor(options: WindowOptions = {}) {
    this.#options = options
  }

  push(chunk: Buffer): void {
    this.bytesSeen += chunk.length
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes >= caps.windowBytes.default) this.#scan(false)
  }

  end(): void {
    this.#scan(true)
  }

  #scan(isLast: boolean): void {
    let window = Buffer.concat([this.#kept, ...this.#pending])
    this.#pending = []
    this.#pendingBytes = 0
    let rest: Buffer = Buffer.alloc(0)
    if (!isLast) {
      // A character cut in two waits for its other half.
      const whole = wholeCharacters(window)
      rest = window.subarray(whole)
      window = window.subarray(0, whole)
    }
    const text = isUtf8(window) ? window : oneByteEach(window)
    const limit = isLast ? text.length + 1 : Math.max(this.#taken, text.length - caps.windowTailBytes.default)
    const maxFindings = this.#options.maxFindings ?? caps.findings.default
    const { hits, isFull } = hitsIn(text, { ...this.#options, maxFindings: maxFindings * 2 })
    this.isFull ||= isFull
    const place = codePoints(text, this.#pointsBefore)
    for (const hit of hits) {
      if (hit.start < this.#taken || hit.start >= limit) continue
      if (this.findings.length >= maxFindings) {
        this.isFull = true
        break
      }
      this.unique.add(hit.type, text.toString('utf8', hit.start, hit.end))
      const start = place(hit.start)
      this.findings.push(toFinding(hit, start, place(hit.end), 'dlp', this.#options.part))
    }
    if (isLast) {
      this.#kept = Buffer.alloc(0)
      return
    }
    const keepFrom = characterStart(text, Math.max(0, limit - caps.windowContextBytes.default))
    this.#pointsBefore = place(keepFrom)
    this.#taken = limit - keepFrom
    // Copied, so that the window itself can be freed.
    this.#kept = Buffer.concat([text.subarray(keepFrom), rest])
  }
}

/** How many bytes are whole characters: less than all when the last one is cut. */
function wholeCharacters(bytes: Buffer): number {
  let at = bytes.length - 1
  while (at >= 0 && bytes.length - at < 4 && ((bytes[at] as number) & 0xc0) === 0x80) at--
  const lead = bytes[at] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return at >= 0 && at + length > bytes.length ? at : bytes.length
}

function characterStart(bytes: Buffer, at: number): number {
  let start = at
  while (start > 0 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start--
  return start
}
