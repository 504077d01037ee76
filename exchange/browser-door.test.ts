// The browser door: sign-in, cookies, hosts, headers, paths, and what a hostile app or client tries.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { sha256 } from '#transport/secret.ts'
import { sessionRecord } from './testing/records.ts'
import { changedApp, closeOf, readAll, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

async function raw(world: World, text: string, host = world.wikiHost): Promise<string> {
  const socket = world.door(host, {})
  socket.write(text)
  return readAll(socket)
}

test('serves an app to a browser with a session, and nothing without', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const stranger = await world.browse('/page')
  assert.equal(stranger.status, 401)
  assert.equal(stranger.headers['sallyport-reason'], 'not-signed-in')
  const { status, body } = await world.browse('/page?q=1', { headers: { cookie: world.cookie() } })
  assert.equal(status, 200)
  assert.equal(body, 'hello from /page?q=1')
})

test('hands a browser over to the portal and takes the code back, bound to the nonce', async () => {
  await using world = await startWorld()
  const away = await world.browse('/page?q=1', { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' } })
  assert.equal(away.status, 302)
  const to = new URL(away.headers.location ?? '')
  assert.equal(to.origin + to.pathname, 'https://acme.sallyport.test/open')
  assert.equal(to.searchParams.get('path'), '/page?q=1')
  const nonceCookie = away.headers['set-cookie']?.[0] ?? ''
  assert.match(nonceCookie, /^__Host-sallyport-nonce=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax/)
  const nonce = nonceCookie.split(/[=;]/)[1] ?? ''
  const challenge = to.searchParams.get('challenge') ?? ''
  assert.equal(challenge, sha256(nonce).toString('base64url'))

  const make = () => world.control.makeCode(world.wikiHost, world.acme.id, world.browserSession.id, challenge)
  const stolen = await world.browse(`/.sallyport/callback?code=${make()}&path=/page`, {
    headers: { cookie: `__Host-sallyport-nonce=${'A'.repeat(43)}` },
  })
  assert.equal(stolen.status, 403)
  assert.equal(stolen.headers['set-cookie'], undefined)

  const code = make()
  const headers = { cookie: `__Host-sallyport-nonce=${nonce}` }
  const back = await world.browse(`/.sallyport/callback?code=${code}&path=%2Fpage%3Fq%3D1`, { headers })
  assert.equal(back.status, 302)
  assert.equal(back.headers.location, '/page?q=1')
  assert.match(back.headers['set-cookie']?.[0] ?? '', /^__Host-sallyport=v1\.host-cookie\./)
  const again = await world.browse(`/.sallyport/callback?code=${code}&path=/page`, { headers })
  assert.equal(again.status, 403)
})

test('never redirects to another host', async () => {
  await using world = await startWorld()
  for (const path of ['//evil.test', '/\\evil.test', 'https://evil.test', '/%0d%0aSet-Cookie: a=b', '/.//evil.test']) {
    const { headers } = await world.browse(`/.sallyport/callback?path=${encodeURIComponent(path)}`)
    assert.match(headers.location ?? '', /^\/(?![/\\])[\x21-\x7e]*$/, path)
    assert.ok(new URL(headers.location ?? '', 'https://own.test').host === 'own.test', path)
  }
})

test('a cookie of another host, tenant, key or time is none', async () => {
  await using world = await startWorld()
  const { control, acme, globex, browserSession, wikiHost } = world
  const cookies = [
    control.hostCookie(acme.id, browserSession.id, `other.acme.apps.test`),
    control.hostCookie(globex.id, browserSession.id, wikiHost),
    control.hostCookie(acme.id, browserSession.id, wikiHost, Date.now() - 1),
    control.hostCookie(acme.id, world.agentSession.id, wikiHost),
    control.sign('host-cookie', { tenantId: acme.id, sessionId: browserSession.id, host: wikiHost }),
    `${control.hostCookie(acme.id, browserSession.id, wikiHost)}A`,
    '',
  ]
  for (const cookie of cookies) {
    const { status } = await world.browse('/', { headers: { cookie: `__Host-sallyport=${cookie}` } })
    assert.equal(status, 401)
  }
})

test('an app sees who is there and nothing that a client says about it', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  await world.browse('/', {
    headers: {
      cookie: `a=1; ${world.cookie()}; b=2; __Host-sallyport-nonce=x`,
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-sallyport-assertion': 'forged',
      'x-sallyport-user': 'root',
      forwarded: 'for=6.6.6.6',
      origin: `https://${world.wikiHost}`,
    },
  })
  const [request] = world.seen
  assert.equal(request?.headers.cookie, 'a=1; b=2')
  assert.equal(request?.headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(request?.headers['x-forwarded-host'], world.wikiHost)
  assert.equal(request?.headers.forwarded, undefined)
  assert.equal(request?.headers['x-sallyport-user'], undefined)
  assert.equal(request?.headers.host, `127.0.0.1:${world.wiki.upstream.port}`)
  assert.equal(request?.headers.origin, `http://127.0.0.1:${world.wiki.upstream.port}`)
  const claims = JSON.parse(
    Buffer.from(String(request?.headers['x-sallyport-assertion']).split('.')[1] ?? '', 'base64url').toString(),
  )
  assert.equal(claims.user, 'alice')
  assert.equal(claims.aud, 'wiki')
})

test('a hostile app can neither set our cookies nor cookies for its siblings, nor speak in our name', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  world.appState.handler = (_request, response) => {
    response.setHeader('set-cookie', [
      '__Host-sallyport=evil; Path=/; Secure',
      '=__Host-sallyport=evil',
      'own=1; Domain=apps.test; Path=/',
    ])
    response.setHeader('x-sallyport-assertion', 'evil')
    response.setHeader('sallyport-reason', 'evil')
    response.setHeader('clear-site-data', '"cookies"')
    response.setHeader('location', `http://127.0.0.1:${world.wiki.upstream.port}/next`)
    response.statusCode = 302
    response.end()
  }
  const { headers } = await world.browse('/', { headers: { cookie: world.cookie() } })
  assert.deepEqual(headers['set-cookie'], ['own=1; Path=/'])
  assert.equal(headers['x-sallyport-assertion'], undefined)
  assert.equal(headers['sallyport-reason'], undefined)
  assert.equal(headers['clear-site-data'], undefined)
  assert.equal(headers.location, `https://${world.wikiHost}/next`)
})

test('a host that the connection is not for gets 421', async () => {
  await using world = await startWorld()
  const hosts = ['other.test', `wiki.globex.apps.test`, 'acme.sallyport.test', `${world.wikiHost}:9999`]
  for (const host of hosts) {
    const answer = await raw(world, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 421 /, host)
  }
})

test('refuses request heads that two parsers could read differently', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const host = `Host: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\n`
  const heads = [
    `GET / HTTP/1.1\r\n${host}Host: evil.test\r\n\r\n`,
    `GET http://evil.test/ HTTP/1.1\r\n${host}\r\n`,
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`,
    `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST / HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}X_Forwarded-For: 1\r\n\r\n`,
  ]
  for (const head of heads) {
    const answer = await raw(world, `${head}GET /smuggled HTTP/1.1\r\n${host}\r\n`)
    assert.match(answer, /^HTTP\/1\.1 400 /, head)
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, head)
  }
  assert.deepEqual(world.seen, [])
})

test('path rules cannot be walked around', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const rules = [{ allow: false, path: '/admin/*' }]
  await world.control.change(world.acme, changedApp(world.wiki, { http: { ...world.wiki.http, rules } }))
  const targets = [
    '/admin/',
    '/admin/users',
    '/admin',
    '/%61dmin/users',
    '/admin%2Fusers',
    '/x/../admin/users',
    '/./admin/users',
    '//admin/users',
    '/x/%2e%2e/admin/users',
    '/admin;x=1/users',
    '/admin%252Fusers',
    '/admin\\users',
    '/x/..;/admin/users',
    '/%EF%BC%8Fadmin/users',
    '/admin%00/users',
  ]
  for (const target of targets) {
    const head = `GET ${target} HTTP/1.1\r\nHost: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\nConnection: close\r\n\r\n`
    assert.match(await raw(world, head), /^HTTP\/1\.1 (400|403) /, target)
  }
  assert.deepEqual(world.seen, [])
  assert.equal((await world.browse('/public', { headers: { cookie: world.cookie() } })).status, 200)
})

test('refuses a change that comes from another site', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const post = (origin: string) => world.browse('/', { method: 'POST', headers: { cookie: world.cookie(), origin } })
  assert.equal((await post('https://evil.acme.apps.test')).status, 403)
  assert.equal((await post('null')).status, 403)
  assert.equal((await post(`https://${world.wikiHost}`)).status, 200)
})

test('our own paths are never forwarded', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  for (const path of ['/.sallyport', '/.sallyport/x', '/.SALLYPORT/x', '/%2Esallyport/x']) {
    const { status } = await world.browse(path, { headers: { cookie: world.cookie() } })
    assert.equal(status, 404, path)
  }
  assert.deepEqual(world.seen, [])
})

test('signing out needs our own page and ends the session at control', async () => {
  await using world = await startWorld()
  const headers = { cookie: world.cookie() }
  const foreign = await world.browse('/.sallyport/sign-out', { method: 'POST', headers })
  assert.equal(foreign.status, 403)
  const own = { ...headers, origin: `https://${world.wikiHost}` }
  const { status, headers: out } = await world.browse('/.sallyport/sign-out', { method: 'POST', headers: own })
  assert.equal(status, 200)
  assert.match(out['set-cookie']?.[0] ?? '', /^__Host-sallyport=; .*Max-Age=0/)
  assert.deepEqual(world.control.ended, [world.browserSession.id])
})

test('a denial is a page for people that escapes what others chose', async () => {
  await using world = await startWorld()
  const displayName = '<script>alert(1)</script>'
  await world.control.change(world.acme, changedApp(world.wiki, { enabled: false, displayName }))
  const { status, body, headers } = await world.browse('/', {
    headers: { cookie: world.cookie(), accept: 'text/html' },
  })
  assert.equal(status, 403)
  assert.equal(headers['sallyport-reason'], 'app-disabled')
  assert.match(String(headers['content-security-policy']), /default-src 'none'/)
  assert.ok(!body.includes('<script>'))
  assert.match(body, /switched off/)
})

test('cuts a response that is streaming when its session ends', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  world.appState.handler = (_request, response) => void response.write('first')
  const socket = world.door(world.wikiHost, {})
  socket.write(`GET /stream HTTP/1.1\r\nHost: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\n\r\n`)
  await once(socket, 'data')
  const closed = closeOf(socket)
  const { id } = world.browserSession
  const receipt = await world.control.change(world.acme, { op: 'remove', kind: 'session', id })
  assert.ok(receipt.cutFlows >= 1)
  await closed
  assert.equal((await world.browse('/', { headers: { cookie: world.cookie() } })).status, 401)
})

test('a WebSocket works, is refused to other origins, and ends with its session', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const sockets = new WebSocketServer({ server: world.httpApp })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const open = (origin: string, cookie: string) =>
    new WebSocket(`wss://${world.wikiHost}/live`, {
      createConnection: () => world.door(world.wikiHost, {}),
      headers: { cookie },
      origin,
    })
  const foreign = open('https://evil.test', world.cookie())
  const [error] = (await once(foreign, 'error')) as [Error]
  assert.match(error.message, /403/)
  const socket = open(`https://${world.wikiHost}`, world.cookie())
  await once(socket, 'open')
  socket.send('ping')
  const [data] = await once(socket, 'message')
  assert.equal(String(data), 'ping')
  const closed = once(socket, 'close')
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.browserSession.id })
  await closed
  sockets.close()
})

test('serves HTTP/2, request by request, and resets the streams of a session that ends', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const other = sessionRecord(world.alice.id, null)
  await world.control.change(world.acme, { op: 'put', record: other })
  world.appState.handler = (request, response) =>
    void (request.url === '/stream' ? response.write('x') : response.end('ok'))
  const session = connectHttp2(`https://${world.wikiHost}`, {
    createConnection: () => world.door(world.wikiHost, { ALPNProtocols: ['h2'] }),
  })
  session.on('error', () => {})
  const get = (path: string, cookie: string) => session.request({ ':path': path, cookie })
  const streaming = get('/stream', world.cookie())
  streaming.on('error', () => {})
  await once(streaming, 'data')
  const reset = new Promise((resolve) => streaming.on('close', () => resolve(streaming.rstCode)))
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.browserSession.id })
  assert.equal(await reset, constants.NGHTTP2_CANCEL)
  // The other person on the same coalesced connection is not disturbed.
  const ok = get('/page', world.cookie(other))
  const [headers] = await once(ok, 'response')
  assert.equal(headers[':status'], 200)
  const misdirected = session.request({ ':path': '/', ':authority': 'wiki.globex.apps.test' })
  const [refused] = await once(misdirected, 'response')
  assert.equal(refused[':status'], 421)
  session.destroy()
})

test('goes on over HTTP/2 when an app or a rule says what HTTP/2 cannot carry', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const set = { 'Keep-Alive': 'timeout=5', Connection: 'close' }
  const http = { ...world.wiki.http, responseHeaders: { set } }
  await world.control.change(world.acme, changedApp(world.wiki, { http }))
  world.appState.handler = (request, response) => {
    if (request.url === '/head') return void response.writeHead(302, ['Location', '/a', 'Location', '/b']).end()
    response.writeHead(200, { Trailer: 'ETag' })
    response.write('x')
    response.addTrailers([
      ['ETag', '"a"'],
      ['ETag', '"b"'],
    ])
    response.end()
  }
  const session = connectHttp2(`https://${world.wikiHost}`, {
    createConnection: () => world.door(world.wikiHost, { ALPNProtocols: ['h2'] }),
  })
  session.on('error', () => {})
  for (const [path, status] of [
    ['/head', 502],
    ['/trailers', 200],
    ['/head', 502],
  ] as const) {
    const stream = session.request({ ':path': path, cookie: world.cookie() })
    const closed = once(stream.resume(), 'close')
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], status, path)
    await closed
  }
  session.destroy()
})

test('a client cannot have our headers removed, neither with a request nor with a WebSocket', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const named = 'X-Sallyport-Assertion, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Own'
  const own = `Host: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\nX-Own: 1\r\n`
  await raw(world, `GET / HTTP/1.1\r\n${own}Connection: close, ${named}\r\n\r\n`)
  const upgraded = Promise.withResolvers<IncomingMessage>()
  world.httpApp.once('upgrade', (request, socket) => {
    upgraded.resolve(request)
    socket.destroy()
  })
  const webSocket =
    `Origin: https://${world.wikiHost}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  await raw(world, `GET /ws HTTP/1.1\r\n${own}${webSocket}Connection: Upgrade, ${named}\r\n\r\n`)
  for (const headers of [world.seen[0]?.headers, (await upgraded.promise).headers]) {
    for (const name of ['x-sallyport-assertion', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
      assert.ok(headers?.[name] !== undefined, name)
    assert.equal(headers?.['x-own'], undefined)
  }
})

test('header and cookie bombs are refused before they are decided', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const host = `GET / HTTP/1.1\r\nHost: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\n`
  const many = Array.from({ length: 150 }, (_each, at) => `x-${at}: 1\r\n`).join('')
  const bombs = [many, `Cookie: ${'a=1; '.repeat(300)}\r\n`, `X: ${'a'.repeat(60_000)}\r\n`]
  // A close that overtakes unread bytes may take the answer with it: nothing is an answer too.
  for (const bomb of bombs) assert.match(await raw(world, `${host}${bomb}\r\n`), /^(HTTP\/1\.1 (400|431) |$)/)
  assert.deepEqual(world.seen, [])
})

test('says no-connector when none is there', async () => {
  await using world = await startWorld()
  const { status, headers } = await world.browse('/', { headers: { cookie: world.cookie() } })
  assert.equal(status, 503)
  assert.equal(headers['sallyport-reason'], 'no-connector')
})
