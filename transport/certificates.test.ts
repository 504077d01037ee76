// Certificates under attack: every wrong chain is refused by a real TLS 1.3 handshake, every wrong request by us.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { before, describe, test } from 'node:test'
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { createAuthority, type Authority, type CertificateRequest } from './certificate-authority.ts'
import { createKeyAndCsr } from './certificate-request.ts'
import { readCsr } from './read-csr.ts'
import { identityUri, parseIdentityUri, type IdentityRole } from './identity-uri.ts'
import { identityOf, readPeer } from './peer-certificate.ts'
import { leaf, listen, selfSigned, type Credentials } from './testing.ts'
import { certificateDoorTls, internalTls } from './tls-defaults.ts'

/** 'accepted' or why the server refused, for a client with these credentials at a certificate door. */
async function knock(root: Authority, server: Credentials, client: SecureContextOptions): Promise<string> {
  const outcome = Promise.withResolvers<string>()
  const door = createServer({ ...certificateDoorTls, ...server, ca: [root.certificatePem] }, (socket) => {
    outcome.resolve('accepted')
    socket.destroy()
  })
  door.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    // A certificate that does not verify ends the handshake without an error of its own; the reason is on the socket.
    outcome.resolve(String(socket.authorizationError ?? error.code ?? error.message))
  })
  const port = await listen(door)
  const options = { ...internalTls, ca: [root.certificatePem], servername: 'door.test', ...client }
  const socket = connect({ host: '127.0.0.1', port, ...options })
  socket.on('error', () => {})
  try {
    return await outcome.promise
  } finally {
    socket.destroy()
    door.close()
  }
}

describe('a door that asks for a certificate', () => {
  let root: Authority
  let server: Credentials
  before(async () => {
    root = await createAuthority({ commonName: 'Acme', days: 30, pathLength: 1 })
    server = await leaf(root, { usages: ['server'] })
  })

  test('accepts a certificate of its own authority, directly or through an intermediate', async () => {
    assert.equal(await knock(root, server, await leaf(root)), 'accepted')
    const below = await createAuthority({ commonName: 'Below', days: 3, pathLength: 0, parent: root })
    const { key, cert } = await leaf(below)
    assert.equal(await knock(root, server, { key, cert: cert + below.certificatePem }), 'accepted')
  })
  test('refuses a self-signed stranger, a stranger without a certificate and one of another authority', async () => {
    assert.equal(await knock(root, server, selfSigned()), 'DEPTH_ZERO_SELF_SIGNED_CERT')
    assert.equal(await knock(root, server, {}), 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    const twin = await createAuthority({ commonName: 'Acme', days: 30, pathLength: 1 })
    assert.notEqual(await knock(root, server, await leaf(twin)), 'accepted')
    const { key, cert } = await leaf(twin)
    assert.notEqual(await knock(root, server, { key, cert: cert + twin.certificatePem }), 'accepted')
  })
  test('refuses an expired certificate, one not valid yet and one for servers only', async () => {
    const past = new Date(Date.now() - 1000)
    const expired = await leaf(root, { notBefore: new Date(past.getTime() - 3_600_000), notAfter: past })
    assert.match(await knock(root, server, expired), /EXPIRED/)
    const future = new Date(Date.now() + 600_000)
    assert.match(await knock(root, server, await leaf(root, { notBefore: future })), /NOT_YET_VALID/)
    assert.notEqual(await knock(root, server, await leaf(root, { usages: ['server'] })), 'accepted')
  })
  test('refuses a certificate that a leaf signed as if it were an authority', async () => {
    const parent = await leaf(root)
    const forged = await leaf({ certificatePem: parent.cert, privateKeyPem: parent.key })
    assert.notEqual(await knock(root, server, { key: forged.key, cert: forged.cert + parent.cert }), 'accepted')
  })
  test('refuses an intermediate below one that may have none', async () => {
    const first = await createAuthority({ commonName: 'First', days: 3, pathLength: 0, parent: root })
    const second = await createAuthority({ commonName: 'Second', days: 3, pathLength: 0, parent: first })
    const { key, cert } = await leaf(second)
    const chain = cert + second.certificatePem + first.certificatePem
    assert.notEqual(await knock(root, server, { key, cert: chain }), 'accepted')
  })
  test('never resumes a session, so that every connection shows its certificate again', async () => {
    const client = await leaf(root)
    const peers: (X509Certificate | undefined)[] = []
    const reused: boolean[] = []
    const door = createServer({ ...certificateDoorTls, ...server, ca: [root.certificatePem] }, (socket) => {
      reused.push(socket.isSessionReused())
      peers.push(socket.getPeerX509Certificate())
      socket.end('x')
    })
    const port = await listen(door)
    let session: Buffer | undefined
    for (let round = 0; round < 3; round++) {
      const resume = session === undefined ? {} : { session }
      const options = { ...internalTls, ca: [root.certificatePem], servername: 'door.test', ...client, ...resume }
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, ...options })
      socket.on('session', (bytes: Buffer) => (session = bytes))
      socket.on('secureConnect', () => assert.equal(socket.isSessionReused(), false))
      socket.resume()
      await once(socket, 'close')
    }
    door.close()
    assert.deepEqual(reused, [false, false, false])
    assert.ok(peers.every((peer) => peer !== undefined))
  })
  test('does not speak TLS 1.2 between our own parts, and prefers the post-quantum group', async () => {
    const old = { ...(await leaf(root)), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT' } as const
    assert.match(await knock(root, server, old), /UNSUPPORTED_PROTOCOL/)
    const onlyHybrid = { ...(await leaf(root)), ecdhCurve: 'X25519MLKEM768' }
    assert.equal(await knock(root, server, onlyHybrid), 'accepted')
  })
  test('is refused by a client when it serves a name outside the authority’s constraints', async () => {
    const narrow = await createAuthority({
      commonName: 'Narrow',
      days: 3,
      pathLength: 0,
      parent: root,
      nameConstraints: { permittedDns: ['acme.test'], excludedDns: ['id.acme.test'], excludedIpFamilies: [4, 6] },
    })
    const serve = async (request: Partial<CertificateRequest>, servername: string): Promise<string> => {
      const { key, cert } = await leaf(narrow, { usages: ['server'], ...request })
      const web = createServer({ key, cert: cert + narrow.certificatePem })
      web.on('tlsClientError', () => {})
      const port = await listen(web)
      const socket = connect({ socket: connectTcp(port, '127.0.0.1'), servername, ca: [root.certificatePem] })
      const outcome = await new Promise<string>((resolve) => {
        socket.on('secureConnect', () => resolve('accepted'))
        socket.on('error', (error: Error & { code?: string }) => resolve(error.message))
      })
      socket.destroy()
      web.close()
      return outcome
    }
    assert.equal(await serve({ sanDns: ['wiki.acme.test'] }, 'wiki.acme.test'), 'accepted')
    assert.equal(await serve({ sanDns: ['bank.test'] }, 'bank.test'), 'permitted subtree violation')
    assert.equal(await serve({ sanDns: ['x.id.acme.test'] }, 'x.id.acme.test'), 'excluded subtree violation')
    assert.equal(
      await serve({ sanDns: ['wiki.acme.test'], sanIps: ['10.0.0.1'] }, 'wiki.acme.test'),
      'excluded subtree violation',
    )
    assert.equal(
      await serve({ sanDns: ['wiki.acme.test'], sanIps: ['fd00::1'] }, 'wiki.acme.test'),
      'excluded subtree violation',
    )
  })
})

describe('an authority', () => {
  test('holds a tenant to its own identities when told to', async () => {
    const [own, other] = [newId('tenant'), newId('tenant')]
    const constraints = { permittedUriHosts: [own] }
    const root = await createAuthority({ commonName: 'Acme', days: 3, pathLength: 0, nameConstraints: constraints })
    const server = await leaf(await createAuthority({ commonName: 'S', days: 3, pathLength: 0 }))
    const uriOf = (owner: string) => identityUri({ owner, role: 'device', id: newId('device') })
    const good = await leaf(root, { sanDns: [], sanUris: [uriOf(own)] })
    assert.equal(await knock(root, server, { ...good, rejectUnauthorized: false } as object), 'accepted')
    const foreign = await leaf(root, { sanDns: [], sanUris: [uriOf(other)] })
    assert.notEqual(await knock(root, server, { ...foreign, rejectUnauthorized: false } as object), 'accepted')
  })
  test('gives serials of 128 random bits, positive, that never repeat, and ends no later than itself', async () => {
    const root = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const serials = new Set<string>()
    for (let count = 0; count < 20; count++) {
      const { cert } = await leaf(root, { notAfter: new Date(Date.now() + 100 * 86_400_000) })
      const parsed = new X509Certificate(cert)
      assert.match(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/)
      assert.ok(Date.parse(parsed.validTo) <= Date.parse(new X509Certificate(root.certificatePem).validTo))
      serials.add(parsed.serialNumber)
    }
    assert.equal(serials.size, 20)
  })
  test('refuses to issue names that could be read as two, and a key that is not its own', async () => {
    const root = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const bad: Partial<CertificateRequest>[] = [
      { sanDns: ['a.test,DNS:b.test'] },
      { sanDns: ['a.test\u0000.b.test'] },
      { sanDns: ['10.0.0.1/'] },
      { sanDns: ['A.test'] },
      { sanDns: ['a..test'] },
      { sanUris: ['sallyport://a/b, URI:c'] },
      { sanIps: ['fe80::1%lo'] },
      { commonName: '#0403' },
      { commonName: 'a\nb' },
      { commonName: '' },
      { usages: [] },
      { notAfter: new Date(0) },
      { sanDns: Array.from({ length: 101 }, (_, at) => `n${at}.test`) },
    ]
    for (const request of bad) await assert.rejects(leaf(root, request), RangeError, JSON.stringify(request))
    const other = await createAuthority({ commonName: 'Other', days: 1, pathLength: 0 })
    await assert.rejects(leaf({ ...root, privateKeyPem: other.privateKeyPem }), RangeError)
  })
})

describe('a certificate request', () => {
  const refusesCsr = (pem: string) => assert.rejects(readCsr(pem), (error) => isFault(error, 'certificate-refused'))
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()

  test('is refused when its key did not sign it', async () => {
    const mine = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const keys = {
      privateKey: mine.privateKey.toCryptoKey(algorithm, true, ['sign']),
      publicKey: theirs.publicKey.toCryptoKey(algorithm, true, ['verify']),
    } as webcrypto.CryptoKeyPair
    const stolen = await Pkcs10CertificateRequestGenerator.create({
      name: [{ CN: ['x'] }],
      keys,
      signingAlgorithm: algorithm,
    })
    await refusesCsr(stolen.toString('pem'))
  })
  test('is refused when malformed, oversized, nested to death or not one request', async () => {
    const { csrPem } = await createKeyAndCsr({ commonName: 'dev' })
    const pemOf = (der: Buffer) =>
      `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    const der = Buffer.from(csrPem.split('\n').slice(1, -2).join(''), 'base64')
    for (const pem of [
      '',
      'x',
      csrPem + csrPem,
      csrPem.slice(10),
      csrPem.replace('REQUEST', 'THING'),
      pemOf(Buffer.alloc(6000, 0x30)),
      pemOf(Buffer.alloc(5000, Buffer.from([0x30, 0x80]))),
      pemOf(der.subarray(0, -1)),
      `${csrPem}${' '.repeat(9000)}`,
    ]) {
      await refusesCsr(pem)
    }
    for (let at = 0; at < der.length; at += 7) {
      const flipped = Buffer.from(der)
      flipped[at] = (flipped[at] ?? 0) ^ 0xff
      await assert.rejects(readCsr(pemOf(flipped)))
    }
  })
  test('of OpenSSL is read for P-256, P-384 and Ed25519, and refused for RSA and P-521 and SHA-1', async () => {
    const csr = (args: string[], hash: string[] = []) =>
      openssl('req', '-new', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=admin', ...args, ...hash)
    const ec = (curve: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`]
    for (const args of [ec('P-256'), ec('P-384'), ['-newkey', 'ed25519']]) {
      const { publicKeySpki, thumbprint } = await readCsr(csr(args))
      assert.ok(createPublicKey({ key: Buffer.from(publicKeySpki), format: 'der', type: 'spki' }))
      assert.match(thumbprint, /^[\w-]{43}$/)
    }
    await refusesCsr(csr(['-newkey', 'rsa:2048']))
    await refusesCsr(csr(ec('P-521')))
    await refusesCsr(csr(ec('P-256'), ['-sha1']))
  })
  test('gives a key and nothing else', async () => {
    const { csrPem, thumbprint } = await createKeyAndCsr({ commonName: 'provider' })
    assert.deepEqual(Object.keys(await readCsr(csrPem)), ['publicKeySpki', 'thumbprint'])
    assert.equal((await readCsr(csrPem)).thumbprint, thumbprint)
  })
})

describe('a peer certificate', () => {
  test('gives its key, one identity, end and serial', async () => {
    const root = await createAuthority({ commonName: 'Acme', days: 1, pathLength: 0 })
    const identity = { owner: newId('tenant'), role: 'connector', id: newId('connector') } as const
    const { cert } = await leaf(root, { sanUris: [identityUri(identity)] })
    const peer = readPeer(new X509Certificate(cert))
    assert.deepEqual(identityOf(peer), identity)
    assert.deepEqual(readPeer(new X509Certificate(cert).raw), peer)
    assert.equal(peer.serial, new X509Certificate(cert).serialNumber.toLowerCase())
    const two = await leaf(root, { sanUris: [identityUri(identity), identityUri(identity)] })
    assert.equal(identityOf(readPeer(new X509Certificate(two.cert))), undefined)
    assert.equal(identityOf(readPeer(new X509Certificate(root.certificatePem))), undefined)
  })
  test('that cannot be read is refused', () => {
    for (const der of [Buffer.alloc(0), Buffer.alloc(50, 0x30), Buffer.alloc(20_000)]) {
      assert.throws(
        () => readPeer(der),
        (error) => isFault(error, 'certificate-refused'),
      )
    }
  })
})

describe('an identity URI', () => {
  test('has one spelling', () => {
    const good = identityUri({ owner: newId('tenant'), role: 'device', id: newId('device') })
    for (const bad of [
      `${good}/`,
      `${good}?x`,
      `${good}#`,
      good.toUpperCase(),
      good.replace('//', '///'),
      good.replace('device', 'connector'),
      good.replace('device', 'exchange'),
      good.replace(/ten_\w+/, 'provider'),
      good.replace('sallyport', 'https'),
      ` ${good}`,
      `sallyport://provider/control/../x`,
      `sallyport://provider/exchange/${newId('device')}`,
    ]) {
      assert.equal(parseIdentityUri(bad), undefined, bad)
    }
  })
  test('is read back as it was made', () => {
    const roles: [string, IdentityRole, string][] = [
      [newId('tenant'), 'device', newId('device')],
      [newId('tenant'), 'connector', newId('connector')],
      ['provider', 'exchange', newId('exchange')],
      ['provider', 'control', 'main'],
    ]
    for (const [owner, role, id] of roles) {
      assert.deepEqual(parseIdentityUri(identityUri({ owner, role, id })), { owner, role, id })
    }
    fc.assert(fc.property(fc.string(), (text) => parseIdentityUri(`sallyport://${text}`) === undefined))
  })
})
