// Three hosts: the app's takes no connection that it did not open, the user's has no route to it, and still the app is
// reached, and nothing beside it.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { apiClient } from '#cli/api-client.ts'
import { temporaryFolder } from './accounts.ts'
import { startAgent } from './peers/agent.ts'
import { makeNetwork, namespacesAbsent, type HostName, type Network } from './peers/namespaces.ts'
import { freePort } from './peers/ports.ts'
import { startApart } from './product-apart.ts'
import { forwarding } from './programs/forward.ts'
import { program } from './programs.ts'
import { commandFor, runUntilLine } from './run-sallyport.ts'

const programFile = (name: string) => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url))

/** Leads `127.0.0.1:<port>` of this host to the edge, from where the user's host sees it. */
async function reachFromUser(network: Network, port: number): Promise<AsyncDisposable> {
  const folder = temporaryFolder('sallyport-reach-', undefined)
  const file = join(folder, 'socket')
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', programFile('forward'), file]
  const inside = await runUntilLine([...command, network.edgePublic, String(port)], /^forwarding/, {
    netns: network.netns('user'),
  })
  const server = forwarding(() => connect(file))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    async [Symbol.asyncDispose]() {
      server.close()
      await inside.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Two echo services on neighbouring ports of one host, open to its whole network. */
const neighbours = `
const { createServer } = require('node:net')
const serve = (port) => new Promise((resolve, reject) => {
  const server = createServer((socket) => { socket.on('error', () => {}); socket.end('this is ' + port + '\\n') })
  server.once('error', reject)
  server.listen(port, '0.0.0.0', () => resolve(server))
})
const tryFrom = (port) => serve(port).then((first) => serve(port + 1).then(() => console.log('ports ' + port), () => { first.close(); return tryFrom(port + 2) }), () => tryFrom(port + 2))
tryFrom(20000)`

const probeSource = (host: string, port: number) =>
  `const s=require('net').connect(${port},'${host}');s.setTimeout(1500,()=>{console.log('silence');process.exit()});` +
  `s.on('error',e=>{console.log(e.code);process.exit()});s.on('connect',()=>{console.log('open');process.exit()})`

test(
  'an app whose network accepts no connection is reached by exactly those who may',
  { skip: namespacesAbsent(), timeout: 300_000 },
  async (t) => {
    await using network = makeNetwork()
    const port = await freePort()
    await using product = await startApart({
      edge: network.netns('edge'),
      app: network.netns('app'),
      publicHost: network.edgePublic,
      port,
      reach: () => reachFromUser(network, port),
    })
    await using beside = await stoppable(
      runUntilLine([process.execPath, '-e', neighbours], /^ports/, { netns: network.netns('app') }),
    )
    const first = Number(beside.line.split(' ')[1])
    const spec = {
      kind: 'tcp',
      connectorGroup: 'office',
      names: [{ host: 'plant.acme.test', ports: [String(first)] }],
      upstream: { host: '127.0.0.1', port: first },
    }
    await apiClient(product.profileOf('acme')).call('apply', {
      body: { documents: [{ kind: 'App', name: 'plant', spec }] },
    })
    const credentials = product.accounts.get('acme/alice') ?? assert.fail('alice has no account')
    const elsewhere = { netns: network.netns('user'), address: `${network.edgePublic}:${port}` }
    await using agent = await startAgent({
      product,
      tenant: 'acme',
      credentials,
      forwards: [],
      isApart: true,
      elsewhere,
    })
    const onUserHost = async (...command: string[]) => {
      const [name, args] = commandFor(command, { account: agent.account, netns: network.netns('user') })
      return await program(name, args)
    }
    const curl = (...args: string[]) => onUserHost('curl', '-sS', '--max-time', '30', ...args)
    const proxies = [`socks5h://127.0.0.1:${agent.socksPort}`, `http://127.0.0.1:${agent.httpPort}`]
    const dial = (host: string, at: number) =>
      onUserHost(process.execPath, programFile('socks-connect'), String(agent.socksPort), host, String(at))

    await t.test('the wiki by SOCKS and by HTTP proxy', async () => {
      for (const proxy of proxies) {
        const page = await curl('-x', proxy, 'http://wiki.acme.test/')
        assert.match(page.out, /Hello, <strong>Alice Archer/, `${proxy}: ${page.err}`)
      }
    })

    await t.test('one port of a host, and not the next one', async () => {
      assert.equal((await dial('plant.acme.test', first)).out, `this is ${first}\n`)
      const next = await dial('plant.acme.test', first + 1)
      assert.notEqual(next.code, 0)
      assert.equal(next.out, '')
      for (const host of [network.appAddress, '127.0.0.1', network.edgePublic, network.edgeForApp]) {
        const refused = await dial(host, first)
        assert.notEqual(refused.code, 0, host)
        assert.doesNotMatch(refused.out, /this is/, host)
        const tunnel = await curl('-p', '-x', proxies[1] ?? '', `http://${host}:${first}/`)
        assert.notEqual(tunnel.code, 0, host)
        assert.doesNotMatch(tunnel.out, /this is/, host)
      }
    })

    await t.test('nothing without the exchange', async () => {
      const knock = async (from: HostName, host: string, at: number) =>
        network.run(from, process.execPath, ['-e', probeSource(host, at)]).trim()
      // The services do listen on every address, as the app's own host sees.
      assert.equal(await knock('app', network.appAddress, first), 'open')
      assert.equal(await knock('user', network.appAddress, first), 'ENETUNREACH')
      assert.equal(await knock('edge', network.appAddress, first), 'silence')
      assert.equal(await knock('user', network.edgePublic, first), 'ECONNREFUSED')
      const direct = await curl('--noproxy', '*', `http://${network.appAddress}:${product.ports.wiki}/`)
      assert.equal(direct.code, 7, direct.err)
      const listening = network.run('app', 'ss', ['-Hltnp'])
      assert.match(listening, new RegExp(`:${first}\\b.*pid=`), 'who listens can be seen')
      const connectors = ['acme', 'globex'].map((name) => product.processes.get(name)?.process.pid)
      for (const pid of connectors) {
        assert.ok(pid)
        assert.doesNotMatch(listening, new RegExp(`pid=${pid},`), 'a connector listens on nothing')
      }
    })

    await t.test('and not even the exchange when it is gone', async () => {
      await product.processes.get('exchange')?.stop()
      for (const proxy of proxies) assert.notEqual((await curl('-x', proxy, '-f', 'http://wiki.acme.test/')).code, 0)
    })
  },
)

async function stoppable<C extends { stop(): Promise<void> }>(starting: Promise<C>): Promise<C & AsyncDisposable> {
  const child = await starting
  return { ...child, [Symbol.asyncDispose]: () => child.stop() }
}
