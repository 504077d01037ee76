// Graded answers on the real pipeline: what a browser, a WebSocket and a program through the agent door get while reading
// is all that is allowed, while a file is contained, and once the lease is gone.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { WebSocket, WebSocketServer } from 'ws'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { caps } from './caps.ts'
import { containmentRecord } from './testing/records.ts'
import { closeOf, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

async function restricted(world: World) {
  const lease = containmentRecord('user', world.alice.id, { answer: 'restrict' })
  const receipt = await world.control.change(world.acme, { op: 'put', record: lease })
  const release = () => world.control.change(world.acme, { op: 'remove', kind: 'containment', id: lease.id })
  return { receipt, release }
}

test('a restricted person reads pages, and cannot send, take files or open sockets; afterwards all of it again', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const headers = { cookie: world.cookie(), origin: `https://${world.wikiHost}` }
  world.appState.handler = (request, response) => {
    request.resume()
    if (request.url === '/file') response.setHeader('content-disposition', 'attachment; filename="all.csv"')
    if (request.url === '/large') return void response.end(randomBytes(caps.pageBytes.default + 1))
    response.setHeader('content-type', 'text/html')
    response.end(`${request.method} ${request.url}`)
  }
  const statuses = async () => {
    const asked = [
      ['GET', '/page'],
      ['POST', '/page'],
      ['DELETE', '/page'],
      ['GET', '/file'],
      ['GET', '/large'],
    ] as const
    const found: Record<string, number> = {}
    for (const [method, path] of asked)
      found[`${method} ${path}`] = (await world.browse(path, { method, headers })).status ?? 0
    return found
  }
  const before = await statuses()
  assert.ok(Object.values(before).every((status) => status === 200))
  const { release } = await restricted(world)
  assert.deepEqual(await statuses(), {
    'GET /page': 200,
    'POST /page': 403,
    'DELETE /page': 403,
    'GET /file': 403,
    'GET /large': 403,
  })
  const refused = await world.browse('/page', { method: 'POST', headers })
  assert.equal(refused.headers['sallyport-reason'], 'restricted')
  await release()
  assert.deepEqual(await statuses(), before)
})

test('a restricted person takes no file in parts', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const asked: (string | undefined)[] = []
  world.appState.handler = (request, response) => {
    request.resume()
    asked.push(
      request.headers.range,
      request.headers['if-range']?.toString(),
      String(request.headers['accept-encoding']),
    )
    response.end('whole')
  }
  await restricted(world)
  const headers = { cookie: world.cookie(), range: 'bytes=0-99', 'if-range': '"1"', 'accept-encoding': 'gzip' }
  assert.equal((await world.browse('/page', { headers })).status, 200)
  assert.deepEqual(asked, [undefined, undefined, 'gzip'])
})

test('an answer without a length is cut when it becomes more than a page, never ended as if it were whole', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  world.appState.handler = (request, response) => {
    request.resume()
    response.setHeader('content-type', 'text/html')
    response.write(randomBytes(caps.pageBytes.default))
    response.end(randomBytes(caps.pageBytes.default))
  }
  await restricted(world)
  await assert.rejects(world.browse('/slow', { headers: { cookie: world.cookie() } }))
})

test('what a restriction no longer allows is cut where it runs: a connection, a WebSocket', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const sockets = new WebSocketServer({ server: world.httpApp })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const webSocket = new WebSocket(`wss://${world.wikiHost}/live`, {
    createConnection: () => world.door(world.wikiHost, {}),
    headers: { cookie: world.cookie() },
    origin: `https://${world.wikiHost}`,
  })
  await once(webSocket, 'open')
  const tcp = world.door('acme.proxy.sallyport.test')
  tcp.write('CONNECT ssh.acme.internal:22 HTTP/1.1\r\nHost: ssh.acme.internal:22\r\n\r\n')
  await once(tcp, 'data')
  const closed = [closeOf(tcp), once(webSocket, 'close')]
  webSocket.on('error', () => {})
  const { receipt } = await restricted(world)
  assert.ok(receipt.cutFlows >= 2, `${receipt.cutFlows}`)
  await Promise.all(closed)
  sockets.close()
})

test('a contained file does not come through whole, nor in parts or packed; another does', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const bad = randomBytes(300_000)
  const good = randomBytes(300_000)
  const asked: (string | undefined)[] = []
  world.appState.handler = (request, response) => {
    request.resume()
    asked.push(request.headers.range, String(request.headers['accept-encoding']))
    response.end(request.url === '/bad' ? bad : good)
  }
  const headers = { cookie: world.cookie(), range: 'bytes=0-99', 'accept-encoding': 'gzip, br' }
  const hash = createHash('sha256').update(bad).digest('hex')
  await world.control.change(world.acme, { op: 'put', record: containmentRecord('hash', hash, { answer: 'cut' }) })
  assert.equal((await world.browse('/good', { headers })).status, 200)
  assert.deepEqual(asked, [undefined, 'identity'])
  await assert.rejects(world.browse('/bad', { headers }))
})

test('while a file is contained, an answer that is packed or a part without being asked for is refused', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const bad = randomBytes(3000)
  const part = { 'content-range': 'bytes 0-2998/3000' }
  const answers: Readonly<Record<string, () => readonly [number, Record<string, string>, Buffer]>> = {
    '/gzip': () => [200, { 'content-encoding': 'gzip' }, gzipSync(bad)],
    '/loud': () => [200, { 'content-encoding': 'GZIP' }, gzipSync(bad)],
    '/twice': () => [200, { 'content-encoding': 'identity, gzip' }, gzipSync(bad)],
    '/odd': () => [200, { 'content-encoding': 'zstd' }, bad],
    '/part': () => [206, part, bad.subarray(0, 2999)],
    '/plain': () => [200, { 'content-encoding': 'identity' }, Buffer.from('good')],
    '/fresh': () => [304, { 'content-encoding': 'gzip' }, Buffer.alloc(0)],
  }
  world.appState.handler = (request, response) => {
    request.resume()
    const [status, headers, body] = answers[request.url ?? '']?.() ?? [404, {}, Buffer.alloc(0)]
    response.writeHead(status, headers).end(body)
  }
  const headers = { cookie: world.cookie() }
  const statuses = async () => {
    const found: Record<string, number> = {}
    for (const path of Object.keys(answers)) found[path] = (await world.browse(path, { headers })).status ?? 0
    return found
  }
  const before = await statuses()
  assert.equal(before['/gzip'], 200)
  const hash = createHash('sha256').update(bad).digest('hex')
  await world.control.change(world.acme, { op: 'put', record: containmentRecord('hash', hash, { answer: 'cut' }) })
  assert.deepEqual(await statuses(), {
    '/gzip': 403,
    '/loud': 403,
    '/twice': 403,
    '/odd': 403,
    '/part': 403,
    '/plain': 200,
    '/fresh': 304,
  })
  assert.equal((await world.browse('/gzip', { headers })).headers['sallyport-reason'], 'contained')
})
