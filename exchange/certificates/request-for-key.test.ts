import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readCsr } from '#transport/certificate-request.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { requestForKey } from './request-for-key.ts'

test('a request for an existing key proves that key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { thumbprint } = await readCsr(requestForKey(privateKey, 'exchange doors'))
  assert.equal(thumbprint, keyThumbprint(publicKey))
})

test('refuses a key of another kind', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  assert.throws(() => requestForKey(privateKey, 'x'), RangeError)
})
