import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BodyMeta, Inspector, Verdict } from '#core/inspection/verdict.ts'
import { startInspector } from './inspect.ts'
import { eicarBytes } from './malware/eicar.ts'
import { startWorkerPool, defaultPool } from './worker-pool.ts'

const meta: BodyMeta = {
  direction: 'upload',
  method: 'POST',
  url: 'https://example.com/',
  contentType: null,
  contentEncoding: null,
  contentLength: null,
  fileName: null,
  wanted: ['dlp', 'malware'],
}

async function send(inspector: Inspector, bytes: Buffer, size: number, more: Partial<BodyMeta> = {}): Promise<Verdict> {
  const body = inspector.open({ ...meta, ...more })
  for (let at = 0; at < bytes.length; at += size) if (!body.push(bytes.subarray(at, at + size))) await body.drained()
  return body.end()
}

test('finds EICAR in chunks of any size', async () => {
  const inspector = startInspector()
  for (const size of [1, 7, 67, 68]) assert.equal((await send(inspector, eicarBytes(), size)).kind, 'malicious')
  await inspector.close()
})

test('scans a long text as it comes, without holding it, and finds values where windows meet', async () => {
  const inspector = startInspector({ bodyBytes: 100_000 })
  const card = ' card 4111 1111 1111 1111 '
  const line = 'The quick brown fox ünd so weiter. '.repeat(1000)
  const bytes = Buffer.from(Array.from({ length: 120 }, () => line + card).join(''))
  const verdict = await send(inspector, bytes, 50_001, { wanted: ['dlp'] })
  assert.equal(verdict.kind, 'sensitive')
  assert.equal(verdict.findings.length, 120)
  assert.equal(verdict.unique['CREDIT_CARD'], 1)
  const text = Array.from(bytes.toString())
  for (const { start, end } of verdict.findings) assert.equal(text.slice(start, end).join(''), '4111 1111 1111 1111')
  await inspector.close()
})

test('says that only the beginning of a large binary was looked at', async () => {
  const inspector = startInspector({ bodyBytes: 100_000 })
  const verdict = await send(inspector, Buffer.alloc(300_000, 0x01), 65_536)
  assert.equal(verdict.kind, 'partial')
  assert.equal(verdict.bytesSeen, 300_000)
  await inspector.close()
})

test('gives a verdict when a thread hangs, and goes on with another', async () => {
  // A time that no body can meet: the thread is ended as one that hangs would be.
  const pool = startWorkerPool({ ...defaultPool, threads: 1, deadlineMs: 1 })
  const job = { contentType: null, contentEncoding: null, fileName: null, wanted: ['dlp'] } as const
  const verdict = await pool.run(new Uint8Array(Buffer.from('x')), job)
  assert.deepEqual(
    [verdict.kind, verdict.kind === 'unscannable' && verdict.reason],
    ['unscannable', 'inspector-timeout'],
  )
  await pool.close()
  assert.equal((await pool.run(new Uint8Array(Buffer.from('x')), job)).kind, 'unscannable')
})

test('gives a verdict when a thread meets its memory cap or its deadline, and the next body gets a new one', async () => {
  const pool = startWorkerPool({ ...defaultPool, threads: 1, heapMb: 48, deadlineMs: 4000 })
  const job = { contentType: null, contentEncoding: null, fileName: null, wanted: ['dlp'] } as const
  // A page of a hundred thousand elements that each open another.
  const deep = Buffer.from(`<!doctype html>${'<div title="a">x'.repeat(600_000)}`)
  const verdict = await pool.run(deep, job)
  assert.ok(verdict.kind === 'clean' || (verdict.kind === 'unscannable' && verdict.reason.startsWith('inspector-')))
  assert.equal((await pool.run(new Uint8Array(Buffer.from('mail jane@example.com')), job)).kind, 'sensitive')
  await pool.close()
})

test('does nothing after abort', async () => {
  const inspector = startInspector()
  const body = inspector.open(meta)
  body.push(Buffer.from('x'))
  body.abort()
  assert.equal(body.push(Buffer.from('y')), true)
  await body.drained()
  await inspector.close()
})
