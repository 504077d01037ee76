// HOT PATH. Where a body is gathered: copied once, into memory that crosses to a thread as it is and comes back for the next
// body. Must never show a byte past what was put in: the memory may have held another body.
import { caps } from './caps.ts'

export type Spares = {
  /** At least so many bytes; what they hold is not cleared. */
  readonly take: (bytes: number) => ArrayBuffer
  readonly give: (memory: ArrayBuffer) => void
}

/** New memory for every megabyte of text was a fifth of what looking into it cost: clearing, page faults, the collector. */
export function createSpares(): Spares {
  const spares: ArrayBuffer[] = []
  return {
    take(bytes) {
      const at = spares.findIndex(({ byteLength }) => byteLength >= bytes)
      const [spare] = at < 0 ? [] : spares.splice(at, 1)
      return spare ?? new ArrayBuffer(sizeFor(bytes))
    },
    give(memory) {
      // Gone to another thread that did not give it back, or not worth keeping.
      if (memory.detached || memory.byteLength < FIRST_BYTES || memory.byteLength > caps.spareBlockBytes.default) return
      if (spares.length < caps.spareBlocks.default) spares.push(memory)
    },
  }
}

const FIRST_BYTES = 16 * 1024

function sizeFor(bytes: number): number {
  let size = FIRST_BYTES
  while (size < bytes) size *= 2
  return size
}

export class Block {
  readonly #spares: Spares
  readonly #saidBytes: number
  #memory: Uint8Array<ArrayBuffer> | undefined
  #length = 0

  /** `saidBytes`: how long its sender says it is; believed as far as a block that would be kept. */
  constructor(spares: Spares, saidBytes = 0) {
    this.#spares = spares
    this.#saidBytes = Math.min(saidBytes, caps.spareBlockBytes.default)
  }

  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    const wanted = this.#length + chunk.length
    const before = this.#memory
    if (before === undefined || before.length < wanted) {
      const grown = new Uint8Array(this.#spares.take(Math.max(wanted, this.#saidBytes)))
      if (before !== undefined) {
        grown.set(before.subarray(0, this.#length))
        this.#spares.give(before.buffer)
      }
      this.#memory = grown
    }
    this.#memory?.set(chunk, this.#length)
    this.#length = wanted
  }

  /** What was put in; not for longer than the block holds it. */
  view(): Buffer<ArrayBuffer> {
    return this.#memory === undefined ? Buffer.alloc(0) : Buffer.from(this.#memory.buffer, 0, this.#length)
  }

  /** The bytes for whoever gives their memory back; the block is empty. */
  release(): Buffer<ArrayBuffer> {
    const bytes = this.view()
    this.#memory = undefined
    this.#length = 0
    return bytes
  }

  drop(): void {
    this.#spares.give(this.release().buffer)
  }
}
