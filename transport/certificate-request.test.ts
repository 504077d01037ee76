import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readCsr } from './read-csr.ts'
import { keyThumbprint } from './secret.ts'
import { createKeyAndCsr, requestForKey } from './certificate-request.ts'

test('a request for an existing key proves that key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { thumbprint } = await readCsr(requestForKey(privateKey, 'exchange doors'))
  assert.equal(thumbprint, keyThumbprint(publicKey))
})

test('refuses a key of another kind', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  assert.throws(() => requestForKey(privateKey, 'x'), RangeError)
})

test('a new key and its request belong together, whatever the name says', async () => {
  for (const commonName of ['device', 'Zoë, "O=x" /CN=y', 'n'.repeat(500)]) {
    const { privateKeyPem, csrPem, thumbprint } = await createKeyAndCsr({ commonName })
    assert.equal((await readCsr(csrPem)).thumbprint, thumbprint)
    assert.equal(keyThumbprint(createPrivateKey(privateKeyPem)), thumbprint)
  }
})
