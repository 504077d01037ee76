// The way to the internet with real programs: what goes through, what is shown in its place, and what is refused.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import { WebSocketServer } from 'ws'
import { createServer as createHttpsServer } from 'node:https'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { newId } from '#core/ids.ts'
import { containmentRecord } from '#exchange/testing/records.ts'
import { closeOf, readAll } from '#exchange/testing/world.ts'
import { leaf, listen } from '#transport/testing.ts'
import { hello, startWebWorld, webPolicy } from './testing.ts'

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
  assert.equal(world.exchange.metrics().intercepted, 2)
})

test('plain HTTP goes through in absolute form and in a tunnel', async () => {
  await using world = await start()
  const port = await world.plainSite((request, response) => {
    response.end(
      `${request.method} ${request.url} ${request.headers.host} ${JSON.stringify(Object.keys(request.headers))}`,
    )
  })
  const plain = await world.curl('--proxy-header', 'X-Sallyport-Evil: 1', `http://plain.test:${port}/x?y`)
  assert.match(plain.stdout, new RegExp(`^GET /x\\?y plain\\.test:${port}`))
  assert.doesNotMatch(plain.stdout, /proxy|sallyport|forwarded|via/)
  const tunnelled = await world.curl('--proxytunnel', `http://plain.test:${port}/z`)
  assert.match(tunnelled.stdout, new RegExp(`^GET /z plain\\.test:${port}`))
})

test('without a policy nothing is open, and the person sees a page that says so', async () => {
  await using world = await start({ policies: [] })
  const port = await world.site(['www.site.test'], hello)
  const page = await world.curl('-i', '-H', 'Accept: text/html', `https://www.site.test:${port}/`)
  assert.match(page.stdout, /HTTP\/2 403/)
  assert.match(page.stdout, /sallyport-reason: no-policy/)
  assert.match(page.stdout, /<h1>This site is not open to you<\/h1>[^]*www\.site\.test[^]*alice/)
  const german = await world.curl(
    '-H',
    'Accept: text/html',
    '-H',
    'Accept-Language: de-CH,en',
    `https://www.site.test:${port}/`,
  )
  assert.match(german.stdout, /lang="de"[^]*nicht freigegeben/)
  const program = await world.curl(`https://www.site.test:${port}/`)
  assert.equal(JSON.parse(program.stdout).reason, 'no-policy')
  // Nothing else has changed: a tenant that has not switched this way on knows no such app.
  await world.control.change(world.acme, ...removeSettings(world))
  const { head } = await world.tunnel(`www.site.test:${port}`)
  assert.match(head, /403[^]*Sallyport-Reason: app-unknown/)
})

test('a contained address reaches its site under no spelling, over HTTP/1.1 and HTTP/2', async () => {
  await using world = await start()
  const seen: string[] = []
  const port = await world.site(['www.site.test'], (request, response) => {
    seen.push(request.url ?? '')
    response.end('hello')
  })
  const lease = containmentRecord('url', 'www.site.test/mal', { answer: 'cut' })
  await world.control.change(world.acme, { op: 'put', record: lease })
  const deep = `/mal/${'a/'.repeat(70)}`
  const paths = ['/mal', '//mal', '/./mal', '/x/../mal', '/x/..;/mal', '/mal;a=1', '/%6dal/%ff', '/mal%20/../mal', deep]
  for (const path of paths) {
    for (const version of ['--http1.1', '--http2']) {
      const { stdout } = await world.curl(version, '--path-as-is', `https://www.site.test:${port}${path}`)
      assert.equal(JSON.parse(stdout).reason, 'contained', `${version} ${path}`)
    }
  }
  const other = await world.curl('--path-as-is', `https://www.site.test:${port}/other;mal/%ff`)
  assert.equal(other.stdout, 'hello')
  assert.deepEqual(seen, ['/other;mal/%ff'])
})

test('policies speak of hosts and categories, of the tenant and of feeds', async () => {
  await using world = await start({
    policies: [webPolicy('all'), webPolicy('no-games', { effect: 'forbid', category: 'games' })],
    categoriesOf: (_tenant, host) => (host.endsWith('play.test') ? ['games'] : []),
  })
  const port = await world.site(['a.play.test', 'work.test', 'own.test', 'deep.own.test'], hello)
  const reasonOf = async (host: string) => {
    const { stdout } = await world.curl(`https://${host}:${port}/`)
    return stdout === 'hello' ? 'open' : JSON.parse(stdout).reason
  }
  assert.equal(await reasonOf('a.play.test'), 'forbidden')
  assert.equal(await reasonOf('work.test'), 'open')
  assert.equal(await reasonOf('deep.own.test'), 'open')
  const category = { kind: 'category' as const, id: newId('category'), name: 'games', hosts: ['own.test'] }
  await world.control.change(world.acme, { op: 'put', record: category })
  assert.equal(await reasonOf('deep.own.test'), 'forbidden')
  assert.equal(await reasonOf('own.test'), 'forbidden')
})

test('a tunnel is for one place: another name in the hello or inside is refused', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test', 'other.test'], hello)
  const fronted = await world.inside(`www.site.test:${port}`, { servername: 'other.test' })
  fronted.write('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n')
  assert.equal(await readAll(fronted), '')
  const get = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
  assert.match(await world.ask(`www.site.test:${port}`, get(`other.test:${port}`)), /^HTTP\/1\.1 421/)
  assert.match(await world.ask(`www.site.test:${port}`, get('www.site.test')), /^HTTP\/1\.1 421/)
  assert.match(await world.ask(`www.site.test:${port}`, get(`www.site.test:${port}`)), /^HTTP\/1\.1 200/)
  const secured = await world.inside(`www.site.test:${port}`, { ALPNProtocols: ['h2'] })
  await once(secured, 'secureConnect')
  const session = connectHttp2(`https://www.site.test:${port}`, { createConnection: () => secured })
  const stream = session.request({ ':authority': `other.test:${port}`, ':path': '/' })
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 421)
  session.destroy()
})

test('addresses that are not public, our own names and other ports are refused', async () => {
  const addresses: Record<string, string> = {
    'ten.test': '10.0.0.1',
    'meta.test': '169.254.169.254',
    'six.test': '::1',
    'mapped.test': '::ffff:10.0.0.1',
    'nat64.test': '64:ff9b::a00:1',
  }
  await using world = await start({ addressOf: (host) => addresses[host] ?? '127.0.0.1' })
  const reasonOf = async (authority: string) => {
    const { socket, head } = await world.tunnel(authority)
    socket.destroy()
    return /Sallyport-Reason: (\S+)/.exec(head)?.[1] ?? head.slice(9, 12)
  }
  for (const name of ['127.0.0.1:443', '[::1]:443', 'portal.sallyport.test:443', 'x.flow.sallyport.test:443']) {
    assert.equal(await reasonOf(name), 'destination-refused', name)
  }
  // An app has its own doors, and this one says so.
  assert.equal(await reasonOf('wiki.acme.apps.test:443'), 'host-misdirected')
  for (const host of [
    ...Object.keys(addresses),
    'localhost',
    'a.localhost',
    'printer.local',
    'intranet',
    'x.internal',
  ]) {
    const { stdout } = await world.curl(`https://${host}:8443/`)
    assert.equal(JSON.parse(stdout).reason, 'destination-refused', host)
  }
  await world.put({ ports: ['443'] })
  assert.equal(await reasonOf('www.site.test:22'), 'destination-refused')
})

test('what two parsers could read differently is refused inside a tunnel', async () => {
  await using world = await start()
  const seen: string[] = []
  const port = await world.site(['www.site.test'], (request, response) => {
    seen.push(String(request.url))
    response.end('hello')
  })
  const host = `www.site.test:${port}`
  const heads = [
    `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: x.test\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: identity, chunked\r\n\r\n`,
    `GET http://other.test/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: b\r\n c\r\n\r\n`,
    `CONNECT x.test:443 HTTP/1.1\r\nHost: x.test:443\r\n\r\n`,
    `TRACE / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    `GET /.sallyport/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  ]
  for (const head of heads) assert.match(await world.ask(host, head), /^HTTP\/1\.1 4(00|04|21) /, head)
  assert.deepEqual(seen, [])
})

test('a bypass rule passes the site as it is, and cuts what it passed when it goes', async () => {
  await using world = await start({
    settings: { ports: ['1-65535'], bypass: [{ reason: 'health', hosts: ['clinic.test'] }] },
  })
  const port = await world.site(['www.clinic.test'], hello)
  // The site's own certificate arrives: the inspection root does not verify it, the sites' authority does.
  assert.notEqual((await world.curl(`https://www.clinic.test:${port}/`)).code, 0)
  const secured = await world.inside(`www.clinic.test:${port}`, { ca: world.siteCa.certificatePem })
  await once(secured, 'secureConnect')
  assert.equal(world.exchange.metrics().passed, 2)
  const closed = closeOf(secured)
  await world.put({ ports: ['1-65535'] })
  await closed
  assert.equal((await world.curl(`https://www.clinic.test:${port}/`)).stdout, 'hello')
  await world.put({ ports: ['1-65535'], bypass: [{ reason: 'health', hosts: ['clinic.test'] }] })
  await world.putPolicies(webPolicy('no-clinics', { effect: 'forbid', category: 'clinics' }))
  const passed = await world.inside(`www.clinic.test:${port}`, { ca: world.siteCa.certificatePem })
  await once(passed, 'secureConnect')
  const cut = closeOf(passed)
  const category = { kind: 'category' as const, id: newId('category'), name: 'clinics', hosts: ['clinic.test'] }
  await world.control.change(world.acme, { op: 'put', record: category })
  await cut
  // What policy denies is not passed either: the page is shown, under our own certificate.
  await world.put({ ports: ['1-65535'], bypass: [{ reason: 'health', hosts: ['clinic.test'] }] })
  await world.putPolicies(webPolicy('none', { effect: 'forbid' }))
  assert.equal(JSON.parse((await world.curl(`https://www.clinic.test:${port}/`)).stdout).reason, 'forbidden')
})

test('a WebSocket goes through, and ends with the session', async () => {
  await using world = await start()
  const server = createHttpsServer(await leaf(world.siteCa, { sanDns: ['ws.test'] }))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)))
  const port = await listen(server)
  world.adopt(server)
  const secured = await world.inside(`ws.test:${port}`)
  const key = Buffer.alloc(16, 7).toString('base64')
  secured.write(
    `GET /socket HTTP/1.1\r\nHost: ws.test:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  const [head] = await once(secured, 'data')
  assert.match(String(head), /^HTTP\/1\.1 101 /)
  // A masked text frame "hi".
  secured.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
  const [frame] = await once(secured, 'data')
  assert.match(String(frame), /echo hi/)
  const closed = closeOf(secured)
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.agentSession.id })
  await closed
  sockets.close()
})

test('a site that resets in the middle of a body is not taken for one that has ended it', async () => {
  await using world = await start()
  const port = await world.site(['www.site.test'], (_request, response) => {
    if ('stream' in response) response.write('half')
    else response.write('half')
    setImmediate(() => {
      if ('stream' in response) response.stream.destroy(new Error('reset'))
      else response.destroy()
    })
  })
  for (const version of ['--http1.1', '--http2']) {
    const { code } = await world.curl(version, `https://www.site.test:${port}/`)
    assert.ok(code !== 0, version)
  }
})

test('a site that says nothing in the handshake costs no more than its deadline, and the person is told', async () => {
  await using world = await start()
  const silent = createTcpServer((socket) => socket.on('error', () => {}).destroy())
  const port = await listen(silent)
  world.adopt(silent)
  const { stdout } = await world.curl(`https://silent.test:${port}/`)
  assert.equal(JSON.parse(stdout).reason, 'upstream-unreachable')
})

test('answers with trailers, as gRPC has them, arrive over HTTP/2', async () => {
  await using world = await start()
  const port = await world.site(['rpc.test'], (request, response) => {
    if (!('stream' in response)) return void response.end()
    request.resume()
    response.writeHead(200, { 'content-type': 'application/grpc' })
    response.write(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
    response.addTrailers({ 'grpc-status': '0', 'seen-te': String(request.headers['te']) })
    response.end()
  })
  const secured = await world.inside(`rpc.test:${port}`, { ALPNProtocols: ['h2'] })
  await once(secured, 'secureConnect')
  const session = connectHttp2(`https://rpc.test:${port}`, { createConnection: () => secured })
  const stream = session.request({
    ':method': 'POST',
    ':path': '/service/Method',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.end(Buffer.from([0, 0, 0, 0, 0]))
  const trailers = once(stream, 'trailers')
  stream.resume()
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 200)
  const [fields] = await trailers
  assert.equal(fields['grpc-status'], '0')
  assert.equal(fields['seen-te'], 'trailers')
  session.destroy()
})

function removeSettings(world: Awaited<ReturnType<typeof start>>) {
  return [...world.acme.records.values()]
    .filter(({ kind }) => kind === 'webSettings')
    .map(({ id }) => ({ op: 'remove' as const, kind: 'webSettings' as const, id }))
}
