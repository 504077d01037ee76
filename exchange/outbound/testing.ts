// An exchange whose tenant has a way to the internet, and an internet on loopback: sites with real certificates, good and
// bad. Must never be imported by product code.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Inspector } from '#core/inspection/verdict.ts'
import { newId } from '#core/ids.ts'
import { webSettingsOf } from '#core/records/outbound.ts'
import type { PolicyRecord } from '#core/records/records.ts'
import { createAuthority, type Authority } from '#transport/certificate-authority.ts'
import { leaf, listen, type Credentials } from '#transport/testing.ts'
import type { IssueIntermediate } from '#exchange/testing/control.ts'
import { readAll, startWorld } from '#exchange/testing/world.ts'
import type { DnsWatcher, PageTools, PromptTools } from './content-tools.ts'
import type { CategoriesOf } from './web-access.ts'

type Spec = Parameters<typeof webSettingsOf>[1]

export type SiteHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void

/** Says hello, whatever it is asked. */
export const hello: SiteHandler = (_request, response) => {
  if ('stream' in response) response.end('hello')
  else response.end('hello')
}

export type WebWorldOptions = {
  readonly settings?: Spec
  readonly policies?: readonly PolicyRecord[]
  readonly inspector?: Inspector
  readonly categoriesOf?: CategoriesOf
  readonly prompts?: PromptTools
  readonly pages?: PageTools
  /** Authority of sites that the test did not make here. */
  readonly siteCaPem?: string
  /** Lists of revoked certificates: files or addresses. */
  readonly revocationLists?: readonly string[]
  /** Instead of one made here. */
  readonly siteCa?: Authority
  /** `host:port` of resolvers for names that people ask for. */
  readonly resolvers?: readonly string[]
  readonly dnsWatcher?: DnsWatcher
  /** What names resolve to; default: everything is on loopback. */
  readonly addressOf?: (host: string) => string
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }
export type WebWorld = Awaited<ReturnType<typeof startWebWorld>>

export const DOOR = 'acme.proxy.sallyport.test'

export async function startWebWorld(issueIntermediate: IssueIntermediate, options: WebWorldOptions = {}) {
  const siteCa = options.siteCa ?? (await createAuthority({ commonName: 'sites', days: 2, pathLength: 0 }))
  const lists = options.revocationLists
  const addressOf = options.addressOf ?? (() => '127.0.0.1')
  const extraCa = options.siteCaPem === undefined ? [] : [options.siteCaPem]
  const world = await startWorld(
    {
      outbound: {
        insecureAllowPrivateDestinations: ['127.0.0.0/8'],
        extraCaPem: [siteCa.certificatePem, ...extraCa],
        ...(lists !== undefined && { revocationLists: lists }),
        ...(options.resolvers !== undefined && { resolvers: options.resolvers }),
      },
    },
    issueIntermediate,
    {
      resolve: async (host) => [{ address: addressOf(host), ttl: 60 }],
      ...(options.inspector !== undefined && { inspector: options.inspector }),
      ...(options.dnsWatcher !== undefined && { dnsWatcher: options.dnsWatcher }),
      ...(options.prompts !== undefined && { prompts: options.prompts }),
      ...(options.pages !== undefined && { pages: options.pages }),
      ...(options.categoriesOf !== undefined && { categoriesOf: options.categoriesOf }),
    },
  )
  const settingsId = newId('webSettings')
  const settings = (spec: Spec = {}) => webSettingsOf(settingsId, { ports: ['1-65535'], ...spec })
  const allowAll = [...world.acme.records.values()].find(({ kind }) => kind === 'policy')
  await world.control.change(
    world.acme,
    { op: 'put', record: settings(options.settings) },
    // The world's own policy allows everything: here only what the test says.
    ...(allowAll === undefined ? [] : [{ op: 'remove' as const, kind: 'policy' as const, id: allowAll.id }]),
    ...(options.policies ?? [webPolicy('web')]).map((record) => ({ op: 'put' as const, record })),
  )
  const files = join(world.folder, 'files')
  const at = (name: string, text: string) => {
    const path = `${files}-${name}`
    writeFileSync(path, text)
    return path
  }
  const rootPath = at('root.pem', world.acme.inspectionRoot.certificatePem)
  const doorCaPath = at('door.pem', world.control.exchangeCa.certificatePem)
  const certPath = at('cert.pem', world.device.credentials.cert)
  const keyPath = at('key.pem', world.device.credentials.key)
  const servers: (Server | Http2SecureServer | TcpServer)[] = []

  const curlOptions = (): readonly string[] => {
    const door = `${DOOR}:${world.exchange.port}`
    const own = ['--silent', '--show-error', '--max-time', '15', '--cacert', rootPath, '--resolve', `${door}:127.0.0.1`]
    const proxy = ['--proxy', `https://${door}`, '--proxy-cacert', doorCaPath]
    return [...own, ...proxy, '--proxy-cert', certPath, '--proxy-key', keyPath]
  }

  return {
    ...world,
    siteCa,
    rootPath,
    doorCaPath,
    certPath,
    keyPath,
    get port() {
      return world.exchange.port
    },
    put: (spec: Spec) => world.control.change(world.acme, { op: 'put', record: settings(spec) }),
    putPolicies: (...records: readonly PolicyRecord[]) =>
      world.control.change(world.acme, ...records.map((record) => ({ op: 'put' as const, record }))),
    events: () => world.log,
    /** An HTTPS site for these names; HTTP/2 and HTTP/1.1. */
    async site(hosts: readonly string[], handler: SiteHandler, protocols: 'both' | 'http1' = 'both'): Promise<number> {
      return this.siteWith(await leaf(siteCa, { sanDns: hosts }), handler, protocols)
    },
    async siteWith(
      credentials: Credentials & { readonly requestCert?: boolean; readonly ca?: string },
      handler: SiteHandler,
      protocols: 'both' | 'http1' = 'both',
    ): Promise<number> {
      const server =
        protocols === 'both'
          ? createSecureServer({ ...credentials, allowHTTP1: true }, handler)
          : createHttpsServer({ ...credentials }, handler)
      servers.push(server as Server)
      return listen(server as Server)
    },
    async plainSite(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
      const server = createHttpServer(handler)
      servers.push(server)
      return listen(server)
    },
    adopt: (server: TcpServer) => void servers.push(server),
    /** curl through the agent door with the device's certificate. */
    curl: (...args: readonly string[]) => run('curl', [...curlOptions(), ...args]),
    /** A tunnel at the agent door; `head` is the answer to CONNECT. */
    async tunnel(authority: string): Promise<{ readonly socket: TLSSocket; readonly head: string }> {
      const socket = world.door(DOOR)
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
      const [head] = await once(socket, 'data')
      return { socket, head: String(head) }
    },
    /** TLS inside a tunnel, trusting the inspection root and nothing else. */
    async inside(authority: string, tls: ConnectionOptions = {}): Promise<TLSSocket> {
      const { socket } = await this.tunnel(authority)
      const secured = connectTls({
        socket,
        servername: authority.replace(/:\d+$/, ''),
        ca: world.acme.inspectionRoot.certificatePem,
        ...tls,
      })
      secured.on('error', () => {})
      return secured
    },
    async ask(authority: string, text: string, tls: ConnectionOptions = {}): Promise<string> {
      const secured = await this.inside(authority, tls)
      secured.write(text)
      return readAll(secured)
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.close()
        if ('closeAllConnections' in server) server.closeAllConnections()
      }
      await world[Symbol.asyncDispose]()
    },
  }
}

type PolicyChange = {
  readonly effect?: 'permit' | 'forbid'
  readonly actions?: readonly ('browse' | 'upload' | 'download')[]
  readonly category?: string
  readonly host?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** A policy on destinations in Cedar's JSON form; without more, it allows everything. */
export function webPolicy(name: string, change: PolicyChange = {}): PolicyRecord {
  const { effect = 'permit', actions = ['browse', 'upload', 'download'], category, host, annotations } = change
  const resource =
    host !== undefined
      ? { op: '==', entity: { type: 'Destination', id: host } }
      : category === undefined
        ? { op: 'All' }
        : { op: 'in', entity: { type: 'Category', id: category } }
  const entities = actions.map((id) => ({ type: 'Action', id }))
  const est = { effect, principal: { op: 'All' }, action: { op: 'in', entities }, resource, conditions: [] }
  return {
    kind: 'policy',
    id: newId('policy'),
    name,
    line: 1,
    text: '',
    est: annotations === undefined ? est : { ...est, annotations },
  }
}

export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const settings = { env: { ...process.env, ...env }, timeout: 30_000, maxBuffer: 64 * 1024 * 1024 }
  execFile(command, args, settings, (error, stdout, stderr) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
    resolve({ code, stdout, stderr })
  })
  return promise
}
