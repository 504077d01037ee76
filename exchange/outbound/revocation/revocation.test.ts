// Certificates that their issuer has revoked, by lists and stapled responses that OpenSSL made: what counts, what does not.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { createAuthority, type Authority } from '#transport/certificate-authority.ts'
import { leaf, listen, type Credentials } from '#transport/testing.ts'
import { hello, startWebWorld, type WebWorld } from '#exchange/outbound/testing.ts'
import { readRevocationList } from './revocation-list.ts'
import { isRevokedByStaple } from './stapled-response.ts'

/** An authority's own tools: lists and responses as OpenSSL makes them. */
function office(authority: Authority) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-revocation-'))
  const at = (name: string, text = '') => {
    const path = join(folder, name)
    if (text !== '') writeFileSync(path, text)
    return path
  }
  const ca = at('ca.pem', authority.certificatePem)
  const key = at('ca.key', authority.privateKeyPem)
  const openssl = (...args: readonly string[]) => void execFileSync('openssl', args, { stdio: 'ignore' })
  const index = (revoked: readonly Credentials[], good: readonly Credentials[] = []) => {
    const line = (state: string, { cert }: Credentials) => {
      const { serialNumber } = new X509Certificate(cert)
      return `${state}\t490101000000Z\t${state === 'R' ? '250101000000Z,keyCompromise' : ''}\t${serialNumber}\tunknown\t/CN=leaf\n`
    }
    return at(
      'index',
      [...revoked.map((each) => line('R', each)), ...good.map((each) => line('V', each))].join('') || '\n',
    )
  }
  return {
    at,
    list(revoked: readonly Credentials[], form: 'PEM' | 'DER' = 'PEM'): string {
      const database = index(revoked)
      writeFileSync(join(folder, 'index.attr'), 'unique_subject = no\n')
      const config = at(
        'ca.cnf',
        `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\ndefault_md=sha256\ndefault_crl_days=1\n`,
      )
      const [pem, out] = [at('list.pem'), at(`list-${Math.random()}`)]
      openssl('ca', '-config', config, '-gencrl', '-keyfile', key, '-cert', ca, '-out', pem)
      openssl('crl', '-in', pem, '-outform', form, '-out', out)
      return out
    },
    response(of: Credentials, isRevoked: boolean, by: readonly string[] = ['-rsigner', ca, '-rkey', key]): Buffer {
      const out = at('response.der')
      const database = isRevoked ? index([of]) : index([], [of])
      const who = ['-index', database, '-CA', ca, '-issuer', ca, '-cert', at('leaf.pem', of.cert)]
      openssl('ocsp', ...who, ...by, '-ndays', '1', '-respout', out)
      return readFileSync(out)
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const hosts = { sanDns: ['bad.test'] }

async function outcome(world: WebWorld, port: number): Promise<string> {
  const { stdout } = await world.curl(`https://bad.test:${port}/`)
  return stdout === 'hello' ? 'hello' : JSON.parse(stdout).reason
}

test("a certificate on its issuer's list is blocked, on a list of a namesake it is not; a tenant may warn or pass", async () => {
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  const namesake = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  using own = office(siteCa)
  using other = office(namesake)
  const [revoked, listedByOther, good] = [
    await leaf(siteCa, hosts),
    await leaf(siteCa, hosts),
    await leaf(siteCa, hosts),
  ]
  const revocationLists = [own.list([revoked]), other.list([listedByOther], 'DER'), own.at('missing')]
  await using world = await startWebWorld(issueIntermediate, { siteCa, revocationLists })
  const [bad, fine, mistaken] = [
    await world.siteWith(revoked, hello),
    await world.siteWith(good, hello),
    await world.siteWith(listedByOther, hello),
  ]
  assert.equal(await outcome(world, bad), 'certificate-untrusted')
  assert.equal(await outcome(world, fine), 'hello')
  assert.equal(await outcome(world, mistaken), 'hello')
  await world.put({ ports: ['1-65535'], certificates: { expired: 'pass', wrongName: 'pass', unknownIssuer: 'pass' } })
  assert.equal(await outcome(world, bad), 'certificate-untrusted')
  await world.put({ ports: ['1-65535'], certificates: { revoked: 'warn' } })
  const page = await world.curl('-H', 'Accept: text/html', `https://bad.test:${bad}/`)
  assert.match(page.stdout, /revoked[^]*<form/)
  await world.put({ ports: ['1-65535'], certificates: { revoked: 'pass' } })
  assert.equal(await outcome(world, bad), 'hello')
  // A list that cannot be had is said, and takes nothing else with it.
  assert.ok(world.events().some((line) => line.includes('a revocation list could not be read')))
})

test('a list is fetched from an address, by the same checks as a site', async () => {
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  using own = office(siteCa)
  const revoked = await leaf(siteCa, hosts)
  const bytes = readFileSync(own.list([revoked], 'DER'))
  const { createServer } = await import('node:http')
  const server = createServer((_request, response) => void response.end(bytes))
  const listPort = await listen(server)
  await using world = await startWebWorld(issueIntermediate, {
    siteCa,
    revocationLists: [`http://lists.test:${listPort}/ca.crl`, `http://inner.test:${listPort}/ca.crl`],
    addressOf: (host) => (host === 'inner.test' ? '10.0.0.1' : '127.0.0.1'),
  })
  world.adopt(server)
  assert.equal(await outcome(world, await world.siteWith(revoked, hello)), 'certificate-untrusted')
  assert.ok(world.events().some((line) => line.includes('inner.test') && line.includes('destination-refused')))
})

test('a site that staples its own revocation is blocked; one that staples anything else says nothing by it', async () => {
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  const stranger = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  using own = office(siteCa)
  using foreign = office(stranger)
  await using world = await startWebWorld(issueIntermediate, { siteCa })
  const site = await leaf(siteCa, hosts)
  const staples = {
    'certificate-untrusted': own.response(site, true),
    hello: own.response(site, false),
    strange: foreign.response(site, true),
    broken: Buffer.from('3003020101', 'hex'),
  }
  for (const [wanted, staple] of Object.entries(staples)) {
    const server = createHttpsServer(site, (_request, response) => void response.end('hello'))
    server.on('OCSPRequest', (_certificate, _issuer, callback) => callback(null, staple))
    const port = await listen(server)
    world.adopt(server)
    assert.equal(await outcome(world, port), wanted === 'certificate-untrusted' ? wanted : 'hello', wanted)
  }
})

test('a response is believed from a responder that the issuer named, about this certificate, and while it is fresh', async () => {
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  using own = office(siteCa)
  const [site, another] = [await leaf(siteCa, hosts), await leaf(siteCa, hosts)]
  const [certificate, issuer] = [new X509Certificate(site.cert), new X509Certificate(siteCa.certificatePem)]
  const now = Date.now()
  const response = own.response(site, true)
  assert.equal(isRevokedByStaple(response, certificate, issuer, now), true)
  assert.equal(isRevokedByStaple(response, new X509Certificate(another.cert), issuer, now), false)
  assert.equal(isRevokedByStaple(response, certificate, issuer, now + 3 * 86_400_000), false)
  assert.equal(isRevokedByStaple(response, certificate, issuer, now - 86_400_000), false)
  // A certificate of the same issuer that is for sites is no responder.
  const byLeaf = own.response(site, true, [
    '-rsigner',
    own.at('other.pem', another.cert),
    '-rkey',
    own.at('o.key', another.key),
  ])
  assert.equal(isRevokedByStaple(byLeaf, certificate, issuer, now), false)
})

test('bytes that are no list and no response are refused and never anything else', async () => {
  const siteCa = await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 })
  using own = office(siteCa)
  const site = await leaf(siteCa, hosts)
  const list = readFileSync(own.list([site], 'DER'))
  const response = own.response(site, false)
  const [certificate, issuer] = [new X509Certificate(site.cert), new X509Certificate(siteCa.certificatePem)]
  const damage = (bytes: Buffer, at: number, to: number) => {
    const copy = Buffer.from(bytes)
    copy[at % copy.length] = to
    return copy
  }
  assert.equal(readRevocationList(list, 10).serials.size, 1)
  assert.throws(() => readRevocationList(list, 0), RangeError)
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, to) => {
      try {
        readRevocationList(damage(list, at, to), 10)
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error))
      }
      assert.equal(isRevokedByStaple(damage(response, at, to), certificate, issuer, Date.now()), false)
    }),
    { numRuns: 300 },
  )
})
