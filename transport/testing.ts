// Real certificates, listeners and sockets for tests of this and other parts. Must never be imported by product code.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueCertificate, type Authority, type CertificateRequest } from './certificate-authority.ts'
import { createKeyAndCsr } from './certificate-request.ts'
import { readCsr } from './read-csr.ts'

export type Credentials = { readonly key: string; readonly cert: string }

/** A fresh key and a certificate for it, good for an hour as client and as server `door.test`. */
export async function leaf(authority: Authority, request: Partial<CertificateRequest> = {}): Promise<Credentials> {
  const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: 'leaf' })
  const { publicKeySpki } = await readCsr(csrPem)
  const issued = await issueCertificate(authority, {
    publicKey: publicKeySpki,
    commonName: 'leaf',
    sanDns: ['door.test'],
    usages: ['client', 'server'],
    notAfter: new Date(Date.now() + 3_600_000),
    ...request,
  })
  return { key: privateKeyPem, cert: issued.certificatePem }
}

/** What a stranger makes at home: a certificate signed by its own key, for clients and servers. */
export function selfSigned(commonName = 'leaf'): Credentials {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'))
  try {
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const usage = ['-addext', 'extendedKeyUsage=clientAuth,serverAuth', '-addext', 'basicConstraints=critical,CA:FALSE']
    const out = ['-subj', `/CN=${commonName}`, '-keyout', key, '-out', cert]
    execFileSync('openssl', ['req', '-x509', ...ec, ...usage, ...out], { stdio: 'ignore' })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Listens on a free loopback port and says which. */
export async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a port')
  return address.port
}

/** Both ends of a real loopback connection. Half-open is allowed, as on our doors. */
export async function socketPair(): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const port = await listen(server)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const [[far]] = await Promise.all([accepted, once(near, 'connect')])
  server.close()
  return { near, far }
}
