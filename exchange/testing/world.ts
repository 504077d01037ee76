// An exchange with everything around it for tests: control's end of the feed, two tenants, devices, a connector and real
// apps on loopback. Must never be imported by product code.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request as httpsRequest } from 'node:https'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { newId } from '#core/ids.ts'
import type { AppRecord } from '#core/records/app.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import { readCsr } from '#transport/read-csr.ts'
import { issueCertificate } from '#transport/certificate-authority.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { leaf, listen, type Credentials } from '#transport/testing.ts'
import { writeIdentity } from '#exchange/certificates/own-identity.ts'
import type { ExchangeConfig } from '#exchange/config.ts'
import type { OutboundDeps } from '#exchange/outbound/outbound.ts'
import { startExchange, type ExchangeDeps } from '#exchange/server.ts'
import { APPS_DOMAIN, ControlTenant, DOMAIN, pemOf, startTestControl, type IssueIntermediate } from './control.ts'
import { appRecord, policyRecord, sessionRecord, tenantRecord, userRecord } from './records.ts'

export type Answered = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }
export type CallOptions = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}
export type World = Awaited<ReturnType<typeof startWorld>>

/** The real connector, handed in by tests: product code of this part may not know it. */
export type ConnectorParts = {
  readonly Identity: new (
    enrolment: ConnectorEnrolment,
    privateKeyPem: string,
  ) => { save: (folder: string) => Promise<void> }
  readonly startConnector: (
    config: { readonly stateFolder: string; readonly exchanges: readonly string[]; readonly drainMs: number },
    deps: { readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void },
  ) => Promise<AsyncDisposable>
}
export type ConnectorEnrolment = {
  readonly connectorId: string
  readonly tenant: string
  readonly tenantId: string
  readonly domain: string
  readonly exchanges: readonly string[]
  readonly doorsCaPem: string
  readonly statementKeys: readonly string[]
  readonly sliceKeys: readonly string[]
  readonly certificatePem: string
  readonly csrPem: string
}

export async function startWorld(
  change: Partial<ExchangeConfig> = {},
  issueIntermediate: IssueIntermediate = () => {
    throw new Error('no inspection in this test')
  },
  outbound: OutboundDeps = {},
  watching: Pick<ExchangeDeps, 'watch' | 'traceHeaders'> = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-exchange-'))
  const control = await startTestControl(issueIntermediate)
  const exchangeId = newId('exchange')
  control.exchangeId = exchangeId
  await enrol()
  const acme = await makeTenant('acme')
  const globex = await makeTenant('globex')

  // Real apps: http that says what it got, tcp that echoes.
  const seen: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[] = []
  const appState: { handler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined } = {
    handler: undefined,
  }
  const httpApp = createHttpServer((request, response) => {
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    if (appState.handler !== undefined) return appState.handler(request, response)
    request.resume()
    response.end(`hello from ${request.url}`)
  })
  const tcpApp = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  const httpPort = await listen(httpApp)
  const tcpPort = await listen(tcpApp)

  const group = { kind: 'connectorGroup' as const, id: newId('connectorGroup'), name: 'main' }
  const alice = userRecord('alice')
  const device = await makeDevice(acme, alice.id)
  const agentSession = sessionRecord(alice.id, device.record.id)
  const browserSession = sessionRecord(alice.id, null)
  const wikiHost = `wiki.acme.${APPS_DOMAIN}`
  const wiki = appRecord('wiki', 'http', httpPort, { connectorGroupId: group.id, browserHost: wikiHost })
  const ssh = appRecord('ssh', 'tcp', tcpPort, { connectorGroupId: group.id })
  const connector = await makeConnector(acme, group.id)
  const allowAll = policyRecord('allow-all')
  acme.put(group, alice, device.record, agentSession, browserSession, wiki, ssh, connector.record, allowAll)

  const log: string[] = []
  const config: ExchangeConfig = {
    identityFolder: join(folder, 'identity'),
    dataFolder: join(folder, 'data'),
    listen: { host: '127.0.0.1', port: 0 },
    publicAddress: '127.0.0.1:1',
    feed: { host: '127.0.0.1', port: control.port },
    control: { host: '127.0.0.1', port: 1 },
    drainMs: 0,
    ...change,
  }
  const start = () =>
    startExchange(config, {
      log: (message, fields) => log.push(`${message} ${JSON.stringify(fields ?? {})}`),
      random: () => 0,
      outbound,
      ...watching,
    })
  let exchange = await start()
  await exchange.ready(AbortSignal.timeout(5000))
  await control.receiptFor(acme)
  const opened = new Set<Socket>()

  const world = {
    folder,
    control,
    acme,
    globex,
    alice,
    device,
    agentSession,
    browserSession,
    wiki,
    ssh,
    wikiHost,
    connector,
    group,
    log,
    seen,
    appState,
    httpApp,
    get exchange() {
      return exchange
    },
    get port() {
      return exchange.port
    },
    async restart() {
      await exchange.close()
      exchange = await start()
      return exchange
    },
    makeDevice,
    makeTenant,
    makeConnector,
    /** Starts the connector and waits until its sockets are parked. */
    async link({ Identity, startConnector }: ConnectorParts, which = connector): Promise<AsyncDisposable> {
      const exchanges = [`127.0.0.1:${exchange.port}`]
      await mkdir(which.folder, { recursive: true })
      await new Identity({ ...which.enrolment, exchanges }, which.privateKeyPem).save(which.folder)
      const before = exchange.metrics().parked
      const started = await startConnector(
        { stateFolder: which.folder, exchanges, drainMs: 0 },
        { log: (message, fields) => log.push(`connector: ${message} ${JSON.stringify(fields ?? {})}`) },
      )
      while (exchange.metrics().parked < before + 8) await new Promise((resolve) => setTimeout(resolve, 5))
      return started
    },
    /** A question to the agent door, as this device. */
    ask: (path: string, body?: object, options: ConnectionOptions = device.credentials) =>
      call('acme.proxy.sallyport.test', path, options, body === undefined ? {} : { method: 'POST', body }),
    /** A request of a browser. */
    browse: (path: string, options: CallOptions = {}) => call(wikiHost, path, {}, options),
    /** TLS to a door as this device, or as whoever the options say. */
    door(serverName: string, options: ConnectionOptions = device.credentials): TLSSocket {
      const socket = connectTls({
        host: '127.0.0.1',
        port: exchange.port,
        servername: serverName,
        ca: [control.exchangeCa.certificatePem, control.webCa.certificatePem],
        ...options,
      })
      socket.on('error', () => {})
      opened.add(socket)
      return socket
    },
    tcp(): Socket {
      const socket = connectTcp({ host: '127.0.0.1', port: exchange.port })
      socket.on('error', () => {})
      opened.add(socket)
      return socket
    },
    cookie: (session = browserSession, host = wikiHost) =>
      `__Host-sallyport=${control.hostCookie(acme.id, session.id, host)}`,
    async [Symbol.asyncDispose]() {
      for (const socket of opened) socket.destroy()
      await exchange.close()
      control.close()
      httpApp.close()
      httpApp.closeAllConnections()
      tcpApp.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return world

  async function call(
    serverName: string,
    path: string,
    tls: ConnectionOptions,
    { method = 'GET', headers = {}, body }: CallOptions,
  ): Promise<Answered> {
    const question = httpsRequest({
      host: '127.0.0.1',
      port: exchange.port,
      servername: serverName,
      ca: [control.exchangeCa.certificatePem, control.webCa.certificatePem],
      agent: false,
      path,
      method,
      headers: { host: serverName, ...headers },
      ...tls,
    })
    question.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(question, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return { status: response.statusCode ?? 0, headers: response.headers, body: text }
  }

  async function enrol(): Promise<void> {
    const { key, cert } = await leaf(control.exchangeCa, {
      sanDns: [],
      sanUris: [identityUri({ owner: 'provider', role: 'exchange', id: exchangeId })],
    })
    await writeIdentity(
      join(folder, 'identity'),
      {
        exchangeId,
        domain: DOMAIN,
        exchangeCaPem: [control.exchangeCa.certificatePem],
        snapshotKeys: [pemOf(control.snapshotKeys.publicKey)],
        statementKeys: [pemOf(control.statementKeys.publicKey)],
        feedAddress: null,
      },
      key,
      cert,
    )
  }

  async function makeTenant(name: string): Promise<ControlTenant> {
    const id = newId('tenant')
    const identityCa = await createAuthority({ commonName: name, days: 2, pathLength: 0 })
    const inspectionRoot = await createAuthority({ commonName: name, days: 2, pathLength: 1, usages: ['server'] })
    const tenant = new ControlTenant(id, name, identityCa, inspectionRoot)
    tenant.put(tenantRecord(id, name, identityCa))
    control.tenants.set(id, tenant)
    return tenant
  }

  async function makeDevice(tenant: ControlTenant, userId: string, lifeMs = 3_600_000) {
    const id = newId('device')
    const credentials: Credentials = await leaf(tenant.identityCa, {
      sanDns: [],
      sanUris: [identityUri({ owner: tenant.id, role: 'device', id })],
      notBefore: new Date(Date.now() - 7_200_000),
      notAfter: new Date(Date.now() + lifeMs),
    })
    const record = {
      kind: 'device' as const,
      id,
      name: 'laptop',
      userId,
      keyThumbprint: keyThumbprint(new X509Certificate(credentials.cert)),
      posture: 2 as const,
      os: 'linux',
      status: 'active' as const,
    }
    return { record, credentials }
  }

  async function makeConnector(tenant: ControlTenant, groupId: string) {
    const id = newId('connector')
    const { privateKeyPem, csrPem, thumbprint } = await createKeyAndCsr({ commonName: 'connector' })
    const { certificatePem } = await issueCertificate(tenant.identityCa, {
      publicKey: (await readCsr(csrPem)).publicKeySpki,
      commonName: 'connector',
      sanUris: [identityUri({ owner: tenant.id, role: 'connector', id })],
      usages: ['client', 'server'],
      notAfter: new Date(Date.now() + 3_600_000),
    })
    const record = {
      kind: 'connector' as const,
      id,
      name: 'one',
      groupId,
      keyThumbprint: thumbprint,
      status: 'active' as const,
    }
    const enrolment = {
      connectorId: id,
      tenant: tenant.name,
      tenantId: tenant.id,
      domain: DOMAIN,
      doorsCaPem: control.exchangeCa.certificatePem,
      statementKeys: [pemOf(control.statementKeys.publicKey)],
      sliceKeys: [pemOf(control.snapshotKeys.publicKey)],
      certificatePem,
      csrPem,
    }
    return { record, enrolment, privateKeyPem, folder: join(folder, `connector-${id}`) }
  }
}

/** What an app record looks like after a change, to be put again. */
export function changedApp(
  app: AppRecord,
  change: Partial<AppRecord>,
): { readonly op: 'put'; readonly record: AppRecord } {
  return { op: 'put', record: { ...app, ...change } }
}

/** Everything a socket says until it ends, however it ends. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => socket.destroy())
  if (!socket.destroyed) await once(socket, 'close').catch(() => undefined)
  return Buffer.concat(chunks).toString('latin1')
}

/** Resolves when the socket is closed, also by a reset. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.on('close', () => resolve()))
}
