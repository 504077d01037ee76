// Attacks on signed tokens: another purpose, another key, another spelling, another time.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { signToken, verifyToken } from './signed-token.ts'

const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ed25519')

function refuses(purpose: string, token: string, keys: readonly KeyObject[], options = {}): void {
  assert.throws(
    () => verifyToken(purpose, token, keys, options),
    (error) => isFault(error, 'token-invalid'),
  )
}

for (const [name, pair] of [
  ['Ed25519', ed25519],
  ['P-256', p256],
] as const) {
  describe(`a token signed with ${name}`, () => {
    const token = signToken('grant', { flow: 'flw_1', expiresAtMs: 1000 }, pair.privateKey)
    const keys = [stranger.publicKey, pair.publicKey]

    test('is refused for another purpose, also when the purpose in it is rewritten', () => {
      refuses('statement', token, keys)
      refuses('statement', token.replace('.grant.', '.statement.'), keys)
    })
    test('is refused under a key that did not sign it, and under no key', () => {
      refuses('grant', token, [stranger.publicKey])
      refuses('grant', token, [])
    })
    test('is refused when any one character is changed, added or removed', () => {
      fc.assert(
        fc.property(
          fc.nat(token.length - 1),
          fc.constantFrom('A', 'b', '.', '=', '+', ' ', '\n', '\u0000', ''),
          (at, c) => {
            const changed = token.slice(0, at) + c + token.slice(at + 1)
            if (changed !== token) refuses('grant', changed, keys)
            if (c !== '') refuses('grant', token.slice(0, at) + c + token.slice(at), keys)
          },
        ),
        { numRuns: 300 },
      )
    })
    test('is refused with more or fewer parts', () => {
      for (const text of [`${token}.`, `${token}.x`, token.split('.').slice(0, 3).join('.'), '', '...', 'v1.grant..']) {
        refuses('grant', text, keys)
      }
    })
    test('is refused when larger than allowed, before it is decoded', () => {
      refuses('grant', token, keys, { maxBytes: token.length - 1 })
      verifyToken('grant', token, keys, { maxBytes: token.length })
    })
    test('is refused once expired, before its time, or when it has no expiry and one is asked for', () => {
      refuses('grant', token, keys, { nowMs: 1000 })
      const early = signToken('grant', { expiresAtMs: 1000, notBeforeMs: 501 }, pair.privateKey)
      refuses('grant', early, keys, { nowMs: 500 })
      for (const payload of [{}, { expiresAtMs: '9999' }, { expiresAtMs: null }, { expiresAtMs: 1e300 }]) {
        refuses('grant', signToken('grant', payload, pair.privateKey), keys, { nowMs: 500 })
      }
      assert.deepEqual(verifyToken('grant', early, keys, { nowMs: 501 }), { expiresAtMs: 1000, notBeforeMs: 501 })
    })
    test('gives back its payload', () => {
      fc.assert(
        fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (payload) => {
          const plain: unknown = JSON.parse(JSON.stringify(payload))
          assert.deepEqual(verifyToken('grant', signToken('grant', payload, pair.privateKey), keys), plain)
        }),
        { numRuns: 50 },
      )
    })
    test('must carry an object', () => {
      for (const payload of [[], [1]]) refuses('grant', signToken('grant', payload, pair.privateKey), keys)
    })
  })
}

test('refuses the second spelling that every ECDSA signature has', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [head, purpose, payload, signatureText] = signToken('grant', {}, p256.privateKey).split('.')
  const signature = Buffer.from(signatureText ?? '', 'base64url')
  const s = BigInt(`0x${signature.toString('hex', 32)}`)
  const twin = Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
  ])
  refuses('grant', [head, purpose, payload, twin.toString('base64url')].join('.'), [p256.publicKey])
})

test('a signature over the bare payload is not a token', () => {
  const payload = Buffer.from('{}')
  const bare = sign(null, payload, ed25519.privateKey)
  refuses('grant', `v1.grant.${payload.toString('base64url')}.${bare.toString('base64url')}`, [ed25519.publicKey])
})

test('neither signs nor verifies with a key kind it was not made for', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  for (const key of [rsa.privateKey, p384.privateKey]) assert.throws(() => signToken('grant', {}, key), RangeError)
  assert.throws(() => signToken('Grant\n', {}, ed25519.privateKey), RangeError)
})
