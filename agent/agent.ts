// The agent on a person's device: local doors on one side, the exchanges of their tenants on the other. Must never open
// a door to anybody but that person's own programs.
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import { parsePortRange } from '#core/names.ts'
import type { Denial } from '#core/wire/flow.ts'
import { caps } from './caps.ts'
import { startControlSocket, type ControlSocket } from './control-socket.ts'
import { denialOfFault, type FlowOpener } from './flow-opener.ts'
import { HttpDoor } from './http-door.ts'
import { listenLocally, systemAdmission, type Admission, type LocalListener } from './local-listener.ts'
import type { ExchangeNames } from './names/dns-server.ts'
import { startNames, type Names, type NamesConfig } from './names/names.ts'
import { pacFile } from './pac.ts'
import type { Profile } from './profile.ts'
import { serveRaw } from './raw-door.ts'
import { serveSocks } from './socks5.ts'
import { openFolder } from '#transport/state-folder.ts'
import type { Target } from './target.ts'
import type { TenantSession } from './tenant-session.ts'
import { profilesOf, Tenants } from './tenants.ts'
import { loopbackNames } from './web-guard.ts'

export type Forward = { readonly port: number; readonly target: Target }

export type AgentConfig = {
  readonly stateFolder: string
  /** Which tenants; default: every one signed in to. */
  readonly tenants?: readonly string[]
  /** Port of the SOCKS5 door; 0: any free one; null: none. Default 1080. */
  readonly socksPort?: number | null
  /** Port of the HTTP proxy and PAC file; 0: any free one; null: none. Default 3128. */
  readonly httpPort?: number | null
  readonly forwards?: readonly Forward[]
  /** Asked for at the doors; required where the system does not tell whose a connection is. */
  readonly secret?: string
  /** Accounts besides our own that may use the doors, e.g. the person who started us through sudo. */
  readonly extraUids?: readonly number[]
  readonly drainMs?: number
  /** Local DNS and addresses for app names (root on Linux); absent: none. */
  readonly names?: NamesConfig
}

export type AgentDeps = {
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly nowMs?: () => number
  readonly random?: () => number
  /** How the owner of a local connection is found; tests of other systems replace it. */
  readonly admission?: Admission
}

const LOOPBACK = '127.0.0.1'

/** Throws `not-signed-in` without a profile, `address-in-use` when a door cannot open; then nothing is left running. */
export async function startAgent(config: AgentConfig, deps: AgentDeps): Promise<Agent> {
  await openFolder(config.stateFolder)
  const profiles = await profilesOf(config.stateFolder, config.tenants)
  if (profiles.length === 0) throw new Fault('not-signed-in', { hint: 'Use "sallyport agent login" first.' })
  const agent = new Agent(config, deps, profiles)
  try {
    await agent.start()
    return agent
  } catch (error) {
    agent.destroy(asFault(error))
    throw error
  }
}

export class Agent {
  readonly #config: AgentConfig
  readonly #deps: Required<AgentDeps>
  readonly #tenants: Tenants
  readonly #doors: { readonly kind: string; readonly listener: LocalListener; readonly leadsTo?: string }[] = []
  readonly #httpDoors: HttpDoor[] = []
  readonly #stopped = Promise.withResolvers<void>()
  #control: ControlSocket | undefined
  #names: Names | undefined
  #closing: Promise<void> | undefined

  constructor(config: AgentConfig, deps: AgentDeps, profiles: readonly Profile[]) {
    this.#config = config
    const admission = deps.admission ?? systemAdmission(config.secret, config.extraUids)
    this.#deps = { nowMs: Date.now, random: Math.random, ...deps, admission }
    const { stateFolder } = config
    const onNames = () => void this.#names?.refresh()
    this.#tenants = new Tenants(profiles, config.tenants, { ...this.#deps, stateFolder, onNames })
  }

  async start(): Promise<void> {
    this.#control = await startControlSocket(this.#config.stateFolder, async (verb) => {
      if (verb === 'refresh') await this.#tenants.reload()
      if (verb === 'down') setImmediate(() => void this.close())
      return verb === 'apps' ? { apps: this.apps() } : this.status()
    })
    await this.#openDoors()
    // Doors are open before the first answer: a device that starts without network comes up by itself later.
    void this.#tenants.refresh()
  }

  /** Resolves when the agent has been closed, also by `agent down`. */
  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  /** Resolves after the first answer (or failure) of every tenant. */
  async ready(): Promise<void> {
    await this.#tenants.refresh()
  }

  status() {
    return {
      tenants: this.#tenants.all.map(({ status }) => status),
      doors: this.#doors.map(({ kind, listener, leadsTo }) => ({
        kind,
        address: `${listener.host}:${listener.port}`,
        ...(leadsTo !== undefined && { leadsTo }),
      })),
    }
  }

  apps() {
    return this.#tenants.all.flatMap((tenant) => tenant.apps.map((app) => ({ tenant: tenant.name, ...app })))
  }

  /** Closes the doors, lets live connections finish for at most `drainMs`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  destroy(fault: Fault): void {
    this.#closing ??= this.#close(0)
    this.#tenants.destroy(fault.code)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(drainMs = this.#config.drainMs ?? caps.drainMs.default): Promise<void> {
    await this.#control?.close()
    // First of the doors: a name must not lead to an agent that no longer takes connections.
    await this.#names?.close()
    for (const { listener } of this.#doors) listener.stop()
    await this.#tenants.close(drainMs)
    for (const { listener } of this.#doors) listener.close()
    for (const door of this.#httpDoors) door.close()
    this.#stopped.resolve()
  }

  async #openDoors(): Promise<void> {
    const { socksPort = 1080, httpPort = 3128, forwards = [], secret } = this.#config
    const opener = this.#opener
    if (socksPort !== null) {
      await this.#listen('socks5', socksPort, true, (socket) => {
        serveSocks(socket, { secret, nameOf: (address) => this.#names?.hostOf(address) }, opener).catch(
          (error: unknown) => {
            this.#deps.log('socks5: refused what a program sent', { code: asFault(error).code })
          },
        )
      })
    }
    if (httpPort !== null) {
      const door: HttpDoor = new HttpDoor({ kind: 'proxy', secret, pac: () => this.#pac() }, opener)
      this.#httpDoors.push(door)
      await this.#listen('http', httpPort, true, (socket) => door.serve(socket))
    }
    for (const { port, target } of forwards) await this.#openForward(port, target)
    if (this.#config.names !== undefined) {
      const { stateFolder } = this.#config
      const { admission, log } = this.#deps
      const onConnection = (socket: Socket, target: Target) => this.#serveNamed(socket, target, opener)
      this.#names = await startNames(this.#config.names, {
        stateFolder,
        apps: () => this.apps(),
        exchange: () => this.#exchangeForNames(),
        admission,
        onConnection,
        log,
      })
      await this.#names.refresh()
    }
  }

  async #openForward(port: number, target: Target): Promise<void> {
    const opener = this.#opener
    const web = new HttpDoor({ kind: 'fixed', target }, opener)
    this.#httpDoors.push(web)
    const door = `port ${port}`
    const leadsTo = `${target.host}:${target.port}`
    const onConnection = (socket: Socket) => {
      // Http apps are decided request by request and know themselves by their own name.
      if (this.#isHttp(target)) return web.serve(socket)
      const names = loopbackNames(socket.localPort ?? 0)
      const config = { door, target, names, isLoopback: true, log: this.#deps.log }
      serveRaw(socket, config, opener).catch((error: unknown) => {
        this.#deps.log('a local connection failed', { door, code: asFault(error).code })
        socket.destroy()
      })
    }
    await this.#listen('port', port, false, onConnection, leadsTo)
  }

  #serveNamed(socket: Socket, target: Target, opener: FlowOpener): void {
    const { host, port } = target
    // Programs call the app by its own name here; what calls it otherwise was led here by another name.
    const names = new Set(port === 80 ? [host, `${host}:80`] : [`${host}:${port}`])
    const config = { door: 'name', target, names, isLoopback: false, log: this.#deps.log }
    serveRaw(socket, config, opener).catch((error: unknown) => {
      this.#deps.log('a local connection failed', { door: 'name', host, code: asFault(error).code })
      socket.destroy()
    })
  }

  async #listen(
    kind: string,
    port: number,
    asksForSecret: boolean,
    onConnection: (socket: Socket) => void,
    leadsTo?: string,
  ): Promise<void> {
    const { admission, log } = this.#deps
    const name = leadsTo === undefined ? kind : `port ${port} to ${leadsTo}`
    const listener = await listenLocally({ name, host: LOOPBACK, port, admission, asksForSecret, onConnection, log })
    this.#doors.push({ kind, listener, ...(leadsTo !== undefined && { leadsTo }) })
  }

  #pac(): string {
    const http = this.#doors.find(({ kind }) => kind === 'http')
    const hosts = this.apps().flatMap(({ names }) => names.map(({ host }) => host))
    const webs = this.#tenants.all.flatMap(({ web }) => (web === undefined ? [] : [web]))
    // Whichever tenant's way it is: the names of all of them go their own way.
    const web = webs.length === 0 ? undefined : { direct: webs.flatMap(({ direct }) => direct) }
    return pacFile(hosts, `${LOOPBACK}:${http?.listener.port ?? 0}`, web)
  }

  /** The first tenant that wants names asked of its exchanges; what must go on without them goes its own way. */
  #exchangeForNames(): ExchangeNames | undefined {
    const tenant = this.#tenants.all.find(({ web }) => web?.dns !== undefined)
    const mode = tenant?.web?.dns
    if (tenant === undefined || mode === undefined) return undefined
    // The exchanges themselves, sign-in and portal have to be found before an exchange can be asked.
    const direct = this.#tenants.all.flatMap(({ web, status }) => [
      ...(web?.direct ?? []),
      status.domain,
      ...status.exchanges.map((address) => address.replace(/:\d+$/, '')),
    ])
    return { mode, direct, ask: (query, signal) => tenant.resolve(query, signal) }
  }

  #isHttp({ host, port }: Target): boolean {
    const app = this.apps().find(({ names }) => names.some((name) => isNamed(name, host, port)))
    return app?.appKind === 'http'
  }

  /** Tenants are asked in turn, those that list the name first; the first that knows the name decides. */
  get #opener(): FlowOpener {
    const owners = new WeakMap<object, TenantSession>()
    return {
      open: async (host, port, door) => {
        let denial: Denial | undefined
        for (const tenant of this.#tenantsFor(host, port)) {
          try {
            const opened = await tenant.open(host, port)
            if (opened.kind === 'open') {
              owners.set(opened.socket, tenant)
              this.#deps.log('connection opened', { door, host, port, tenant: tenant.name, way: opened.way })
              return opened
            }
            denial = opened.denial
            if (denial.reason !== 'unknown-app') break
          } catch (error) {
            denial = denialOfFault(asFault(error))
          }
        }
        denial ??= denialOfFault(new Fault('not-signed-in', { hint: 'Use "sallyport agent login".' }))
        const { reason, advice } = denial
        this.#deps.log('connection refused', { door, host, port, reason, advice })
        return { kind: 'refused', denial }
      },
      join: (local, flow, facts) => {
        const owner = owners.get(flow)
        if (owner === undefined) throw new Fault('internal')
        owner.join(local, flow, facts)
      },
    }
  }

  #tenantsFor(host: string, port: number): readonly TenantSession[] {
    const lists = ({ apps }: TenantSession) => apps.some(({ names }) => names.some((name) => isNamed(name, host, port)))
    const listed = this.#tenants.all.filter(lists)
    return listed.length > 0 ? listed : this.#tenants.all
  }
}

export function isNamed(
  name: { readonly host: string; readonly ports: readonly string[] },
  host: string,
  port: number,
): boolean {
  const isHost = name.host.startsWith('*.') ? host.slice(host.indexOf('.')) === name.host.slice(1) : host === name.host
  return (
    isHost &&
    name.ports.some((text) => {
      const range = parsePortRange(text)
      return range !== null && port >= range.first && port <= range.last
    })
  )
}
