// Parked sockets under attack: guessed, replayed, expired and stolen tokens, early talkers, floods, the dead.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { isFault, type FaultCode } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { createAuthority } from './certificate-authority.ts'
import { readClientHello } from './client-hello.ts'
import { ManualClock } from './coarse-clock.ts'
import { park, untilSpokenTo } from './park.ts'
import { startParkedPool, type ParkedConfig } from './parked.ts'
import { leaf, listen, socketPair } from './testing.ts'
import { certificateDoorTls, internalTls } from './tls-defaults.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})
async function pair() {
  const ends = await socketPair()
  ends.near.on('error', () => {})
  sockets.push(ends.near, ends.far)
  return ends
}
const none = Buffer.alloc(0)
const code = (expected: FaultCode) => (error: unknown) => isFault(error, expected)
const gone = (socket: Socket) =>
  socket.closed ? undefined : new Promise<void>((done) => socket.on('close', () => done()))

function world(config: ParkedConfig = {}) {
  const clock = new ManualClock()
  const pool = startParkedPool(config, { clock })
  const connectorId = newId('connector')
  const enter = async (text: string, first: Buffer = none) => {
    const { near, far } = await pair()
    if (text !== '') near.write(text)
    const admitted = pool.admit(far, first)
    return { near, far, admitted }
  }
  const parkOne = async (id = connectorId) => {
    const parts = await enter(`SALLYPORT-PARK/1 ${pool.issueToken(id)}\n`)
    assert.equal(await parts.admitted, id)
    return parts
  }
  return { clock, pool, connectorId, enter, parkOne }
}

describe('a socket is not parked', () => {
  test('with a guessed, a used, an expired or a dropped token', async () => {
    const { clock, pool, connectorId, enter } = world({ tokenLifeMs: 100 })
    const token = pool.issueToken(connectorId)
    const refuses = async (text: string) => {
      const { far, admitted } = await enter(`SALLYPORT-PARK/1 ${text}\n`)
      await assert.rejects(admitted, code('token-invalid'))
      assert.ok(far.destroyed)
    }
    await refuses('prk_guessed')
    await refuses('')
    await refuses(token.slice(0, -1))
    await (
      await enter(`SALLYPORT-PARK/1 ${token}\n`)
    ).admitted
    await refuses(token)
    const late = pool.issueToken(connectorId)
    clock.nowMs += 100
    await refuses(late)
    const dropped = pool.issueToken(connectorId)
    pool.drop(connectorId)
    await refuses(dropped)
  })
  test('with anything but the one line', async () => {
    const { pool, connectorId, enter } = world()
    const token = pool.issueToken(connectorId)
    for (const text of [
      `SALLYPORT-PARK/2 ${token}\n`,
      `sallyport-park/1 ${token}\n`,
      `GET / HTTP/1.1\r\n`,
      `SALLYPORT-PARK/1 ${token}\nmore`,
      `SALLYPORT-PARK/1 ${'x'.repeat(200)}`,
      `SALLYPORT-PARK/1 ${'x'.repeat(200)}\n`,
    ]) {
      await assert.rejects((await enter(text)).admitted, code('request-malformed'), text)
    }
    assert.equal(pool.size, 0)
  })
  test('when it is slow', async () => {
    const { enter } = world({ prefaceDeadlineMs: 20 })
    await assert.rejects((await enter('SALLYPORT-PARK/1 prk')).admitted, code('request-timeout'))
  })
  test('over the caps, and no more tokens are issued over theirs', async () => {
    const { pool, connectorId, enter, parkOne } = world({ perConnector: 2, total: 3, tokensPerConnector: 2 })
    await parkOne()
    await parkOne()
    const third = await enter(`SALLYPORT-PARK/1 ${pool.issueToken(connectorId)}\n`)
    await assert.rejects(third.admitted, code('at-capacity'))
    await parkOne(newId('connector'))
    const other = newId('connector')
    await assert.rejects((await enter(`SALLYPORT-PARK/1 ${pool.issueToken(other)}\n`)).admitted, code('at-capacity'))
    pool.issueToken(connectorId)
    pool.issueToken(connectorId)
    assert.throws(() => pool.issueToken(connectorId), code('at-capacity'))
    assert.doesNotThrow(() => pool.issueToken(newId('connector')))
  })
})

describe('a parked socket', () => {
  test('that speaks early, ends or resets is removed and closed', async () => {
    for (const act of [
      (near: Socket) => near.write('x'),
      (near: Socket) => near.end(),
      (near: Socket) => near.resetAndDestroy(),
    ]) {
      const { pool, connectorId, parkOne } = world()
      const { near, far } = await parkOne()
      assert.equal(pool.countOf(connectorId), 1)
      act(near)
      await gone(far)
      assert.equal(pool.size, 0)
      assert.equal(pool.take(connectorId), undefined)
    }
  })
  test('is taken by its own connector only, once, and is then nobody else’s', async () => {
    const { pool, connectorId, parkOne } = world()
    const { near, far } = await parkOne()
    assert.equal(pool.take(newId('connector')), undefined)
    assert.equal(pool.take(connectorId), far)
    assert.equal(pool.take(connectorId), undefined)
    near.write('now I may')
    assert.equal(String((await once(far, 'data'))[0]), 'now I may')
    pool.destroy()
    assert.equal(far.destroyed, false)
  })
  test('is closed when its time is over, when its connector is dropped and when the pool is destroyed', async () => {
    const { clock, pool, connectorId, parkOne } = world({ lifeMs: 100 })
    const old = await parkOne()
    clock.advance(99)
    assert.equal(pool.size, 1)
    clock.advance(1)
    assert.equal(pool.size, 0)
    await gone(old.far)
    const second = await parkOne()
    const stranger = await parkOne(newId('connector'))
    pool.drop(connectorId)
    await gone(second.far)
    assert.equal(pool.size, 1)
    pool.destroy()
    await gone(stranger.far)
    assert.equal(clock.watcherCount, 0)
    assert.throws(() => pool.issueToken(connectorId), code('closing'))
  })
  test('goes to who waits for it; who waits too long or no more gets nothing', async () => {
    const { pool, connectorId, parkOne } = world()
    const waiting = pool.takeSoon(connectorId, { deadlineMs: 5000 })
    const { far } = await parkOne()
    assert.equal(await waiting, far)
    await assert.rejects(pool.takeSoon(connectorId, { deadlineMs: 10 }), code('no-connector'))
    const abort = new AbortController()
    const aborted = pool.takeSoon(connectorId, { deadlineMs: 5000, signal: abort.signal })
    abort.abort()
    await assert.rejects(aborted, code('closing'))
    await parkOne()
    assert.equal(pool.countOf(connectorId), 1)
  })
})

test('a connector parks over the network and then serves TLS on its own outgoing socket', async () => {
  const authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
  const tls = { ...certificateDoorTls, ...(await leaf(authority)), ca: [authority.certificatePem] }
  const { pool, connectorId } = world()
  const door = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    void readClientHello(socket).then(({ bytes }) => pool.admit(socket, bytes))
  })
  const port = await listen(door)
  const asked = pool.takeSoon(connectorId, { deadlineMs: 5000 })
  const parked = await park({ host: 'exchange.localhost', port }, pool.issueToken(connectorId))
  const tlsServer = createTlsServer(tls)
  const opened = once(tlsServer, 'secureConnection') as Promise<[TLSSocket]>
  const spokenTo = untilSpokenTo(parked)
  const options = {
    ...internalTls,
    ...(await leaf(authority)),
    ca: [authority.certificatePem],
    servername: 'door.test',
  }
  const client = connectTls({ ...options, socket: await asked })
  assert.equal(await spokenTo, true)
  tlsServer.emit('connection', parked)
  const [served] = await opened
  served.end('through')
  assert.equal(String((await once(client, 'data'))[0]), 'through')
  client.destroy()
  door.close()

  const { near, far } = await pair()
  const ends = untilSpokenTo(near)
  far.end()
  assert.equal(await ends, false)
  assert.ok(near.destroyed)
  await assert.rejects(park({ host: '127.0.0.1', port }, 'x\ny'), code('token-invalid'))
})
