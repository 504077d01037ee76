// Texts on their own, without an exchange: what `sallyport inspect text` says about a file, a stream or a line.
import { createReadStream } from 'node:fs'
import type { Finding } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { isSensitive } from '#inspection/detectors/catalogue.ts'
import { toUtf8, wideForm } from './charset.ts'
import { UniqueCount } from './findings.ts'
import { scanText } from './scan-text.ts'
import { TextWindows } from './windows.ts'

export type TextVerdict = {
  readonly verdict: 'clean' | 'sensitive' | 'partial'
  readonly reason?: 'findings'
  readonly findings: readonly Finding[]
  readonly unique: Readonly<Record<string, number>>
}

function verdictOf(findings: readonly Finding[], unique: UniqueCount, isFull: boolean): TextVerdict {
  const verdict = findings.some(({ type }) => isSensitive(type)) ? 'sensitive' : isFull ? 'partial' : 'clean'
  return { verdict, ...(isFull && { reason: 'findings' as const }), findings, unique: unique.counts() }
}

export function inspectString(text: string): TextVerdict {
  const unique = new UniqueCount()
  const { findings, isFull } = scanText(Buffer.from(text), { unique })
  return verdictOf(findings, unique, isFull)
}

/** A file of any length in constant memory when it is UTF-8; other encodings are read whole, up to a cap. */
export async function inspectTextStream(source: AsyncIterable<Buffer>): Promise<TextVerdict> {
  const head: Buffer[] = []
  let headBytes = 0
  const windows = new TextWindows()
  let isWide: boolean | null = null
  for await (const chunk of source) {
    if (isWide === false) {
      windows.push(chunk)
      continue
    }
    head.push(chunk)
    headBytes += chunk.length
    if (isWide === null && headBytes >= 4096) {
      isWide = wideForm(Buffer.concat(head)) !== null
      if (!isWide) for (const each of head.splice(0)) windows.push(each)
    }
    if (headBytes > caps.wideTextBytes.default) break
  }
  if (head.length > 0) windows.push(toUtf8(Buffer.concat(head)))
  windows.end()
  return verdictOf(windows.findings, windows.unique, windows.isFull)
}

export const readText = (file: string): AsyncIterable<Buffer> =>
  file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 })

export type LineResult = TextVerdict | { readonly error: { readonly code: string; readonly message: string } }

/** One JSON string per line; a line that is none gives an error in its place, and the rest goes on. */
export async function* inspectLines(source: AsyncIterable<Buffer>): AsyncGenerator<LineResult> {
  for await (const line of linesOf(source)) {
    if (line === null) {
      yield {
        error: { code: 'request-too-large', message: `The line is longer than ${caps.lineBytes.default} bytes.` },
      }
      continue
    }
    let value: unknown
    try {
      value = JSON.parse(line.toString('utf8'))
    } catch {
      yield { error: { code: 'request-malformed', message: 'The line is not JSON.' } }
      continue
    }
    if (typeof value === 'string') yield inspectString(value)
    else yield { error: { code: 'request-malformed', message: 'The line is not a JSON string.' } }
  }
}

/** Lines without their ends; null for one that is longer than the cap, whose rest is dropped. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = []
  let size = 0
  let isTooLong = false
  const take = (): Buffer | null => {
    const line = isTooLong ? null : Buffer.concat(parts)
    parts = []
    size = 0
    isTooLong = false
    return line
  }
  for await (const chunk of source) {
    let from = 0
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      if (!isTooLong) parts.push(chunk.subarray(from, at))
      const line = take()
      from = at + 1
      yield line
    }
    if (from === chunk.length) continue
    size += chunk.length - from
    if (size > caps.lineBytes.default) {
      isTooLong = true
      parts = []
    } else parts.push(Buffer.from(chunk.subarray(from)))
  }
  if (size > 0) yield take()
}
