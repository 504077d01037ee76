// Parts of a MIME message or a multipart body (RFC 2046, RFC 7578), decoded. Must never recurse by itself: the caller counts
// the depth.
import type { Budget } from '#inspection/unpack/budget.ts'

const MAX_HEADER_BYTES = 64 * 1024
const MAX_PARTS = 1000

export type MimePart = {
  readonly name: string
  readonly fileName: string | null
  readonly contentType: string
  readonly bytes: Buffer
  /** Where the raw body of the part lies. */
  readonly start: number
  readonly end: number
}

/** Parts of a message with headers of its own; null when it is none. */
export function partsOfMessage(bytes: Buffer, budget: Budget): readonly MimePart[] | null {
  const head = headersOf(bytes, 0)
  if (head === null) return null
  const boundary = boundaryOf(head.headers.get('content-type') ?? '')
  if (boundary !== null) return partsOfMultipart(bytes, boundary, budget, head.end)
  return [toPart(bytes, head.headers, head.end, bytes.length, 'body', budget)]
}

export function boundaryOf(contentType: string): string | null {
  if (!/^\s*multipart\//i.test(contentType)) return null
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  return match?.[1] ?? match?.[2] ?? null
}

/** The boundary that a body begins with, when no header says it. */
export function leadingBoundary(bytes: Buffer): string | null {
  return (
    /^--([\w'()+,./:=?-]{3,70})\r?\n(?:[A-Za-z-]+:[^\n]*\r?\n)+/.exec(
      bytes.toString('latin1', 0, Math.min(bytes.length, 2048)),
    )?.[1] ?? null
  )
}

export function partsOfMultipart(bytes: Buffer, boundary: string, budget: Budget, from = 0): readonly MimePart[] {
  const mark = Buffer.from(`--${boundary}`, 'latin1')
  const parts: MimePart[] = []
  let at = bytes.indexOf(mark, from)
  if (at < 0) {
    budget.unscannable('malformed')
    return []
  }
  while (at >= 0) {
    const next = bytes.indexOf(mark, at + mark.length)
    const isClosing = bytes.toString('latin1', at + mark.length, at + mark.length + 2) === '--'
    if (isClosing) break
    if (parts.length >= MAX_PARTS) {
      budget.partial('entries')
      break
    }
    let start = bytes.indexOf(0x0a, at + mark.length) + 1
    if (start === 0) break
    let end = next < 0 ? bytes.length : next
    if (next >= 0 && bytes[end - 1] === 0x0a) end--
    if (next >= 0 && bytes[end - 1] === 0x0d) end--
    end = Math.max(start, end)
    const head = headersOf(bytes.subarray(0, end), start)
    if (head !== null) start = head.end
    parts.push(toPart(bytes, head?.headers ?? new Map(), Math.min(start, end), end, `part${parts.length + 1}`, budget))
    at = next
  }
  return parts
}

type Head = { readonly headers: ReadonlyMap<string, string>; readonly end: number }

function headersOf(bytes: Buffer, from: number): Head | null {
  const headers = new Map<string, string>()
  let at = from
  let last: string | null = null
  while (at < bytes.length && at - from < MAX_HEADER_BYTES) {
    const newline = bytes.indexOf(0x0a, at)
    const end = newline < 0 ? bytes.length : newline
    const line = bytes.toString('latin1', at, end).replace(/\r$/, '')
    at = end + 1
    if (line === '') return { headers, end: Math.min(at, bytes.length) }
    if (/^[ \t]/.test(line) && last !== null) headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`)
    else {
      const split = line.indexOf(':')
      if (split < 1) return headers.size > 0 ? { headers, end: at - 1 - line.length } : null
      last = line.slice(0, split).toLowerCase()
      if (!headers.has(last)) headers.set(last, line.slice(split + 1).trim())
    }
  }
  return headers.size > 0 ? { headers, end: bytes.length } : null
}

function toPart(
  bytes: Buffer,
  headers: ReadonlyMap<string, string>,
  start: number,
  end: number,
  name: string,
  budget: Budget,
): MimePart {
  const disposition = headers.get('content-disposition') ?? ''
  const contentType = headers.get('content-type') ?? ''
  const fileName =
    /\bfilename\*?=(?:UTF-8'')?(?:"([^"]*)"|([^\s;]+))/i.exec(disposition) ??
    /\bname=(?:"([^"]*)"|([^\s;]+))/i.exec(contentType)
  const field = /\bname=(?:"([^"]*)"|([^\s;]+))/i.exec(disposition)
  const raw = bytes.subarray(start, end)
  const file = fileName?.[1] ?? fileName?.[2] ?? null
  return {
    name: file ?? field?.[1] ?? field?.[2] ?? name,
    fileName: file,
    contentType,
    bytes: decodeTransfer(raw, (headers.get('content-transfer-encoding') ?? '').toLowerCase(), budget),
    start,
    end,
  }
}

function decodeTransfer(raw: Buffer, encoding: string, budget: Budget): Buffer {
  if (encoding === 'base64') {
    const out = Buffer.from(raw.toString('latin1'), 'base64')
    budget.spend(out.length)
    return out
  }
  if (encoding === 'quoted-printable') return quotedPrintable(raw)
  return raw
}

export function quotedPrintable(raw: Buffer): Buffer {
  const text = raw.toString('latin1').replaceAll(/=\r?\n/g, '')
  return Buffer.from(
    text.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
