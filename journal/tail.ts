// Follows one chain forwards from a sequence on, across segments, as the writer adds to it. Must never hand out an
// unfinished line, and never more than it was asked for.
import { open, type FileHandle } from 'node:fs/promises'
import { FIRST_READ_BYTES, MAX_LINE_BYTES } from './caps.ts'
import { isMissing, listSegments, segmentPath, type ChainPlace } from './layout.ts'
import { parseLine, splitLines, type StoredRecord } from './record.ts'

export type TailChunk = {
  /** First sequence of the segment all these lines are from. */
  readonly segment: number
  readonly records: readonly StoredRecord[]
  /** The same lines as they are stored, line feeds included. */
  readonly bytes: Buffer
  /** Lines that could not be read, or did not fit in the sequence. */
  readonly badLines: number
}

export class ChainTail {
  readonly place: ChainPlace
  /** The sequence handed out last. */
  sequence: number
  #segment: number | undefined
  #offset = 0
  #file: FileHandle | undefined
  /** The segment behind this one, seen before the last read. */
  #next: number | undefined

  constructor(place: ChainPlace, afterSequence: number) {
    this.place = place
    this.sequence = afterSequence
  }

  /** The next whole lines, none beyond `through`; undefined when there is nothing more at the moment. */
  async read(maxBytes: number, through = Number.MAX_SAFE_INTEGER): Promise<TailChunk | undefined> {
    while (this.sequence < through) {
      if (this.#segment === undefined && !(await this.#locate())) return undefined
      const segment = this.#segment ?? 0
      const chunk = await this.#readLines(segment, maxBytes, through)
      if (chunk === 'beyond') return undefined
      if (chunk !== undefined) {
        if (chunk.records.length > 0 || chunk.badLines > 0) return chunk
        continue
      }
      // The folder is listed only where a segment seems to be at its end.
      const next = await this.#successor(segment)
      if (next === undefined) return undefined
      this.#next = next === this.#next ? undefined : next
      // Read once more: a segment gets no more lines once it has a successor, but it may have got some before.
      if (this.#next !== undefined) continue
      await this.close()
      this.#segment = next
      this.#offset = 0
    }
    return undefined
  }

  /** Lets go of the file and keeps the place: reading may go on. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #locate(): Promise<boolean> {
    const segments = await listSegments(this.place.dir)
    this.#segment = segments.findLast((first) => first <= this.sequence + 1) ?? segments[0]
    this.#offset = 0
    return this.#segment !== undefined
  }

  async #successor(segment: number): Promise<number | undefined> {
    return (await listSegments(this.place.dir)).find((first) => first > segment)
  }

  // Undefined: no whole line follows. `beyond`: one does, but not yet for us. Empty: only lines already handed out.
  async #readLines(segment: number, maxBytes: number, through: number): Promise<TailChunk | 'beyond' | undefined> {
    if (this.#file === undefined) {
      try {
        this.#file = await open(segmentPath(this.place.dir, segment), 'r')
      } catch (error) {
        // Removed in the meantime: go on with what is left.
        if (!isMissing(error)) throw error
        this.#segment = undefined
        return { segment, records: [], bytes: Buffer.alloc(0), badLines: 0 }
      }
    }
    // Mostly a few records follow: the buffer grows where there are more.
    let size = Math.min(maxBytes, FIRST_READ_BYTES)
    let buffer = Buffer.allocUnsafe(size)
    let filled = 0
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, filled, size - filled, this.#offset + filled)
      filled += bytesRead
      if (filled < size || (size >= maxBytes && buffer.includes(10))) break
      if (size > MAX_LINE_BYTES) return undefined
      size = size < maxBytes ? Math.min(maxBytes, size * 4) : size * 2
      buffer = Buffer.concat([buffer, Buffer.allocUnsafe(size - buffer.length)])
    }
    const { lines } = splitLines(buffer.subarray(0, filled))
    if (lines.length === 0) return undefined
    const records: StoredRecord[] = []
    let badLines = 0
    let begin = -1
    let end = 0
    for (const line of lines) {
      const record = parseLine(line)
      if (record !== undefined && record.sequence > through) break
      if (record === undefined) badLines++
      else if (record.sequence > this.sequence) {
        if (begin < 0) begin = end
        this.sequence = record.sequence
        records.push(record)
      }
      end += line.length + 1
    }
    this.#offset += end
    if (end === 0) return 'beyond'
    return { segment, records, bytes: buffer.subarray(begin < 0 ? end : begin, end), badLines }
  }
}
