// Two exchanges in front of the same connectors: a program that goes on asking notices neither the death of one nor its
// polite end by a lost request, and people use whichever is there.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { apiClient } from '#cli/api-client.ts'
import { partAccount, temporaryFolder } from './accounts.ts'
import { startAgent } from './peers/agent.ts'
import { freePort } from './peers/ports.ts'
import { startApart } from './product-apart.ts'
import { DOMAIN } from './product.ts'
import { type Child, runSallyport } from './run-sallyport.ts'

const ECHO_PORT = 7

type Asked = { readonly status: number; readonly ms: number }

/** A GET through the agent's proxy; status 0 when no answer came. */
function ask(httpPort: number, agent: Agent, path: string): Promise<Asked> {
  const startedMs = performance.now()
  const { promise, resolve } = Promise.withResolvers<Asked>()
  const done = (status: number) => resolve({ status, ms: performance.now() - startedMs })
  const asking = request({
    host: '127.0.0.1',
    port: httpPort,
    path: `http://wiki.acme.test${path}`,
    headers: { host: 'wiki.acme.test' },
    agent,
    timeout: 30_000,
  })
  asking.on('response', (answer) => {
    answer.resume()
    answer.on('end', () => done(answer.statusCode ?? 0))
    answer.on('error', () => done(0))
  })
  asking.on('timeout', () => asking.destroy())
  asking.on('error', () => done(0))
  asking.end()
  return promise
}

/** Asks from `workers` sides at once until told to stop; every answer that was not 200 is kept. */
function keepAsking(httpPort: number, workers: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: workers })
  const odd: Asked[] = []
  let answered = 0
  let isOver = false
  const work = Array.from({ length: workers }, async () => {
    while (!isOver) {
      const one = await ask(httpPort, agent, '/')
      if (one.status === 200) answered++
      else odd.push(one)
      await delay(10)
    }
  })
  return {
    odd,
    answered: () => answered,
    stop: async () => {
      isOver = true
      await Promise.all(work)
      agent.destroy()
    },
  }
}

/** A flow to the echo service by SOCKS; resolves when the service has said a word back. */
async function openEcho(socksPort: number): Promise<Socket> {
  const socket = connect(socksPort, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const host = Buffer.from('echo.acme.test')
  socket.write(Buffer.from([5, 1, 0]))
  await once(socket, 'data')
  socket.write(
    Buffer.concat([Buffer.from([5, 1, 0, 3, host.length]), host, Buffer.from([ECHO_PORT >> 8, ECHO_PORT & 255])]),
  )
  const [reply] = (await once(socket, 'data')) as [Buffer]
  if (reply[1] !== 0) throw new Error(`SOCKS answered ${reply[1]}`)
  await speak(socket)
  return socket
}

async function speak(socket: Socket): Promise<void> {
  socket.write('word\n')
  const deadline = AbortSignal.timeout(20_000)
  for (let heard = ''; !heard.includes('word');) {
    const [chunk] = (await once(socket, 'data', { signal: deadline })) as [Buffer]
    heard += chunk.toString()
  }
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`not within a minute: ${what}`)
    await delay(100)
  }
}

test('two exchanges serve as one: killed, drained and back', { timeout: 400_000 }, async (t) => {
  await using product = await startApart()
  const provider = apiClient(product.profileOf('provider'))
  const acme = apiClient(product.profileOf('acme'))
  const folder = temporaryFolder('sallyport-second-', undefined)
  chmodSync(folder, 0o700)
  const secondPort = await freePort()
  const startSecond = async (token?: string): Promise<Child> =>
    await runSallyport(
      [
        ['exchange', '--control', `https://api.${DOMAIN}:${product.controlPort}`, '--data', join(folder, 'exchange')],
        ['--listen', `127.0.0.1:${secondPort}`, '--public', `127.0.0.1:${secondPort}`],
      ].flat(),
      /^exchange: listening/,
      token === undefined ? {} : { env: { SALLYPORT_TOKEN: token } },
    )
  const { token } = await provider.call('createExchangeToken', { body: { name: 'second' } })
  let second = await startSecond(token)
  await using stopped = new AsyncDisposableStack()
  stopped.defer(() => second.stop())
  const links = async () => {
    const { items } = await acme.call('listConnectors', {})
    return items.flatMap(({ connected }) => connected).length
  }
  await until('the connector is linked to both exchanges', async () => (await links()) === 2)
  const credentials = product.accounts.get('acme/alice')
  assert.ok(credentials)
  await using agent = await startAgent({ product, tenant: 'acme', credentials, forwards: [], isApart: false })

  await t.test('killed under load, the other takes over: what is asked afterwards is answered', async () => {
    const flow = await openEcho(agent.socksPort)
    const load = keepAsking(agent.httpPort, 8)
    await until('requests are answered', async () => load.answered() > 50)
    const first = product.processes.get('exchange')
    assert.ok(first)
    const before = load.answered()
    const ended = once(flow, 'close')
    first.process.kill('SIGKILL')
    await ended
    await until('requests are answered again', async () => load.answered() > before + 100)
    const oddAtFirst = load.odd.length
    // An answer that had begun is cut; whatever else was under way is asked anew by the agent.
    assert.ok(oddAtFirst <= 8, `${oddAtFirst} requests were lost`)
    await until('and go on', async () => load.answered() > before + 400)
    assert.equal(load.odd.length, oddAtFirst, JSON.stringify(load.odd))
    const again = await openEcho(agent.socksPort)
    await speak(again)
    again.destroy()
    await load.stop()
    t.diagnostic(`${load.answered()} answered, ${load.odd.length} lost with the process`)
  })

  await t.test('back again, and the other drained under load: no request is lost', async () => {
    const first = product.processes.get('exchange')
    assert.ok(first)
    const again = await runSallyport(
      first.process.spawnargs.slice(first.process.spawnargs.indexOf('exchange')),
      /^exchange: listening/,
      {
        account: partAccount('exchange'),
      },
    )
    stopped.defer(() => again.stop())
    await until('the connector is linked to both exchanges', async () => (await links()) === 2)
    const load = keepAsking(agent.httpPort, 8)
    await until('requests are answered', async () => load.answered() > 50)
    for (const exchange of [second, again]) {
      const before = load.answered()
      const ended = once(exchange.process, 'exit')
      exchange.process.kill('SIGTERM')
      await ended
      await until('requests go on', async () => load.answered() > before + 100)
      if (exchange !== second) continue
      second = await startSecond()
      await until('the connector is linked to both exchanges', async () => (await links()) === 2)
    }
    await load.stop()
    assert.deepEqual(load.odd, [])
    t.diagnostic(`${load.answered()} answered, none lost`)
  })
})
