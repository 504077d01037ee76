// Names: pools and resolv.conf as values, and the whole of it in a network namespace of its own.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { AddressPool, defaultPools, overlaps, parsePrefix } from './address-pool.ts'
import { resolversIn, withOurs } from './system-names.ts'

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'

test(
  'an app is reached by name, other names resolve as before, and DNS survives kill -9',
  { skip: !isRoot && 'needs root on Linux' },
  async () => {
    const script = new URL('./in-namespace.ts', import.meta.url).pathname
    // A process namespace too, so that nothing started inside outlives the test.
    const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    await promisify(execFile)('unshare', [...apart, process.execPath, script], {
      timeout: 30_000,
      killSignal: 'SIGKILL',
    })
  },
)

describe('the pool', () => {
  const pool = () => new AddressPool(parsePrefix(defaultPools.ipv4), parsePrefix(defaultPools.ipv6))
  test('gives one address per name and one name per address', () => {
    const one = pool()
    const given = one.addressOf('wiki.acme.test')
    assert.deepEqual(given, { host: 'wiki.acme.test', ipv4: '100.83.0.1', ipv6: 'fd5a:b1c4:7e2d::1' })
    assert.equal(one.addressOf('wiki.acme.test'), given)
    assert.equal(one.addressOf('files.acme.test')?.ipv4, '100.83.0.2')
    assert.equal(one.hostOf('100.83.0.2'), 'files.acme.test')
  })
  test('that is used up gives nothing more', () => {
    const one = new AddressPool(parsePrefix('10.1.1.0/24'), parsePrefix(defaultPools.ipv6))
    for (let count = 0; count < 254; count++) assert.ok(one.addressOf(`a${count}.test`))
    assert.equal(one.addressOf('late.test'), undefined)
  })
  test('is refused with host bits, of a wrong kind, or too small', () => {
    for (const text of ['10.0.0.1/16', '10.0.0.0', '10.0.0.0/33', 'x/8', 'fd00::1/64']) {
      assert.throws(() => parsePrefix(text), text)
    }
    assert.throws(() => new AddressPool(parsePrefix('10.0.0.0/30'), parsePrefix(defaultPools.ipv6)))
  })
  test('overlaps exactly what contains it or what it contains', () => {
    const at = parsePrefix('100.83.0.0/16')
    assert.ok(overlaps(at, parsePrefix('100.64.0.0/10')))
    assert.ok(overlaps(at, parsePrefix('100.83.7.0/24')))
    assert.ok(!overlaps(at, parsePrefix('100.84.0.0/16')))
    assert.ok(!overlaps(at, parsePrefix('fd00::/8')))
  })
})

describe('resolv.conf', () => {
  test('keeps the resolvers of before behind ours', () => {
    const conf = withOurs(
      '# by dhcp\nnameserver 10.0.0.53\nsearch example.org\nnameserver 10.0.1.53\nnameserver 10.0.2.53\n',
    )
    assert.deepEqual(resolversIn(conf), ['10.0.0.53', '10.0.1.53'])
    assert.match(conf, /nameserver 127\.53\.83\.1\nnameserver 10\.0\.0\.53/)
    assert.match(conf, /search example\.org/)
  })
  test('never makes us our own resolver, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('nameserver 127.53.83.1', 'nameserver ::1', 'x', '', 'options a')),
        (lines) => {
          const once = withOurs(lines.join('\n'))
          assert.equal(once.split('127.53.83.1').length, 2)
          assert.equal(withOurs(once), once)
        },
      ),
    )
  })
})
