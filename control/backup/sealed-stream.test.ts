import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { randomBytes } from 'node:crypto'
import { isFault } from '#core/fault.ts'
import { makeRecipient, readRecipient } from './recipient.ts'
import { openStream, sealStream } from './sealed-stream.ts'

const { privatePem, publicPem } = makeRecipient()
const to = readRecipient(publicPem, 'public')
const of = readRecipient(privatePem, 'private')
const HEAD = 19 + 32 + 1088
const SEALED_CHUNK = 65_536 + 16

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
async function whole(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return Buffer.concat(parts)
}
const seal = (plain: Uint8Array, part = 10_000) => whole(sealStream(inParts(plain, part), to))
const open = (sealed: Uint8Array, key = of) => whole(openStream(inParts(sealed, 7919), key))
const isRefused = (error: unknown) => isFault(error, 'document-invalid')

describe('the sealed form of a backup', () => {
  it('gives back what was sealed, at every length around a chunk', async () => {
    for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_001]) {
      const plain = randomBytes(length)
      assert.deepEqual(await open(await seal(plain)), plain)
    }
  })
  it('does not open for another key', async () => {
    const other = readRecipient(makeRecipient().privatePem, 'private')
    await assert.rejects(open(await seal(randomBytes(100)), other), isRefused)
  })
  it('is refused when any one byte was altered', async () => {
    const sealed = await seal(randomBytes(70_000))
    for (const at of [
      0,
      5,
      19,
      60,
      1138,
      HEAD,
      HEAD + 70,
      HEAD + SEALED_CHUNK - 1,
      HEAD + SEALED_CHUNK,
      sealed.length - 1,
    ]) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] ?? 0) ^ 1
      await assert.rejects(open(altered), isRefused, `byte ${at}`)
    }
  })
  it('is refused when it was cut, even between two chunks', async () => {
    const sealed = await seal(randomBytes(131_072 + 10))
    const cuts = [0, 10, HEAD - 1, HEAD, HEAD + 5, HEAD + SEALED_CHUNK, HEAD + 2 * SEALED_CHUNK, sealed.length - 1]
    for (const length of cuts) await assert.rejects(open(sealed.subarray(0, length)), isRefused, `cut at ${length}`)
  })
  it('is refused when chunks change places, are repeated, or something follows the last', async () => {
    const sealed = await seal(randomBytes(3 * 65_536 + 10))
    const head = sealed.subarray(0, HEAD)
    const chunk = (index: number) => sealed.subarray(HEAD + index * SEALED_CHUNK, HEAD + (index + 1) * SEALED_CHUNK)
    const tail = sealed.subarray(HEAD + 3 * SEALED_CHUNK)
    await assert.rejects(open(Buffer.concat([head, chunk(1), chunk(0), chunk(2), tail])), isRefused)
    await assert.rejects(open(Buffer.concat([head, chunk(0), chunk(0), chunk(1), chunk(2), tail])), isRefused)
    await assert.rejects(open(Buffer.concat([sealed, tail])), isRefused)
    await assert.rejects(open(Buffer.concat([sealed, Buffer.alloc(1)])), isRefused)
  })
  it('has another key for each file', async () => {
    const plain = Buffer.alloc(100)
    const [first, second] = [await seal(plain), await seal(plain)]
    assert.notDeepEqual(first.subarray(HEAD), second.subarray(HEAD))
    const mixed = Buffer.concat([first.subarray(0, HEAD), second.subarray(HEAD)])
    await assert.rejects(open(mixed), isRefused)
  })
  it('takes no key that is not both of its own', () => {
    for (const pem of ['', 'x', publicPem.split('\n').slice(0, 3).join('\n'), privatePem, publicPem + publicPem])
      assert.throws(
        () => readRecipient(pem, 'public'),
        (error) => isFault(error, 'configuration-invalid'),
      )
  })
})
