// CONNECT tunnels and absolute-form requests at the agent door: any program with a device certificate.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import { changedApp, closeOf, readAll, startWorld, type World } from './testing/world.ts'

const connector = { Identity, startConnector }
const door = 'acme.proxy.sallyport.test'

async function tunnel(world: World, authority: string) {
  const socket = world.door(door)
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  const [head] = await once(socket, 'data')
  return { socket, head: String(head) }
}

async function insideTunnel(world: World, text: string): Promise<string> {
  const { socket, head } = await tunnel(world, 'wiki.acme.internal:80')
  assert.match(head, /^HTTP\/1\.1 200 /)
  socket.write(text)
  return readAll(socket)
}

test('a tunnel to a tcp app carries bytes, and ends with its session', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const { socket, head } = await tunnel(world, 'ssh.acme.internal:22')
  assert.match(head, /^HTTP\/1\.1 200 /)
  socket.write('ping')
  const [data] = await once(socket, 'data')
  assert.equal(String(data), 'ping')
  const closed = closeOf(socket)
  await world.control.change(world.acme, { op: 'remove', kind: 'session', id: world.agentSession.id })
  await closed
})

test('a tunnel to nowhere, or to what policy denies, says why', async () => {
  await using world = await startWorld()
  const unknown = await tunnel(world, 'ssh.acme.internal:23')
  assert.match(unknown.head, /^HTTP\/1\.1 403 .*Sallyport-Reason: app-unknown/s)
  const browsers = await tunnel(world, `${world.wikiHost}:443`)
  assert.match(browsers.head, /^HTTP\/1\.1 421 .*for browsers.*wiki\.acme\.internal/s)
  // Another tenant's host is a name like any other.
  const foreign = await tunnel(world, 'wiki.globex.apps.test:443')
  assert.match(foreign.head, /^HTTP\/1\.1 403 .*Sallyport-Reason: app-unknown/s)
  const policy = [...world.acme.records.values()].find(({ kind }) => kind === 'policy')
  assert.ok(policy)
  await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: policy.id })
  const denied = await tunnel(world, 'ssh.acme.internal:22')
  assert.match(denied.head, /^HTTP\/1\.1 403 .*Sallyport-Reason: no-policy/s)
})

test('inside a tunnel to an http app every request is decided by itself', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const rules = [{ allow: false, path: '/admin/*' }]
  await world.control.change(world.acme, changedApp(world.wiki, { http: { ...world.wiki.http, rules } }))
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: wiki.acme.internal\r\n${more}\r\n`
  const answer = await insideTunnel(
    world,
    get('/page') + get('/admin/x') + get('/x/../admin/x', 'Connection: close\r\n'),
  )
  assert.match(answer, /200 OK.*hello from \/page.*403 Forbidden.*path-not-allowed.*400 Bad Request/s)
  assert.deepEqual(
    world.seen.map(({ url }) => url),
    ['/page'],
  )
  assert.equal(world.seen[0]?.headers['x-forwarded-proto'], 'http')
})

test('a tunnel is for one host: another one inside is refused, and so is what reads two ways', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const heads = [
    ['GET / HTTP/1.1\r\nHost: ssh.acme.internal\r\nConnection: close\r\n\r\n', 421],
    ['GET / HTTP/1.1\r\nHost: wiki.acme.internal:81\r\nConnection: close\r\n\r\n', 421],
    ['GET / HTTP/1.1\r\nHost: wiki.acme.internal\r\nHost: x.test\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: wiki.acme.internal\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['GET /%2e%2e/ HTTP/1.1\r\nHost: wiki.acme.internal\r\nConnection: close\r\n\r\n', 400],
    ['CONNECT ssh.acme.internal:22 HTTP/1.1\r\nHost: ssh.acme.internal:22\r\n\r\n', 400],
  ] as const
  for (const [head, status] of heads)
    assert.match(await insideTunnel(world, head), new RegExp(`^HTTP/1.1 ${status} `), head)
  assert.deepEqual(world.seen, [])
})

test('TLS inside a tunnel is ended under the inspection root of the tenant, for that host only', async () => {
  await using world = await startWorld({}, issueIntermediate)
  await using _ = await world.link(connector)
  const open = async (servername: string) => {
    const { socket } = await tunnel(world, 'wiki.acme.internal:443')
    return connectTls({ socket, servername, ca: world.acme.inspectionRoot.certificatePem })
  }
  const secured = await open('wiki.acme.internal')
  await once(secured, 'secureConnect')
  secured.write('GET /secret HTTP/1.1\r\nHost: wiki.acme.internal\r\nConnection: close\r\n\r\n')
  assert.match(await readAll(secured), /^HTTP\/1\.1 200 OK.*hello from \/secret/s)
  const other = await open('bank.test')
  other.on('error', () => {})
  other.write('GET / HTTP/1.1\r\nHost: bank.test\r\n\r\n')
  assert.equal(await readAll(other), '')
})

test('absolute form reaches http apps, with the same decision', async () => {
  await using world = await startWorld()
  await using _ = await world.link(connector)
  const rules = [{ allow: false, path: '/admin/*' }]
  await world.control.change(world.acme, changedApp(world.wiki, { http: { ...world.wiki.http, rules } }))
  const send = async (url: string, host = 'wiki.acme.internal') => {
    const socket = world.door(door)
    socket.write(`GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    return readAll(socket)
  }
  assert.match(await send('http://wiki.acme.internal/page'), /^HTTP\/1\.1 200 .*hello from \/page/s)
  assert.match(await send('http://wiki.acme.internal/admin/x'), /^HTTP\/1\.1 403 /)
  assert.match(await send('http://wiki.acme.internal/%61dmin/x'), /^HTTP\/1\.1 403 /)
  assert.match(await send('http://wiki.acme.internal/a/../admin/x'), /^HTTP\/1\.1 400 /)
  assert.match(await send('http://wiki.acme.internal/', 'other.test'), /^HTTP\/1\.1 400 /)
  assert.match(await send('https://wiki.acme.internal/'), /^HTTP\/1\.1 400 /)
  assert.match(await send('http://ssh.acme.internal:22/', 'ssh.acme.internal:22'), /^HTTP\/1\.1 400 /)
  assert.deepEqual(
    world.seen.map(({ url }) => url),
    ['/page'],
  )
})
