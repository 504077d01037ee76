// A text as its reader will see it, with a way back to where each character stands: JSON without escapes, forms without
// percent signs. What is found in a view can be reported and masked in the original. Must never change what it cannot map.
import { isUtf8 } from 'node:buffer'
import { oneByteEach } from '#inspection/text/charset.ts'
import type { Hit } from '#inspection/text/page.ts'
import { hitsIn, type TextOptions } from '#inspection/text/scan-text.ts'

export type View = {
  readonly bytes: Buffer
  /** Place in the view → place in the original. */
  readonly original: (place: number) => number
}

const same = (place: number) => place

class Writer {
  readonly out: Buffer
  to = 0
  readonly #places: number[] = []
  readonly #leads: number[] = []

  constructor(size: number) {
    this.out = Buffer.allocUnsafe(size)
  }

  /** `from`: where the original goes on after what was just written. */
  mark(from: number): void {
    this.#places.push(this.to)
    this.#leads.push(from - this.to)
  }

  view(): View {
    const places = this.#places
    const leads = this.#leads
    const bytes = this.out.subarray(0, this.to)
    const original = (place: number) => {
      let low = 0
      let high = places.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((places[middle] ?? 0) <= place) low = middle + 1
        else high = middle
      }
      return place + (leads[low - 1] ?? 0)
    }
    return { bytes: isUtf8(bytes) ? bytes : oneByteEach(bytes), original }
  }
}

const shortEscapes: Readonly<Record<number, number>> = {
  0x6e: 10,
  0x72: 13,
  0x74: 9,
  0x62: 8,
  0x66: 12,
  0x22: 0x22,
  0x5c: 0x5c,
  0x2f: 0x2f,
}

/** JSON with its escapes read, wherever it is broken as well. */
export function jsonView(bytes: Buffer): View {
  if (!bytes.includes(0x5c)) return { bytes, original: same }
  const writer = new Writer(bytes.length)
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] as number
    if (byte !== 0x5c) {
      writer.out[writer.to++] = byte
      at++
      continue
    }
    const next = bytes[at + 1] ?? 0
    const short = shortEscapes[next]
    if (short !== undefined) {
      writer.out[writer.to++] = short
      at += 2
    } else if (next === 0x75) {
      const read = unicodeEscape(bytes, at)
      writer.to += writer.out.write(read.text, writer.to, 'utf8')
      at += read.length
    } else {
      writer.out[writer.to++] = byte
      at++
      continue
    }
    writer.mark(at)
  }
  return writer.view()
}

function unicodeEscape(bytes: Buffer, at: number): { readonly text: string; readonly length: number } {
  const pair = /^\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})/i.exec(bytes.toString('latin1', at, at + 12))
  if (pair)
    return {
      text: String.fromCharCode(Number.parseInt(pair[1] ?? '', 16), Number.parseInt(pair[2] ?? '', 16)),
      length: 12,
    }
  const one = /^\\u([0-9a-f]{4})/i.exec(bytes.toString('latin1', at, at + 6))
  return one ? { text: String.fromCharCode(Number.parseInt(one[1] ?? '', 16)), length: 6 } : { text: '?', length: 2 }
}

/** `application/x-www-form-urlencoded`. */
export function formView(bytes: Buffer): View {
  if (!bytes.includes(0x25) && !bytes.includes(0x2b)) return { bytes, original: same }
  const writer = new Writer(bytes.length)
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] as number
    const value = byte === 0x25 ? Number.parseInt(bytes.toString('latin1', at + 1, at + 3), 16) : Number.NaN
    const isEscape = byte === 0x25 && /^[0-9a-f]{2}$/i.test(bytes.toString('latin1', at + 1, at + 3))
    writer.out[writer.to++] = isEscape ? value : byte === 0x2b ? 0x20 : byte
    at += isEscape ? 3 : 1
    if (isEscape) writer.mark(at)
  }
  return writer.view()
}

/** Hits with places of the original. */
export function hitsThrough(
  view: View,
  options: TextOptions,
): { readonly hits: readonly Hit[]; readonly isFull: boolean } {
  const { hits, isFull } = hitsIn(view.bytes, options)
  if (view.original === same) return { hits, isFull }
  return { hits: hits.map((hit) => ({ ...hit, start: view.original(hit.start), end: view.original(hit.end) })), isFull }
}
