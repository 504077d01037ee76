import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { der, readDer, sequence, tags } from './der.ts'
import { identityUri } from './identity-uri.ts'
import { identityOf, readPeer } from './peer-certificate.ts'
import { uriNames } from './subject-names.ts'

const uri = identityUri({ owner: newId('tenant'), role: 'device', id: newId('device') })
const own = 'sallyport://somewhere/else'

/** A real certificate whose names are these bytes, as somebody with an authority of their own could make one. */
function certificateNaming(...names: readonly Buffer[]): Buffer {
  return certificate(`2.5.29.17=DER:${sequence(...names).toString('hex')}`)
}

function certificate(...extensions: readonly string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'))
  try {
    const out = join(folder, 'cert')
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x']
    const added = extensions.flatMap((extension) => ['-addext', extension])
    execFileSync('openssl', ['req', '-x509', ...ec, ...added, '-keyout', join(folder, 'key'), '-out', out], {
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    return new X509Certificate(readFileSync(out)).raw
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const urlName = (text: string) => der(0x86, Buffer.from(text, 'latin1'))
const dnsName = (text: string) => der(0x82, Buffer.from(text, 'latin1'))
const refused = (raw: Buffer) =>
  assert.throws(
    () => readPeer(raw),
    (error) => isFault(error, 'certificate-refused'),
  )

describe('the URI names of a certificate', () => {
  test('are exactly the URIs, in order, beside names of other kinds', () => {
    const raw = certificateNaming(dnsName('a.test'), urlName(uri), der(0x87, Buffer.from([127, 0, 0, 1])), urlName(own))
    assert.deepEqual(readPeer(raw).uris, [uri, own])
  })
  test('never come out of a name of another kind, however it is written', () => {
    for (const text of [
      `a.test, URI:${uri}`,
      `a.test,URI:${uri}`,
      `"a.test", URI:"${uri}"`,
      `a.test\u0000, URI:${uri}`,
      `URI:${uri}`,
      uri,
      `a\\", URI:${uri}, DNS:"b`,
    ]) {
      const raw = certificateNaming(dnsName(text))
      assert.deepEqual(readPeer(raw).uris, [], text)
      assert.equal(identityOf(readPeer(raw)), undefined)
    }
    const directoryName = der(
      0xa4,
      sequence(der(tags.set, sequence(Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(`x, URI:${uri}`))))),
    )
    assert.deepEqual(readPeer(certificateNaming(directoryName)).uris, [])
    const otherName = der(0xa0, Buffer.from('06032a0304', 'hex'), der(0xa0, der(0x0c, Buffer.from(`, URI:${uri}`))))
    assert.deepEqual(readPeer(certificateNaming(otherName)).uris, [])
  })
  test('stay one name with commas and quotes inside, which is then no identity', () => {
    for (const text of [`${own}, URI:${uri}`, `${uri},`, `"${uri}"`, `${uri}, DNS:a.test`, `${uri} `]) {
      const peer = readPeer(certificateNaming(urlName(text)))
      assert.deepEqual(peer.uris, [text])
      assert.equal(identityOf(peer), undefined)
    }
  })
  test('that are no plain text are refused with the whole certificate', () => {
    for (const text of [`${uri}\u0000`, `${uri}\u0000.evil.test`, `${uri}\n`, `\u00ff${uri}`, `${uri}\u007f`]) {
      refused(certificateNaming(urlName(text)))
    }
  })
  test('are none where there is no such extension, and refused when there are too many', () => {
    assert.deepEqual(readPeer(certificate()).uris, [])
    refused(certificateNaming(...Array.from({ length: 101 }, () => urlName(uri))))
  })
  test('of bytes that are no certificate are refused, never a crash', () => {
    const raw = certificateNaming(urlName(uri))
    fc.assert(
      fc.property(fc.nat(raw.length - 1), fc.nat(255), (at, value) => {
        const flipped = Buffer.from(raw)
        flipped[at] = value
        try {
          for (const name of uriNames(flipped, 100)) assert.match(name, /^[\x20-\x7e]*$/)
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
    for (let length = 0; length < raw.length; length++)
      assert.throws(() => uriNames(raw.subarray(0, length), 100), RangeError)
  })
})

describe('DER', () => {
  test('has one spelling: what is written is read back, and nothing else is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), fc.constantFrom(0x04, 0x30, 0x86), (content, tag) => {
        if (content.length > 0xffff) return assert.throws(() => der(tag, content), RangeError)
        const [value, ...rest] = readDer(der(tag, content))
        assert.deepEqual([value?.tag, Buffer.from(value?.content ?? []), rest.length], [tag, Buffer.from(content), 0])
      }),
      { numRuns: 50 },
    )
    for (const bad of [
      '30',
      '3080',
      '308100',
      '30817f',
      '30820000',
      '308200ff',
      '3083000000',
      '1f2000',
      '3001',
      '300100ff',
    ]) {
      assert.throws(() => readDer(Buffer.from(bad, 'hex')), RangeError, bad)
    }
  })
})
