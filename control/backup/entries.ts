// What is inside a backup: entries of a length, a JSON header and a body. Anyone may have made the file, so every name and
// size is checked. Must never give out a path that could leave the folder it is put into.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'

const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const digest = z.record(z.string().max(64), z.strictObject({ count: bytes, sum: z.string().max(64) }))
/** Relative, no dot-names but our own kinds of file, no way up. */
const path = z
  .string()
  .max(1024)
  .regex(/^(?:[A-Za-z0-9_=-][A-Za-z0-9_.=@-]*\/)*[A-Za-z0-9_=-][A-Za-z0-9_.=@-]*$/)

const header = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('about'),
    software: z.string().max(64),
    takenAtMs: bytes,
    /** Below the folder: where the control plane's store lies; null when this folder has none. */
    storePath: path.nullable(),
    migrations: z.array(z.string().max(64)).max(1000),
    bytes: z.literal(0),
  }),
  z.strictObject({
    kind: z.literal('rows'),
    table: z.string().max(64),
    bytes: bytes.max(caps.backupRowsBytes.default),
  }),
  z.strictObject({ kind: z.literal('file'), path, mode: z.union([z.literal(0o600), z.literal(0o644)]), bytes }),
  z.strictObject({ kind: z.literal('end'), rows: digest, files: bytes, bytes: z.literal(0) }),
])
export type EntryHeader = z.infer<typeof header>
export type About = Extract<EntryHeader, { kind: 'about' }>
export type Entry = { readonly header: EntryHeader; readonly body: () => AsyncGenerator<Buffer> }

export function writeHeader(entry: EntryHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header.parse(entry)))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}

const malformed = (why: string, cause?: unknown) =>
  new Fault('document-invalid', { hint: `The backup cannot be read: ${why}.`, cause })

/** Each entry's body is read, or passed over, before the next. Throws Fault `document-invalid`. */
export async function* readEntries(plain: AsyncIterable<Uint8Array>): AsyncGenerator<Entry> {
  const source = new ByteSource(plain)
  for (;;) {
    const length = await source.exactly(4)
    if (length === undefined) return
    const size = length.readUInt32BE()
    if (size > caps.backupHeaderBytes.default) throw malformed('a header is too large')
    const text = await source.exactly(size)
    if (text === undefined) throw malformed('it ends in a header')
    let read: EntryHeader
    try {
      read = header.parse(JSON.parse(text.toString()))
    } catch (cause) {
      throw malformed('a header has another form', cause)
    }
    let left: number = read.bytes
    async function* body(): AsyncGenerator<Buffer> {
      while (left > 0) {
        const part = await source.atMost(left)
        if (part === undefined) throw malformed('it ends in a body')
        left -= part.length
        yield part
      }
    }
    yield { header: read, body }
    for await (const passedOver of body()) void passedOver
  }
}

/** A body that is known to be small. */
export async function wholeBody(entry: Entry): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of entry.body()) parts.push(part)
  return Buffer.concat(parts)
}

class ByteSource {
  readonly #source: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Undefined at the very end; throws when it ends inside. */
  async exactly(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    for (let need = count; need > 0;) {
      const part = await this.atMost(need)
      if (part === undefined) {
        if (parts.length === 0) return undefined
        throw malformed('it ends too early')
      }
      parts.push(part)
      need -= part.length
    }
    return Buffer.concat(parts)
  }

  async atMost(count: number): Promise<Buffer | undefined> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#source.next()
      if (done) return undefined
      this.#held = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    const part = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(part.length)
    return part
  }
}
