// Cuts a byte stream into frames: u32 length of the payload, u8 kind, payload. Must never hold more than one frame
// and one chunk, nor wait for the bytes of a frame whose head is already wrong.
import { Fault } from '#core/fault.ts'

export const frameKinds = { json: 0, binary: 1, ping: 2, pong: 3 } as const
export const FRAME_HEAD_BYTES = 5

/** Calls `onFrame` for each whole frame; the payload may share memory with the chunk it came in. */
export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #onFrame: (kind: number, payload: Buffer) => void
  #store: Buffer = Buffer.alloc(0)
  #held = 0
  #needed = FRAME_HEAD_BYTES

  constructor(maxFrameBytes: number, onFrame: (kind: number, payload: Buffer) => void) {
    this.#maxFrameBytes = maxFrameBytes
    this.#onFrame = onFrame
  }

  /** Bytes of a frame that is not whole yet. */
  get heldBytes(): number {
    return this.#held
  }

  /** Throws Fault `wire-malformed`; the connection is then of no more use. */
  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.#held > 0) {
      this.#hold(chunk)
      if (this.#held < this.#needed) return
      bytes = this.#store.subarray(0, this.#held)
      this.#store = Buffer.alloc(0)
      this.#held = 0
    }
    let at = 0
    for (;;) {
      this.#needed = FRAME_HEAD_BYTES
      if (bytes.length - at < FRAME_HEAD_BYTES) break
      const length = bytes.readUInt32BE(at)
      const kind = bytes[at + 4] ?? 255
      this.#checkHead(kind, length)
      this.#needed = FRAME_HEAD_BYTES + length
      if (bytes.length - at < this.#needed) break
      const end = at + this.#needed
      this.#onFrame(kind, bytes.subarray(at + FRAME_HEAD_BYTES, end))
      at = end
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at))
  }

  #hold(bytes: Buffer): void {
    const length = this.#held + bytes.length
    if (length > this.#store.length) {
      // Doubling: a frame sent byte by byte costs neither a copy nor an object per byte.
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#store.length))
      this.#store.copy(larger, 0, 0, this.#held)
      this.#store = larger
    }
    bytes.copy(this.#store, this.#held)
    this.#held = length
  }

  #checkHead(kind: number, length: number): void {
    const isControl = kind === frameKinds.ping || kind === frameKinds.pong
    const isKnown = isControl || kind === frameKinds.json || kind === frameKinds.binary
    const limit = isControl ? 0 : this.#maxFrameBytes
    if (isKnown && length <= limit) return
    throw new Fault('wire-malformed', { detail: { why: 'frame head', kind, length } })
  }
}
