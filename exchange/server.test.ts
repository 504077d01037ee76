// The exchange as a whole: what it loads, what it writes down, what balancers may say, how it ends.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { decodeProxyHeader, encodeProxyHeader } from '#transport/proxy-protocol.ts'
import { listen } from '#transport/testing.ts'
import { caps } from './caps.ts'
import { closeOf, readAll, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }

async function journalOf(world: World): Promise<string> {
  const folder = join(world.folder, 'data', 'journal', world.acme.id)
  const files = await readdir(folder, { recursive: true })
  const texts = await Promise.all(
    files.filter((name) => name.endsWith('.jsonl')).map((name) => readFile(join(folder, name), 'utf8')),
  )
  return texts.join('')
}

test('loads none of what belongs to control', async () => {
  const trace = `import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ load(url, context, next) { seen.push(url); return next(url, context) } })
    await import(${JSON.stringify(new URL('./server.ts', import.meta.url).href)})
    console.log(seen.join('\\n'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', trace], {
    maxBuffer: 10_000_000,
  })
  assert.match(stdout, /exchange\/accept\.ts/)
  for (const name of ['cedar-wasm', 'kysely', 'node_modules/pg/', 'oidc-provider', 'hono', 'duckdb']) {
    assert.ok(!stdout.includes(name), name)
  }
})

test('writes every decision and closed flow down, and no secret, cookie or query', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  await world.browse('/page?token=QUERY-SECRET', { headers: { cookie: `${world.cookie()}; x=COOKIE-SECRET` } })
  await world.ask('/v1/flows', { host: 'ssh.acme.internal', port: 22 })
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.browserSession.id })
  await world.exchange.close()
  const journal = await journalOf(world)
  assert.match(journal, /"http_method":"GET","url":\{"path":"\/page"/)
  assert.match(journal, /"class_uid":3003/)
  assert.match(journal, /"activity_name":"close"/)
  for (const secret of ['QUERY-SECRET', 'COOKIE-SECRET', 'host-cookie', 'prk_'])
    assert.ok(!journal.includes(secret), secret)
})

test('denies what it cannot write down, where the tenant requires it', async () => {
  await using world = await startWorld({ journalSpoolBytes: 1 })
  await using _ = await world.link(connector)
  const get = () => world.browse('/', { headers: { cookie: world.cookie() } })
  assert.equal((await get()).status, 200)
  const record = world.acme.get('tenant', world.acme.id)
  await world.control.change(world.acme, { op: 'put', record: { ...record, journalMandatory: true } })
  const { status, headers } = await get()
  assert.equal(status, 503)
  assert.equal(headers['sallyport-reason'], 'journal-full')
})

test('relays portal and api untouched, with the address of the client in front', async () => {
  const control = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      const header = decodeProxyHeader(bytes)
      const said = header?.header.kind === 'proxied' ? header.header.sourceAddress : 'nobody'
      socket.end(`${said} ${bytes.subarray(header?.length)[0]}`)
    })
  })
  const port = await listen(control)
  await using world = await startWorld({ control: { host: '127.0.0.1', port } })
  for (const label of ['acme', 'id', 'console', 'api']) {
    const socket = world.tcp()
    socket.write(await helloFor(`${label}.sallyport.test`))
    assert.equal(await readAll(socket), '127.0.0.1 22', label)
  }
  control.close()
})

test('believes a PROXY header from a listed balancer only', async () => {
  const header = encodeProxyHeader({
    kind: 'proxied',
    sourceAddress: '192.0.2.7',
    sourcePort: 1,
    destinationAddress: '192.0.2.1',
    destinationPort: 443,
  })
  const control = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      const decoded = decodeProxyHeader(bytes)
      socket.end(decoded?.header.kind === 'proxied' ? decoded.header.sourceAddress : '')
    })
  })
  const port = await listen(control)
  const hello = await helloFor('api.sallyport.test')
  {
    await using world = await startWorld({ control: { host: '127.0.0.1', port }, balancers: ['127.0.0.0/8'] })
    const socket = world.tcp()
    socket.write(Buffer.concat([header, hello]))
    assert.equal(await readAll(socket), '192.0.2.7')
  }
  await using world = await startWorld({ control: { host: '127.0.0.1', port } })
  const socket = world.tcp()
  socket.write(Buffer.concat([header, hello]))
  assert.equal(await readAll(socket), '')
  control.close()
})

test('silent connections of one address take neither the places of others nor its own', async () => {
  await using world = await startWorld({ balancers: ['127.0.0.0/8'] })
  const from = (sourceAddress: string) => {
    const socket = world.tcp()
    const to = { destinationAddress: '192.0.2.1', destinationPort: 443 }
    socket.write(encodeProxyHeader({ kind: 'proxied', sourceAddress, sourcePort: 1, ...to }))
    return socket
  }
  const other = from('192.0.2.8')
  const many = Array.from({ length: caps.undecidedPerSource.default + 1 }, () => from('192.0.2.7'))
  await Promise.race(many.map(closeOf))
  assert.equal(other.destroyed, false)
  for (const [socket, name] of [
    [other, 'nobody.test'],
    [from('192.0.2.7'), 'nobody.test'],
  ] as const) {
    socket.write(await helloFor(name))
    // An alert: it was heard out.
    assert.equal((await readAll(socket)).charCodeAt(0), 21)
  }
})

test('lets what is under way end when it drains, and cuts the rest', async () => {
  await using world = await startWorld({ drainMs: 100 })
  await using _ = await world.link(connector)
  world.appState.handler = (_request, response) => void response.write('first')
  const socket = world.door(world.wikiHost, {})
  socket.write(`GET / HTTP/1.1\r\nHost: ${world.wikiHost}\r\nCookie: ${world.cookie()}\r\n\r\n`)
  await once(socket, 'data')
  const closed = closeOf(socket)
  await Promise.all([world.exchange.close(), world.exchange.close()])
  await closed
  assert.equal(world.exchange.metrics().liveFlows, 0)
})

/** The first bytes of a real client. */
async function helloFor(servername: string): Promise<Buffer> {
  const { connect } = await import('node:tls')
  const server = createServer()
  const port = await listen(server)
  const accepted = once(server, 'connection')
  const client = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  client.on('error', () => {})
  const [socket] = await accepted
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  client.destroy()
  server.close()
  return bytes
}
