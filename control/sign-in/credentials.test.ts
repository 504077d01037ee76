// Passwords, one-time codes, escaping, paths, cookies and QR codes by themselves.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { ownPath, signInAddresses } from './addresses.ts'
import { readCookie } from './cookies.ts'
import { escapeHtml, html } from './html.ts'
import { createPasswords, passwordObjection } from './password.ts'
import { newTotpSecret, totpCode, totpStep } from './totp.ts'

const small = { memoryKiB: 64, passes: 1, parallelism: 1 }

describe('passwords', () => {
  test('are kept as argon2id with 19 MiB and two passes, salted, and verified in either spelling of a letter', async () => {
    const passwords = createPasswords()
    const [one, two] = [
      await passwords.hash('caf\u00e9 caf\u00e9 caf\u00e9'),
      await passwords.hash('caf\u00e9 caf\u00e9 caf\u00e9'),
    ]
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.notEqual(one, two)
    assert.deepEqual(await passwords.verify('cafe\u0301 cafe\u0301 cafe\u0301', one), {
      isRight: true,
      needsRehash: false,
    })
    assert.deepEqual(await passwords.verify('another', one), { isRight: false, needsRehash: false })
  })

  test('made with old parameters are right and due for a new hash', async () => {
    const old = await createPasswords(small).hash('some password')
    const now = createPasswords({ ...small, passes: 2 })
    assert.deepEqual(await now.verify('some password', old), { isRight: true, needsRehash: true })
    assert.deepEqual(await now.verify('wrong', old), { isRight: false, needsRehash: false })
  })

  test('of nobody are never right', async () => {
    assert.deepEqual(await createPasswords(small).verify('', null), { isRight: false, needsRehash: false })
  })

  test('beyond the queue are refused instead of piling up', async () => {
    const passwords = createPasswords(small, 3)
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => passwords.verify('x', null)))
    const refused = all.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 7)
    for (const { reason } of refused) assert.ok(isFault(reason, 'rate-limited'))
    assert.equal((await passwords.verify('x', null)).isRight, false)
  })

  test('in the store that cannot be read are a fault and not a yes or no', async () => {
    await assert.rejects(createPasswords(small).verify('x', 'plain text'), (error) => isFault(error, 'store-failed'))
  })

  test('that are short, repetitive or built from the name are refused', () => {
    for (const bad of ['', 'short', 'aaaaaaaaaaaaaaaa', 'alicealicealice1']) assert.ok(passwordObjection(bad, 'alice'))
    assert.equal(passwordObjection('correct horse battery', 'alice'), undefined)
  })
})

test('a code is good one step early or late, never twice, never two steps off', () => {
  const secret = newTotpSecret()
  fc.assert(
    fc.property(fc.integer({ min: 100_000, max: 4_000_000_000 }), fc.integer({ min: -4, max: 4 }), (seconds, steps) => {
      const nowMs = seconds * 1000
      const code = totpCode(secret, nowMs + steps * 30_000)
      const step = totpStep(secret, code, nowMs, 0)
      if (Math.abs(steps) <= 1 && step === undefined) return false
      return step === undefined || totpStep(secret, code, nowMs, step) === undefined
    }),
    { numRuns: 50 },
  )
  for (const code of ['', '12345', '1234567', 'abcdef', '١٢٣٤٥٦'])
    assert.equal(totpStep(secret, code, 1e12, 0), undefined)
})

test('whatever is put into a page is text there', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[<>"'`]/.test(escapeHtml(text)) && !/[\u202a-\u202e\u2066-\u2069]/.test(escapeHtml(text)),
    ),
  )
  assert.equal(
    html`<p title="${'"><b>'}">${['a', html`<i>${'<'}</i>`]}</p>`.toString(),
    '<p title="&quot;&gt;&lt;b&gt;">a<i>&lt;</i></p>',
  )
})

test('a return path never leaves the host', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.string().map((text) => `/${text}`),
    fc.constantFrom('//a', '/\\a', '/\t/a', '\\/a', '/..//a', '/.//a'),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const path = ownPath(text)
      return (
        path.startsWith('/') &&
        !path.startsWith('//') &&
        new URL(path, 'https://a.test').host === 'a.test' &&
        !/[\s\\]/.test(path)
      )
    }),
  )
  assert.equal(ownPath('/a?b=c#d'), '/a?b=c#d')
})

test('only hosts of ours are ours', () => {
  const with443 = signInAddresses({ domain: 'x.test', appsDomain: 'y.test', publicPort: 443 })
  const withPort = signInAddresses({ domain: 'x.test', appsDomain: 'y.test', publicPort: 8443 })
  assert.equal(with443.tenantOfPortalHost('acme.x.test'), 'acme')
  assert.equal(withPort.tenantOfPortalHost('ACME.x.test:8443'), 'acme')
  for (const host of [
    'acme.x.test:8443',
    'id.x.test',
    'x.test',
    'a.b.x.test',
    'acme.x.test.evil',
    'acmex.test',
    '.x.test',
    'acme.x.test:443:1',
  ]) {
    assert.equal(with443.tenantOfPortalHost(host), undefined, host)
  }
  assert.equal(withPort.tenantOfPortalHost('acme.x.test'), undefined)
  assert.equal(withPort.issuer('acme'), 'https://id.x.test:8443/acme')
})

test('a cookie that came twice, or with characters that ours never have, is no cookie', () => {
  assert.equal(readCookie('a=1; __Host-x=v.1~2', '__Host-x'), 'v.1~2')
  for (const header of [
    '__Host-x=1; __Host-x=2',
    '__Host-x="1"',
    '__Host-x=',
    ' __host-x=1',
    '',
    '__Host-x=a b',
    `__Host-x=${'a'.repeat(5000)}`,
  ]) {
    assert.equal(readCookie(header, '__Host-x'), undefined, header)
  }
})
