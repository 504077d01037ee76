// A tenant with one exchange and one connector behind it, as an agent sees them: real keys, TLS and sockets, answers by
// hand. Must never be imported by product code.
import { randomUUID, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { newId } from '#core/ids.ts'
import { DNS_PATH, type FlowAnswer, type Whoami } from '#core/wire/flow.ts'
import { createAuthority, issueCertificate } from '#transport/certificate-authority.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { readCsr } from '#transport/read-csr.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { leaf, listen } from '#transport/testing.ts'
import { certificateDoorTls, flowServerTls } from '#transport/tls-defaults.ts'
import { Profile } from './profile.ts'

export async function makeTenant(name = 'acme') {
  const ids = {
    tenantId: newId('tenant'),
    connectorId: newId('connector'),
    deviceId: newId('device'),
    sessionId: newId('session'),
  }
  const identityCa = await createAuthority({ commonName: `${name} identity`, days: 30, pathLength: 0 })
  const exchangeCa = await createAuthority({ commonName: 'exchanges', days: 30, pathLength: 0 })
  const doors = await leaf(exchangeCa, { sanDns: ['*.proxy.sallyport.test'] })
  const connectorUri = identityUri({ owner: ids.tenantId, role: 'connector', id: ids.connectorId })
  const connector = await leaf(identityCa, { sanUris: [connectorUri] })
  const { csrPem, privateKeyPem } = await createKeyAndCsr({ commonName: 'device' })
  const certify = async (csr = csrPem, lifeMs = 86_400_000, ageMs = 0) =>
    (
      await issueCertificate(identityCa, {
        publicKey: (await readCsr(csr)).publicKeySpki,
        commonName: 'device',
        sanUris: [identityUri({ owner: ids.tenantId, role: 'device', id: ids.deviceId })],
        usages: ['client'],
        notBefore: new Date(Date.now() - ageMs),
        notAfter: new Date(Date.now() + lifeMs),
      })
    ).certificatePem
  const signedIn = (certificatePem: string, exchanges: readonly string[]) => ({
    tenant: name,
    tenantId: ids.tenantId,
    user: 'alice',
    deviceId: ids.deviceId,
    sessionId: ids.sessionId,
    sessionExpiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    certificatePem,
    identityCaPem: [identityCa.certificatePem],
    doorsCaPem: exchangeCa.certificatePem,
    domain: 'sallyport.test',
    exchanges: [...exchanges],
    inspectionCaPem: [],
  })
  const profile = (certificatePem: string, exchanges: readonly string[]) =>
    new Profile({ ...signedIn(certificatePem, exchanges), csrPem }, privateKeyPem)
  return { name, ids, identityCa, exchangeCa, doors, connector, connectorUri, certify, signedIn, profile }
}

export type Tenant = Awaited<ReturnType<typeof makeTenant>>

export const echoApp: Whoami['apps'][number] = {
  name: 'echo',
  displayName: 'Echo',
  appKind: 'tcp',
  allowed: true,
  reason: null,
  names: [{ host: 'echo.acme.test', ports: ['7000-7010'] }],
}
export const wikiApp: Whoami['apps'][number] = {
  name: 'wiki',
  displayName: 'Wiki',
  appKind: 'http',
  allowed: true,
  reason: null,
  names: [{ host: 'wiki.acme.test', ports: ['80'] }],
}

export const denial = {
  reason: 'policy',
  message: 'No policy allows this.',
  advice: 'Ask the owner of the app.',
  requestAccessUrl: 'https://acme.sallyport.test/request?app=payroll',
}

/** An exchange's one port: agent door by SNI `*.proxy.…`, sealed flows by SNI `*.flow.…` straight into a connector. */
export class TestExchange implements AsyncDisposable {
  readonly #tenant: Tenant
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  readonly #flows = new Set<Socket>()
  #tickets = 0
  #appPorts = new Map<string, number>()
  port = 0
  /** What the next questions are answered. */
  answerFlow: (host: string, port: number) => FlowAnswer | number
  apps: Whoami['apps'] = [echoApp, wikiApp]
  signedOut: string | undefined
  web: Whoami['web']
  /** What a DNS message is answered; a number: that status and nothing else. */
  answerName: (query: Buffer) => Buffer | number = () => 404
  renewed = 0
  readonly asked: string[] = []
  /** Of the flows that were accepted: whether their handshake was resumed. */
  readonly resumed: boolean[] = []
  #connectorServer: { readonly of: object; readonly server: TlsServer } | undefined
  /** Certificate that the other end of a sealed flow shows. */
  connector: { key: string; cert: string }

  constructor(tenant: Tenant) {
    this.#tenant = tenant
    this.connector = tenant.connector
    this.answerFlow = (host) => {
      if (host === 'echo.acme.test') return this.sealed()
      if (host === 'wiki.acme.test') return { kind: 'inspected' }
      return host === 'payroll.acme.test' ? { kind: 'denied', denial } : { kind: 'unknown' }
    }
    const door = this.#door()
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('data', (first: Buffer) => {
        socket.pause()
        // The name is in clear in the hello; for a test, looking for its bytes is enough.
        const isFlow = first.includes('.flow.sallyport.test')
        const tls = isFlow ? this.#connectorEnd() : door
        if (isFlow) this.#flows.add(socket)
        socket.unshift(first)
        tls.emit('connection', socket)
      })
    })
  }

  async start(): Promise<this> {
    this.port = await listen(this.#server)
    return this
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  sealed(): FlowAnswer {
    const ticketHost = `tkt${++this.#tickets}.flow.sallyport.test`
    return {
      kind: 'sealed',
      flowId: newId('flow'),
      ticketHost,
      connectorUri: this.#tenant.connectorUri,
      expiresInMs: 10_000,
    }
  }

  /** Where CONNECT to this host leads. */
  lead(host: string, port: number): void {
    this.#appPorts.set(host, port)
  }

  /** As an exchange cuts what it only relays: by reset. */
  cutFlows(): void {
    for (const flow of this.#flows) flow.resetAndDestroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connectorEnd(): TlsServer {
    if (this.#connectorServer?.of === this.connector) return this.#connectorServer.server
    const { identityCa } = this.#tenant
    const tls = createTlsServer({
      ...flowServerTls,
      ...this.connector,
      ca: [identityCa.certificatePem],
      sessionIdContext: randomUUID().slice(0, 32),
      allowHalfOpen: true,
    })
    this.#connectorServer = { of: this.connector, server: tls }
    tls.on('secureConnection', (socket) => {
      this.resumed.push(socket.isSessionReused())
      socket.on('error', () => {})
      socket.write('{"status":"open"}\n')
      socket.pipe(socket)
    })
    return tls
  }

  #door(): TlsServer {
    const http = createHttpServer((request, response) => {
      if (request.url?.startsWith(`${DNS_PATH}?dns=`) === true) return this.#answerName(request.url, response)
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      })
    })
    http.on('connect', (request: IncomingMessage, socket: Socket) => {
      const host = (request.url ?? '').split(':')[0] ?? ''
      const port = this.#appPorts.get(host)
      if (port === undefined) {
        const text = JSON.stringify({ ...denial, reason: 'path-rule' })
        socket.end(
          `HTTP/1.1 403 Forbidden\r\nsallyport-reason: path-rule\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
        )
        return
      }
      const app = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        app.pipe(socket).pipe(app)
      })
      app.on('error', () => socket.destroy())
      socket.on('error', () => app.destroy())
    })
    const { doors, identityCa } = this.#tenant
    const tls = createTlsServer({ ...certificateDoorTls, ...doors, ca: [identityCa.certificatePem] })
    tls.on('secureConnection', (socket) => http.emit('connection', socket))
    return tls
  }

  #answerName(url: string, response: ServerResponse): void {
    const answer = this.answerName(Buffer.from(url.slice(DNS_PATH.length + 5), 'base64url'))
    if (typeof answer === 'number') return void response.writeHead(answer).end()
    response.writeHead(200, { 'content-type': 'application/dns-message' }).end(answer)
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    this.asked.push(`${request.method} ${request.url}`)
    if (this.signedOut !== undefined) {
      return {
        status: 401,
        body: { kind: 'denied', denial: { ...denial, reason: this.signedOut }, portal: 'https://acme' },
      }
    }
    if (request.url === '/v1/whoami') return { status: 200, body: this.#whoami() }
    if (request.url === '/v1/sign-out') {
      this.signedOut = 'session-ended'
      return { status: 200, body: { ended: true } }
    }
    const body = JSON.parse(text) as { host: string; port: number; csrPem: string }
    if (request.url === '/v1/renew') {
      this.renewed++
      return { status: 200, body: { certificatePem: await this.#tenant.certify(body.csrPem) } }
    }
    const answer = this.answerFlow(body.host, body.port)
    return typeof answer === 'number'
      ? { status: answer, body: { code: 'at-capacity', message: 'Full.' } }
      : { status: 200, body: answer }
  }

  #whoami(): Whoami {
    const { ids, name } = this.#tenant
    return {
      tenant: name,
      tenantId: ids.tenantId,
      user: 'alice',
      device: ids.deviceId,
      sessionExpiresAtMs: Date.now() + 3_600_000,
      exchanges: [],
      ...(this.web !== undefined && { web: this.web }),
      apps: this.apps,
    }
  }
}

export async function stateFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-agent-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export const expiryOf = (pem: string) => new X509Certificate(pem).validToDate.getTime()
