// Request smuggling against a real Node server behind the guard: every variant ends in 400 or a cut, and no second
// request is seen.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { parseAuthority } from './authority.ts'
import { caps } from './caps.ts'
import { checkRequestHead, type HeadRefusal } from './http-strictness.ts'
import { guardRequests, strictServerOptions } from './request-guard.ts'
import { listen } from './testing.ts'

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
const one = (headers: string, line = 'POST /first HTTP/1.1') => `${line}\r\n${headers}\r\n`

describe('over HTTP/1, refused by Node or by us:', () => {
  const seen: string[] = []
  const guard = guardRequests({
    onRequest: (request, response) => {
      seen.push(`${request.method} ${request.url}`)
      request.on('error', () => {}).resume()
      request.on('end', () => response.end('served'))
    },
  })
  const server = createServer(strictServerOptions, guard.request)
  server.on('upgrade', guard.upgrade).on('connect', guard.upgrade)
  let port = 0
  before(async () => void (port = await listen(server)))
  after(() => void server.close())

  async function send(bytes: string): Promise<string> {
    seen.length = 0
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(Buffer.from(bytes, 'latin1'))
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise((done) => socket.on('end', done).on('close', done))
    socket.destroy()
    return Buffer.concat(chunks).toString('latin1')
  }

  const H = 'Host: a.test\r\n'
  const cases: [string, string][] = [
    ['two Host headers', one(`${H}Host: b.test\r\n`, 'GET / HTTP/1.1')],
    ['two equal Host headers', one(`${H}${H}`, 'GET / HTTP/1.1')],
    ['no Host', one('', 'GET / HTTP/1.1')],
    ['no Host in HTTP/1.0', one('', 'GET / HTTP/1.0')],
    ['Host with user', one('Host: x@a.test\r\n', 'GET / HTTP/1.1')],
    ['Host with path', one('Host: a.test/x\r\n', 'GET / HTTP/1.1')],
    ['Host with two ports', one('Host: a.test:80:81\r\n', 'GET / HTTP/1.1')],
    ['Host list', one('Host: a.test, b.test\r\n', 'GET / HTTP/1.1')],
    ['absolute target against Host', one(H, 'GET http://b.test/ HTTP/1.1')],
    ['absolute target with user', one(H, 'GET http://b.test@a.test/ HTTP/1.1')],
    ['absolute target of another scheme', one(H, 'GET ftp://a.test/ HTTP/1.1')],
    ['CONNECT against Host', one(H, 'CONNECT b.test:443 HTTP/1.1')],
    ['CONNECT without a port', one(H, 'CONNECT a.test HTTP/1.1')],
    ['TE identity, chunked', one(`${H}Transfer-Encoding: identity, chunked\r\n`) + `0\r\n\r\n`],
    ['TE chunked, identity', one(`${H}Transfer-Encoding: chunked, identity\r\n`) + `0\r\n\r\n`],
    ['TE identity', one(`${H}Transfer-Encoding: identity\r\n`)],
    ['TE twice', one(`${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`) + '0\r\n\r\n'],
    ['TE gzip, chunked', one(`${H}Transfer-Encoding: gzip, chunked\r\n`) + '0\r\n\r\n'],
    ['TE with a vertical tab', one(`${H}Transfer-Encoding: \u000bchunked\r\n`) + '0\r\n\r\n'],
    ['TE with a blank before the colon', one(`${H}Transfer-Encoding : chunked\r\n`) + '0\r\n\r\n'],
    ['TE in HTTP/1.0', one(`${H}Transfer-Encoding: chunked\r\n`, 'POST / HTTP/1.0') + '0\r\n\r\n'],
    ['CL and TE', one(`${H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`) + '0\r\n\r\n'],
    ['TE and CL', one(`${H}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`) + '0\r\n\r\n'],
    ['two lengths', one(`${H}Content-Length: 0\r\nContent-Length: 9\r\n`)],
    ['a list of lengths', one(`${H}Content-Length: 0, 0\r\n`)],
    ['a signed length', one(`${H}Content-Length: +0\r\n`)],
    ['a hexadecimal length', one(`${H}Content-Length: 0x0\r\n`)],
    ['transfer_encoding', one(`${H}Transfer_Encoding: chunked\r\n`, 'GET / HTTP/1.1')],
    ['x_sallyport_user', one(`${H}X_Sallyport_User: root\r\n`, 'GET / HTTP/1.1')],
    ['x.forwarded.for', one(`${H}X.Forwarded.For: ::1\r\n`, 'GET / HTTP/1.1')],
    ['an odd header name', one(`${H}X|y: 1\r\n`, 'GET / HTTP/1.1')],
    ['an empty header name', one(`${H}: x\r\n`, 'GET / HTTP/1.1')],
    ['a folded header', one(`${H}X: 1\r\n 2\r\n`, 'GET / HTTP/1.1')],
    ['a bare LF', one(`${H}X: 1\nY: 2\r\n`, 'GET / HTTP/1.1')],
    ['a bare CR', one(`${H}X: 1\rY: 2\r\n`, 'GET / HTTP/1.1')],
    ['a NUL', one(`${H}X: 1\u00002\r\n`, 'GET / HTTP/1.1')],
    ['a chunk size with a sign', one(`${H}Transfer-Encoding: chunked\r\n`) + '+0\r\n\r\n'],
    ['a chunk with bare LF', one(`${H}Transfer-Encoding: chunked\r\n`) + '0\n\n'],
    ['a chunk longer than it says', one(`${H}Transfer-Encoding: chunked\r\n`) + '1\r\nabc\r\n0\r\n\r\n'],
    ['too many headers', one(H + 'X: 1\r\n'.repeat(caps.headerCount.default), 'GET / HTTP/1.1')],
    [
      'a cookie bomb',
      one(`${H}Cookie: a=${'b'.repeat(15_000)}\r\n`.concat(`Cookie: c=${'d'.repeat(2000)}\r\n`), 'GET / HTTP/1.1'),
    ],
    ['many small cookies', one(`${H}Cookie: ${'a=b; '.repeat(400)}\r\n`, 'GET / HTTP/1.1')],
    ['a target with a fragment', one(H, 'GET http://a.test/#x HTTP/1.1')],
    ['a star that is no OPTIONS', one(H, 'GET * HTTP/1.1')],
  ]
  for (const [name, bytes] of cases) {
    test(name, async () => {
      const answer = await send(bytes + smuggled)
      assert.deepEqual(
        seen.filter((request) => request.includes('smuggled')),
        [],
      )
      assert.match(answer, /^(HTTP\/1\.1 (400|431) [^]*)?$/)
      // A body may prove bad after its head was good: then the first request was seen, but never finished.
      if (!name.includes('chunk')) assert.deepEqual(seen, [])
    })
  }
  test('while good requests, also pipelined, are served', async () => {
    const last = 'GET http://a.test:80/absolute HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'
    await send(one(`${H}Content-Length: 2\r\n`) + 'ab' + one(`${H}Transfer-Encoding: Chunked\r\n`) + '0\r\n\r\n' + last)
    assert.deepEqual(seen, ['POST /first', 'POST /first', 'GET http://a.test:80/absolute'])
  })
})

describe('over HTTP/2, refused:', () => {
  const pseudo = [':method', 'GET', ':scheme', 'https', ':authority', 'a.test', ':path', '/']
  const line = { method: 'GET', url: '/', httpVersion: '2.0' }
  const cases: [string, string[], HeadRefusal][] = [
    ['Host against :authority', [...pseudo, 'host', 'b.test'], 'host-mismatch'],
    ['two Hosts', [...pseudo, 'host', 'a.test', 'host', 'a.test'], 'host-repeated'],
    ['CRLF in a value', [...pseudo, 'x', 'a\r\nTransfer-Encoding: chunked'], 'header-value'],
    ['NUL in a value', [...pseudo, 'x', 'a\u0000'], 'header-value'],
    ['CRLF in a name', [...pseudo, 'x\r\ny', 'a'], 'header-name'],
    ['an upper case name', [...pseudo, 'X-Y', 'a'], 'header-name'],
    ['an empty name', [...pseudo, '', 'a'], 'header-name'],
    ['Transfer-Encoding', [...pseudo, 'transfer-encoding', 'chunked'], 'connection-header'],
    ['Connection', [...pseudo, 'connection', 'x'], 'connection-header'],
    ['Upgrade', [...pseudo, 'upgrade', 'websocket'], 'connection-header'],
    ['TE other than trailers', [...pseudo, 'te', 'gzip'], 'connection-header'],
    ['a pseudo-header behind the others', [...pseudo.slice(0, 6), 'x', 'y', ':path', '/'], 'pseudo-header'],
    ['a repeated pseudo-header', [...pseudo, ':path', '/b'], 'pseudo-header'],
    ['an unknown pseudo-header', [...pseudo, ':status', '200'], 'pseudo-header'],
    ['an authority with user', [':method', 'GET', ':authority', 'x@a.test', ':path', '/'], 'host-malformed'],
    ['two lengths', [...pseudo, 'content-length', '1', 'content-length', '1'], 'content-length'],
    ['no authority', [':method', 'GET', ':scheme', 'https', ':path', '/'], 'host-missing'],
  ]
  for (const [name, raw, reason] of cases) {
    test(name, () => assert.deepEqual(checkRequestHead(raw, line), { ok: false, reason }))
  }
  test('a target that is none', () => {
    for (const url of ['x', 'https://a.test/', '', '*', '/#']) {
      assert.deepEqual(checkRequestHead(pseudo, { ...line, url }), { ok: false, reason: 'target-form' })
    }
  })
  test('while what a real client sends is accepted, and Host against :authority of a real client is not', async () => {
    const heads: unknown[] = []
    const server = createHttp2Server((request, response) => {
      const { rawHeaders, method, url, httpVersion } = request
      heads.push(checkRequestHead(rawHeaders, { method, url, httpVersion }))
      response.end()
    })
    const client = connectHttp2(`http://127.0.0.1:${await listen(server)}`)
    for (const headers of [
      { ':authority': 'A.test', ':path': '/x?y' },
      { ':authority': 'a.test', host: 'b.test' },
    ]) {
      const stream = client.request(headers)
      stream.resume()
      await new Promise((done) => stream.on('close', done))
    }
    client.close()
    server.close()
    assert.deepEqual(heads, [
      { ok: true, authority: { host: 'a.test', port: undefined }, target: '/x?y' },
      { ok: false, reason: 'host-mismatch' },
    ])
  })
})

test('an authority has one spelling', () => {
  for (const bad of [
    '',
    ' a',
    'a.',
    '.a',
    'a..b',
    'a:',
    'a:0',
    'a:080',
    'a:65536',
    'a b',
    'a%2e',
    '127.1',
    '0x7f.1',
    '1',
    '[::1',
    '::1',
    '[::1]x',
    '[1.2.3.4]',
    '-a',
    'ä.test',
    'a/b',
    'a\\b',
    'a?',
    'a#',
  ]) {
    assert.equal(parseAuthority(bad), undefined, bad)
  }
  assert.deepEqual(parseAuthority('WiKi.Acme.test:8443'), { host: 'wiki.acme.test', port: 8443 })
  assert.deepEqual(parseAuthority('[2001:DB8::1]:1'), { host: '[2001:db8::1]', port: 1 })
  assert.deepEqual(parseAuthority('10.0.0.1'), { host: '10.0.0.1', port: undefined })
})
