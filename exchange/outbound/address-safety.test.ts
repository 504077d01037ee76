// Addresses in every disguise that leads inside.
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAddressSafety } from './address-safety.ts'
import { createLookup } from './lookup.ts'

const safety = createAddressSafety([], ['8.8.4.4'])
const isOpen = (address: string) => safety.refusal(address) === undefined

test('lets public addresses pass', () => {
  for (const address of [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ]) {
    assert.ok(isOpen(address), address)
  }
})

test('refuses what is not public, in every notation', () => {
  const refused =
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 ' +
    '192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 240.0.0.1 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 ' +
    'ff02::1 fec0::1 2001:db8::1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8 64:ff9b::a00:1 64:ff9b:1::1 ' +
    '2002:a00:1:: 2001:0:a00:1:: ::10.0.0.1 100::1 3fff::1 5f00::1  localhost 1.2.3 0x7f000001 8.8.4.4'
  for (const address of refused.split(' ')) assert.ok(!isOpen(address), address)
})

test('refuses the addresses of this machine', () => {
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) assert.ok(!isOpen(address), address)
  }
})

test('an IPv4 address inside an IPv6 address opens nothing', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(byte, byte, byte, byte, (a, b, c, d) => {
      const hex = (n: number) => n.toString(16).padStart(2, '0')
      const low = `${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`
      for (const prefix of ['::ffff:', '64:ff9b::', '2002:', '::', '::ffff:0:']) {
        const address = prefix === '2002:' ? `2002:${low}::` : `${prefix}${low}`
        assert.ok(!isOpen(address), address)
      }
    }),
  )
})

test('a name is asked once and then means what it meant, until its answer is old', async () => {
  let nowMs = 0
  let answer = '1.1.1.1'
  let asked = 0
  const resolve = async () => {
    asked++
    return [{ address: answer, ttl: 10 }]
  }
  const lookup = createLookup(safety, resolve, () => nowMs)
  assert.deepEqual(await lookup.addressesOf('a.test'), ['1.1.1.1'])
  answer = '127.0.0.1'
  assert.deepEqual(await lookup.addressesOf('a.test'), ['1.1.1.1'])
  assert.equal(asked, 1)
  nowMs = 11_000
  await assert.rejects(lookup.addressesOf('a.test'), { code: 'destination-refused' })
})

test('of several addresses only those that may be reached are dialled', async () => {
  const resolve = async () => ['10.0.0.1', '1.1.1.1', '::1'].map((address) => ({ address, ttl: 10 }))
  assert.deepEqual(await createLookup(safety, resolve).addressesOf('a.test'), ['1.1.1.1'])
})
