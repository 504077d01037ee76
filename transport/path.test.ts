// Path confusion: what could mean another path to someone else is refused; what is accepted means one thing.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalPath, type PathRefusal } from './path.ts'

describe('a path is refused', () => {
  const refused: [string, PathRefusal][] = [
    ['', 'not-absolute'],
    ['*', 'not-absolute'],
    ['http://a.test/x', 'not-absolute'],
    ['x/y', 'not-absolute'],
    ['/a/../admin', 'dot-segment'],
    ['/a/..', 'dot-segment'],
    ['/./a', 'dot-segment'],
    ['/a/%2e%2e/admin', 'dot-segment'],
    ['/a/.%2E/admin', 'dot-segment'],
    ['/a/.../b', 'dot-segment'],
    ['/a/..%20/b', 'dot-segment'],
    ['/a%2fb', 'encoded-separator'],
    ['/a%2F..%2Fadmin', 'encoded-separator'],
    ['/a%5cb', 'encoded-separator'],
    ['/a\\b', 'bad-character'],
    ['/%252e%252e/admin', 'double-encoding'],
    ['/a%252fb', 'double-encoding'],
    ['/%25%32%65', 'double-encoding'],
    ['/%u002e%u002e/', 'bad-escape'],
    ['/%25u002e', 'double-encoding'],
    ['/a%00b', 'bad-character'],
    ['/a\u0000b', 'bad-character'],
    ['/a%0d%0ab', 'bad-character'],
    ['/a%7f', 'bad-character'],
    ['//admin', 'empty-segment'],
    ['/a//b', 'empty-segment'],
    ['/public;/../admin', 'path-parameter'],
    ['/..;/admin', 'path-parameter'],
    ['/a%3bx/b', 'path-parameter'],
    ['/%c0%af', 'bad-utf8'],
    ['/%c0%ae%c0%ae/', 'bad-utf8'],
    ['/%e0%80%af', 'bad-utf8'],
    ['/%ed%a0%80', 'bad-utf8'],
    ['/%ff', 'bad-utf8'],
    ['/%ef%bc%8f', 'bad-character'],
    ['/%ef%bc%8e%ef%bc%8e', 'bad-character'],
    ['/%e2%80%a5', 'bad-character'],
    ['/ä', 'bad-character'],
    ['/a b', 'bad-character'],
    ['/a#b', 'bad-character'],
    ['/a?b#c', 'bad-character'],
    ['/a?b\r\nc', 'bad-character'],
    ['/%', 'bad-escape'],
    ['/%4', 'bad-escape'],
    ['/%zz', 'bad-escape'],
    [`/${'a'.repeat(9000)}`, 'too-long'],
  ]
  for (const [target, reason] of refused) {
    test(`${JSON.stringify(target.slice(0, 40))}: ${reason}`, () =>
      assert.deepEqual(canonicalPath(target), { ok: false, reason }))
  }
})

describe('a path that is accepted', () => {
  test('has one spelling', () => {
    const cases: [string, string, string][] = [
      ['/', '/', ''],
      ['/a/b/', '/a/b/', ''],
      ['/%61%64min', '/admin', ''],
      ['/a%7eb?x=%2f..%00//', '/a~b', '?x=%2f..%00//'],
      ['/caf%c3%a9', '/caf%C3%A9', ''],
      ['/100%25', '/100%25', ''],
      ['/a%20b', '/a%20b', ''],
      ['/.well-known/x', '/.well-known/x', ''],
      ['/a..b/c.', '/a..b/c.', ''],
      ['/a?', '/a', '?'],
    ]
    for (const [target, path, query] of cases) {
      assert.deepEqual(canonicalPath(target), { ok: true, canonicalPath: path, query })
    }
  })
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '%',
      ';',
      'a',
      'B',
      '%41',
      '%c3%a9',
      '%00',
      '?',
      '=',
      '2',
      'e',
      '\\',
      '//',
      ' ',
    ),
    fc.nat(255).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
  )
  const target = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join('')}`)

  test('is its own canonical path', () => {
    fc.assert(
      fc.property(target, (text) => {
        const result = canonicalPath(text)
        if (!result.ok) return
        assert.deepEqual(canonicalPath(result.canonicalPath), {
          ok: true,
          canonicalPath: result.canonicalPath,
          query: '',
        })
      }),
      { numRuns: 5000 },
    )
  })
  test('means the same to a reader that decodes once, twice, resolves dots, folds slashes or cuts parameters', () => {
    fc.assert(
      fc.property(target, (text) => {
        const result = canonicalPath(text)
        if (!result.ok) return
        const path = result.canonicalPath
        assert.equal(new URL(path, 'http://a.test').pathname, path)
        const once = decodeURIComponent(path)
        assert.equal(once.split('/').length, path.split('/').length)
        // A reader that decodes again finds nothing to decode (a lone % is an error to it, not another path).
        assert.equal(once.replace(/%[0-9a-f]{2}/gi, '!'), once)
        for (const segment of once.split('/')) assert.ok(!/^\.+$|[\\;\u0000-\u001f]/.test(segment))
        assert.equal(
          new URL(text.replace(/\?.*/s, ''), 'http://a.test').pathname.split('/').length,
          path.split('/').length,
        )
      }),
      { numRuns: 5000 },
    )
  })
})
