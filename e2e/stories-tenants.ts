// Stories of the wall between tenants: people of Globex with agent and browser against Acme, and the other way round.
// They use what is theirs as an attacker would: own keys, own cookies, own tokens, at the other tenant's doors.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { connect as tcpConnect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '#cli/api-client.ts'
import { Person } from '#demo/person.ts'
import { curl, curlAs, program } from './programs.ts'
import { sallyportCommand } from './run-sallyport.ts'
import { cookieFor, curlArguments } from './stories-http.ts'
import type { AgentHandle, World } from './world-form.ts'

const DEADLINE_MS = 15_000
const socksProgram = fileURLToPath(new URL('./programs/socks-connect.ts', import.meta.url))

const nothingOpened = /"open"|echo:/

type Side = { readonly tenant: string; readonly user: string; readonly other: string; readonly otherApps: RegExp }
const sides: readonly Side[] = [
  { tenant: 'globex', user: 'gina', other: 'acme', otherApps: /acme|echo|files/i },
  { tenant: 'acme', user: 'alice', other: 'globex', otherApps: /globex/i },
]

type DeviceFiles = { readonly certificatePem: string; readonly privateKeyPem: string; readonly doorsCaPem: string }
const deviceOf = (agent: AgentHandle, tenant: string) =>
  JSON.parse(readFileSync(join(agent.state, tenant, 'profile.json'), 'utf8')) as DeviceFiles

/** One request with a device's own key at a door; the answer, or why there was none. */
async function atDoor(world: World, door: string, device: DeviceFiles, path: string, body?: unknown): Promise<string> {
  return await new Promise((resolve) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: world.port,
        servername: door,
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: { Host: door, 'Content-Type': 'application/json' },
        key: device.privateKeyPem,
        cert: device.certificatePem,
        ca: device.doorsCaPem,
        agent: false,
        timeout: DEADLINE_MS,
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve(`${response.statusCode} ${text}`))
        response.on('error', (error) => resolve(`failed: ${error.message}`))
      },
    )
    request.on('error', (error) => resolve(`failed: ${error.message}`))
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Dials a flow's ticket with a key; what the connector at the other end said. */
async function redeemTicket(world: World, ticketHost: string, device: DeviceFiles): Promise<string> {
  return await new Promise((resolve) => {
    const socket = tlsConnect({
      socket: tcpConnect(world.port, '127.0.0.1'),
      servername: ticketHost,
      key: device.privateKeyPem,
      cert: device.certificatePem,
      // Whom the other end trusts is the question here, not whom we do.
      rejectUnauthorized: false,
    })
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('silence')))
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('echo:')) socket.end()
    })
    socket.on('error', (error) => resolve(`failed: ${error.message}`))
    socket.on('close', () => resolve(text === '' ? 'closed' : text))
  })
}

async function agentSeesOneTenant(agent: AgentHandle, { other, otherApps }: Side): Promise<void> {
  const proxy = ['-sS', '-i', '-H', 'Accept: application/json', '-x', `http://127.0.0.1:${agent.httpPort}`]
  const answer = async (host: string) => {
    const { out, err, code } = await curlAs(agent.account, ...proxy, `http://${host}/`)
    return `${code} ${out} ${err}`.replaceAll(host, 'HOST').replaceAll(/^date: .*$/gim, '')
  }
  const foreign = await answer(`wiki.${other}.test`)
  assert.doesNotMatch(foreign, /^0 HTTP\/1\.1 200/)
  // As long as the other, so that only what was found out could differ.
  const nothing = `wiki.${other.replaceAll(/./g, 'x')}.test`
  assert.equal(foreign, await answer(nothing), 'an app of others is as unknown as no app')
  const socks = async (host: string) => {
    const args = [socksProgram, String(agent.socksPort), host, '80']
    const { code, err } = await program(process.execPath, args, {}, agent.account)
    return `${code} ${err}`
  }
  const foreignBySocks = await socks(`wiki.${other}.test`)
  assert.notEqual(foreignBySocks[0], '0')
  assert.equal(foreignBySocks, await socks(nothing))
  const [command = '', ...args] = sallyportCommand(['agent', 'apps', '--state', agent.state, '--json'])
  const listed = await program(command, args, {}, agent.account)
  assert.equal(listed.code, 0, listed.err)
  assert.match(listed.out, /"wiki"/)
  assert.doesNotMatch(listed.out, otherApps)
}

async function keysOpenNoForeignDoor(world: World, agent: AgentHandle, { tenant, other }: Side): Promise<void> {
  const mine = deviceOf(agent, tenant)
  const [own, foreign] = [`${tenant}.proxy.${world.domain}`, `${other}.proxy.${world.domain}`]
  assert.match(await atDoor(world, own, mine, '/v1/whoami'), /^200 /)
  for (const door of [foreign, `${other}.link.${world.domain}`, `${tenant}.link.${world.domain}`])
    assert.match(await atDoor(world, door, mine, '/v1/whoami'), /^failed: /, door)
  const ask = (host: string) => atDoor(world, own, mine, '/v1/flows', { host, port: 80 })
  const unknown = await ask('nothing-at-all.test')
  assert.match(unknown, /"unknown"/)
  for (const host of [`wiki.${other}.test`, `wiki.${other}.${world.appsDomain}`, `${other}.${world.domain}`])
    assert.equal(await ask(host), unknown, host)
}

async function cookiesOpenNoForeignHost(world: World, { tenant, user, other, otherApps }: Side): Promise<void> {
  const person = new Person(world.webCaPem)
  const [own, foreign] = [`wiki.${tenant}.${world.appsDomain}`, `wiki.${other}.${world.appsDomain}`]
  const cookie = await cookieFor(world, person, own, user, tenant)
  const get = (host: string, path: string, headers: Readonly<Record<string, string>>) =>
    new Person(world.webCaPem).fetch(world.url(host, path), { headers })
  assert.equal((await get(own, '/', { Cookie: cookie })).status, 200)
  assert.equal((await get(foreign, '/', { Cookie: cookie })).status, 401)
  const misdirected = await curl(
    ...curlArguments(world, own, cookie),
    '-H',
    `Host: ${foreign}:${world.port}`,
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--http1.1',
    world.url(own),
  )
  assert.equal(misdirected.out, '421')
  // A host that exists is answered like one that does not, by whoever is signed in elsewhere.
  const page = await person.open(world.url(foreign))
  assert.match(page.text, /name="password"/, 'the other tenant asks who it is')
  const { password } = await world.credentialsOf(user, tenant)
  const refused = await person.submit(page, { user: `${user}-of-${tenant}`, password })
  assert.match(refused.text, /name="password"/)
  const jar = [...person.cookiesOf(`${tenant}.${world.domain}:${world.port}`)]
  const portalCookie = jar.map(([name, value]) => `${name}=${value}`).join('; ')
  const portal = await get(`${other}.${world.domain}`, '/', { Cookie: portalCookie, Accept: 'text/html' })
  assert.notEqual(portal.status, 200)
  const handOff = `/open?host=${foreign}&path=/&challenge=${'A'.repeat(43)}`
  const opened = await person.fetch(world.url(`${tenant}.${world.domain}`, handOff))
  assert.equal(opened.status, 404, 'the portal hands over to no host of another tenant')
  const mine = await person.open(world.url(`${tenant}.${world.domain}`))
  assert.match(mine.text, /Wiki/)
  assert.doesNotMatch(mine.text.replaceAll(tenant, ''), otherApps)
}

async function tokensReadNothingForeign(world: World, { tenant, other }: Side): Promise<void> {
  const own = world.api(tenant)
  const across = apiClient({ ...own.profile, tenant: other })
  const nowhere = apiClient({ ...own.profile, tenant: 'no-such-tenant' })
  const failure = async (call: (client: ApiClient) => Promise<unknown>, client: ApiClient) => {
    try {
      return `answered: ${JSON.stringify(await call(client))}`
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  const calls: readonly ((client: ApiClient) => Promise<unknown>)[] = [
    (client) => client.call('listResources', { params: { plural: 'apps' }, query: {} }),
    (client) => client.call('listFlows', { query: {} }),
    (client) => client.call('listSessions', { query: {} }),
    (client) => client.call('listEvents', { query: {} }),
    (client) => client.call('createEnrolmentToken', { body: { connectorGroup: 'office' } }),
    (client) => client.call('inviteUser', { params: { name: 'alice' }, body: {} }),
    (client) => client.call('apply', { body: { documents: [{ kind: 'Group', name: 'x', spec: {} }] } }),
    (client) => client.call('listTenants', { query: {} }),
  ]
  for (const call of calls) {
    const foreign = await failure(call, across)
    assert.doesNotMatch(foreign, /^answered/)
    assert.equal(foreign, await failure(call, nowhere))
  }
}

export async function tenantStories(t: TestContext, world: World): Promise<void> {
  await using gina = await world.agent('gina', { tenant: 'globex' })
  await using alice = await world.agent('alice')
  for (const side of sides) {
    const { tenant, user, other } = side
    const agent = user === 'gina' ? gina : alice
    await t.test(`the agent of ${tenant} neither reaches nor names an app of ${other}`, () =>
      agentSeesOneTenant(agent, side),
    )
    await t.test(`keys of ${tenant} open no door of ${other}`, () => keysOpenNoForeignDoor(world, agent, side))
    await t.test(`cookies of ${tenant} open no host of ${other}`, () => cookiesOpenNoForeignHost(world, side))
    await t.test(`tokens of ${tenant} read nothing of ${other}`, () => tokensReadNothingForeign(world, side))
  }
  await t.test("a flow's ticket is worth nothing without the key it was made for", async () => {
    const door = `acme.proxy.${world.domain}`
    const mine = deviceOf(alice, 'acme')
    const ticket = async () => {
      const answer = await atDoor(world, door, mine, '/v1/flows', { host: 'echo.acme.test', port: 7 })
      return /"ticketHost":"([^"]+)"/.exec(answer)?.[1] ?? assert.fail(answer)
    }
    const stolen = await ticket()
    assert.doesNotMatch(await redeemTicket(world, stolen, deviceOf(gina, 'globex')), nothingOpened)
    assert.doesNotMatch(await redeemTicket(world, stolen, mine), nothingOpened, 'and it is used up')
    assert.match(await redeemTicket(world, await ticket(), mine), /"open"[\s\S]*echo: type something/)
  })
}
