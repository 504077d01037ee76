import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, readAddress } from './address.ts'

const read = (text: string): Address => {
  const address = readAddress(text)
  assert.equal(address.kind, 'address', text)
  return address as Address
}

test('scheme, www., port and trailing slashes are no part of what is judged', () => {
  const plain = read('example.co.jp/a')
  for (const text of [
    'https://www.example.co.jp/a/',
    'http://example.co.jp:8080/a',
    'hxxp://example[.]co[.]jp/a//',
    'EXAMPLE.co.JP./a',
  ])
    assert.deepEqual({ ...read(text), port: 0 }, plain, text)
})

test('a private suffix counts as a suffix: each page of a free host is its own owner', () => {
  const { registrable, isPrivateSuffix, label } = read('https://login-a.github.io/x')
  assert.deepEqual([registrable, isPrivateSuffix, label], ['login-a.github.io', true, 'login-a'])
})

test('the host is what stands after the last @, as in a browser', () => {
  assert.equal(read('https://paypal.com@evil.example/login').host, 'evil.example')
  assert.equal(read('https://paypal.com:443@evil.example/').hasUser, true)
})

test('a backslash ends the host, as in a browser', () => {
  assert.equal(read('https://evil.example\\@paypal.com/').host, 'evil.example')
})

test('an international name is read in both its forms', () => {
  const shown = read('https://аррle.com/')
  const coded = read(`https://${shown.host}/`)
  assert.match(shown.host, /^xn--/)
  assert.deepEqual(shown, coded)
  assert.equal(shown.shownHost, 'аррle.com')
})

test('addresses of machines are known in every writing', () => {
  for (const text of ['http://192.0.2.1/x', 'http://0xc0000201/', 'http://3221225985/', 'http://[2001:db8::1]:80/'])
    assert.equal(read(text).isIp, true, text)
})

test('what is no web address says why', () => {
  for (const text of [
    '',
    '   ',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'http://',
    'http://a b.com/',
    'nohost',
    'http://a\u0000b.com/',
    'http://x:99999/',
    'https://..',
    '\u0001\u0002\u0003',
  ])
    assert.equal(readAddress(text).kind, 'unreadable', JSON.stringify(text))
})

test('no text makes it throw, and a host is never longer than the cap', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.webUrl()), (text) => {
      const address = readAddress(text)
      assert.ok(address.kind === 'unreadable' || address.host.length <= 260)
    }),
    { numRuns: 500 },
  )
})

test('a URL of 100 KB is cut and read', () => {
  const address = read(`https://example.com/${'a'.repeat(100_000)}`)
  assert.equal(address.isCut, true)
  assert.ok(address.path.length < 2100)
})
