import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { featureNames, wordsFor } from './feature-table.ts'
import { decodeModel } from './model-file.ts'
import { scoreLines } from './score-lines.ts'
import { openUrlModel } from './url-model.ts'

const model = openUrlModel()
const file = () => readFileSync(new URL('model.bin', import.meta.url))

async function rowsOf(...chunks: readonly (string | Uint8Array)[]): Promise<readonly string[][]> {
  const source = (async function* () {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  })()
  let out = ''
  for await (const text of scoreLines(source)) out += text
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
}

test('scheme, www., port and trailing slash change nothing', () => {
  const { score } = model.score('secure-login.example.co.jp/a/verify.php')
  for (const url of [
    'http://www.secure-login.example.co.jp/a/verify.php',
    'https://secure-login.example.co.jp:8443/a/verify.php/',
    'SECURE-login.example.co.jp/a/verify.php',
  ])
    assert.equal(model.score(url).score, score, url)
})

test('a brand worn by another domain scores above the brand itself', () => {
  for (const [real, worn] of [
    ['https://www.amazon.co.jp/', 'https://amazon.co.jp.xkqzvb.cn/'],
    ['https://www.paypal.com/signin', 'https://paypal.com.signin-verify.top/signin'],
    ['https://www.apple.com/', 'https://аррle.com/'],
  ] as const)
    assert.ok(model.score(worn).score > model.score(real).score + 0.2, worn)
})

test('a brand of the tenant is known at once, and its own domain is not an imitation', () => {
  const own = openUrlModel(undefined, [{ name: 'Quuxbank', names: ['quuxbank'], domains: ['quuxbank.test'] }])
  const worn = 'https://quuxbank.com.secure-login.xyz/'
  assert.match(own.score(worn).reason, /Quuxbank|letters|top-level/)
  assert.ok(own.score(worn).score >= model.score(worn).score)
  assert.equal(own.score('https://login.quuxbank.test/').verdict, 'clean')
})

test('each verdict is one sentence, without a placeholder left in it', () => {
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
      const { score, reason, verdict } = model.score(url)
      assert.ok(score >= 0 && score <= 1 && verdict !== 'unreadable', url)
      assert.match(reason, /^[^{}\n\t]+\.$/)
    }),
    { numRuns: 300 },
  )
  featureNames.forEach((_, at) => assert.ok(wordsFor(at, true) !== undefined && wordsFor(at, false) !== undefined))
})

test('no input makes scoring throw, and the same input scores alike each time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      assert.deepEqual(model.score(text), model.score(text))
    }),
    { numRuns: 500 },
  )
})

test('a model file that is cut, altered or of another version is refused', () => {
  const whole = file()
  const altered = Buffer.from(whole)
  altered[whole.length >> 1] = (altered[whole.length >> 1] ?? 0) ^ 1
  const newer = Buffer.from(whole)
  newer[8] = 99
  for (const bad of [
    new Uint8Array(),
    whole.subarray(0, 40),
    whole.subarray(0, -1),
    altered,
    newer,
    Buffer.concat([whole, whole]),
  ])
    assert.throws(
      () => decodeModel(bad),
      (fault) => isFault(fault, 'configuration-invalid'),
    )
  assert.ok(whole.length < 2 * 1024 * 1024)
})

test('every line gets one row in its order: empty, binary, CRLF, NUL, tabs, no newline at the end', async () => {
  const rows = await rowsOf(
    '\ufeffhttps://a.example/\r\n\n',
    Buffer.from([0x68, 0xff, 0xfe, 0x00, 0x0a]),
    'https://b.exam',
    'ple/x\ty\nnot a url\nhttps://c.example',
  )
  assert.deepEqual(
    rows.map(([url, , verdict]) => [url?.slice(0, 30), verdict === 'unreadable']),
    [
      ['https://a.example/', false],
      ['', true],
      ['h\ufffd\ufffd\u0000', true],
      ['https://b.example/x%09y', false],
      ['not a url', true],
      ['https://c.example', false],
    ],
  )
  assert.ok(rows.every((row) => row.length === 4))
})

test('a URL of 100 KB is scored; a line without end is answered once, in bounded memory', async () => {
  const long = `https://a.example/${'x'.repeat(100_000)}`
  const endless = Array.from({ length: 60 }, () => 'y'.repeat(64 * 1024))
  const rows = await rowsOf(long, '\n', ...endless, '\n', 'https://b.example\n')
  assert.deepEqual(
    rows.map(([url, , verdict]) => [url?.length, verdict === 'unreadable']),
    [
      [long.length, false],
      [1024 * 1024, true],
      ['https://b.example'.length, false],
    ],
  )
})

test('an international name scores alike in both its forms', () => {
  const shown = model.score('https://bücher-müller.example/')
  assert.deepEqual(shown, model.score(`https://${domainToASCII('bücher-müller.example')}/`))
})
