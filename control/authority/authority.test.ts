// What control certifies, checked by real TLS handshakes and by attacks on what is kept at rest.
import assert from 'node:assert/strict'
import { X509Certificate, createPublicKey, randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { issueCertificate } from '#transport/certificate-authority.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { readCsr } from '#transport/read-csr.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { listen } from '#transport/testing.ts'
import { verifyToken } from '#transport/signed-token.ts'
import type { Store } from '#control/store/store.ts'
import { addTenant, sqliteStore } from '#control/store/testing.ts'
import { openAuthority, type ControlAuthority } from './authority.ts'
import { createSealer, keysOfFile, type Sealer } from './key-encryption.ts'

const domain = 'sallyport.localhost'
const appsDomain = 'apps.localhost'
let store: Store
let sealer: Sealer
let provider: string
let acme: string
let authority: ControlAuthority

before(async () => {
  store = await sqliteStore()
  const key = [randomBytes(32)]
  sealer = createSealer(() => key)
  provider = await addTenant(store, 'provider', true)
  acme = await addTenant(store, 'acme')
  authority = await openAuthority({ domain, appsDomain, providerId: provider }, { store, sealer, nowMs: Date.now })
  await authority.ensureTenant(acme)
})
after(() => store.close())

async function holder() {
  const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: 'x' })
  return { key: privateKeyPem, ...(await readCsr(csrPem)) }
}

/** Whether a client that trusts `ca` accepts a server with this chain under this name. */
async function serves(credentials: { key: string; cert: string }, ca: string, servername: string): Promise<string> {
  const server = createServer({ ...credentials, minVersion: 'TLSv1.3' }, (socket) => socket.end())
  server.on('tlsClientError', () => {})
  const socket: TLSSocket = connect({ host: '127.0.0.1', port: await listen(server), ca: [ca], servername })
  try {
    await once(socket, 'secureConnect')
    return 'accepted'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'error'
  } finally {
    socket.destroy()
    server.close()
  }
}

describe('keys at rest', () => {
  it('are not in the store in clear', async () => {
    for (const tenantId of [provider, acme]) {
      const rows = await store.forTenant(tenantId).selectFrom('keys').selectAll().execute()
      assert.ok(rows.length >= 2)
      for (const row of rows) assert.doesNotMatch(JSON.stringify(row), /PRIVATE KEY/)
    }
  })

  it('do not open under another key, in another place or when altered', () => {
    const sealed = sealer.seal(Buffer.from('secret'), 'here')
    assert.equal(sealer.open(sealed, 'here').toString(), 'secret')
    const refused = (error: unknown) => isFault(error, 'store-failed')
    assert.throws(() => sealer.open(sealed, 'there'), refused)
    const other = [randomBytes(32)]
    assert.throws(() => createSealer(() => other).open(sealed, 'here'), refused)
    const altered = `${sealed.slice(0, 20)}${sealed[20] === 'A' ? 'B' : 'A'}${sealed.slice(21)}`
    assert.throws(() => sealer.open(altered, 'here'), refused)
    assert.throws(() => sealer.open('s2.AAAA.AAAA', 'here'), refused)
  })

  it('come from a file that only its owner can read', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'sallyport-kek-')), 'deep', 'kek')
    const [key] = keysOfFile(path)()
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(keysOfFile(path)(), [key])
    chmodSync(path, 0o644)
    assert.throws(
      () => keysOfFile(path),
      (error) => isFault(error, 'configuration-invalid'),
    )
  })

  it('are the same after a restart', async () => {
    const again = await openAuthority({ domain, appsDomain, providerId: provider }, { store, sealer, nowMs: Date.now })
    assert.deepEqual(again.exchangeCaPem, authority.exchangeCaPem)
    assert.deepEqual(again.statementKeys, authority.statementKeys)
    assert.deepEqual(await again.identityCaPem(acme), await authority.identityCaPem(acme))
  })
})

describe('a device certificate', () => {
  it('names tenant and device, lives 24 hours and is for a client only', async () => {
    const { publicKeySpki, thumbprint } = await holder()
    const id = newId('device')
    const { certificatePem, notAfterMs } = await authority.issueDevice(acme, id, publicKeySpki)
    const certificate = new X509Certificate(certificatePem)
    const peer = readPeer(certificate)
    assert.deepEqual(identityOf(peer), { owner: acme, role: 'device', id })
    assert.equal(peer.thumbprint, thumbprint)
    assert.ok(notAfterMs <= Date.now() + 24 * 3_600_000)
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    const [ca] = await authority.identityCaPem(acme)
    assert.ok(certificate.verify(new X509Certificate(ca!).publicKey))
  })

  it("is not trusted under another tenant's authority", async () => {
    const rival = await addTenant(store, 'rival')
    await authority.ensureTenant(rival)
    const { publicKeySpki } = await holder()
    const { certificatePem } = await authority.issueDevice(acme, newId('device'), publicKeySpki)
    const [ca] = await authority.identityCaPem(rival)
    assert.equal(new X509Certificate(certificatePem).verify(new X509Certificate(ca!).publicKey), false)
  })
})

describe('an inspection intermediate', () => {
  it('speaks for foreign names, never for our own domains, for addresses or for authorities', async () => {
    const { key, publicKeySpki } = await holder()
    const { certificatePem } = await authority.issueInspection(acme, publicKeySpki, ['own.example.test'])
    const [root] = await authority.inspectionCaPem(acme)
    const leafFor = async (name: string) => {
      const person = await holder()
      const { certificatePem: leaf } = await issueCertificate(
        { certificatePem, privateKeyPem: key },
        {
          publicKey: person.publicKeySpki,
          commonName: 'leaf',
          sanDns: [name],
          usages: ['server'],
          notAfter: new Date(Date.now() + 3_600_000),
        },
      )
      return { key: person.key, cert: leaf + certificatePem }
    }
    assert.equal(await serves(await leafFor('wiki.acme.test'), root!, 'wiki.acme.test'), 'accepted')
    for (const name of [`id.${domain}`, `wiki.acme.${appsDomain}`, 'own.example.test'])
      assert.notEqual(await serves(await leafFor(name), root!, name), 'accepted', name)
    const parsed = new X509Certificate(certificatePem)
    assert.ok(parsed.ca)
    assert.ok(parsed.validToDate.getTime() <= Date.now() + 7 * 86_400_000)
    assert.ok(parsed.verify(new X509Certificate(root!).publicKey))
  })
})

describe('signatures', () => {
  it('verify with the published keys for their own purpose only', () => {
    const statement = {
      tenantId: acme,
      sessionId: newId('session'),
      userId: newId('user'),
      userName: 'ada',
      deviceId: null,
      deviceKeyThumbprint: null,
      issuedAtMs: 1,
      expiresAtMs: Date.now() + 60_000,
    }
    const keys = authority.statementKeys.map((pem) => createPublicKey(pem))
    assert.deepEqual(
      verifyToken('statement', authority.signStatement(statement), keys, { nowMs: Date.now() }),
      statement,
    )
    assert.equal(authority.verifyHostCookie(authority.signStatement(statement)), null)
    const cookie = {
      tenantId: acme,
      sessionId: statement.sessionId,
      host: 'a.test',
      issuedAtMs: 1,
      expiresAtMs: Date.now() + 1000,
    }
    assert.deepEqual(authority.verifyHostCookie(authority.signHostCookie(cookie)), cookie)
    assert.equal(authority.verifyHostCookie(authority.signHostCookie({ ...cookie, expiresAtMs: 5 })), null)
    assert.throws(() =>
      verifyToken(
        'delta',
        authority.signSnapshot('heartbeat', {}),
        authority.snapshotKeys.map((pem) => createPublicKey(pem)),
      ),
    )
  })

  it('serve our own names under the web authority', async () => {
    const { keyPem, certPem } = await authority.webCertificate(`console.${domain}`)
    assert.equal(await serves({ key: keyPem, cert: certPem }, authority.webCaPem[0]!, `console.${domain}`), 'accepted')
    const feed = await authority.feedCertificate()
    assert.equal(
      await serves({ key: feed.keyPem, cert: feed.certPem }, authority.exchangeCaPem[0]!, `feed.${domain}`),
      'accepted',
    )
  })
})
