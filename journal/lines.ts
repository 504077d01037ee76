// Reads a segment's lines from either end in chunks. Must never hold more than a chunk and one line, and must never
// take an unfinished line for a whole one.
import { open } from 'node:fs/promises'
import { MAX_LINE_BYTES, READ_CHUNK_BYTES } from './caps.ts'
import { splitLines } from './record.ts'

/** Whole lines without their line feeds. `start` is the file offset of the first one. */
export type LineGroup = { readonly lines: readonly Buffer[]; readonly start: number }

const LINE_FEED = 10

/**
 * The lines of a segment from its beginning. The generator's return value is where the last whole line ended.
 * A line beyond the cap ends it too: whatever follows is not ours.
 */
export async function* forwardLines(path: string, signal?: AbortSignal): AsyncGenerator<LineGroup, number> {
  const file = await open(path, 'r')
  try {
    let start = 0
    let carry: Buffer = Buffer.alloc(0)
    for (;;) {
      signal?.throwIfAborted()
      const chunk = Buffer.allocUnsafe(carry.length + READ_CHUNK_BYTES)
      carry.copy(chunk)
      const { bytesRead } = await file.read(chunk, carry.length, READ_CHUNK_BYTES, start + carry.length)
      if (bytesRead === 0) return start
      const { lines, rest } = splitLines(chunk.subarray(0, carry.length + bytesRead))
      if (lines.length > 0) yield { lines, start }
      start += carry.length + bytesRead - rest.length
      carry = rest
      if (carry.length > MAX_LINE_BYTES) return start
    }
  } finally {
    await file.close()
  }
}

/** The whole lines of a segment from its end; inside a group they still run forwards. */
export async function* backwardLines(path: string, signal?: AbortSignal): AsyncGenerator<LineGroup, void> {
  const file = await open(path, 'r')
  try {
    let position = (await file.stat()).size
    let carry: Buffer = Buffer.alloc(0)
    let isTail = true
    while (position > 0) {
      signal?.throwIfAborted()
      const wanted = Math.min(READ_CHUNK_BYTES, position)
      const chunk = Buffer.allocUnsafe(wanted + carry.length)
      const { bytesRead } = await file.read(chunk, 0, wanted, position - wanted)
      if (bytesRead < wanted) return
      carry.copy(chunk, wanted)
      position -= wanted
      // The first line of a chunk may begin in the one before it.
      const firstFeed = position === 0 ? -1 : chunk.indexOf(LINE_FEED)
      if (position > 0 && firstFeed < 0) {
        carry = chunk
        if (carry.length > MAX_LINE_BYTES) return
        continue
      }
      const { lines, rest } = splitLines(chunk.subarray(firstFeed + 1))
      if (!isTail && rest.length > 0) lines.push(rest)
      // At the tail, bytes after the last line feed are an unfinished line, which is not yielded.
      if (lines.length > 0) yield { lines, start: position + firstFeed + 1 }
      if (isTail && firstFeed >= 0) isTail = false
      carry = firstFeed < 0 ? Buffer.alloc(0) : chunk.subarray(0, firstFeed)
      if (position > 0 && carry.length > MAX_LINE_BYTES) return
    }
  } finally {
    await file.close()
  }
}
