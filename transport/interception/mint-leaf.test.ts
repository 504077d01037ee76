// Certificates made from a template: read again by two other readers, and held to one name.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { ExtendedKeyUsageExtension, SubjectAlternativeNameExtension, X509Certificate as Peculiar } from '@peculiar/x509'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { createAuthority, type Authority } from '#transport/certificate-authority.ts'
import { createLeafMint, type Intermediate } from './mint-leaf.ts'

const DAY_MS = 86_400_000
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
let root: Authority
let intermediate: Intermediate

before(async () => {
  root = await createAuthority({ commonName: 'root', days: 2, pathLength: 1, usages: ['server'] })
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = issueIntermediate(root, {
    publicKeySpki: keys.publicKey.export({ type: 'spki', format: 'der' }),
    commonName: 'inspection',
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + DAY_MS,
    excludedDns: ['sallyport.test'],
  })
  const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  intermediate = { certificate: new X509Certificate(pem), keyPem }
})

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const host = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 5 }), fc.constantFrom('test', 'example', 'co'))
  .map(([labels, top]) => [...labels, top].join('.'))

function opensslVerifies(leaf: Buffer, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-leaf-'))
  const at = (file: string, text: string) => {
    writeFileSync(join(folder, file), text)
    return join(folder, file)
  }
  try {
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', name]
    const files = [
      ['-CAfile', at('root.pem', root.certificatePem)],
      ['-untrusted', at('intermediate.pem', intermediate.certificate.toString())],
    ].flat()
    return execFileSync('openssl', [...args, ...files, at('leaf.pem', new X509Certificate(leaf).toString())], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  } catch (error) {
    return String((error as { stderr: string }).stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('a minted leaf', () => {
  test('is read alike by Node and by another parser, names exactly one host and verifies', () => {
    const mint = createLeafMint(intermediate, publicKey, DAY_MS / 2)
    fc.assert(
      fc.property(host, (name) => {
        const leaf = mint.mint(name, Date.now())
        const read = new X509Certificate(leaf)
        assert.equal(read.subjectAltName, `DNS:${name}`)
        assert.equal(read.ca, false)
        assert.ok(read.verify(intermediate.certificate.publicKey))
        assert.ok(read.checkIssued(intermediate.certificate))
        assert.equal(read.checkHost(name), name)
        const other = new Peculiar(new Uint8Array(leaf))
        const names = other.getExtension(SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value)
        assert.deepEqual(names, [name])
        assert.deepEqual([...(other.getExtension(ExtendedKeyUsageExtension)?.usages ?? [])], ['1.3.6.1.5.5.7.3.1'])
        assert.ok(other.notAfter <= new Date(intermediate.certificate.validTo))
      }),
      { numRuns: 200 },
    )
  })

  test('verifies with openssl in strict mode, and not below our own domains', () => {
    const mint = createLeafMint(intermediate, publicKey, DAY_MS / 2)
    assert.match(opensslVerifies(mint.mint('www.example.test', Date.now()), 'www.example.test'), /OK/)
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.test`
    assert.match(opensslVerifies(mint.mint(long, Date.now()), long), /OK/)
    const own = 'portal.sallyport.test'
    assert.match(opensslVerifies(mint.mint(own, Date.now()), own), /excluded subtree/)
  })

  test('is never made for what is no plain host name', () => {
    const mint = createLeafMint(intermediate, publicKey, DAY_MS / 2)
    const names = [
      '',
      '*.a.test',
      '127.0.0.1',
      '1',
      'a.0x7f',
      '[::1]',
      'a..test',
      'a.test.',
      'A.test',
      'a.test,b.test',
      'a\n',
    ]
    for (const name of names) assert.throws(() => mint.mint(name, Date.now()), RangeError, name)
  })

  test('ends with its authority, and is not made after it', () => {
    const mint = createLeafMint(intermediate, publicKey, 10 * DAY_MS)
    const leaf = new X509Certificate(mint.mint('a.test', Date.now()))
    assert.equal(leaf.validTo, intermediate.certificate.validTo)
    assert.throws(() => mint.mint('a.test', Date.now() + 2 * DAY_MS), RangeError)
  })
})
