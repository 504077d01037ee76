// Names through the doors of a real exchange: dig and curl as clients, a resolver on loopback that is made to misbehave.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { readWebEvent } from '#control/web/read-web-event.ts'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { newId, type TenantId } from '#core/ids.ts'
import { readEvents } from '#journal/read.ts'
import { listen } from '#transport/testing.ts'
import { newSecret, sha256 } from '#transport/secret.ts'
import { sessionRecord } from '#exchange/testing/records.ts'
import { changedApp } from '#exchange/testing/world.ts'
import { DOOR, run, startWebWorld, webPolicy, type WebWorldOptions } from '#exchange/outbound/testing.ts'
import { writeQuery } from './message.ts'
import { wireOf } from './name.ts'
import { address, alias, startTestResolver, type TestAnswer } from './testing.ts'

type Answers = Readonly<Record<string, TestAnswer>>

async function start(answers: Answers, options: WebWorldOptions = {}) {
  const resolver = await startTestResolver(
    (name, type, by) => answers[`${name} ${type} ${by}`] ?? answers[`${name} ${type}`] ?? answers[name] ?? { rcode: 3 },
  )
  const world = await startWebWorld(issueIntermediate, {
    settings: { dns: 'prefer' },
    resolvers: [resolver.address],
    ...options,
  })
  // dig 9.18 sends no server name, by which doors are told apart: TLS is put around it here, HTTP/2 and DNS are its own.
  const wrap = createServer((plain) => {
    const secured = connectTls({
      port: world.port,
      servername: DOOR,
      ca: world.control.exchangeCa.certificatePem,
      ALPNProtocols: ['h2'],
      ...world.device.credentials,
    })
    plain.on('error', () => {}).on('close', () => secured.destroy())
    secured.on('error', () => plain.destroy())
    plain.pipe(secured).pipe(plain)
  })
  const wrapPort = await listen(wrap)
  const stack = new AsyncDisposableStack()
  stack.use(resolver)
  stack.use(world)
  stack.defer(() => void wrap.close())
  const dig = async (...args: readonly string[]) => {
    const own = ['@127.0.0.1', '-p', String(wrapPort), '+http-plain', '+tries=1', '+timeout=5']
    return (await run('dig', [...own, ...args])).stdout
  }
  const ask = (path: string, more: readonly string[] = []) => {
    const door = `${DOOR}:${world.port}`
    const tls = ['--cacert', world.doorCaPath, '--cert', world.certPath, '--key', world.keyPath]
    return run('curl', ['-sS', '-i', '--resolve', `${door}:127.0.0.1`, ...tls, ...more, `https://${door}${path}`])
  }
  const events = async (classUid = 4003) => {
    await world.exchange.close()
    const found: Record<string, unknown>[] = []
    const reading = readEvents(join(world.folder, 'data', 'journal'), {
      tenant: world.acme.id as TenantId,
      order: 'oldest-first',
      limit: 1000,
    })
    for await (const { event } of reading) if (event['class_uid'] === classUid) found.push({ ...event })
    return found
  }
  return { world, resolver, dig, ask, events, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const publicSite = (name: string): TestAnswer => ({ records: [address(name, '9.9.9.9')] })

test('dig and curl get an answer over HTTP/2 and HTTP/1.1, by POST and GET, and it is written down with its rule', async () => {
  await using on = await start({ 'www.site.test': publicSite('www.site.test') })
  assert.match(await on.dig('www.site.test'), /www\.site\.test\.\s+\d+\s+IN\s+A\s+9\.9\.9\.9/)
  assert.match(await on.dig('+http-plain-get', 'WWW.site.TEST'), /WWW\.site\.TEST\.\s+\d+\s+IN\s+A\s+9\.9\.9\.9/)
  const text = Buffer.from(writeQuery(0, 'www.site.test', 1)).toString('base64url')
  const { stdout } = await on.ask(`/dns-query?dns=${text}`)
  assert.match(stdout, /^HTTP\/1\.1 200/)
  assert.match(stdout, /cache-control: private, max-age=\d+/)
  assert.deepEqual(on.resolver.asked, ['www.site.test 1'], 'asked once, then from the cache')
  const [event, ...more] = await on.events()
  assert.deepEqual(more, [], 'the same answer to the same session is not written again')
  assert.deepEqual(event?.['query'], { hostname: 'www.site.test', type: 'A', class: 'IN' })
  assert.deepEqual(event['answers'], [{ type: 'A', rdata: '9.9.9.9', ttl: 60 }])
  assert.equal((event['authorizations'] as { policy: { name: string } }[])[0]?.policy.name, 'web')
})

test('a forbidden category has no address, and the answer says why by which policy', async () => {
  const policies = [webPolicy('web'), webPolicy('no-gambling', { effect: 'forbid', category: 'gambling' })]
  const categoriesOf = (_tenant: string, host: string) => (host.endsWith('cards.test') ? ['gambling'] : [])
  await using on = await start({ 'www.cards.test': publicSite('www.cards.test') }, { policies, categoriesOf })
  const said = await on.dig('www.cards.test')
  assert.match(said, /status: NXDOMAIN/)
  assert.match(said, /EDE: 15 \(Blocked\).*www\.cards\.test is refused .*policy no-gambling; categories: gambling/)
  assert.deepEqual(on.resolver.asked, [], 'a name that is refused is not asked for')
  const [event] = await on.events()
  assert.equal(event?.['status_code'], 'forbidden')
  const read = readWebEvent(event)
  assert.deepEqual([read?.kind, read?.isStopped, read?.host], ['name', true, 'www.cards.test'], 'the overview reads it')
  assert.equal(event['rcode_id'], 3)
})

test('every alias of a chain is decided, and the chain is followed where the resolver stopped', async () => {
  const policies = [webPolicy('web'), webPolicy('no-tracker', { effect: 'forbid', host: 'collect.tracker.test' })]
  await using on = await start(
    {
      'metrics.shop.test 1': {
        records: [alias('metrics.shop.test', 'collect.tracker.test'), address('collect.tracker.test', '9.9.9.9')],
      },
      'half.shop.test 1': { records: [alias('half.shop.test', 'collect.tracker.test')] },
      'good.shop.test 1': { records: [alias('good.shop.test', 'cdn.test'), address('other.test', '8.8.8.8')] },
      'cdn.test 1': { records: [alias('cdn.test', 'edge.cdn.test'), address('edge.cdn.test', '9.9.9.10')] },
      'loop.test 1': { records: [alias('loop.test', 'pool.test'), alias('pool.test', 'loop.test')] },
      'ours.test 1': {
        records: [alias('ours.test', 'console.sallyport.test'), address('console.sallyport.test', '9.9.9.9')],
      },
    },
    { policies },
  )
  assert.match(
    await on.dig('metrics.shop.test'),
    /EDE: 15 .*collect\.tracker\.test, which metrics\.shop\.test stands for/,
  )
  assert.match(await on.dig('half.shop.test'), /status: NXDOMAIN/)
  const good = await on.dig('good.shop.test')
  assert.match(good, /edge\.cdn\.test\.\s+\d+\s+IN\s+A\s+9\.9\.9\.10/)
  assert.doesNotMatch(good, /8\.8\.8\.8/, "a record of another name is nobody's business")
  assert.match(await on.dig('loop.test'), /status: SERVFAIL/)
  assert.match(await on.dig('ours.test'), /status: NXDOMAIN/)
})

test('addresses that are not public are taken out, unless an app publishes the name', async () => {
  const inner = (name: string): TestAnswer => ({
    records: [address(name, '10.1.2.3'), address(name, '169.254.169.254')],
  })
  await using on = await start({
    'rebind.test': inner('rebind.test'),
    'mixed.test': { records: [address('mixed.test', '192.168.1.1'), address('mixed.test', '9.9.9.9')] },
    'mapped.test 28': {
      records: [
        { name: 'mapped.test', type: 28, data: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]) },
      ],
    },
    'db.acme.test': inner('db.acme.test'),
  })
  assert.match(await on.dig('rebind.test'), /status: NXDOMAIN[^]*has no public address/)
  const mixed = await on.dig('mixed.test')
  assert.match(mixed, /9\.9\.9\.9/)
  assert.doesNotMatch(mixed, /192\.168/)
  assert.match(await on.dig('mapped.test', 'AAAA'), /status: NXDOMAIN/)
  assert.match(await on.dig('db.acme.test'), /status: NXDOMAIN/)
  await on.world.control.change(
    on.world.acme,
    changedApp(on.world.ssh, { names: [{ host: 'db.acme.test', ports: ['22'] }] }),
  )
  assert.match(await on.dig('db.acme.test'), /IN\s+A\s+10\.1\.2\.3/)
})

test('HTTPS records come without ECH and h3, or not at all when they insist', async () => {
  const param = (key: number, ...value: number[]) => [
    key >> 8,
    key & 255,
    value.length >> 8,
    value.length & 255,
    ...value,
  ]
  const alpn = (...ids: string[]) => param(1, ...ids.flatMap((id) => [id.length, ...Buffer.from(id)]))
  const https = (...params: number[][]) => Uint8Array.from([0, 1, 0, ...params.flat()])
  const one = (name: string, ...params: number[][]) => ({ records: [{ name, type: 65, data: https(...params) }] })
  await using on = await start({
    'new.test': one('new.test', alpn('h3', 'h2'), param(4, 9, 9, 9, 9, 10, 0, 0, 1), param(5, 1, 2, 3, 4)),
    'only.test': one('only.test', alpn('h3'), param(2)),
    'must.test': one('must.test', param(0, 0, 5), param(5, 1, 2)),
    'alias.test': {
      records: [{ name: 'alias.test', type: 65, data: Uint8Array.from([0, 0, ...wireOf('localhost')]) }],
    },
    'broken.test': one('broken.test', [0, 4, 0, 200]),
  })
  const clean = await on.dig('new.test', 'HTTPS')
  assert.match(clean, /HTTPS\s+1 \. alpn="h2" ipv4hint=9\.9\.9\.9/)
  assert.doesNotMatch(clean, /ech|h3|10\.0\.0\.1/)
  for (const name of ['only.test', 'must.test']) assert.match(await on.dig(name, 'HTTPS'), /ANSWER: 0/)
  assert.match(await on.dig('alias.test', 'HTTPS'), /status: NXDOMAIN/)
  assert.match(await on.dig('broken.test', 'HTTPS'), /status: SERVFAIL/)
})

test('names of nobody, transfers and ANY are answered without asking anybody', async () => {
  await using on = await start({})
  for (const name of ['printer.local', 'intranet', 'x.home.arpa', 'use-application-dns.net'])
    assert.match(await on.dig(name), /status: NXDOMAIN/)
  assert.match(await on.dig('site.test', 'ANY'), /status: NOTIMP/)
  assert.match(await on.dig('-c', 'CH', 'version.bind', 'TXT'), /status: NOTIMP/)
  assert.deepEqual(on.resolver.asked, [])
})

test('a resolver that is silent, in trouble or lies is SERVFAIL with its reason; a cut answer comes by TCP', async () => {
  await using on = await start({
    'trouble.test': { rcode: 2 },
    'big.test 1': { isCut: true },
    'long.test 1 udp': { isCut: true },
    'long.test 1 tcp': publicSite('long.test'),
  })
  assert.match(await on.dig('long.test'), /IN\s+A\s+9\.9\.9\.9/)
  assert.match(await on.dig('trouble.test'), /status: SERVFAIL[^]*EDE: 22/)
  assert.match(await on.dig('big.test'), /status: SERVFAIL/, 'cut by TCP too')
})

test('what is not one plain question is refused', async () => {
  await using on = await start({})
  for (const path of ['/dns-query', '/dns-query?dns=', '/dns-query?dns=AAAA', `/dns-query?dns=${'A'.repeat(6000)}`])
    assert.match((await on.ask(path)).stdout, /^HTTP\/1\.1 4(00|13)/, path)
  const file = `${on.world.folder}-query.bin`
  writeFileSync(file, Buffer.alloc(10_000))
  const post = (type: string) => on.ask('/dns-query', ['-H', `content-type: ${type}`, '--data-binary', `@${file}`])
  assert.match((await post('application/dns-message')).stdout, /^HTTP\/1\.1 413/)
  assert.match((await post('text/plain')).stdout, /^HTTP\/1\.1 400/)
  assert.deepEqual(on.resolver.asked, [])
})

test('without a session, and where the tenant has it off, there are no names', async () => {
  const answers = { 'www.site.test': publicSite('www.site.test') }
  await using on = await start(answers, { settings: {} })
  const text = Buffer.from(writeQuery(0, 'www.site.test', 1)).toString('base64url')
  assert.match((await on.ask(`/dns-query?dns=${text}`)).stdout, /^HTTP\/1\.1 404/)
  await on.world.put({ dns: 'require' })
  const whoami = (await on.ask('/v1/whoami')).stdout
  assert.match(whoami, /"dns":"require"/)
  assert.match((await on.ask(`/dns-query?dns=${text}`)).stdout, /^HTTP\/1\.1 200/)
  await on.world.control.change(on.world.acme, { op: 'remove', kind: 'session', id: on.world.agentSession.id })
  assert.match((await on.ask(`/dns-query?dns=${text}`)).stdout, /^HTTP\/1\.1 401/)
})

test('curl --doh-url resolves with a credential of the explicit proxy, and without one there is only the question', async () => {
  await using on = await start({ 'www.site.test 1': { records: [address('www.site.test', '127.0.0.1')] } })
  const { world } = on
  const port = await world.plainSite((_request, response) => response.end('hello'))
  const secret = newSecret('spweb')
  const session = { ...sessionRecord(world.alice.id, null), door: 'web' as const, factors: ['app-password'] }
  const secretHash = sha256(secret).toString('base64url')
  const credential = { kind: 'webCredential' as const, id: newId('webCredential'), sessionId: session.id, secretHash }
  await world.control.change(world.acme, { op: 'put', record: session }, { op: 'put', record: credential })
  const ca = `${world.folder}-webca.pem`
  writeFileSync(ca, world.control.webCa.certificatePem)
  const door = `acme.web.sallyport.test:${world.port}`
  const get = (user: string) =>
    run('curl', [
      '-sS',
      '--max-time',
      '10',
      '--cacert',
      ca,
      '--resolve',
      `${door}:127.0.0.1`,
      '--doh-url',
      `https://${user}${door}/dns-query`,
      `http://www.site.test:${port}/`,
    ])
  assert.equal((await get(`alice:${secret}@`)).stdout, 'hello')
  assert.notEqual((await get('')).code, 0)
  assert.notEqual((await get('alice:wrong@')).code, 0)
})

test('a burst of names that do not exist is a finding, once', async () => {
  const { DnsWatch } = await import('#inspection/dns/dns-watch.ts')
  const { loadPhishingModel } = await import('#inspection/phishing/url-model.ts')
  const dnsWatcher = new DnsWatch({ names: loadPhishingModel().names, nowMs: Date.now, seed: 7 })
  await using on = await start({}, { dnsWatcher })
  const letters = (at: number) =>
    sha256(`name ${at}`)
      .toString('hex')
      .replaceAll(/[0-9a]/g, 'x')
      .slice(0, 4) +
    sha256(`n${at}`)
      .toString('base64url')
      .toLowerCase()
      .replaceAll(/[^a-z]/g, 'q')
      .slice(0, 12)
  for (let at = 0; at < 18; at++) {
    const text = Buffer.from(writeQuery(0, `${letters(at)}.com`, 1)).toString('base64url')
    assert.match((await on.ask(`/dns-query?dns=${text}`)).stdout, /dns-message/)
  }
  const findings = await on.events(2004)
  assert.equal(findings.length, 1)
  assert.match(String(findings[0]?.['message']), /registered names that do not exist/)
  assert.match(JSON.stringify(findings[0]?.['unmapped']), /"dns":"name-generator"/)
})
