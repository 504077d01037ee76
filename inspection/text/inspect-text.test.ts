import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inspectLines, inspectString, inspectTextStream, type LineResult } from './inspect-text.ts'
import { TextWindows } from './windows.ts'

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const values = [
  'card 4111 1111 1111 1111',
  'jane@example.com',
  'DE89 3704 0044 0532 0130 00',
  'SSN 123-45-6789',
  '203.0.113.77',
  '12:30:45',
  '::',
  '@',
  '-----BEGIN ',
  '１２３',
  '\u200b',
  'é',
  '😀',
  '<<',
  '://',
  'eyJ',
  '1-2.3/4 5',
]

test('never fails, and every place lies in the text (fuzz)', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...values), fc.string({ unit: 'binary' }), fc.string())), (parts) => {
      const text = parts.join('')
      const length = Array.from(Buffer.from(text).toString()).length
      let last = 0
      for (const { start, end, confidence } of inspectString(text).findings) {
        assert.ok(start >= last && start < end && end <= length && confidence >= 0.5 && confidence <= 1)
        last = start
      }
    }),
    { interruptAfterTimeLimit: 1500, numRuns: 5000 },
  )
})

test('bytes that are no text of any kind do no harm (fuzz)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 9000, minLength: 1 }),
      fc.integer({ min: 1, max: 5000 }),
      async (bytes, size) => {
        const { verdict } = await inspectTextStream(chunks(Buffer.from(bytes), size))
        assert.ok(['clean', 'sensitive'].includes(verdict))
      },
    ),
    { interruptAfterTimeLimit: 2000, numRuns: 2000 },
  )
})

test('finds the same in windows as in the whole', () => {
  let state = 1
  const random = (below: number) => (state = (state * 48_271) % 0x7fffffff) % below
  const text = Array.from({ length: 260_000 }, () =>
    random(40) === 0 ? values[random(values.length)] : `word${random(50)} Ünder`,
  ).join(' ')
  const bytes = Buffer.from(text)
  const whole = inspectString(text).findings
  const windows = new TextWindows()
  for (let at = 0; at < bytes.length; at += 100_003) windows.push(bytes.subarray(at, at + 100_003))
  windows.end()
  // Words are looked for as far back in both; a value is never cut.
  assert.deepEqual(
    windows.findings.map(({ type, start, end }) => [type, start, end]),
    whole.map(({ type, start, end }) => [type, start, end]),
  )
})

test('reads lines of JSON strings, and a bad one costs only itself', async () => {
  const input = `${JSON.stringify('mail jane@example.com')}\n{"a":1}\nnot json\n\n"ok"\r\n"last without an end"`
  const results: LineResult[] = []
  for await (const result of inspectLines(chunks(Buffer.from(input), 7))) results.push(result)
  assert.deepEqual(
    results.map((result) => ('error' in result ? result.error.code : result.verdict)),
    ['sensitive', 'request-malformed', 'request-malformed', 'request-malformed', 'clean', 'clean'],
  )
})

test('reads UTF-16 and Windows-1252', async () => {
  const text = 'Schöne Grüße, card 4111 1111 1111 1111'
  for (const bytes of [
    Buffer.from(`\ufeff${text}`, 'utf16le'),
    Buffer.from(text, 'utf16le').swap16(),
    Buffer.from(text, 'latin1'),
    Buffer.from(text),
  ]) {
    const { findings } = await inspectTextStream(chunks(bytes, 1000))
    assert.deepEqual(
      findings.map(({ type, end }) => [type, end]),
      [['CREDIT_CARD', text.length]],
    )
  }
})
