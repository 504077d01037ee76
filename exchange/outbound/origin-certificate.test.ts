// Certificates of sites that are wrong in every way: each thing is blocked by itself, whatever else may pass.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'node:test'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf, listen, selfSigned } from '#transport/testing.ts'
import { hello, startWebWorld, webPolicy, type SiteHandler, type WebWorld } from './testing.ts'

const start = (options: Parameters<typeof startWebWorld>[1] = {}) => startWebWorld(issueIntermediate, options)
const DAY_MS = 86_400_000
const hosts = { sanDns: ['bad.test'] }
const past = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) }
const future = { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) }

async function outcome(world: WebWorld, port: number): Promise<string> {
  const { stdout, stderr } = await world.curl(`https://bad.test:${port}/`)
  assert.equal(stderr, '')
  return stdout === 'hello' ? 'hello' : `${JSON.parse(stdout).reason}: ${JSON.parse(stdout).message}`
}

test('every kind of wrong certificate is blocked by default, and none of their sites gets a request', async () => {
  await using world = await start()
  const seen: string[] = []
  const site: SiteHandler = (request, response) => {
    seen.push(String(request.url))
    response.end()
  }
  const stranger = await createAuthority({ commonName: 'stranger', days: 2, pathLength: 0 })
  const bad = {
    expired: await leaf(world.siteCa, { ...hosts, ...past }),
    'not yet': await leaf(world.siteCa, { ...hosts, ...future }),
    'another name': await leaf(world.siteCa, { sanDns: ['other.test'] }),
    'no name': await leaf(world.siteCa, { sanDns: [], commonName: 'bad.test' }),
    'a stranger': await leaf(stranger, hosts),
    'by itself': selfSigned('bad.test'),
    'for clients': await leaf(world.siteCa, { ...hosts, usages: ['client'] }),
    'expired stranger': await leaf(stranger, { ...hosts, ...past }),
  }
  for (const [name, credentials] of Object.entries(bad)) {
    const port = await world.siteWith(credentials, site)
    assert.match(await outcome(world, port), /^certificate-untrusted/, name)
  }
  assert.deepEqual(seen, [])
})

test('what a tenant lets pass lets nothing else pass', async () => {
  await using world = await start()
  const stranger = await createAuthority({ commonName: 'stranger', days: 2, pathLength: 0 })
  const expired = await world.siteWith(await leaf(world.siteCa, { ...hosts, ...past }), hello)
  const both = await world.siteWith(await leaf(stranger, { ...hosts, ...past }), hello)
  const otherName = await world.siteWith(await leaf(world.siteCa, { sanDns: ['other.test'], ...past }), hello)
  const unknown = await world.siteWith(await leaf(stranger, hosts), hello)
  const wrongUse = await world.siteWith(await leaf(world.siteCa, { ...hosts, usages: ['client'] }), hello)
  await world.put({ ports: ['1-65535'], certificates: { expired: 'pass' } })
  assert.equal(await outcome(world, expired), 'hello')
  for (const port of [both, otherName, unknown]) assert.match(await outcome(world, port), /^certificate-untrusted/)
  await world.put({ ports: ['1-65535'], certificates: { unknownIssuer: 'pass' } })
  assert.equal(await outcome(world, unknown), 'hello')
  for (const port of [both, expired]) assert.match(await outcome(world, port), /^certificate-untrusted/)
  await world.put({ ports: ['1-65535'], certificates: { expired: 'pass', unknownIssuer: 'pass', wrongName: 'pass' } })
  for (const port of [both, otherName, unknown]) assert.equal(await outcome(world, port), 'hello')
  // A certificate that is for no server is nobody's to let pass.
  assert.match(await outcome(world, wrongUse), /^certificate-untrusted/)
})

test('a warning lets the person go on, with a reason, on this site only and not for a script', async () => {
  await using world = await start({ settings: { ports: ['1-65535'], certificates: { expired: 'warn' } } })
  const port = await world.siteWith(await leaf(world.siteCa, { sanDns: ['bad.test', 'too.test'], ...past }), hello)
  const origin = `https://bad.test:${port}`
  const page = await world.curl('-H', 'Accept: text/html', `${origin}/a?b`)
  const token = /name="token" value="([^"]+)"/.exec(page.stdout)?.[1]
  assert.ok(token !== undefined, page.stdout)
  // A script, a frame or a program gets no form.
  for (const headers of [
    ['-H', 'Sec-Fetch-Mode: cors'],
    ['-H', 'Sec-Fetch-Dest: iframe'],
  ]) {
    assert.doesNotMatch((await world.curl('-H', 'Accept: text/html', ...headers, `${origin}/`)).stdout, /<form/)
  }
  const press = (at: string, reason: string, ...more: readonly string[]) =>
    world.curl('-i', '--data-urlencode', `token=${token}`, '--data-urlencode', `reason=${reason}`, ...more, at)
  const path = '/.sallyport/continue'
  assert.match((await press(`https://too.test:${port}${path}`, 'testing it')).stdout, /HTTP\/2 401/)
  assert.match((await press(origin + path, ' ')).stdout, /HTTP\/2 400/)
  assert.match((await press(origin + path, 'by script', '-H', 'Sec-Fetch-Mode: cors')).stdout, /HTTP\/2 403/)
  assert.match((await press(origin + path, 'by frame', '-H', 'Origin: https://evil.test')).stdout, /HTTP\/2 403/)
  assert.match(await outcome(world, port), /^certificate-untrusted/)
  assert.match((await press(origin + path, 'I know the owner')).stdout, /HTTP\/2 303[^]*location: \/a\?b/)
  assert.equal(await outcome(world, port), 'hello')
  assert.match((await world.curl(`https://too.test:${port}/`)).stdout, /certificate-untrusted/)
})

test('a site never sees weaker TLS than the program would have spoken', async () => {
  await using world = await start()
  const old = createTlsServer({ ...(await leaf(world.siteCa, hosts)), maxVersion: 'TLSv1.2' }, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  )
  const port = await listen(old)
  world.adopt(old)
  assert.equal((await world.curl('--http1.1', `https://bad.test:${port}/`)).stdout, 'hello')
  const { stdout } = await world.curl('--http1.1', '--tlsv1.3', `https://bad.test:${port}/`)
  assert.equal(JSON.parse(stdout).reason, 'upstream-unreachable')
})

test('a categorised site that asks for a client certificate is passed through from then on, another one is not', async () => {
  await using world = await start({
    policies: [webPolicy('web')],
    categoriesOf: (_tenant, host) => (host === 'bad.test' ? ['tax-office'] : []),
  })
  const server = createTlsServer(
    {
      ...(await leaf(world.siteCa, { sanDns: ['bad.test', 'strange.test'] })),
      requestCert: true,
      rejectUnauthorized: true,
      ca: world.siteCa.certificatePem,
    },
    (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  )
  server.on('tlsClientError', () => {})
  const port = await listen(server)
  world.adopt(server)
  const ask = async (host: string) =>
    JSON.parse((await world.curl('--http1.1', `https://${host}:${port}/`)).stdout).reason
  assert.equal(await ask('bad.test'), 'client-certificate')
  assert.equal(await ask('strange.test'), 'client-certificate')
  const own = await leaf(world.siteCa, { sanDns: [] })
  const secured = await world.inside(`bad.test:${port}`, { ca: world.siteCa.certificatePem, ...own })
  const [answer] = await once(secured, 'data')
  assert.match(String(answer), /200 OK/)
  assert.equal(world.exchange.metrics().passed, 1)
  assert.equal(await ask('strange.test'), 'client-certificate')
})
