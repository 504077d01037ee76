// The sealed form of a backup: chunks under AES-256-GCM whose nonces count and say which is the last (STREAM: Hoang,
// Reyhanitabar, Rogaway, Vizár 2015). Must never pass on a byte of a chunk that does not verify, nor take an end for one
// that was not written as the end.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { ML_KEM_CIPHERTEXT_BYTES, openFileKey, type Recipient, sealFileKey, X25519_BYTES } from './recipient.ts'

const MAGIC = Buffer.from('SALLYPORT BACKUP 1\n')
const HEAD_BYTES = MAGIC.length + X25519_BYTES + ML_KEM_CIPHERTEXT_BYTES
const CHUNK_BYTES = 65_536
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

/** The nonce of chunk `index`: an 11-byte counter, and whether it is the last. Each file has a key of its own. */
function nonce(index: number, isLast: boolean): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUIntBE(index, 5, 6)
  bytes[11] = isLast ? 1 : 0
  return bytes
}

export async function* sealStream(plain: AsyncIterable<Uint8Array>, to: Recipient): AsyncGenerator<Buffer> {
  const { fileKey, head } = sealFileKey(to)
  yield Buffer.concat([MAGIC, head])
  let index = 0
  for await (const { chunk, isLast } of chunksOf(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv(ALGORITHM, fileKey, nonce(index++, isLast), { authTagLength: TAG_BYTES })
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()])
  }
}

/** Throws Fault `document-invalid` when the file is none of ours, was altered or cut, or is for another key. */
export async function* openStream(sealed: AsyncIterable<Uint8Array>, of: Recipient): AsyncGenerator<Buffer> {
  const source = sealed[Symbol.asyncIterator]()
  let waiting: Buffer = Buffer.alloc(0)
  while (waiting.length < HEAD_BYTES) {
    const { done, value } = await source.next()
    if (done) throw new Fault('document-invalid', { hint: 'That is no backup, or only the beginning of one.' })
    waiting = Buffer.concat([waiting, value])
  }
  if (!waiting.subarray(0, MAGIC.length).equals(MAGIC))
    throw new Fault('document-invalid', { hint: 'That is no backup of Sallyport, or one of another version.' })
  const fileKey = openFileKey(of, waiting.subarray(MAGIC.length, HEAD_BYTES))
  const rest = (async function* () {
    yield waiting.subarray(HEAD_BYTES)
    for (;;) {
      const { done, value } = await source.next()
      if (done) return
      yield value
    }
  })()
  let index = 0
  for await (const { chunk, isLast } of chunksOf(rest, CHUNK_BYTES + TAG_BYTES))
    yield openChunk(fileKey, nonce(index++, isLast), chunk)
}

function openChunk(fileKey: Buffer, iv: Buffer, chunk: Buffer): Buffer {
  try {
    const decipher = createDecipheriv(ALGORITHM, fileKey, iv, { authTagLength: TAG_BYTES })
    decipher.setAuthTag(chunk.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(chunk.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new Fault('document-invalid', {
      hint: 'The backup was altered or cut short, or it is sealed for another key.',
      cause,
    })
  }
}

/** Parts of exactly `size` bytes; the last is marked, has between 0 and `size`, and always comes. */
async function* chunksOf(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly chunk: Buffer; readonly isLast: boolean }> {
  let parts: Uint8Array[] = []
  let held = 0
  for await (const part of source) {
    parts.push(part)
    held += part.length
    // One byte more than a chunk shows that it is not the last.
    if (held <= size) continue
    let whole = Buffer.concat(parts)
    for (; whole.length > size; whole = whole.subarray(size)) yield { chunk: whole.subarray(0, size), isLast: false }
    parts = [whole]
    held = whole.length
  }
  yield { chunk: Buffer.concat(parts), isLast: true }
}
