// Guessing is slow, nobody can keep somebody else out, and memory stays bounded.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { caps } from './caps.ts'
import { createBuckets, createThrottle, sourceOf, type Attempt } from './throttle.ts'
import { password, signInAt, startWorld } from './testing/world.ts'

const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  tenantId: 'ten_a',
  account: 'usr_a',
  isKnownAccount: true,
  ip: '192.0.2.1',
  knownBrowser: null,
  ...more,
})

test('strangers from a thousand addresses guess no faster at one account than one of them', () => {
  let now = 0
  const throttle = createThrottle(() => now)
  let tries = 0
  for (let second = 0; second < 3600; second++) {
    now += 1000
    for (let at = 0; at < 5; at++) if (throttle.take(attempt({ ip: `198.51.${second % 250}.${at}` })) === 0) tries += 1
  }
  assert.ok(tries <= caps.strangerTries.default + 60, `${tries} tries in an hour`)
})

test('one address guesses no faster at a thousand accounts', () => {
  const throttle = createThrottle(() => 0)
  let tries = 0
  for (let at = 0; at < 1000; at++) if (throttle.take(attempt({ account: `usr_${at}` })) === 0) tries += 1
  assert.equal(tries, caps.sourceTries.default)
})

test('a known browser is not slowed by strangers, nor by others behind its address', () => {
  const throttle = createThrottle(() => 0)
  for (let at = 0; at < 1000; at++) throttle.take(attempt({ account: `usr_${at % 7 === 0 ? 'a' : at}` }))
  assert.ok(throttle.waitMs(attempt()) > 0)
  assert.equal(throttle.take(attempt({ knownBrowser: 'b/usr_a' })), 0)
})

test('inventing names pushes no real account out of memory, and they are slowed the same', () => {
  const throttle = createThrottle(() => 0, 100)
  for (let at = 0; at < caps.strangerTries.default; at++) throttle.take(attempt({ ip: `10.0.0.${at}` }))
  for (let at = 0; at < 5000; at++) {
    throttle.take(attempt({ account: `made up ${at}`, isKnownAccount: false, ip: `10.1.${at % 250}.${at % 199}` }))
  }
  assert.ok(throttle.waitMs(attempt({ ip: '10.9.9.9' })) > 0)
  const invented = attempt({ account: 'nobody', isKnownAccount: false })
  for (let at = 0; at < caps.strangerTries.default; at++) throttle.take({ ...invented, ip: `10.2.0.${at}` })
  assert.ok(throttle.waitMs({ ...invented, ip: '10.3.0.1' }) > 0)
})

test('buckets stay bounded, refill, and a clock that goes back locks nobody out for longer', () => {
  let now = 1_000_000
  const made = () => createBuckets({ burst: 2, refillMs: 1000 }, () => now, 50)
  const filled = made()
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 300 }), (keys) => {
      for (const key of keys) filled.take(key)
      return filled.size() <= 50
    }),
  )
  const buckets = made()
  buckets.take('k')
  buckets.take('k')
  assert.equal(buckets.waitMs('k'), 1000)
  now -= 500_000
  assert.equal(buckets.waitMs('k'), 1000)
  now += 1000
  assert.ok(buckets.waitMs('k') <= 1000)
  now += 1_000_000
  assert.equal(buckets.waitMs('k'), 0)
})

test('a source is an IPv4 address or an IPv6 /64, however it is spelled', () => {
  assert.equal(sourceOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(sourceOf('192.0.2.1'), '192.0.2.1')
  assert.equal(sourceOf('2001:db8:1:2:3:4:5:6'), sourceOf('2001:0db8:0001:0002::1'))
  assert.notEqual(sourceOf('2001:db8:1:2::1'), sourceOf('2001:db8:1:3::1'))
  assert.equal(sourceOf('fe80::1%eth0'), sourceOf('fe80::2'))
  assert.equal(sourceOf('::1'), sourceOf('0:0:0:0:0:0:0:2'))
})

describe('at the sign-in page', () => {
  test('strangers are slowed with a time to wait; the person at home signs in, and so does a passkey', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    await world.invite(acme.id, 'alice')
    const home = world.browser('192.0.2.50')
    await signInAt(world, home, 'acme', 'alice')
    home.cookies = home.cookies.filter(({ name }) => name.includes('known'))
    assert.equal(home.cookies.length, 1)
    const statuses = []
    for (let at = 0; at < 12; at++) {
      const stranger = world.browser(`198.51.100.${at}`)
      const page = await signInAt(world, stranger, 'acme', 'alice', { typed: `guess number ${at}` })
      statuses.push(page.status)
      if (page.status === 429) assert.ok(Number(page.headers['retry-after']) > 0)
    }
    assert.deepEqual(statuses.slice(-2), [429, 429])
    const reasons = world.events.map(({ event }) => (event['unmapped'] as { reason?: string } | undefined)?.reason)
    assert.equal(reasons.filter((reason) => reason === 'too-many-tries').length, 2)
    const right = await signInAt(world, world.browser('203.0.113.1'), 'acme', 'alice')
    assert.equal(right.status, 429, 'a stranger with the right password learns nothing now')
    assert.match((await signInAt(world, home, 'acme', 'alice')).text, /Your apps/)
  })

  test('a device cookie of another tenant, or a changed one, exempts nobody', async () => {
    await using world = await startWorld()
    const acme = world.addTenant('acme')
    const umbra = world.addTenant('umbra')
    const { user } = await world.invite(acme.id, 'alice')
    await world.invite(umbra.id, 'alice')
    const mallory = world.browser('198.51.100.77')
    await signInAt(world, mallory, 'umbra', 'alice')
    const value = mallory.cookie('__Host-sallyport-known-umbra') ?? ''
    assert.ok(value.length > 40)
    for (let at = 0; at < 10; at++) {
      await signInAt(world, world.browser(`198.51.100.${at}`), 'acme', 'alice', { typed: 'guess' })
    }
    const [id = '', since = '', , mac = ''] = value.split(/[.~]/)
    const renamed = `${id}.${since}.${user.id}~${mac}`
    for (const forged of [renamed, value, value.replace('~', '.x~'), `${value}x`]) {
      const thief = world.browser('198.51.100.99')
      thief.cookies = [
        { host: 'id.sallyport.localhost', path: '/', name: '__Host-sallyport-known-acme', value: forged },
      ]
      assert.equal((await signInAt(world, thief, 'acme', 'alice', { typed: password })).status, 429)
    }
  })
})
