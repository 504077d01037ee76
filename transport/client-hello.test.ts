// Hellos under attack: malformed, doubled, split, oversized, slow; and none of their bytes is lost.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { before, describe, test } from 'node:test'
import {
  connect as connectTls,
  createServer as createTlsServer,
  type ConnectionOptions,
  type TLSSocket,
} from 'node:tls'
import fc from 'fast-check'
import { Fault, isFault } from '#core/fault.ts'
import { createAuthority, type Authority } from './certificate-authority.ts'
import { adopt, ClientHelloReader, parseClientHello, readClientHello, type FirstBytes } from './client-hello.ts'
import { readPrefix } from './read-prefix.ts'
import { leaf, listen, socketPair, type Credentials } from './testing.ts'
import { refuseTls } from './tls-alert.ts'

const u8 = (n: number) => Buffer.from([n])
const u16 = (n: number) => Buffer.from([n >> 8, n & 255])
const block8 = (b: Buffer) => Buffer.concat([u8(b.length), b])
const block16 = (b: Buffer) => Buffer.concat([u16(b.length), b])
const extension = (type: number, value: Buffer) => Buffer.concat([u16(type), block16(value)])
const sni = (name: Buffer | string, type = 0) =>
  extension(0, block16(Buffer.concat([u8(type), block16(Buffer.from(name))])))
const alpn = (...names: string[]) => extension(16, block16(Buffer.concat(names.map((n) => block8(Buffer.from(n))))))

function body(
  extensions: Buffer[] | undefined,
  { suites = u16(0x1301), compression = u8(0), session = Buffer.alloc(32) } = {},
) {
  const head = [u16(0x0303), Buffer.alloc(32, 7), block8(session), block16(suites), block8(compression)]
  return Buffer.concat(extensions === undefined ? head : [...head, block16(Buffer.concat(extensions))])
}
const handshake = (message: Buffer, type = 1) =>
  Buffer.concat([u8(type), u8(message.length >> 16), u16(message.length & 0xffff), message])
const record = (fragment: Buffer, type = 22, version = 0x0301) =>
  Buffer.concat([u8(type), u16(version), block16(fragment)])

function read(bytes: Buffer, maxBytes?: number): FirstBytes | undefined {
  return new ClientHelloReader(maxBytes).push(bytes)
}
function refuses(bytes: Buffer, code: 'request-malformed' | 'request-too-large' = 'request-malformed', max?: number) {
  assert.throws(
    () => read(bytes, max),
    (error) => isFault(error, code),
    bytes.subarray(0, 80).toString('latin1'),
  )
}
const refusesExtensions = (...extensions: Buffer[]) => refuses(record(handshake(body(extensions))))

describe('a hello is refused', () => {
  test('with a second server name, in one extension or two', () => {
    const two = Buffer.concat([u8(0), block16(Buffer.from('a.test')), u8(0), block16(Buffer.from('b.test'))])
    refusesExtensions(sni('a.test'), sni('b.test'))
    refusesExtensions(sni('a.test'), sni('a.test'))
    refusesExtensions(extension(0, block16(two)))
  })
  test('with any extension twice', () => refusesExtensions(extension(0x1234, u8(1)), extension(0x1234, u8(1))))
  for (const name of [
    '',
    '.',
    'a.test.',
    '.a.test',
    'a..test',
    'a b.test',
    'a\u0000.test',
    'ä.test',
    'a.test:443',
    '10.0.0.1',
    '1.2.3',
    'a.0x7f',
    '[::1]',
    '::1',
    '*.a.test',
    '-a.test',
    'a-.test',
    'a/b',
    `${'a'.repeat(64)}.test`,
    `${'abcdefg.'.repeat(32)}test`,
    'a.test\r\n',
    'a,b',
  ]) {
    test(`that names ${JSON.stringify(name.slice(0, 40))}`, () => refusesExtensions(sni(Buffer.from(name, 'latin1'))))
  }
  test('with a server name of another type or an empty list', () => {
    refusesExtensions(sni('a.test', 1))
    refusesExtensions(extension(0, block16(Buffer.alloc(0))))
    refusesExtensions(extension(0, Buffer.alloc(0)))
  })
  test('with empty or too many protocols', () => {
    refusesExtensions(alpn())
    refusesExtensions(alpn('h2', ''))
    refusesExtensions(alpn(...Array.from({ length: 33 }, () => 'x')))
  })
  test('with lengths that lie', () => {
    const good = body([sni('a.test')])
    for (let length = 0; length < good.length; length++) {
      if (length === body(undefined).length) continue
      refuses(record(handshake(good.subarray(0, length))))
    }
    refuses(record(handshake(Buffer.concat([good, u8(0)]))))
    refuses(record(Buffer.concat([handshake(good), u8(0)])))
    refuses(record(handshake(body([], { suites: u8(1) }))))
    refuses(record(handshake(body([], { suites: Buffer.alloc(0) }))))
    refuses(record(handshake(body([], { compression: Buffer.alloc(0) }))))
    refuses(record(handshake(body([], { session: Buffer.alloc(33) }))))
  })
  test('when its records are not what they say', () => {
    const message = handshake(body([sni('a.test')]))
    refuses(record(message, 22, 0x0201))
    refuses(record(handshake(body([]), 2)))
    refuses(record(Buffer.alloc(0)))
    refuses(Buffer.concat([record(message.subarray(0, 10)), record(message.subarray(10), 23)]))
    refuses(Buffer.concat([record(message.subarray(0, 10)), record(Buffer.alloc(0)), record(message.subarray(10))]))
    refuses(Buffer.from([22, 3, 1, 0x40, 0x01]))
  })
  test('as soon as its length is known to be too much', () => {
    refuses(Buffer.from([22, 3, 1, 0x20, 0x01]), 'request-too-large', 4096)
    refuses(record(Buffer.from([1, 1, 0, 0, 0])), 'request-too-large')
  })
})

describe('a hello is read', () => {
  const hello = record(handshake(body([extension(0x2a2a, u8(0)), sni('Wiki.Acme.test'), alpn('h2', 'http/1.1')])))

  test('with its name in lower case and its protocols in order', () => {
    assert.deepEqual(read(hello), {
      kind: 'tls',
      serverName: 'wiki.acme.test',
      alpn: ['h2', 'http/1.1'],
      versions: [0x0303],
      hasEncryptedHello: false,
      bytes: hello,
    })
  })
  test('with the versions it offers, without those that mean nothing, and with what hides in it', () => {
    const versions = extension(43, block8(Buffer.concat([u16(0x8a9a), u16(0x3a3a), u16(0x0303), u16(0x0304)])))
    const result = read(record(handshake(body([sni('a.test'), versions, extension(0xfe0d, Buffer.alloc(40))]))))
    assert.ok(result?.kind === 'tls' && result.hasEncryptedHello)
    assert.deepEqual(result.versions, [0x8a9a, 0x0304, 0x0303])
    refusesExtensions(sni('a.test'), extension(43, block8(Buffer.from([3]))))
    refusesExtensions(sni('a.test'), extension(43, block8(Buffer.alloc(0))))
  })
  test('without a name when there is none', () => {
    for (const message of [body(undefined), body([])]) {
      const result = read(record(handshake(message)))
      assert.ok(result?.kind === 'tls' && result.serverName === undefined)
    }
  })
  test('the same however it is split into segments and records, with every byte and what follows', () => {
    const message = handshake(body([sni('a.test'), extension(0xfe0d, Buffer.alloc(3000))]))
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 900 })),
        fc.array(fc.integer({ min: 1, max: 700 })),
        (cuts, segments) => {
          const fragments = slices(message, cuts).map((fragment) => record(fragment))
          const wire = Buffer.concat([...fragments, Buffer.from('and more')])
          const reader = new ClientHelloReader()
          let fed = 0
          for (const segment of slices(wire, segments)) {
            fed += segment.length
            const result = reader.push(segment)
            if (result === undefined) continue
            assert.ok(result.kind === 'tls' && result.serverName === 'a.test')
            assert.deepEqual(result.bytes, wire.subarray(0, fed))
            return
          }
          assert.fail('never complete')
        },
      ),
    )
  })
  test('byte by byte', () => {
    const reader = new ClientHelloReader()
    for (let at = 0; at < hello.length - 1; at++) assert.equal(reader.push(hello.subarray(at, at + 1)), undefined)
    assert.equal(reader.push(hello.subarray(-1))?.kind, 'tls')
  })
  test('or called plain, from its first byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        if (bytes[0] !== 22) assert.deepEqual(read(Buffer.from(bytes)), { kind: 'plain', bytes: Buffer.from(bytes) })
      }),
    )
  })
  test('or refused with a Fault, whatever the bytes', () => {
    const withFault = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        assert.ok(error instanceof Fault)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => withFault(() => parseClientHello(bytes))))
    const good = handshake(body([sni('a.test'), alpn('h2')]))
    const mutation = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        withFault(() => read(record(bytes)))
      }),
      { numRuns: 2000 },
    )
  })
})

function slices(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    if (at + size >= bytes.length) break
    out.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...out, bytes.subarray(at)]
}

describe('on a real connection', () => {
  let authority: Authority
  let credentials: Credentials
  before(async () => {
    authority = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    credentials = await leaf(authority)
  })

  test('a silent or dripping client is cut at the deadline', async () => {
    for (const first of [Buffer.alloc(0), Buffer.from([22, 3])]) {
      const { near, far } = await socketPair()
      near.on('error', () => {})
      if (first.length > 0) near.write(first)
      await assert.rejects(readClientHello(far, { deadlineMs: 30 }), (error) => isFault(error, 'request-timeout'))
      assert.ok(far.destroyed)
      near.destroy()
    }
  })
  test('a client that goes, a bad hello and an abort are refused, and the socket is gone', async () => {
    const cases: [(near: Socket) => void, string][] = [
      [(near) => near.end(), 'request-malformed'],
      [(near) => near.resetAndDestroy(), 'request-malformed'],
      [(near) => near.write(Buffer.from([22, 9, 9, 9, 9])), 'request-malformed'],
    ]
    for (const [act, code] of cases) {
      const { near, far } = await socketPair()
      near.on('error', () => {})
      const reading = readClientHello(far)
      act(near)
      await assert.rejects(reading, (error) => error instanceof Fault && error.code === code)
      assert.ok(far.destroyed)
      near.destroy()
    }
    const { near, far } = await socketPair()
    const abort = new AbortController()
    const reading = readClientHello(far, { signal: abort.signal })
    abort.abort()
    await assert.rejects(reading, (error) => isFault(error, 'closing'))
    near.destroy()
  })
  test('a post-quantum hello is larger than a segment of old, and is read', async () => {
    const { near, far } = await socketPair()
    const options = {
      servername: 'door.test',
      ALPNProtocols: ['h2'],
      ecdhCurve: 'X25519MLKEM768',
    } satisfies ConnectionOptions
    const client = connectTls({ socket: near, ...options })
    client.on('error', () => {})
    const result = await readClientHello(far)
    assert.ok(result.kind === 'tls' && result.serverName === 'door.test' && result.alpn[0] === 'h2')
    assert.ok(result.bytes.length > 1400)
    far.destroy()
    client.destroy()
  })

  /** A server that reads the hello from `split`-sized writes and adopts the socket for `server`. */
  async function through(
    server: Parameters<typeof adopt>[2],
    split: number,
    use: (client: TLSSocket) => Promise<void>,
  ) {
    const door = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      readClientHello(socket).then(
        ({ bytes }) => adopt(socket, bytes, server),
        (error: unknown) => assert.fail(String(error)),
      )
    })
    const port = await listen(door)
    const splitter = createTcpServer({ noDelay: true }, (from) => {
      // Re-cuts the client's bytes, each piece in its own turn of the event loop.
      const to = connectTcp({ port, host: '127.0.0.1', noDelay: true })
      let queue = Promise.resolve()
      from.on('data', (chunk: Buffer) => {
        const pieces = slices(
          chunk,
          Array.from({ length: Math.ceil(chunk.length / split) }, () => split),
        )
        for (const piece of pieces)
          queue = queue.then(() => new Promise((done) => to.write(piece, () => setImmediate(done))))
      })
      to.pipe(from)
      from.on('error', () => to.destroy())
      to.on('error', () => from.destroy())
      from.on('close', () => to.destroy())
    })
    const splitPort = await listen(splitter)
    const client = connectTls({
      port: splitPort,
      host: '127.0.0.1',
      servername: 'door.test',
      ca: [authority.certificatePem],
    })
    await use(client)
    client.destroy()
    door.close()
    splitter.close()
  }

  for (const split of [97, 1300, 65_536]) {
    test(`a TLS server that never listens completes the handshake on an adopted socket (pieces of ${split})`, async () => {
      const server = createTlsServer(credentials, (socket) => socket.pipe(socket))
      await through(server, split, async (client) => {
        const sent = Buffer.alloc(200_000, 'abcdefghij')
        client.write(sent)
        const got: Buffer[] = []
        for await (const chunk of client) {
          got.push(chunk as Buffer)
          if (Buffer.concat(got).length >= sent.length) break
        }
        assert.ok(Buffer.concat(got).equals(sent))
      })
    })
  }
  test('an adopted hello may lie partly in the bytes read, partly in the socket’s buffer and partly on the wire', async () => {
    const server = createTlsServer(credentials, (socket) => socket.end('done'))
    const [client, door] = [await socketPair(), await socketPair()]
    const tls = connectTls({ socket: client.near, servername: 'door.test', ca: [authority.certificatePem] })
    const [hello] = (await once(client.far, 'data')) as [Buffer]
    door.near.write(hello.subarray(0, 100))
    const first = await readPrefix(door.far, (chunk) => chunk, { deadlineMs: 5000 })
    door.near.write(hello.subarray(100, 300))
    await once(
      door.far.on('readable', () => {}),
      'readable',
    )
    door.far.removeAllListeners('readable')
    assert.ok(door.far.readableLength > 0)
    adopt(door.far, first, server)
    door.near.write(hello.subarray(300))
    client.far.pipe(door.near).pipe(client.far)
    const [data] = await once(tls, 'data')
    assert.equal(String(data), 'done')
    for (const socket of [tls, client.far, door.near]) socket.destroy()
  })
  test('an HTTP server that never listens answers on an adopted socket', async () => {
    const server = createHttpServer((request, response) => response.end(`${request.method} ${request.url}`))
    const { near, far } = await socketPair()
    near.write('GET /first HTTP/1.1\r\nHost: a\r\n')
    const result = await readClientHello(far)
    assert.equal(result.kind, 'plain')
    adopt(far, result.bytes, server)
    near.write('Connection: close\r\n\r\n')
    const got: Buffer[] = []
    for await (const chunk of near) got.push(chunk as Buffer)
    assert.match(Buffer.concat(got).toString(), /GET \/first/)
  })
  test('a refused client is told by an alert', async () => {
    const { near, far } = await socketPair()
    const client = connectTls({ socket: near, servername: 'nobody.test' })
    await readClientHello(far)
    refuseTls(far, 'unrecognizedName')
    const [error] = (await once(client, 'error')) as [Error]
    assert.match(error.message, /unrecognized name/)
    client.destroy()
  })
})
