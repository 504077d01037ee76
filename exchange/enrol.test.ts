// Enrolment against a real HTTPS server: whom the token is shown to, and what is kept.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { newId } from '#core/ids.ts'
import { createAuthority, issueCertificate } from '#transport/certificate-authority.ts'
import { readCsr } from '#transport/read-csr.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { leaf, listen } from '#transport/testing.ts'
import { readIdentity } from './certificates/own-identity.ts'
import { enrolExchange } from './enrol.ts'

async function setUp(use: 'exchange' | 'connector' = 'exchange') {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-enrol-'))
  const webCa = await createAuthority({ commonName: 'web', days: 1, pathLength: 0 })
  const exchangeCa = await createAuthority({ commonName: 'exchanges', days: 1, pathLength: 0 })
  const { key, cert } = await leaf(webCa, { sanDns: ['api.sallyport.test'] })
  const id = newId('exchange')
  const tokens: string[] = []
  const server = createServer({ key, cert: cert + webCa.certificatePem }, (request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += String(chunk)))
    request.on('end', () => {
      void answer(JSON.parse(text)).then((reply) => {
        response.writeHead(201, { 'content-type': 'application/json' })
        response.end(JSON.stringify(reply))
      })
    })
  })
  const port = await listen(server)
  return {
    id,
    tokens,
    webCa,
    folder,
    ask: (pin: string) =>
      enrolExchange({
        apiHost: 'api.sallyport.test',
        address: { host: '127.0.0.1', port },
        token: `sp_enr_secret~${pin}`,
        folder: join(folder, 'identity'),
      }),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    },
  }

  async function answer({ token, csrPem }: { token: string; csrPem: string }) {
    tokens.push(token)
    const { certificatePem } = await issueCertificate(exchangeCa, {
      publicKey: (await readCsr(csrPem)).publicKeySpki,
      commonName: 'exchange',
      sanUris: [identityUri({ owner: 'provider', role: 'exchange', id })],
      usages: ['client'],
      notAfter: new Date(Date.now() + 3_600_000),
    })
    return {
      id,
      use,
      tenant: '',
      tenantId: '',
      certificatePem,
      doorsCaPem: exchangeCa.certificatePem,
      statementKeys: ['-'],
      sliceKeys: ['-'],
      domain: 'sallyport.test',
      exchanges: [],
      feedAddress: null,
    }
  }
}

const pinOf = (pem: string) => keyThumbprint(new X509Certificate(pem))

test('shows the token to nobody but a server of the pinned authority', async () => {
  await using world = await setUp()
  const other = await createAuthority({ commonName: 'web', days: 1, pathLength: 0 })
  await assert.rejects(world.ask(pinOf(other.certificatePem)), { code: 'certificate-refused' })
  assert.deepEqual(world.tokens, [])
  assert.deepEqual(await readdir(world.folder), [])
})

test('keeps what control answered, for its own eyes only', async () => {
  await using world = await setUp()
  const { exchangeId } = await world.ask(pinOf(world.webCa.certificatePem))
  assert.equal(exchangeId, world.id)
  const identity = await readIdentity(join(world.folder, 'identity'))
  assert.equal(identity.exchangeId, world.id)
  assert.equal((await stat(join(world.folder, 'identity', 'key.pem'))).mode & 0o077, 0)
})

test('refuses a token that was made for something else, and a folder that is no identity', async () => {
  await using world = await setUp('connector')
  await assert.rejects(world.ask(pinOf(world.webCa.certificatePem)), { code: 'enrolment-refused' })
  await assert.rejects(readIdentity(join(world.folder, 'identity')), { code: 'configuration-invalid' })
})
