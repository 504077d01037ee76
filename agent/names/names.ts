// Names: every program on this machine reaches an app by its own name and port. A question to the local DNS gives the
// name an address, on which exactly the app's ports are open. Must never listen on an address of another kind.
import type { Socket } from 'node:net'
import type { Whoami } from '#core/wire/flow.ts'
import { asFault, Fault } from '#core/fault.ts'
import { parsePortRange } from '#core/names.ts'
import { caps } from '#agent/caps.ts'
import { listenLocally, type Admission, type LocalListener } from '#agent/local-listener.ts'
import type { Target } from '#agent/target.ts'
import { AddressPool, defaultPools, parsePrefix, type NamedAddress } from './address-pool.ts'
import { startDnsServer, type DnsServer, type ExchangeNames } from './dns-server.ts'
import { DNS_ADDRESS, setUpSystemNames, type SystemNames } from './system-names.ts'

export type NamesConfig = { readonly ipv4Pool?: string; readonly ipv6Pool?: string }

export type NamesDeps = {
  readonly stateFolder: string
  readonly apps: () => Whoami['apps']
  /** Set: names that are no app's are asked of an exchange. */
  readonly exchange?: () => ExchangeNames | undefined
  readonly admission: Admission
  readonly onConnection: (socket: Socket, target: Target) => void
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type Names = {
  readonly hostOf: (address: string) => string | undefined
  /** After the list of apps has changed. */
  readonly refresh: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Needs root on Linux. Throws `configuration-invalid`, `address-in-use`; then nothing has changed. */
export async function startNames(config: NamesConfig, deps: NamesDeps): Promise<Names> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Fault('configuration-invalid', { hint: 'Names need root on Linux; use the other doors.' })
  }
  const ipv4 = parsePrefix(config.ipv4Pool ?? defaultPools.ipv4)
  const ipv6 = parsePrefix(config.ipv6Pool ?? defaultPools.ipv6)
  const pool = new AddressPool(ipv4, ipv6)
  const system: SystemNames = await setUpSystemNames(deps.stateFolder, ipv4, ipv6)
  const listeners = new Map<string, LocalListener>()
  const opening = new Map<string, Promise<void>>()
  let dns: DnsServer
  try {
    dns = await startDnsServer(DNS_ADDRESS, 53, {
      resolve,
      upstreams: system.upstreams,
      exchange: () => deps.exchange?.(),
      log: deps.log,
    })
  } catch (cause) {
    await system.restore()
    throw new Fault('address-in-use', { hint: `Another program answers DNS on ${DNS_ADDRESS}.`, cause })
  }
  let domains = ''
  return {
    hostOf: (address) => pool.hostOf(address),
    async refresh() {
      const hosts = deps.apps().flatMap(({ names }) => names.map(({ host }) => host.replace(/^\*\./, '')))
      const unique = [...new Set(hosts)].toSorted()
      if (unique.join() === domains) return
      domains = unique.join()
      await system.setDomains(unique).catch((error: unknown) => {
        deps.log('names: the resolver did not take the domains', { error: String(error) })
      })
    },
    async close() {
      dns.close()
      await system.restore()
      for (const listener of listeners.values()) listener.close()
    },
  }

  async function resolve(host: string): Promise<NamedAddress | undefined> {
    const ports = portsOf(host)
    if (ports === undefined) return undefined
    const named = pool.addressOf(host)
    if (named === undefined) return undefined
    // Two questions (A and AAAA) come at once: both wait for the same listeners.
    let open = opening.get(host)
    if (open === undefined) opening.set(host, (open = openPorts(named, ports).finally(() => opening.delete(host))))
    await open
    return named
  }

  function portsOf(host: string): readonly number[] | undefined {
    const suffix = host.slice(host.indexOf('.') + 1)
    const names = deps.apps().flatMap((app) => app.names)
    const found = names.filter((name) => name.host === host || name.host === `*.${suffix}`)
    if (found.length === 0) return undefined
    const ports = new Set<number>()
    for (const text of found.flatMap((name) => name.ports)) {
      const range = parsePortRange(text)
      if (range === null) continue
      for (let port = range.first; port <= range.last && ports.size < caps.namedListeners.default; port++)
        ports.add(port)
    }
    return [...ports]
  }

  async function openPorts({ host, ipv4: v4, ipv6: v6 }: NamedAddress, ports: readonly number[]): Promise<void> {
    const missing = [v4, v6].flatMap((address) =>
      ports.filter((port) => !listeners.has(`${address} ${port}`)).map((port) => ({ address, port })),
    )
    if (missing.some(({ address }) => address === v6)) await system.addAddress(v6)
    for (const { address, port } of missing) {
      if (listeners.size >= caps.namedListeners.default) {
        deps.log('names: no room for more ports', { host, port, cap: caps.namedListeners.default })
        return
      }
      try {
        const listener = await listenLocally({
          name: `${host}:${port}`,
          host: address,
          port,
          admission: deps.admission,
          asksForSecret: false,
          onConnection: (socket) => deps.onConnection(socket, { host, port }),
          log: deps.log,
        })
        listeners.set(`${address} ${port}`, listener)
      } catch (error) {
        deps.log('names: a port cannot be opened', { host, port, address, code: asFault(error).code })
      }
    }
  }
}
