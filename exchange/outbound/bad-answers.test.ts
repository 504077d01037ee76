// Sites that answer in ways that two readers could read differently, or that lie about lengths: nothing of it is passed on
// as if it were whole, and nothing that a site wrote becomes a header of ours.
import assert from 'node:assert/strict'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'node:test'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { leaf, listen } from '#transport/testing.ts'
import { startWebWorld } from './testing.ts'

const bad: Readonly<Record<string, string>> = {
  'a line break alone in a field': 'HTTP/1.1 200 OK\r\nX-A: a\nInjected: yes\r\nContent-Length: 5\r\n\r\nhello',
  'a carriage return alone in a field': 'HTTP/1.1 200 OK\r\nX-A: a\rInjected: yes\r\nContent-Length: 5\r\n\r\nhello',
  'a folded field': 'HTTP/1.1 200 OK\r\nX-A: a\r\n Injected: yes\r\nContent-Length: 5\r\n\r\nhello',
  'a zero byte in a field': 'HTTP/1.1 200 OK\r\nX-A: a\u0000b\r\nContent-Length: 5\r\n\r\nhello',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
  'a length and chunks':
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'a length that is none': 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello',
  'less than it says': 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello',
  'chunks without an end': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  'a chunk size that is none': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n',
  'a head without an end': `HTTP/1.1 200 OK\r\n${'X-A: a\r\n'.repeat(20_000)}`,
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.2\r\n',
}

test('an answer that could be read in two ways, or that is not whole, is never passed on as a whole one', async () => {
  await using world = await startWebWorld(issueIntermediate)
  const server = createTlsServer(await leaf(world.siteCa, { sanDns: ['bad.test'] }), (socket) => {
    socket.on('error', () => {})
    socket.once('data', (asked) => {
      const which = /^GET \/(\d+) /.exec(String(asked))?.[1] ?? '0'
      socket.end(Buffer.from(Object.values(bad)[Number(which)] ?? '', 'latin1'))
    })
  })
  const port = await listen(server)
  world.adopt(server)
  for (const [at, name] of Object.keys(bad).entries()) {
    for (const version of ['--http1.1', '--http2']) {
      const { code, stdout } = await world.curl(version, '-i', `https://bad.test:${port}/${at}`)
      const isOurs = /HTTP\/\S+ 50[24][^]*"reason":"upstream-/.test(stdout)
      assert.ok(code !== 0 || isOurs, `${name}: ${stdout}`)
      assert.doesNotMatch(stdout, /injected: yes/i, name)
    }
  }
})

test('more than an answer says is no second answer', async () => {
  await using world = await startWebWorld(issueIntermediate)
  const second = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond'
  const server = createTlsServer(await leaf(world.siteCa, { sanDns: ['bad.test'] }), (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst${second}`))
  })
  const port = await listen(server)
  world.adopt(server)
  const at = `https://bad.test:${port}`
  const { stdout } = await world.curl('--http1.1', `${at}/1`, `${at}/2`, `${at}/3`)
  assert.doesNotMatch(stdout, /second/)
})
