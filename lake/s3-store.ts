// An object store that speaks the S3 protocol. Must never leave parts of an upload behind that it can take back, nor call
// an object stored before the store said so.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { checkKey, checkPrefix, type ObjectInfo, type ObjectStore } from './object-store.ts'
import { S3Client, type S3Config, type S3Deps } from './s3-client.ts'

export type S3Store = ObjectStore & { readonly close: () => void }

const MEBIBYTE = 1024 * 1024
/** Bytes of one part, all of which is in memory once; files up to this size go in one request. */
const PART_BYTES = 16 * MEBIBYTE
/** The protocol's own limit is 10,000. */
const MAX_PARTS = 9000
const MAX_LIST_BYTES = 8 * MEBIBYTE
const MAX_SMALL_BYTES = MEBIBYTE

export function openS3Store(config: S3Config & { readonly partBytes?: number }, deps: S3Deps): S3Store {
  const client = new S3Client(config, deps)
  const { prefix, partBytes = PART_BYTES } = config

  async function put(key: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
    expectFound(await client.send({ method: 'PUT', key, body, maxAnswerBytes: MAX_SMALL_BYTES }, signal))
  }

  async function putParts(key: string, path: string, size: number, sha256: string, signal: AbortSignal): Promise<void> {
    const begun = await client.send(
      { method: 'POST', key, query: { uploads: '' }, maxAnswerBytes: MAX_SMALL_BYTES },
      signal,
    )
    const uploadId = textOf(expectFound(begun).body.toString(), 'UploadId')
    if (uploadId === undefined) throw new Fault('lake-unavailable', { hint: 'The object store began no upload.' })
    try {
      const each = Math.max(partBytes, Math.ceil(size / MAX_PARTS))
      const tags: string[] = []
      const sum = createHash('sha256')
      const md5 = createHash('md5')
      for await (const part of partsOf(path, each)) {
        sum.update(part)
        md5.update(part)
        const query = { partNumber: String(tags.length + 1), uploadId }
        const ask = { method: 'PUT', key, query, body: part, maxAnswerBytes: MAX_SMALL_BYTES } as const
        const tag = expectFound(await client.send(ask, signal)).headers['etag']
        if (typeof tag !== 'string') throw new Fault('lake-unavailable', { hint: 'The object store named no part.' })
        tags.push(tag)
      }
      if (sum.digest('hex') !== sha256) throw new Fault('lake-corrupt', { detail: { key } })
      const whole = md5.digest('hex')
      const list = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escape(tag)}</ETag></Part>`)
      const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`)
      const headers = { 'content-type': 'application/xml' }
      const ask = { method: 'POST', key, query: { uploadId }, headers, body, maxAnswerBytes: MAX_SMALL_BYTES } as const
      const done = await client.send(ask, signal).catch(async (error: unknown) => {
        if (await isWhole(key, tags, whole, signal)) return null
        throw error
      })
      // Tried again after an answer that was lost: the object is there, and the upload is not.
      if (done === null || (done.status === 404 && (await isThere(key, size, signal)))) return
      expectFound(done)
      // The store answers 200 before it is done, and may tell of a failure afterwards.
      if (!done.body.includes('CompleteMultipartUploadResult')) {
        throw new Fault('lake-unavailable', { hint: 'The object store did not complete the upload.' })
      }
    } catch (error) {
      const ask = { method: 'DELETE', key, query: { uploadId }, maxAnswerBytes: MAX_SMALL_BYTES } as const
      await client.send(ask, AbortSignal.timeout(10_000)).catch(() => {})
      throw error
    }
  }

  async function isThere(key: string, size: number, signal: AbortSignal): Promise<boolean> {
    const there = await client.send({ method: 'HEAD', key, maxAnswerBytes: 0 }, signal)
    return there.status !== 404 && Number(there.headers['content-length']) === size
  }

  /** Whether the object is the one of these parts, by its tag: Amazon's sum over the parts' sums, or that of it all. */
  async function isWhole(key: string, tags: readonly string[], whole: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    const sums = tags.map((tag) => tag.replaceAll('"', '')).join('')
    const ofParts = createHash('md5').update(Buffer.from(sums, 'hex')).digest('hex')
    const there = await client.send({ method: 'HEAD', key, maxAnswerBytes: 0 }, signal).catch(() => undefined)
    const tag = there?.headers['etag']
    return tag === `"${ofParts}-${tags.length}"` || tag === `"${whole}"`
  }

  async function* list(below: string, signal: AbortSignal): AsyncGenerator<ObjectInfo, void> {
    const whole = `${prefix}${checkPrefix(below)}`
    let token: string | undefined
    do {
      const query = { 'list-type': '2', prefix: whole, ...(token !== undefined && { 'continuation-token': token }) }
      const page = expectFound(
        await client.send({ method: 'GET', key: '', query, maxAnswerBytes: MAX_LIST_BYTES }, signal),
      )
      const text = page.body.toString('utf8')
      for (const [, contents = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const key = textOf(contents, 'Key')
        const bytes = Number(textOf(contents, 'Size'))
        if (key?.startsWith(prefix) === true && Number.isSafeInteger(bytes))
          yield { key: key.slice(prefix.length), bytes }
      }
      const next = textOf(text, 'IsTruncated') === 'true' ? textOf(text, 'NextContinuationToken') : undefined
      if (next !== undefined && next === token) throw new Fault('lake-unavailable', { hint: 'The list does not end.' })
      token = next
    } while (token !== undefined)
  }

  return {
    put: (key, bytes, signal) => put(checkKey(key), bytes, signal),
    putFile: async (key, path, sha256, signal) => {
      checkKey(key)
      const { size, body } = await readIfSmall(path, partBytes)
      if (body === undefined) return await putParts(key, path, size, sha256, signal)
      if (createHash('sha256').update(body).digest('hex') !== sha256)
        throw new Fault('lake-corrupt', { detail: { key } })
      await put(key, body, signal)
    },
    get: async (key, maxBytes, signal) => {
      const answer = await client.send({ method: 'GET', key: checkKey(key), maxAnswerBytes: maxBytes }, signal)
      return answer.status === 404 ? notThere(answer.body) : answer.body
    },
    head: async (key, signal) => {
      const answer = await client.send({ method: 'HEAD', key: checkKey(key), maxAnswerBytes: 0 }, signal)
      if (answer.status === 404) return undefined
      return { key, bytes: Number(answer.headers['content-length']) }
    },
    list,
    remove: async (key, signal) => {
      await client.send({ method: 'DELETE', key: checkKey(key), maxAnswerBytes: MAX_SMALL_BYTES }, signal)
    },
    removeAll: async (below, signal) => {
      checkPrefix(below)
      // Listed to the end first: removing while listing would skip some.
      const keys: string[] = []
      for await (const { key } of list(below, signal)) keys.push(key)
      for (const key of keys) await client.send({ method: 'DELETE', key, maxAnswerBytes: MAX_SMALL_BYTES }, signal)
    },
    close: () => client.close(),
  }
}

// An object that is not there is an answer; a bucket that is not there is a mistake.
function notThere(body: Buffer): undefined {
  if (textOf(body.toString(), 'Code') === 'NoSuchBucket') {
    throw new Fault('configuration-invalid', { hint: 'The object store has no such bucket.' })
  }
  return undefined
}

function expectFound<A extends { readonly status: number; readonly body: Buffer }>(answer: A): A {
  if (answer.status !== 404) return answer
  notThere(answer.body)
  throw new Fault('lake-unavailable', { hint: 'The object store lost the upload.' })
}

async function readIfSmall(path: string, most: number): Promise<{ readonly size: number; readonly body?: Buffer }> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return size > most ? { size } : { size, body: await handle.readFile() }
  } finally {
    await handle.close()
  }
}

async function* partsOf(path: string, each: number): AsyncGenerator<Uint8Array, void> {
  const handle = await open(path, 'r')
  try {
    for (let position = 0; ;) {
      const part = Buffer.allocUnsafe(each)
      let filled = 0
      while (filled < each) {
        const { bytesRead } = await handle.read(part, filled, each - filled, position + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      if (filled === 0) return
      yield part.subarray(0, filled)
      position += filled
    }
  } finally {
    await handle.close()
  }
}

// The protocol's answers are XML of a fixed form; names occur once in the piece looked at.
function textOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found?.replace(
    /&(lt|gt|quot|apos|amp|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, word: string, ten, sixteen) => {
      if (ten !== undefined || sixteen !== undefined) {
        const point = ten !== undefined ? Number(ten) : Number.parseInt(String(sixteen), 16)
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole
      }
      return entities[word] ?? whole
    },
  )
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
