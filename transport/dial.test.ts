// Dialling, waiting and draining: wrong certificates refused, deadlines and aborts obeyed, nothing left behind.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import fc from 'fast-check'
import { Fault, isFault, type FaultCode } from '#core/fault.ts'
import { pause, startBackoff } from './backoff.ts'
import { createAuthority } from './certificate-authority.ts'
import { dial, dialTls, isLocalhost } from './dial.ts'
import { LiveSet } from './drain.ts'
import { leaf, listen, selfSigned } from './testing.ts'
import { internalTls } from './tls-defaults.ts'

const code = (expected: FaultCode) => (error: unknown) => isFault(error, expected)

describe('dialling', () => {
  test('refuses a self-signed server, one of another name and one of another authority', async () => {
    const authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const other = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const trust = { ...internalTls, ca: [authority.certificatePem] }
    for (const [credentials, servername] of [
      [selfSigned('door.test'), 'door.test'],
      [await leaf(authority), 'other.test'],
      [await leaf(authority), '127.0.0.1'],
      [await leaf(other), 'door.test'],
    ] as const) {
      const server = createTlsServer(credentials)
      server.on('tlsClientError', () => {})
      const port = await listen(server)
      await assert.rejects(dialTls({ host: '127.0.0.1', port }, { ...trust, servername }), code('certificate-refused'))
      server.close()
    }
    const withIp = createTlsServer(await leaf(authority, { sanIps: ['127.0.0.1'] }))
    const port = await listen(withIp)
    for (const servername of ['door.test', '127.0.0.1']) {
      const socket = await dialTls({ host: 'app.localhost', port }, { ...trust, servername, rejectUnauthorized: false })
      assert.ok(socket.authorized)
      socket.destroy()
    }
    withIp.close()
  })
  test('says unreachable where nobody listens, and times out or aborts where nobody answers', async () => {
    const silent = createServer()
    const port = await listen(silent)
    const held: Socket[] = []
    silent.on('connection', (socket) => held.push(socket.on('error', () => {})))
    const tls = { ...internalTls, servername: 'door.test' }
    await assert.rejects(dialTls({ host: '127.0.0.1', port }, tls, { deadlineMs: 40 }), code('upstream-timeout'))
    const abort = new AbortController()
    const dialling = dialTls({ host: '127.0.0.1', port }, tls, { signal: abort.signal })
    await once(silent, 'connection')
    abort.abort()
    await assert.rejects(dialling, code('closing'))
    await assert.rejects(dial({ host: '127.0.0.1', port }, { signal: abort.signal }), code('closing'))
    for (const socket of held) if (!socket.closed) await new Promise((done) => socket.resume().on('close', done))
    silent.close()
    await once(silent, 'close')
    await assert.rejects(dial({ host: '127.0.0.1', port }), code('upstream-unreachable'))
  })
  test('reaches this machine for names under localhost without asking a resolver, on either family', async () => {
    const lookup = () => assert.fail('a resolver was asked')
    for (const address of ['127.0.0.1', '::1']) {
      const server = createServer()
      const port = await listen(server, address)
      for (const host of ['a.b.localhost', 'localhost', address, ...(address === '::1' ? ['[::1]'] : [])]) {
        const socket = await dial({ host, port }, { lookup })
        assert.equal(socket.remoteAddress, address)
        socket.destroy()
      }
      server.close()
    }
    for (const name of ['localhost.evil.test', 'notlocalhost', 'localhosts']) assert.equal(isLocalhost(name), false)
  })
})

describe('backing off', () => {
  test('never waits longer than its ceiling, which doubles up to the maximum, and starts again after success', () => {
    const backoff = startBackoff({ baseMs: 100, maxMs: 1000 }, () => 0.999)
    assert.deepEqual(
      Array.from({ length: 6 }, () => backoff.next()),
      [99, 199, 399, 799, 999, 999],
    )
    backoff.reset()
    assert.equal(backoff.next(), 99)
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(2000), (random, attempts) => {
        const jittered = startBackoff({ baseMs: 100, maxMs: 1000 }, () => random)
        for (let at = 0; at < attempts; at++) assert.ok(jittered.next() >= 0 && jittered.next() < 1000)
      }),
      { numRuns: 20 },
    )
  })
  test('ends at once when aborted', async () => {
    const abort = new AbortController()
    const waiting = pause(3_600_000, abort.signal)
    abort.abort(new Fault('closing'))
    await assert.rejects(waiting, code('closing'))
    await assert.rejects(pause(3_600_000, abort.signal), code('closing'))
    await pause(1, new AbortController().signal)
  })
})

describe('draining', () => {
  const thing = (close: () => unknown, destroyed: string[], name: string) => ({
    close,
    destroy: () => destroyed.push(name),
  })

  test('waits for what ends, cuts what does not at the deadline, and survives what throws', async () => {
    const live = new LiveSet()
    const destroyed: string[] = []
    const release = live.add(thing(() => queueMicrotask(() => release()), destroyed, 'polite'))
    live.add(thing(() => {}, destroyed, 'stubborn'))
    live.add(thing(() => assert.fail('broken'), destroyed, 'broken'))
    live.add(thing(() => Promise.reject(new Error('broken')), destroyed, 'rejecting'))
    assert.equal(await live.drain(20), 3)
    assert.deepEqual(destroyed, ['stubborn', 'broken', 'rejecting'])
    assert.throws(() => live.add(thing(() => {}, destroyed, 'late')), code('closing'))
    assert.equal(await live.drain(20), 0)
  })
  test('does not wait when nothing is alive, or everything ends in time', async () => {
    assert.equal(await new LiveSet().drain(3_600_000), 0)
    const live = new LiveSet()
    const release = live.add({ close: () => release(), destroy: () => assert.fail('cut') })
    const second = live.add({ close: () => setImmediate(second), destroy: () => assert.fail('cut') })
    assert.equal(await live.drain(3_600_000), 0)
  })
})
