// What an agent tries anew when an exchange cannot, and what it must not: another exchange is asked for what this one
// lacks, never to get around a refusal; a request is sent again only where nothing can happen twice.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { Denial } from '#core/wire/flow.ts'
import { caps } from './caps.ts'
import { Exchanges } from './exchanges.ts'
import { HttpDoor } from './http-door.ts'
import { type OpenedFlow, openFlow } from './open-flow.ts'
import { denial, makeTenant, TestExchange } from './testing.ts'

const tenant = await makeTenant()
const signal = AbortSignal.timeout(20_000)

/** The way to `port`, with a pause before every byte there. */
async function farFrom(port: number, ms: number): Promise<AsyncDisposable & { readonly address: string }> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    near.on('data', (bytes: Buffer) => setTimeout(() => far.write(bytes), ms))
    far.pipe(near)
    near.on('close', () => far.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function twoExchanges() {
  const stack = new AsyncDisposableStack()
  const first = stack.use(await new TestExchange(tenant).start())
  const second = stack.use(await new TestExchange(tenant).start())
  const profile = tenant.profile(await tenant.certify(), [first.address, second.address])
  const exchanges = new Exchanges(profile, { nowMs: Date.now })
  stack.defer(() => exchanges.close())
  const open = (host = 'echo.acme.test') => openFlow(host, 7000, { exchanges, profile: () => profile, signal })
  return { first, second, open, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function close(opened: OpenedFlow): OpenedFlow['kind'] {
  if (opened.kind === 'open') opened.socket.destroy()
  return opened.kind
}

const because = (reason: string): Denial => ({ ...denial, reason })

describe('another exchange is asked', () => {
  const lacking = {
    'when one is full or ends': () => 503,
    'when one has no connector of the app': () => ({ kind: 'denied', denial: because('no-connector') }) as const,
    'when one says so of an app that it looks into': () => ({ kind: 'inspected', connected: false }) as const,
  }
  for (const [when, answer] of Object.entries(lacking))
    test(when, async () => {
      await using set = await twoExchanges()
      set.first.answerFlow = answer
      assert.equal(close(await set.open()), 'open')
      assert.equal(set.second.asked.length, 1)
      // And first of all the next time.
      assert.equal(close(await set.open()), 'open')
      assert.equal(set.first.asked.length, 1)
    })

  test('once each: when none has a connector, that is the answer', async () => {
    await using set = await twoExchanges()
    for (const one of [set.first, set.second])
      one.answerFlow = () => ({ kind: 'denied', denial: because('no-connector') })
    const opened = await set.open()
    assert.ok(opened.kind === 'refused' && opened.denial.reason === 'no-connector')
    assert.deepEqual([set.first.asked.length, set.second.asked.length], [1, 1])
  })

  test('never because policy said no', async () => {
    await using set = await twoExchanges()
    const opened = await set.open('payroll.acme.test')
    assert.ok(opened.kind === 'refused' && opened.denial.reason === denial.reason)
    assert.equal(set.second.asked.length, 0)
  })
})

test('the nearer exchange comes first, one that does not answer last, and neither is measured all the time', async () => {
  await using near = await new TestExchange(tenant).start()
  await using behind = await new TestExchange(tenant).start()
  await using far = await farFrom(behind.port, 400)
  const gone = '127.0.0.1:1'
  const profile = tenant.profile(await tenant.certify(), [gone, far.address, near.address])
  let nowMs = 0
  const exchanges = new Exchanges(profile, { nowMs: () => nowMs })
  const order = () => exchanges.inOrder.map(({ name }) => name)
  assert.deepEqual(order(), [gone, far.address, near.address])
  await exchanges.measure(signal)
  assert.deepEqual(order(), [near.address, far.address, gone])
  const [nearest] = exchanges.inOrder
  assert.ok(nearest)
  nearest.distanceMs = 1e6
  nowMs += caps.measureMs.default - 1
  await exchanges.measure(signal)
  assert.deepEqual(order(), [far.address, near.address, gone])
  nowMs++
  await exchanges.measure(signal)
  assert.deepEqual(order(), [near.address, far.address, gone])
  exchanges.rest(nearest)
  assert.deepEqual(order(), [far.address, gone, near.address])
  await exchanges.close()
})

describe('a request that was lost on the way', () => {
  /** An app behind a door whose first `lost` connections end as the request arrives. */
  async function doorTo(lost: number) {
    const stack = new AsyncDisposableStack()
    const seen: string[] = []
    const app = createHttpServer((request, response) => {
      seen.push(request.method ?? '')
      if (seen.length <= lost) return void request.socket.destroy()
      request.resume().on('end', () => response.end('here'))
    }).listen(0, '127.0.0.1')
    await once(app, 'listening')
    stack.defer(() => {
      app.close()
      app.closeAllConnections()
    })
    const { port } = app.address() as AddressInfo
    const door = new HttpDoor(
      { kind: 'proxy', pac: () => '' },
      {
        open: async () => ({ kind: 'open', way: 'inspected', socket: connect(port, '127.0.0.1') }),
        join: () => {},
      },
    )
    stack.defer(() => door.close())
    const server = createServer((socket) => door.serve(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(() => void server.close())
    const doorPort = (server.address() as AddressInfo).port
    const ask = async (method: string, body?: string) => {
      const asking = httpRequest({
        host: '127.0.0.1',
        port: doorPort,
        path: 'http://wiki.acme.test/',
        method,
        agent: false,
        headers: { host: 'wiki.acme.test' },
      })
      asking.end(body)
      const [answer] = await once(asking, 'response')
      answer.resume()
      return Number(answer.statusCode)
    }
    return { seen, ask, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

  test('is sent again when it asks and changes nothing', async () => {
    await using set = await doorTo(2)
    assert.equal(await set.ask('GET'), 200)
    assert.deepEqual(set.seen, ['GET', 'GET', 'GET'])
  })
  test('is not sent without end', async () => {
    await using set = await doorTo(100)
    assert.equal(await set.ask('HEAD'), 502)
    assert.equal(set.seen.length, 3)
  })
  test('is sent once when it could change something, with or without a body', async () => {
    for (const [method, body] of [
      ['POST', 'a body'],
      ['POST', undefined],
      ['PUT', 'a body'],
      ['DELETE', undefined],
    ] as const) {
      await using set = await doorTo(1)
      assert.equal(await set.ask(method, body), 502, method)
      assert.equal(set.seen.length, 1, method)
    }
  })
})
