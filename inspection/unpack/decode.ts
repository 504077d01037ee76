// Compressed bytes as bytes, within a budget. A bomb ends where the budget does; must never allocate what a header claims.
import {
  brotliDecompressSync,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
  type ZlibOptions,
} from 'node:zlib'
import type { Budget } from './budget.ts'

export type Coding = 'gzip' | 'deflate' | 'deflate-raw' | 'br' | 'zstd'

const decoders: Readonly<Record<Coding, (bytes: Buffer, options: ZlibOptions) => Buffer>> = {
  gzip: gunzipSync,
  deflate: (bytes, options) => {
    // Two readings of "deflate" are in use: with and without the zlib header.
    const isZlib =
      bytes.length > 1 && ((bytes[0] ?? 0) & 0x0f) === 8 && (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % 31 === 0
    return isZlib ? inflateSync(bytes, options) : inflateRawSync(bytes, options)
  },
  'deflate-raw': inflateRawSync,
  br: (bytes, { maxOutputLength }) =>
    brotliDecompressSync(bytes, { ...(maxOutputLength !== undefined && { maxOutputLength }), info: true }),
  zstd: (bytes, { maxOutputLength }) =>
    zstdDecompressSync(bytes, { ...(maxOutputLength !== undefined && { maxOutputLength }), info: true }),
}

/** With `info` Node answers with the bytes and the engine, which its types do not say. */
function withTaken(result: unknown): { readonly out: Buffer; readonly taken: number } {
  const { buffer, engine } = result as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }
  return { out: buffer, taken: engine.bytesWritten }
}

/** Null, with a gap in the budget, when the bytes are broken or grow too far. */
export function decode(bytes: Buffer, coding: Coding, budget: Budget, part?: string): Buffer | null {
  const room = budget.room()
  if (room === 0) {
    budget.unscannable('bomb', part)
    return null
  }
  try {
    const { out, taken } = withTaken(decoders[coding](bytes, { maxOutputLength: room, info: true }))
    budget.spend(out.length)
    // Some readers go on behind the end, and whoever smuggles reads on by hand. Padding with zeros is usual on tapes; what
    // stands behind `deflate` is left to its container.
    const isPacked = coding === 'gzip' || coding === 'br' || coding === 'zstd'
    if (isPacked && bytes.subarray(taken).some((byte) => byte !== 0)) budget.unscannable('contradictory', part)
    return out
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    budget.unscannable(code === 'ERR_BUFFER_TOO_LARGE' ? 'bomb' : 'malformed', part)
    if (code === 'ERR_BUFFER_TOO_LARGE') budget.spend(room)
    return null
  }
}

/** `content-encoding` as a list, outermost last as sent; null when one is unknown. */
export function codingsOf(header: string | null): readonly Coding[] | null {
  const names = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  const codings: Coding[] = []
  for (const name of names) {
    if (name === 'gzip' || name === 'x-gzip') codings.push('gzip')
    else if (name === 'deflate' || name === 'br' || name === 'zstd') codings.push(name)
    else return null
  }
  return codings
}
