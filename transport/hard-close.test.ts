import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createPipe, connect as connectPipe, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { createAuthority } from './certificate-authority.ts'
import { hardClose } from './hard-close.ts'
import { leaf, socketPair } from './testing.ts'
import { internalTls } from './tls-defaults.ts'

/** What a connection is doing when it is cut. `side` is the end that is cut. */
const moments = [
  'before the handshake',
  'in the handshake',
  'as soon as it is secure',
  'quiet',
  'writing much',
  'read from too slowly',
  'ending',
  'ending in this very turn',
  'ending a turn ago',
  'ending with much unsent',
  'ended',
  'after the other end has ended',
] as const
type Moment = (typeof moments)[number]

const block = Buffer.alloc(4 << 20, 7)
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Cuts one TLS connection; says how its TCP ended at the other side: `reset` or `end`. */
async function cutAt(moment: Moment, side: 'client' | 'server', tls: Awaited<ReturnType<typeof secureServer>>) {
  const { near, far } = await socketPair()
  // A second pair stands between the two, so that what is seen is TCP's end and not TLS's reading of it.
  const between = await socketPair()
  const [mineTcp, wire, onward, otherTcp] =
    side === 'client' ? [near, far, between.near, between.far] : [far, near, between.far, between.near]
  const ended = Promise.withResolvers<string>()
  wire.on('error', (error: NodeJS.ErrnoException) => ended.resolve(error.code === 'ECONNRESET' ? 'reset' : 'end'))
  wire.on('end', () => ended.resolve('end')).on('close', () => ended.resolve('end'))
  wire.on('data', (chunk: Buffer) => void onward.write(chunk))
  onward.on('data', (chunk: Buffer) => void wire.write(chunk))
  onward.on('error', () => {}).on('end', () => void wire.end())
  const [clientTcp, serverTcp] = side === 'client' ? [mineTcp, otherTcp] : [otherTcp, mineTcp]
  for (const socket of [clientTcp, serverTcp]) socket.on('error', (error: Error) => ended.reject(error))
  otherTcp.removeAllListeners('error').on('error', () => {})

  const accepted = once(tls.server, 'secureConnection') as Promise<[TLSSocket]>
  accepted.catch(() => {})
  if (moment === 'before the handshake') hardClose(mineTcp)
  else tls.server.emit('connection', serverTcp)
  const client = connect({ ...internalTls, socket: clientTcp, servername: 'door.test', ca: [tls.caPem] })
  client.on('error', () => {})
  if (moment === 'in the handshake') {
    await turn()
    hardClose(client)
  } else if (moment !== 'before the handshake') {
    const secured = once(client, 'secureConnect').then(() => {
      if (moment === 'as soon as it is secure' && side === 'client') hardClose(client)
    })
    const [server] = side === 'server' || moment !== 'as soon as it is secure' ? await accepted : [undefined]
    server?.on('error', () => {})
    if (moment === 'as soon as it is secure' && side === 'server') hardClose(server ?? client)
    await secured.catch(() => {})
    const [mine, other] = side === 'client' ? [client, server] : [server ?? client, client]
    if (!mine.destroyed) {
      await prepare(moment, mine, other ?? client, wire)
      hardClose(mine)
      assert.ok(mine.destroyed)
    }
  }
  const how = await ended.promise
  if (!mineTcp.closed) await once(mineTcp, 'close')
  for (const socket of [near, far, between.near, between.far]) {
    socket.destroy()
    if (!socket.closed) await once(socket, 'close')
  }
  tls.server.removeAllListeners('secureConnection').removeAllListeners('error')
  return how
}

async function prepare(moment: Moment, mine: TLSSocket, other: TLSSocket, wire: Socket): Promise<void> {
  switch (moment) {
    case 'writing much':
      mine.write(block)
      return
    case 'read from too slowly':
      other.write(block)
      await once(mine, 'readable')
      return
    case 'ending':
      mine.write('x')
      mine.end()
      return
    case 'ending in this very turn':
      mine.end()
      return
    case 'ending a turn ago':
      mine.end()
      await turn()
      return
    case 'ending with much unsent':
      wire.pause()
      mine.end(block)
      await turn()
      setImmediate(() => wire.resume())
      return
    case 'ended':
      mine.end()
      await once(mine, 'finish')
      return
    case 'after the other end has ended':
      mine.allowHalfOpen = true
      other.end()
      mine.resume()
      await once(mine, 'end')
      return
    case 'before the handshake':
    case 'in the handshake':
    case 'as soon as it is secure':
    case 'quiet':
  }
}

async function secureServer() {
  const authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
  const server = createServer({ ...internalTls, ...(await leaf(authority)), allowHalfOpen: true })
  server.on('tlsClientError', () => {})
  return { server, caPem: authority.certificatePem }
}

const openSockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length

// A crash of the engine cannot be caught: the cuts happen in a process of their own.
if (process.argv[2] === 'cut-everything') {
  const tls = await secureServer()
  const seen: Record<string, string> = {}
  await cutAt('quiet', 'client', tls)
  const openBefore = openSockets()
  for (const side of ['client', 'server'] as const) {
    for (const moment of moments) {
      // A server's half-made TLS stream is in nobody's hands.
      if (moment === 'in the handshake' && side === 'server') continue
      const ways = new Set<string>()
      for (let round = 0; round < 6; round++) ways.add(await cutAt(moment, side, tls))
      seen[`${side} ${moment}`] = [...ways].toSorted().join()
    }
  }
  process.stdout.write(JSON.stringify({ seen, openBefore, openAfter: openSockets() }))
} else {
  describe('a hard close', () => {
    test('of TLS in any state neither crashes nor leaks, and is a reset unless all was said already', async () => {
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'cut-everything'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [out, errors, [code, signal]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit') as Promise<[number | null, string | null]>,
      ])
      assert.deepEqual([code, signal, errors], [0, null, ''])
      const { seen, openBefore, openAfter } = JSON.parse(out) as {
        readonly seen: Record<string, string>
        readonly openBefore: number
        readonly openAfter: number
      }
      // Those of the last round are still closing, in both counts.
      assert.ok(openAfter <= openBefore, `${openAfter} sockets are open`)
      const mayEnd = /in the handshake|ending in this very turn|ending a turn ago|ended$/
      const wrong = Object.entries(seen).filter(([name, how]) => how !== 'reset' && !mayEnd.test(name))
      assert.deepEqual(wrong, [])
      assert.equal(Object.keys(seen).length, 2 * moments.length - 1)
    })
    test('of TCP is a reset, also with an end that waits for much unsent', async () => {
      for (const prepare of [() => {}, (near: Socket) => void near.end(block), (near: Socket) => near.pause()]) {
        const { near, far } = await socketPair()
        near.on('error', assert.fail)
        prepare(near)
        hardClose(near)
        far.resume()
        const [error] = (await once(far, 'error')) as [NodeJS.ErrnoException]
        assert.equal(error.code, 'ECONNRESET')
      }
    })
    test('of TCP that is just saying goodbye closes it without an error', async () => {
      const { near, far } = await socketPair()
      near.on('error', assert.fail)
      near.end()
      hardClose(near)
      await once(near, 'close')
      far.resume()
      await once(far, 'end')
      far.destroy()
    })
    test('of TLS within TLS resets the TCP below both', async () => {
      const { server, caPem } = await secureServer()
      const { near, far } = await socketPair()
      const secure = async (clientSide: Socket, serverSide: Socket) => {
        const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>
        server.emit('connection', serverSide)
        const client = connect({ ...internalTls, socket: clientSide, servername: 'door.test', ca: [caPem] })
        return [client, ...(await accepted)] as const
      }
      const outer = await secure(near, far)
      const inner = await secure(outer[0], outer[1] as Socket)
      for (const socket of [...outer, ...inner]) socket?.on('error', () => {})
      far.on('error', () => {})
      hardClose(inner[0])
      assert.ok(inner[0].destroyed)
      await once(near, 'close')
      inner[1]?.destroy()
      far.destroy()
    })
    test('of what is no TCP closes it', async () => {
      const path = join(tmpdir(), `sallyport-hard-close-${process.pid}`)
      const server = createPipe().listen(path)
      await once(server, 'listening')
      const accepted = once(server, 'connection') as Promise<[Socket]>
      const near = connectPipe(path)
      const [far] = await accepted
      near.on('error', assert.fail)
      hardClose(near)
      await once(near, 'close')
      far.destroy()
      server.close()
    })
  })
}
