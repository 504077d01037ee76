// Bytes of text in any of the usual encodings as valid UTF-8. By marks and by content, the declared charset only where both
// are silent; must never fail: what is no UTF-8 is read as Windows-1252, in which every byte is some character.
import { isUtf8 } from 'node:buffer'

const SAMPLE_BYTES = 4096

export function toUtf8(bytes: Buffer, declared?: string): Buffer {
  const wide = wideForm(bytes)
  if (wide !== null) return Buffer.from(new TextDecoder(wide).decode(bytes))
  if (isUtf8(bytes)) return bytes
  return Buffer.from(decoderOf(declared).decode(bytes))
}

function decoderOf(declared: string | undefined): TextDecoder {
  try {
    const decoder = new TextDecoder(declared ?? 'windows-1252', { ignoreBOM: true })
    return decoder.encoding === 'utf-8' ? new TextDecoder('windows-1252') : decoder
  } catch {
    return new TextDecoder('windows-1252')
  }
}

/** By byte order mark, or by every other byte of Western text being zero. */
export function wideForm(bytes: Buffer): 'utf-16le' | 'utf-16be' | null {
  if (bytes.length < 2) return null
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const length = Math.min(bytes.length, SAMPLE_BYTES) & ~1
  if (length < 16) return null
  let even = 0
  let odd = 0
  for (let at = 0; at < length; at += 2) {
    if (bytes[at] === 0) even++
    if (bytes[at + 1] === 0) odd++
  }
  const half = length / 2
  if (odd > half * 0.7 && even < half * 0.1) return 'utf-16le'
  if (even > half * 0.7 && odd < half * 0.1) return 'utf-16be'
  return null
}

/** For invalid UTF-8 in the middle of a text: places keep their meaning when each bad byte becomes one character. */
export function oneByteEach(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes)
  for (let at = 0; at < out.length;) {
    const length = validLength(out, at)
    if (length === 0) out[at++] = 0x3f
    else at += length
  }
  return out
}

function validLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] as number
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
  return length > 0 && at + length <= bytes.length && (length === 1 || isUtf8(bytes.subarray(at, at + length)))
    ? length
    : 0
}
