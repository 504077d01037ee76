// Secrets: unequal ones never compare equal; new ones are long, prefixed and never repeat.
import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromBase64url, toBase64url } from './base64url.ts'
import { keyThumbprint, newSecret, secretEquals } from './secret.ts'

test('tells secrets apart whatever they share, and only equal ones are equal', () => {
  assert.equal(secretEquals('park_abc', 'park_abd'), false)
  assert.equal(secretEquals('park_abc', 'park_abc\u0000'), false)
  assert.equal(secretEquals('', 'x'), false)
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => secretEquals(a, b) === (a === b) && secretEquals(a, a)))
})

test('a new secret has its prefix, at least 128 bits, and is new', () => {
  assert.match(newSecret('park'), /^park_[A-Za-z0-9_-]{43}$/)
  assert.equal(new Set(Array.from({ length: 500 }, () => newSecret('tkt', 16))).size, 500)
  assert.throws(() => newSecret('park', 15), RangeError)
  assert.throws(() => newSecret('park_', 32), RangeError)
})

test('a private key and its public key have one thumbprint; another key has another', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.equal(keyThumbprint(pair.privateKey), keyThumbprint(pair.publicKey))
  const again = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  assert.equal(keyThumbprint(again), keyThumbprint(pair.publicKey))
  assert.notEqual(keyThumbprint(generateKeyPairSync('ed25519').publicKey), keyThumbprint(pair.publicKey))
})

test('base64url has one spelling per byte string', () => {
  for (const alias of ['QQ==', 'QR', 'Q', 'Q Q', 'QQ\n', 'Q+', 'Q/', 'QQ.', 'Qé']) {
    assert.equal(fromBase64url(alias), undefined, alias)
  }
  fc.assert(fc.property(fc.uint8Array(), (bytes) => fromBase64url(toBase64url(bytes))?.equals(bytes) === true))
})
