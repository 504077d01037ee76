import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BodyMeta } from '#core/inspection/verdict.ts'
import { inspectString } from '#inspection/text/inspect-text.ts'
import { openRedaction } from './redaction.ts'

const meta = (contentType: string): BodyMeta => ({
  direction: 'upload',
  method: 'POST',
  url: 'https://example.com/',
  contentType,
  contentEncoding: null,
  contentLength: null,
  fileName: null,
  wanted: ['dlp'],
})

async function redact(contentType: string, text: string, size = 1000): Promise<string> {
  const redaction = openRedaction(meta(contentType))
  assert.ok(redaction)
  const bytes = Buffer.from(text)
  const out: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) out.push(redaction.push(bytes.subarray(at, at + size)))
  const { rest } = await redaction.end()
  const whole = Buffer.concat([...out, rest])
  assert.equal(whole.length, bytes.length, 'the length never changes')
  return whole.toString()
}

test('masks values in JSON and leaves it JSON', async () => {
  const text = JSON.stringify({
    card: 4111111111111111,
    note: 'my card is 4111 1111 1111 1111, ok',
    list: [4111111111111111, 'jane@example.com'],
    n: 5,
  })
  const out = JSON.parse(await redact('application/json', text)) as Record<string, unknown>
  assert.deepEqual(out, {
    card: 1e15,
    note: 'my card is **** **** **** ****, ok',
    list: [1e15, '************.***'],
    n: 5,
  })
})

test('leaves any JSON readable, with the same keys and the same numbers of elements', async () => {
  const value = fc.oneof(
    fc.constant(4111111111111111),
    fc.constant(-4111111111111111),
    fc.constant('card 4111 1111 1111 1111 "quoted" \\'),
    fc.constant('jane@example.com'),
    fc.string(),
    fc.integer(),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, value, fc.array(tie('tree')), fc.dictionary(fc.string(), tie('tree'))),
  }))
  const shape = (of: unknown): unknown =>
    Array.isArray(of) ? of.map(shape) : typeof of === 'object' && of !== null ? Object.values(of).map(shape) : typeof of
  await fc.assert(
    fc.asyncProperty(tree, fc.nat({ max: 2 }), async (json, space) => {
      const out = await redact('application/json', JSON.stringify(json, null, space))
      assert.deepEqual(shape(JSON.parse(out)), shape(json))
      assert.equal(/4111.?1111/.test(out), false)
    }),
    { numRuns: 200, interruptAfterTimeLimit: 4000 },
  )
})

test('masks values that are written with escapes', async () => {
  const out = await redact('application/json', '{"a":"card \\u0034111 1111 1111 1111"}')
  assert.equal(JSON.parse(out).a.replaceAll('*', ''), 'card    ')
})

test('masks values in forms, text and multipart', async () => {
  assert.equal(
    await redact('application/x-www-form-urlencoded', 'a=1&card=4111+1111%201111+1111&b=x'),
    'a=1&card=****+*******+****'.replace('*******+', '***********+') + '&b=x',
  )
  assert.equal(await redact('text/plain; charset=utf-8', 'ssn 123-45-6789 end'), 'ssn ***-**-**** end')
  const form = '--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nssn 123-45-6789\r\n--b--\r\n'
  assert.equal(await redact('multipart/form-data; boundary=b', form), form.replace('123-45-6789', '***-**-****'))
})

test('leaves nothing behind in long texts, wherever chunks end', async () => {
  const filler = 'Lorem ipsum dolor sit amet, consectetur. '
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 90_000 }),
      fc.array(fc.nat({ max: 4000 }), { minLength: 1, maxLength: 30 }),
      async (size, gaps) => {
        const text = gaps.map((gap) => `${filler.repeat(gap / 4)}card 4111 1111 1111 1111. `).join('')
        const out = await redact('text/plain', text, size)
        assert.equal(out.includes('1111'), false)
        assert.equal(out.split('card **** **** **** ****.').length - 1, gaps.length)
      },
    ),
    { numRuns: 25, interruptAfterTimeLimit: 5000 },
  )
})

test('what was masked is found no more', async () => {
  for (const value of [
    '4111 1111 1111 1111',
    'DE89370400440532013000',
    'jane@example.com',
    '123-45-6789',
    '+44 20 7946 0958',
  ]) {
    const out = await redact('text/plain', `card iban ssn phone: ${value} end`)
    assert.deepEqual(inspectString(out).findings, [], out)
  }
})

test('refuses what cannot be masked in place', () => {
  assert.equal(openRedaction(meta('application/pdf')), null)
  assert.equal(openRedaction({ ...meta('text/plain'), contentEncoding: 'gzip' }), null)
  assert.equal(openRedaction(meta('multipart/form-data')), null)
})
