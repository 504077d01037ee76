// PROXY headers under attack: forged shapes are refused; what is encoded is decoded; lists match what they say.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Fault, isFault } from '#core/fault.ts'
import { addressList } from './address-list.ts'
import { decodeProxyHeader, encodeProxyHeader, readProxyHeader } from './proxy-protocol.ts'
import { socketPair } from './testing.ts'

const four = {
  kind: 'proxied',
  sourceAddress: '203.0.113.9',
  sourcePort: 4711,
  destinationAddress: '10.0.0.1',
  destinationPort: 443,
} as const
const good = encodeProxyHeader(four)
const withBytes = (changes: Readonly<Record<number, number>>, extra: Buffer = Buffer.alloc(0)) => {
  const bytes = Buffer.concat([good, extra])
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value
  return bytes
}

describe('a PROXY header', () => {
  const refused: [string, Buffer][] = [
    ['of version 1', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['with another signature', withBytes({ 3: 0 })],
    ['of version 3', withBytes({ 12: 0x31 })],
    ['with an unknown command', withBytes({ 12: 0x22 })],
    ['for datagrams', withBytes({ 13: 0x12 })],
    ['for UNIX sockets', withBytes({ 13: 0x31 })],
    ['without a family', withBytes({ 13: 0 })],
    ['too short for its addresses', withBytes({ 15: 11 })],
    ['of IPv6 with room for IPv4', withBytes({ 13: 0x21 })],
    ['with half an extension', withBytes({ 15: 14 }, Buffer.from([4, 0]))],
    ['with an extension beyond its end', withBytes({ 15: 15 }, Buffer.from([4, 0, 9]))],
    ['over the size cap, before its bytes come', withBytes({ 14: 0xff })],
    ['that is plain text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ]
  for (const [name, bytes] of refused) {
    test(`${name} is refused`, () =>
      assert.throws(
        () => decodeProxyHeader(bytes),
        (e) => isFault(e, 'request-malformed'),
      ))
  }
  test('is refused by Fault or read, whatever the bytes', () => {
    const mutation = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(mutation, (changes) => {
        try {
          decodeProxyHeader(withBytes(Object.fromEntries(changes)))
        } catch (error) {
          assert.ok(error instanceof Fault)
        }
      }),
    )
  })
  test('is read back as written, for both families, and waits for every byte', () => {
    const port = fc.integer({ min: 0, max: 65_535 })
    const check = (source: string, destination: string, sourcePort: number, destinationPort: number) => {
      const header = {
        kind: 'proxied',
        sourceAddress: source,
        destinationAddress: destination,
        sourcePort,
        destinationPort,
      } as const
      const bytes = encodeProxyHeader(header)
      for (let length = 0; length < bytes.length; length++)
        assert.equal(decodeProxyHeader(bytes.subarray(0, length)), undefined)
      return decodeProxyHeader(bytes)
    }
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), port, port, (a, b, p, q) => {
        assert.deepEqual(check(a, b, p, q)?.header, {
          kind: 'proxied',
          sourceAddress: a,
          destinationAddress: b,
          sourcePort: p,
          destinationPort: q,
        })
      }),
      { numRuns: 50 },
    )
    const canonical = (text: string) => new URL(`http://[${text}]`).hostname.slice(1, -1)
    const pure = fc.ipV6().filter((text) => !canonical(text).startsWith('::ffff:'))
    fc.assert(
      fc.property(pure, pure, (a, b) => {
        const header = check(a, b, 1, 2)?.header
        assert.ok(header?.kind === 'proxied')
        assert.deepEqual([header.sourceAddress, header.destinationAddress], [canonical(a), canonical(b)])
      }),
      { numRuns: 50 },
    )
    assert.deepEqual(check('203.0.113.9', '2001:db8::1', 1, 2)?.header, {
      kind: 'proxied',
      sourceAddress: '203.0.113.9',
      destinationAddress: '2001:db8::1',
      sourcePort: 1,
      destinationPort: 2,
    })
    assert.deepEqual(decodeProxyHeader(encodeProxyHeader({ kind: 'local' })), { header: { kind: 'local' }, length: 16 })
  })
  test('is taken off a real connection with extensions skipped and what follows kept', async () => {
    const { near, far } = await socketPair()
    near.write(withBytes({ 15: 16 }, Buffer.from([4, 0, 1, 9])).subarray(0, 20))
    near.write(Buffer.concat([withBytes({ 15: 16 }, Buffer.from([4, 0, 1, 9])).subarray(20), Buffer.from('hello')]))
    assert.deepEqual(await readProxyHeader(far), { header: four, rest: Buffer.from('hello') })
    near.destroy()
    far.destroy()
  })
})

describe('an address list', () => {
  test('holds what it says, in either spelling of an IPv4 peer, and nothing else', () => {
    const list = addressList(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'])
    for (const inside of ['10.1.255.9', '::ffff:10.1.0.1', '192.0.2.7', '2001:db8::9']) assert.ok(list.includes(inside))
    for (const outside of ['10.2.0.1', '192.0.2.8', '2001:db9::1', '', 'x', undefined, '10.1.0.1 ']) {
      assert.equal(list.includes(outside), false, String(outside))
    }
    assert.equal(addressList([]).includes('127.0.0.1'), false)
  })
  test('refuses an entry that is none', () => {
    for (const entry of [
      '10.0.0.0/33',
      '10.0.0/8',
      '',
      'a.test',
      '10.0.0.0/-1',
      '::/129',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      'fe80::%lo/10',
    ]) {
      assert.throws(
        () => addressList([entry]),
        (error) => isFault(error, 'configuration-invalid'),
        entry,
      )
    }
  })
})
