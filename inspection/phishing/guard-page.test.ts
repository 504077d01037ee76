import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PageGuard, guardPage } from './guard-page.ts'

const notice = {
  title: 'Be careful',
  text: 'This page may be phishing – “fields” are disabled.',
  link: 'https://portal.acme.test/why',
}

function guarded(html: string | Uint8Array, size = 7): string {
  const guard = guardPage(notice) as PageGuard
  const bytes = typeof html === 'string' ? Buffer.from(html) : html
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) parts.push(guard.push(bytes.subarray(at, at + size)))
  parts.push(guard.end())
  return Buffer.concat(parts).toString()
}
const withoutBanner = (text: string) => text.replace(/<div role="alert".*?<\/div><style>.*?<\/style>/s, '')

test('a password field is disabled however it is written and cut into chunks', () => {
  for (const field of [
    '<input type=password>',
    '<INPUT TYPE="PassWord" disabled=false>',
    "<input\n name=x type='password'/>",
    '<input type=text autocomplete=current-password>',
    '<input type="pass&#119;ord">',
    '<input name=cardnumber>',
  ])
    for (const size of [1, 3, 1000])
      assert.match(
        guarded(`<html><body><p>é<form action="https://evil.example/x">${field}</form></body></html>`, size),
        /<input disabled readonly/i,
        `${field} in chunks of ${size}`,
      )
})

test('a form leads nowhere', () => {
  assert.match(guarded('<body><form action="https://evil.example/x">'), /<form action="about:blank" inert action=/)
})

test('the banner stands at the top of the body, in plain ASCII, once', () => {
  const out = guarded('<!doctype html><html><head><title>x</title></head><body class=a><p>1<p>2</body></html>')
  assert.match(out, /<body class=a><div role="alert"/)
  assert.equal(out.split('role="alert"').length, 2)
  assert.match(out, /&#8211;/)
})

test('a page without body, or without any tag, gets the banner all the same', () => {
  assert.match(guarded('<title>x</title><p>text'), /<\/title><div role="alert".*<p>text/s)
  assert.match(guarded('only words'), /only words<div role="alert"/)
})

test('a tag that never ends does not get through', () => {
  assert.doesNotMatch(guarded(`<body><input type=password ${'x'.repeat(200_000)}`, 4096), /<input/)
  assert.doesNotMatch(guarded('<body><p>a<input type=password '), /<input/)
})

test('UTF-16 is refused by name and by its mark', () => {
  assert.equal((guardPage(notice, 'UTF-16LE') as { kind: string }).kind, 'refused')
  assert.doesNotMatch(guarded(Buffer.from('\ufeff<input type=password>', 'utf16le')), /i\0n\0p/)
})

test('a link in the notice that is not https is left out, and text cannot break out', () => {
  const guard = guardPage({ title: '<script>', text: '"', link: 'javascript:alert(1)' }) as PageGuard
  const out = Buffer.from(guard.end()).toString()
  assert.doesNotMatch(out, /<script>|javascript:/)
})

test('every byte of a page that asks for nothing comes through unchanged, in any chunks', () => {
  const piece = fc.constantFrom(
    '<p>',
    'text ',
    '</p>',
    '<!-- <input type=password> -->',
    '<b class="a>b">',
    '<script>if (a<b) "</p>"</script>',
    'a < b > c',
    '&amp;',
    '\u00e9',
    '<br/>',
    '<style>p{}</style>',
    '<textarea><input></textarea>',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (pieces, size) => {
      const html = `<html><body>${pieces.join('')}</body></html>`
      assert.equal(withoutBanner(guarded(html, size)), html)
    }),
    { numRuns: 300 },
  )
})
