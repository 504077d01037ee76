// The way to the internet with real programs: what goes through, what is shown in its place, and what is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startWebWorld } from './testing.ts'

const start = (options: Parameters<typeof startWebWorld>[1] = {}) => startWebWorld(issueIntermediate, options)

test('curl goes through with inspection, over HTTP/1.1 and HTTP/2, and every request is decided', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test'], (request, response) => {
    response.setHeader('alt-svc', 'h3=":443"')
    response.end(
      `hello ${request.httpVersion} ${request.url} ${String(request.headers[':authority'] ?? request.headers.host)}`,
    )
  })
  const one = await world.curl('--http1.1', '-i', `https://www.site.test:${port}/a?b=c`)
  assert.equal(one.stderr, '')
  assert.match(one.stdout, new RegExp(`hello 1\\.1 /a\\?b=c www\\.site\\.test:${port}`))
  const two = await world.curl('--http2', '-i', `https://www.site.test:${port}/d`)
  assert.match(two.stdout, new RegExp(`HTTP/2 200[^]*hello 2\\.0 /d www\\.site\\.test:${port}`))
  assert.doesNotMatch(one.stdout + two.stdout, /alt-svc/i)
})
