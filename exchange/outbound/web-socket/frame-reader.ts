// Frames of a WebSocket (RFC 6455, 5) as they come, kept byte for byte, with what they carry in clear. Must never accept
// what a receiver could read in another way: reserved bits, wrong masking, broken fragments, lengths not in shortest form.
export type Frame = {
  readonly opcode: number
  readonly isFinal: boolean
  /** As it came, to be sent on. */
  readonly bytes: Buffer
  /** Unmasked. */
  readonly payload: Buffer
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const known: ReadonlySet<number> = new Set(Object.values(opcodes))
const MAX_CONTROL_BYTES = 125
const none: readonly Frame[] = []
const FINAL = 0x80
const RESERVED = 0x70
const MASKED = 0x80

export class FrameReader {
  readonly #isMasked: boolean
  readonly #maxFrameBytes: number
  #held: Buffer = Buffer.alloc(0)
  /** Came since, and put together only when the next step can be made: a frame may come byte by byte. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #neededBytes = 2
  #isWithinMessage = false

  /** `isMasked`: frames of clients are, frames of servers are not. */
  constructor(isMasked: boolean, maxFrameBytes: number) {
    this.#isMasked = isMasked
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Whole frames. Throws `RangeError` for what breaks the protocol, or is longer than a frame may be. */
  push(chunk: Buffer): readonly Frame[] {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.#held.length + this.#waitingBytes < this.#neededBytes) return none
    this.#held = Buffer.concat([this.#held, ...this.#waiting])
    this.#waiting = []
    this.#waitingBytes = 0
    const frames: Frame[] = []
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame)
    return frames
  }

  #next(): Frame | undefined {
    const held = this.#held
    this.#neededBytes = 2
    if (held.length < 2) return undefined
    const [first = 0, second = 0] = held
    const opcode = first & 0x0f
    const isFinal = (first & FINAL) !== 0
    if ((first & RESERVED) !== 0 || !known.has(opcode)) throw new RangeError('an extension that was not agreed on')
    if (((second & MASKED) !== 0) !== this.#isMasked) throw new RangeError('masking the wrong way round')
    const size = lengthAt(held, second & 0x7f)
    if (size === undefined) {
      this.#neededBytes = (second & 0x7f) === 126 ? 4 : 10
      return undefined
    }
    const { length, headBytes } = size
    if (opcode >= opcodes.close && (length > MAX_CONTROL_BYTES || !isFinal))
      throw new RangeError('a long control frame')
    if (length > this.#maxFrameBytes) throw new RangeError('a frame that is too long to be looked at')
    const bodyAt = headBytes + (this.#isMasked ? 4 : 0)
    this.#neededBytes = bodyAt + length
    if (held.length < this.#neededBytes) return undefined
    const bytes = held.subarray(0, bodyAt + length)
    this.#held = held.subarray(bodyAt + length)
    if (opcode < opcodes.close) this.#follow(opcode, isFinal)
    const body = bytes.subarray(bodyAt)
    return {
      opcode,
      isFinal,
      bytes,
      payload: this.#isMasked ? unmasked(body, bytes.subarray(headBytes, bodyAt)) : body,
    }
  }

  #follow(opcode: number, isFinal: boolean): void {
    if ((opcode === opcodes.continuation) !== this.#isWithinMessage) throw new RangeError('fragments out of order')
    this.#isWithinMessage = !isFinal
  }
}

function lengthAt(held: Buffer, short: number): { readonly length: number; readonly headBytes: number } | undefined {
  if (short < 126) return { length: short, headBytes: 2 }
  if (short === 126) {
    if (held.length < 4) return undefined
    const length = held.readUInt16BE(2)
    if (length < 126) throw new RangeError('a length not in its shortest form')
    return { length, headBytes: 4 }
  }
  if (held.length < 10) return undefined
  const length = held.readBigUInt64BE(2)
  if (length < 65_536n || length > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a length that is none')
  return { length: Number(length), headBytes: 10 }
}

function unmasked(body: Buffer, mask: Buffer): Buffer {
  const clear = Buffer.allocUnsafe(body.length)
  for (let at = 0; at < body.length; at++) clear[at] = (body[at] ?? 0) ^ (mask[at & 3] ?? 0)
  return clear
}

/** A close frame; `mask`: as a client sends it. */
export function closeFrame(code: number, reason: string, mask?: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason).subarray(0, 120)])
  const head = Buffer.from([FINAL | opcodes.close, payload.length | (mask === undefined ? 0 : MASKED)])
  return mask === undefined ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, unmasked(payload, mask)])
}
