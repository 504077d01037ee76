// The agent's local doors with real programs (curl, setpriv), against an exchange of one port.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { leaf, selfSigned } from '#transport/testing.ts'
import { startAgent, type AgentConfig, type AgentDeps } from './agent.ts'
import { askAgent, controlPath } from './control-socket.ts'
import { loadProfiles } from './profile.ts'
import * as world from './testing.ts'
import { down, logout, status } from './verbs.ts'

const run = promisify(execFile)
const tenant = await world.makeTenant()

type Line = { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

async function setUp(config: Partial<AgentConfig> = {}, deps: Partial<AgentDeps> = {}, certificate?: string) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await world.stateFolder()).path
  const exchange = stack.use(await new world.TestExchange(tenant).start())
  await tenant.profile(certificate ?? (await tenant.certify()), [exchange.address]).save(folder)
  const log: Line[] = []
  const waiting: { readonly matches: (line: Line) => boolean; readonly resolve: (line: Line) => void }[] = []
  const starting = startAgent(
    { stateFolder: folder, socksPort: 0, httpPort: 0, drainMs: 0, ...config },
    {
      log: (message, fields = {}) => {
        log.push({ message, fields })
        for (const { matches, resolve } of waiting) if (matches({ message, fields })) resolve({ message, fields })
      },
      ...deps,
    },
  )
  await starting.catch(() => stack.disposeAsync())
  const agent = stack.use(await starting)
  await agent.ready()
  const logged = (message: string) => {
    const matches = (line: Line) => line.message === message
    const found = log.find(matches)
    return found === undefined ? new Promise<Line>((resolve) => waiting.push({ matches, resolve })) : found
  }
  const door = (kind: string) => agent.status().doors.find((one) => one.kind === kind)?.address ?? ''
  return { agent, exchange, folder, log, logged, door, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function startWiki() {
  const server = createServer((request: IncomingMessage, response) => {
    response.setHeader('x-host', String(request.headers.host))
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => response.end(`${request.method} ${request.url} ${body}`))
  })
  server.on('upgrade', (_request, socket) => socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}

async function dialled(address: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function allOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()))
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

const socksConnect = (host: string, port: number) =>
  Buffer.from([5, 1, 0, 5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 255])

/** curl's answer, body and status; never throws. */
async function curl(...args: string[]) {
  const out = await run('curl', ['-sS', '-m', '10', '-w', '\n%{http_code}', ...args]).catch(
    (error: { stdout: string; stderr: string; code: number }) => error,
  )
  const lines = out.stdout.split('\n')
  return { code: lines.pop() ?? '', body: lines.join('\n'), exit: 'code' in out ? out.code : 0, stderr: out.stderr }
}

describe('SOCKS5', () => {
  test('reaches a sealed app by name, and half-closes stay half', async () => {
    await using set = await setUp()
    const socket = await dialled(set.door('socks5'))
    socket.end(Buffer.concat([socksConnect('echo.acme.test', 7000), Buffer.from('hello')]))
    assert.equal((await allOf(socket)).slice(-5), 'hello')
  })
  test('reaches an inspected app with curl', async () => {
    await using set = await setUp()
    await using wiki = await startWiki()
    set.exchange.lead('wiki.acme.test', wiki.port)
    const { body } = await curl('--socks5-hostname', set.door('socks5'), 'http://wiki.acme.test/start')
    assert.equal(body, 'GET /start ')
  })
  test('answers a denial with "not allowed", and the log says why', async () => {
    await using set = await setUp()
    const socket = await dialled(set.door('socks5'))
    socket.write(socksConnect('payroll.acme.test', 443))
    assert.equal((await allOf(socket)).charCodeAt(3), 2)
    const { fields } = await set.logged('connection refused')
    assert.deepEqual([fields['reason'], fields['advice']], ['policy', 'Ask the owner of the app.'])
  })
  test('asks for the secret where one is set', async () => {
    await using set = await setUp({ secret: 'correct horse' })
    await using wiki = await startWiki()
    set.exchange.lead('wiki.acme.test', wiki.port)
    const with_ = (secret: string) =>
      curl('--proxy', `socks5h://x:${encodeURIComponent(secret)}@${set.door('socks5')}`, 'http://wiki.acme.test/')
    assert.equal((await with_('correct horse')).code, '200')
    assert.equal((await with_('wrong')).exit, 97)
    assert.equal((await curl('--socks5-hostname', set.door('socks5'), 'http://wiki.acme.test/')).exit, 97)
  })
})

describe('the HTTP proxy', () => {
  test('forwards absolute-form requests with their bodies', async () => {
    await using set = await setUp()
    await using wiki = await startWiki()
    set.exchange.lead('wiki.acme.test', wiki.port)
    const { body } = await curl('-x', set.door('http'), '-d', 'text', 'http://wiki.acme.test/page')
    assert.equal(body, 'POST /page text')
  })
  test('tunnels CONNECT to a sealed app', async () => {
    await using set = await setUp()
    const socket = await dialled(set.door('http'))
    socket.end('CONNECT echo.acme.test:7000 HTTP/1.1\r\nHost: echo.acme.test:7000\r\n\r\nhello')
    assert.match(await allOf(socket), /^HTTP\/1\.1 200 [^]*\r\n\r\nhello$/)
  })
  test('explains a denial: a page for people, text for programs', async () => {
    await using set = await setUp()
    const page = await curl('-x', set.door('http'), '-H', 'Accept: text/html', 'http://payroll.acme.test/')
    assert.equal(page.code, '403')
    assert.match(page.body, /<h1>.*No policy allows this.*Ask the owner.*request\?app=payroll/s)
    const text = await curl('-x', set.door('http'), 'http://payroll.acme.test/')
    assert.match(text.body, /^No policy allows this\. \(policy\)\nAsk the owner of the app\.\n/)
    assert.equal((await curl('-x', set.door('http'), 'http://nothing.acme.test/')).code, '502')
    const tunnel = await curl('-x', set.door('http'), '-p', 'http://payroll.acme.test/')
    assert.match(tunnel.stderr, /403/)
  })
  test('serves a PAC file that names the apps and nothing else', async () => {
    await using set = await setUp()
    const { body } = await curl(`http://${set.door('http')}/proxy.pac`)
    const find = (url: string, host: string): unknown =>
      runInNewContext(`${body}; FindProxyForURL(url, host)`, { url, host })
    assert.equal(find('', 'WIKI.acme.test'), `PROXY ${set.door('http')}`)
    assert.equal(find('', 'example.org'), 'DIRECT')
    assert.equal(find('', '__proto__'), 'DIRECT')
  })
  test('sends the internet through the exchange where the tenant has a way to it, and nothing around it', async () => {
    await using set = await setUp()
    set.exchange.web = { direct: ['sallyport.test'] }
    await set.agent.ready()
    const { body } = await curl(`http://${set.door('http')}/proxy.pac`)
    const find = (url: string, host: string): unknown =>
      runInNewContext(`${body}; FindProxyForURL(url, host)`, { url, host })
    const proxy = `PROXY ${set.door('http')}`
    for (const host of ['example.org', 'notsallyport.test', '8.8.8.8', '__proto__.test']) {
      assert.equal(find(`https://${host}/`, host), proxy, host)
    }
    for (const host of [
      'acme.sallyport.test',
      'sallyport.test',
      'printer',
      'a.local',
      '192.168.1.1',
      '172.20.0.1',
      '::1',
    ]) {
      assert.equal(find(`https://${host}/`, host), 'DIRECT', host)
    }
    assert.equal(find('ftp://example.org/', 'example.org'), 'DIRECT')
  })
  test('refuses a web page that fetches it, and a name rebound to it', async () => {
    await using set = await setUp()
    const url = `http://${set.door('http')}/proxy.pac`
    assert.equal((await curl('-H', 'Origin: https://evil.example', url)).code, '403')
    assert.equal((await curl('-H', 'Sec-Fetch-Site: cross-site', '-H', 'Sec-Fetch-Mode: no-cors', url)).code, '403')
    assert.equal((await curl('-H', 'Host: evil.example', url)).code, '403')
    assert.equal((await curl('-H', `Host: evil.example:${set.door('http').split(':')[1]}`, url)).code, '403')
  })
})

describe('a fixed port', () => {
  const echo = { port: 0, target: { host: 'echo.acme.test', port: 7000 } }
  const wikiPort = { port: 0, target: { host: 'wiki.acme.test', port: 80 } }

  test('leads to a tcp app byte for byte', async () => {
    await using set = await setUp({ forwards: [echo] })
    const socket = await dialled(set.door('port'))
    socket.end('SSH-2.0-test\r\n')
    assert.equal(await allOf(socket), 'SSH-2.0-test\r\n')
  })
  test('of a tcp app takes nothing from a web page', async () => {
    await using set = await setUp({ forwards: [echo] })
    for (const field of ['Host: evil.example', `Host: ${set.door('port')}\r\nOrigin: https://evil.example`]) {
      const socket = await dialled(set.door('port'))
      socket.write(`POST / HTTP/1.1\r\n${field}\r\n\r\nDROP TABLE`)
      assert.ok(!(await allOf(socket)).includes('DROP'))
    }
    const socket = await dialled(set.door('port'))
    socket.end(`GET / HTTP/1.1\r\nHost: ${set.door('port')}\r\n\r\n`)
    assert.match(await allOf(socket), /^GET \/ HTTP\/1\.1/)
  })
  test('of an http app calls it by its own name, and keeps web pages out', async () => {
    await using set = await setUp({ forwards: [wikiPort] })
    await using wiki = await startWiki()
    set.exchange.lead('wiki.acme.test', wiki.port)
    const answer = await run('curl', ['-sSi', '-m', '10', `http://${set.door('port')}/a`])
    assert.match(answer.stdout, /x-host: wiki\.acme\.test\r\n/)
    assert.equal((await curl('-H', 'Origin: https://evil.example', `http://${set.door('port')}/a`)).code, '403')
    assert.equal((await curl('-H', 'Host: evil.example', `http://${set.door('port')}/a`)).code, '403')
  })
})

describe('another account', () => {
  const isRoot = process.getuid?.() === 0
  test('is refused at every door', { skip: !isRoot && 'needs another account' }, async () => {
    await using set = await setUp({ forwards: [{ port: 0, target: { host: 'echo.acme.test', port: 7000 } }] })
    for (const kind of ['socks5', 'http', 'port']) {
      const port = set.door(kind).split(':')[1]
      const other = spawn('setpriv', [
        '--reuid=65534',
        '--clear-groups',
        'curl',
        '-sS',
        '-m',
        '10',
        `http://127.0.0.1:${port}/proxy.pac`,
      ])
      assert.notEqual((await once(other, 'exit'))[0], 0)
      assert.equal(set.log.filter(({ message }) => message === 'refused a connection of another account').length, 1)
      set.log.length = 0
    }
    assert.deepEqual(
      set.exchange.asked.filter((line) => line.includes('flows')),
      [],
    )
  })
  test('where the system does not tell, a door without a secret does not open', async () => {
    const admission = { uids: new Set<number>(), ownerOf: undefined, secret: undefined }
    await assert.rejects(setUp({}, { admission }), (error) => isFault(error, 'configuration-invalid'))
  })
  test('is not told apart by an answer that is missing', async () => {
    const admission = { uids: new Set([0]), ownerOf: () => Promise.resolve(undefined), secret: undefined }
    await using set = await setUp({}, { admission })
    const socket = connect({ host: '127.0.0.1', port: Number(set.door('socks5').split(':')[1]) })
    socket.on('error', () => {})
    socket.write(socksConnect('echo.acme.test', 7000))
    assert.equal(await allOf(socket), '')
    assert.ok(!set.exchange.asked.some((line) => line.includes('flows')))
  })
})

describe('the other end of a sealed flow', () => {
  const attempt = async (connector: { key: string; cert: string }) => {
    await using set = await setUp()
    set.exchange.connector = connector
    const socket = await dialled(set.door('socks5'))
    socket.write(socksConnect('echo.acme.test', 7000))
    assert.equal((await allOf(socket)).charCodeAt(3), 2)
    assert.equal((await set.logged('connection refused')).fields['reason'], 'certificate-refused')
  }
  test('that is a stranger gets nothing', () => attempt(selfSigned()))
  test('that is another connector of the tenant gets nothing', async () => {
    const id = newId('connector')
    await attempt(
      await leaf(tenant.identityCa, {
        sanUris: [identityUri({ owner: tenant.ids.tenantId, role: 'connector', id })],
      }),
    )
  })
  test('that is a device of the tenant gets nothing', async () => {
    await attempt(
      await leaf(tenant.identityCa, {
        sanUris: [identityUri({ owner: tenant.ids.tenantId, role: 'device', id: tenant.ids.deviceId })],
      }),
    )
  })
})

describe('exchanges', () => {
  test('the next one is asked when the first is gone', async () => {
    await using set = await setUp()
    await using second = await new world.TestExchange(tenant).start()
    const certificate = await tenant.certify()
    await using folder = await world.stateFolder()
    await tenant.profile(certificate, ['127.0.0.1:1', second.address]).save(folder.path)
    await using agent = await startAgent(
      { stateFolder: folder.path, socksPort: 0, httpPort: null, drainMs: 0 },
      { log: () => {} },
    )
    await agent.ready()
    assert.equal(agent.status().tenants[0]?.state, 'connected')
    assert.ok(set.exchange.asked.length > 0)
  })
  test('a certificate is renewed at two thirds of its life, for the same key', async () => {
    const old = await tenant.certify(undefined, 3_600_000, 3 * 3_600_000)
    await using set = await setUp({}, {}, old)
    assert.equal(set.exchange.renewed, 1)
    assert.ok((set.agent.status().tenants[0]?.certificateExpiresAtMs ?? 0) > Date.now() + 40_000_000)
  })
  test('a live flow that is cut is explained', async () => {
    await using set = await setUp()
    const socket = await dialled(set.door('socks5'))
    socket.write(Buffer.concat([socksConnect('echo.acme.test', 7000), Buffer.from('x')]))
    await set.logged('connection opened')
    for (let heard = ''; !heard.endsWith('x');) heard += String((await once(socket, 'data'))[0])
    set.exchange.signedOut = 'session-ended'
    set.exchange.cutFlows()
    assert.equal((await set.logged('connection cut')).fields['reason'], 'session-ended')
    assert.equal(set.agent.status().tenants[0]?.state, 'signed-out')
  })
  test('and the status says that access is stopped, where it is', async () => {
    await using set = await setUp()
    const socket = await dialled(set.door('socks5'))
    socket.write(Buffer.concat([socksConnect('echo.acme.test', 7000), Buffer.from('x')]))
    await set.logged('connection opened')
    for (let heard = ''; !heard.endsWith('x');) heard += String((await once(socket, 'data'))[0])
    set.exchange.apps = set.exchange.apps.map((app) => ({ ...app, allowed: false, reason: 'contained' }))
    set.exchange.cutFlows()
    assert.equal((await set.logged('connection cut')).fields['reason'], 'contained')
    const [tenantStatus] = set.agent.status().tenants
    assert.deepEqual([tenantStatus?.state, tenantStatus?.reason], ['contained', 'contained'])
  })
})

describe('the control socket', () => {
  test('is the owner’s only, and one agent runs at a time', async () => {
    await using set = await setUp()
    assert.equal((await stat(controlPath(set.folder))).mode & 0o777, 0o600)
    assert.equal((await stat(join(set.folder, 'acme', 'profile.json'))).mode & 0o777, 0o600)
    await assert.rejects(
      startAgent({ stateFolder: set.folder, socksPort: 0, httpPort: null }, { log: () => {} }),
      (error) => isFault(error, 'address-in-use'),
    )
    assert.equal((await status(set.folder)).tenants?.[0]?.state, 'connected')
  })
  test('takes up a tenant that was signed in to meanwhile, and drops one that was signed out of', async () => {
    const other = await world.makeTenant('globex')
    await using set = await setUp()
    await using globex = await new world.TestExchange(other).start()
    await other.profile(await other.certify(), [globex.address]).save(set.folder)
    const names = async () => (await status(set.folder)).tenants?.map((one) => `${one.tenant} ${one.state}`)
    await askAgent(set.folder, 'refresh')
    assert.deepEqual(await names(), ['acme connected', 'globex connected'])

    const live = await dialled(set.door('socks5'))
    live.write(Buffer.concat([socksConnect('echo.acme.test', 7000), Buffer.from('x')]))
    for (let heard = ''; !heard.endsWith('x');) heard += String((await once(live, 'data'))[0])
    const closed = new Promise((resolve) => live.once('close', resolve))
    assert.deepEqual(await logout('acme', set.folder), { kind: 'ended' })
    await closed
    assert.equal(set.exchange.signedOut, 'session-ended')
    assert.deepEqual(await names(), ['globex connected'])
    globex.signedOut = 'session-expired'
    assert.deepEqual(await logout('globex', set.folder), { kind: 'over' })
    assert.equal(await logout('globex', set.folder), undefined)
    assert.deepEqual(await names(), [])
    assert.deepEqual(await loadProfiles(set.folder), [])
  })
  test('signs out without an exchange, and says until when the session goes on', async () => {
    await using set = await setUp()
    await set.exchange[Symbol.asyncDispose]()
    const [profile] = await loadProfiles(set.folder)
    const end = await logout('acme', set.folder)
    assert.equal(end?.kind, 'untold')
    assert.ok(end.kind === 'untold' && end.code === 'exchange-unreachable')
    assert.equal(Date.parse(end.expiresAt), new Date(profile?.signedIn.sessionExpiresAt ?? 0).getTime())
    assert.deepEqual(await loadProfiles(set.folder), [])
  })
  test('ends the agent on "down"', async () => {
    await using set = await setUp()
    assert.equal(await down(set.folder), true)
    await set.agent.stopped
    assert.equal(await askAgent(set.folder, 'status'), undefined)
    assert.equal((await status(set.folder)).isRunning, false)
  })
  test('never tells a key', async () => {
    await using set = await setUp()
    assert.ok(!JSON.stringify(await askAgent(set.folder, 'status')).includes('PRIVATE'))
    assert.ok(!JSON.stringify(tenant.profile(await tenant.certify(), [])).includes('PRIVATE'))
  })
})
