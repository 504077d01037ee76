// A connector against an exchange of one port: real links, parked sockets, TLS and apps.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { leaf, selfSigned } from '#transport/testing.ts'
import { startConnector } from './connector.ts'
import * as world from './testing.ts'

const tenant = await world.makeTenant()
const { ids } = tenant
const asExchange = { kind: 'exchange', keyThumbprint: world.thumbprintOf(tenant.exchange) } as const

async function startApp(onConnection: (socket: Socket) => void = (socket) => socket.pipe(socket)) {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close }
}

type Options = {
  readonly lifeMs?: number
  readonly ageMs?: number
  readonly folder?: string
  readonly drainMs?: number
  readonly slice?: Parameters<typeof world.sliceOf>[1]
  readonly app?: Parameters<typeof startApp>[0]
}

async function setUp(options: Options = {}) {
  const stack = new AsyncDisposableStack()
  const folder = options.folder ?? stack.use(await world.stateFolder()).path
  const exchange = stack.use(new world.TestExchange(tenant))
  await exchange.start()
  const app = stack.use(await startApp(options.app))
  const certificatePem = await tenant.certify(options.lifeMs ?? 86_400_000, options.ageMs)
  await tenant.identity(certificatePem, [exchange.address]).save(folder)
  const log: { message: string; fields: Readonly<Record<string, unknown>> }[] = []
  const logged = new world.Arrivals<string>()
  const connector = stack.use(
    await startConnector(
      { stateFolder: folder, drainMs: options.drainMs ?? 0 },
      {
        log: (message, fields = {}) => {
          log.push({ message, fields })
          logged.push(message)
        },
        random: () => 0,
      },
    ),
  )
  const until = async (wanted: string) => {
    while ((await logged.next()) !== wanted);
  }
  const link = await exchange.welcome()
  const sendSlice = (changes: Parameters<typeof world.sliceOf>[1] = {}) =>
    link.send({ type: 'slice', token: world.signSlice(tenant, world.sliceOf(tenant, changes)) })
  const apps = [world.appOf(tenant, app.port)]
  sendSlice({ apps, ...options.slice })
  const offer = async (changes: Parameters<typeof world.grantOf>[1] = {}, grant = world.grantOf(tenant, changes)) => {
    const { token, socket } = await exchange.park(link)
    link.send({ type: 'offer', parkToken: token, grant: world.signGrant(tenant, grant) })
    return { half: socket, flowId: grant.flowId }
  }
  return {
    exchange,
    app,
    apps,
    link,
    connector,
    log,
    until,
    folder,
    sendSlice,
    offer,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function opened(half: Socket, credentials = tenant.device) {
  const peer = world.openAsPeer(half, tenant, credentials)
  assert.equal(await world.firstLine(peer), '{"status":"open"}\n')
  return peer
}

async function isClosedWithoutAWord(peer: Socket): Promise<void> {
  let heard = ''
  peer.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  // The test's half of the connection allows half-open: its end is all that closing shows.
  if (!peer.closed && !peer.readableEnded) {
    await new Promise<void>((resolve) => peer.once('end', resolve).once('close', () => resolve()))
  }
  peer.destroy()
  assert.equal(heard, '')
}

test('joins the device of the grant to the app, and half-closes stay half', async () => {
  await using world1 = await setUp()
  const { half, flowId } = await world1.offer()
  assert.equal((await world1.link.next('flow-accepted')).flowId, flowId)
  const peer = await opened(half)
  peer.end('hello app')
  let heard = ''
  for await (const chunk of peer) heard += String(chunk)
  assert.equal(heard, 'hello app')
  await world1.until('flow closed')
  assert.equal(world1.connector.metrics.bytesFromPeers, 9)
})

test('joins the exchange of the grant to the app', async () => {
  await using world1 = await setUp({})
  const { half } = await world1.offer({ peer: asExchange })
  const peer = await opened(half, tenant.exchange)
  peer.write('ping')
  assert.equal(String((await once(peer, 'data'))[0]), 'ping')
  peer.destroy()
})

test('an app that says goodbye at once is not waited for', async () => {
  await using world1 = await setUp({ app: (socket) => socket.end('bye') })
  const peer = await opened((await world1.offer()).half)
  assert.equal(String((await once(peer, 'data'))[0]), 'bye')
  await once(peer, 'end')
  peer.end()
  await once(peer, 'close')
})

describe('the other end of a flow', () => {
  test('that is a self-signed stranger is refused', async () => {
    await using world1 = await setUp()
    await isClosedWithoutAWord(world.openAsPeer((await world1.offer()).half, tenant, selfSigned()))
  })
  test('that is another device of the same tenant is refused', async () => {
    const other = await leaf(tenant.identityCa, {
      sanUris: [`sallyport://${ids.tenantId}/device/${newId('device')}`],
    })
    await using world1 = await setUp()
    await isClosedWithoutAWord(world.openAsPeer((await world1.offer()).half, tenant, other))
  })
  test('that has no certificate is refused', async () => {
    await using world1 = await setUp()
    const none = { key: undefined, cert: undefined } as never
    await isClosedWithoutAWord(world.openAsPeer((await world1.offer()).half, tenant, none))
  })
  test('that is the exchange, where the grant names a device, is refused', async () => {
    await using world1 = await setUp()
    await isClosedWithoutAWord(world.openAsPeer((await world1.offer()).half, tenant, tenant.exchange))
  })
  test('that is the device, where the grant names the exchange, is refused', async () => {
    await using world1 = await setUp()
    await isClosedWithoutAWord(world.openAsPeer((await world1.offer({ peer: asExchange })).half, tenant, tenant.device))
  })
})

test('an app that cannot be reached is told to the peer, with its code', async () => {
  await using world1 = await setUp()
  await world1.app[Symbol.asyncDispose]()
  const peer = world.openAsPeer((await world1.offer()).half, tenant, tenant.device)
  const status = JSON.parse(await world.firstLine(peer)) as { status: string; code: string }
  assert.deepEqual([status.status, status.code], ['failed', 'upstream-unreachable'])
})

test('a refused offer is answered and its socket closed', async () => {
  await using world1 = await setUp()
  const { half, flowId } = await world1.offer({ connectorId: newId('connector') })
  const refused = await world1.link.next('flow-refused')
  assert.deepEqual([refused.flowId, refused.code], [flowId, 'grant-refused'])
  half.resume()
  await once(half, 'close')
})

test('a guessed park token opens nothing', async () => {
  await using world1 = await setUp()
  const grant = world.signGrant(tenant, world.grantOf(tenant))
  world1.link.send({ type: 'offer', parkToken: 'x'.repeat(32), grant })
  assert.equal((await world1.link.next('flow-refused')).code, 'ticket-refused')
})

describe('a live flow', () => {
  test('ends when the exchange cuts it', async () => {
    await using world1 = await setUp()
    const { half, flowId } = await world1.offer()
    const peer = await opened(half)
    world1.link.send({ type: 'cut', flowIds: [flowId], reason: 'session-ended' })
    await isClosedWithoutAWord(peer)
  })
  test('ends when control revokes its session', async () => {
    await using world1 = await setUp()
    const peer = await opened((await world1.offer()).half)
    world1.sendSlice({ apps: world1.apps, sequence: 2, revokedSessionIds: [ids.sessionId] })
    await isClosedWithoutAWord(peer)
  })
  test('ends when its app is no longer ours', async () => {
    await using world1 = await setUp()
    const peer = await opened((await world1.offer()).half)
    world1.sendSlice({ sequence: 2 })
    await isClosedWithoutAWord(peer)
  })
  test('is drained on close, and new offers are refused meanwhile', async () => {
    await using world1 = await setUp({ drainMs: 10_000 })
    const peer = await opened((await world1.offer()).half)
    const late = await world1.exchange.park(world1.link)
    const closing = world1.connector.close()
    await world1.link.next('draining')
    const grant = world.signGrant(tenant, world.grantOf(tenant))
    world1.link.send({ type: 'offer', parkToken: late.token, grant })
    assert.equal((await world1.link.next('flow-refused')).code, 'closing')
    peer.end('last words')
    let heard = ''
    for await (const chunk of peer) heard += String(chunk)
    assert.equal(heard, 'last words')
    await closing
  })
})

test('runs once for a folder: a second start is refused and leaves the first alone', async () => {
  await using folder = await world.stateFolder()
  await using set = await setUp({ folder: folder.path })
  const again = () => startConnector({ stateFolder: folder.path, drainMs: 0 }, { log: () => {} })
  await assert.rejects(again(), { code: 'address-in-use' })
  assert.equal(set.connector.metrics.links, 1)
  await set.connector.close()
  await (await again()).close()
})

test('revocations outlive a restart: an older slice is refused afterwards', async () => {
  await using folder = await world.stateFolder()
  {
    await using world1 = await setUp({
      folder: folder.path,
      slice: { sequence: 7, revokedSessionIds: [ids.sessionId] },
    })
    await world1.offer()
    await world1.link.next('flow-refused')
  }
  await using world2 = await setUp({ folder: folder.path, slice: { sequence: 6 } })
  await world2.offer()
  assert.equal((await world2.link.next('flow-refused')).code, 'grant-refused')
  assert.equal(world2.connector.metrics.slicesRefused, 1)
})

test('comes back by itself when the link is lost', async () => {
  await using world1 = await setUp()
  world1.link.socket.destroy()
  const again = await world1.exchange.welcome()
  again.send({ type: 'draining' })
  await again.next('health')
})

test('an exchange that speaks no version of ours is not obeyed', async () => {
  await using world1 = await setUp()
  world1.link.socket.destroy()
  const again = await world1.exchange.links.next()
  again.send({ type: 'welcome', version: 99, exchangeId: ids.exchangeId, exchanges: [] })
  await again.frames.closed
  assert.ok(world1.log.some(({ fields }) => fields['code'] === 'wire-version'))
})

test('an exchange that control revoked is cut off with its flows, and refused when it comes back', async () => {
  await using world1 = await setUp()
  const peer = await opened((await world1.offer()).half)
  world1.sendSlice({ apps: world1.apps, revokedExchangeIds: [ids.exchangeId] })
  await isClosedWithoutAWord(peer)
  await world1.link.frames.closed
  const again = await world1.exchange.welcome()
  await again.frames.closed
  assert.equal(world1.connector.metrics.links, 0)
  assert.ok(world1.log.some(({ fields }) => fields['why'] === 'exchange revoked'))
})

test('an exchange whose certificate does not name it is not obeyed', async () => {
  await using stranger = new world.TestExchange(
    tenant,
    await leaf(tenant.exchangeCa, { sanDns: ['acme.link.sallyport.test'] }),
  )
  await stranger.start()
  await using world1 = await setUp()
  world1.link.frames.destroy(new Fault('closing'))
  const again = await world1.exchange.welcome([stranger.address])
  const nameless = await stranger.welcome()
  await nameless.frames.closed
  await again.frames.close()
})

test('an exchange that speaks for another is not obeyed', async () => {
  await using world1 = await setUp()
  world1.link.socket.destroy()
  const again = await world1.exchange.links.next()
  again.send({ type: 'welcome', version: 1, exchangeId: newId('exchange'), exchanges: [] })
  await again.frames.closed
  assert.ok(world1.log.some(({ fields }) => fields['why'] === 'speaks for another exchange'))
})

test('learns other exchanges from the welcome', async () => {
  await using second = new world.TestExchange(tenant)
  await second.start()
  await using world1 = await setUp()
  world1.link.socket.destroy()
  await world1.exchange.welcome([world1.exchange.address, second.address])
  await (await second.links.next()).next('hello')
})

test('renews its certificate at two thirds of its life, for the same key', async () => {
  await using world1 = await setUp({ lifeMs: 3_600_000, ageMs: 3 * 3_600_000 })
  const { requestId } = await world1.link.next('renew')
  world1.link.send({ type: 'renewed', requestId, certificatePem: await tenant.certify(86_400_000) })
  // It is on the disk before it is shown: flows that are offered in the meantime still get the old one.
  for (let isNew = false; !isNew;) {
    const peer = await opened((await world1.offer()).half)
    isNew = new Date(peer.getPeerCertificate().valid_to).getTime() > Date.now() + 40_000_000
    peer.destroy()
  }
})

test('takes no renewed certificate for another name', async () => {
  await using world1 = await setUp({ lifeMs: 3_600_000, ageMs: 3 * 3_600_000 })
  const { requestId } = await world1.link.next('renew')
  world1.link.send({ type: 'renewed', requestId, certificatePem: (await leaf(tenant.identityCa)).cert })
  const peer = await opened((await world1.offer()).half)
  assert.ok(new Date(peer.getPeerCertificate().valid_to).getTime() < Date.now() + 40_000_000)
  peer.destroy()
})

test('reports an app that goes and one that does not', async () => {
  await using world1 = await setUp()
  await using well = await startApp((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'))
  })
  const ill = newId('app')
  const apps = [
    world.appOf(tenant, well.port, { health: { kind: 'http', path: '/health' } }),
    world.appOf(tenant, 1, { id: ill, health: { kind: 'tcp' } }),
  ]
  world1.sendSlice({ apps, sequence: 2 })
  const found = new Map<string, boolean>()
  while (found.size < 2) {
    for (const { appId, healthy } of (await world1.link.next('health')).apps) found.set(appId, healthy)
  }
  assert.deepEqual([found.get(ids.appId), found.get(ill)], [true, false])
})

test('destroy cuts everything at once', async () => {
  await using world1 = await setUp()
  const peer = await opened((await world1.offer()).half)
  world1.connector.destroy(new Fault('closing'))
  await isClosedWithoutAWord(peer)
})
