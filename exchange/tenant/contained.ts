// HOT PATH. The leases of a tenant by what they are on: which of them touch an access. Must never overlook one because
// the same thing is spelt another way.
import { addressesAbove, canonicalName, namesAbove, networkCovers } from '#core/records/contained-names.ts'
import type { ContainmentRecord, ContainmentSubject } from '#core/records/containment.ts'
import { parseIpaddr, type Ipaddr } from '#core/policy/ipaddr.ts'
import type { Access } from '#exchange/decide.ts'
import { Multimap } from './multimap.ts'

export class Contained {
  readonly #bySubject = new Multimap<string, ContainmentRecord>()
  readonly #networks = new Map<string, { readonly range: Ipaddr; readonly lease: ContainmentRecord }>()
  /** By their host, for requests of which nobody can say which address they are for. */
  readonly #urlsByHost = new Multimap<string, ContainmentRecord>()
  /** How many there are of each kind: what nobody is contained by costs nothing to look for. */
  readonly #counts = new Map<ContainmentSubject, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  has(kind: ContainmentSubject): boolean {
    return this.#counts.has(kind)
  }

  add(lease: ContainmentRecord): void {
    const { kind } = lease.subject
    const id = keyOf(lease)
    this.#bySubject.add(`${kind} ${id}`, lease)
    if (kind === 'url') this.#urlsByHost.add(hostOfUrl(id), lease)
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    const range = kind === 'network' ? parseIpaddr(id) : null
    if (range !== null) this.#networks.set(lease.id, { range, lease })
  }

  remove(lease: ContainmentRecord): void {
    const { kind } = lease.subject
    const id = keyOf(lease)
    this.#bySubject.delete(`${kind} ${id}`, lease)
    if (kind === 'url') this.#urlsByHost.delete(hostOfUrl(id), lease)
    this.#networks.delete(lease.id)
    const left = (this.#counts.get(kind) ?? 1) - 1
    if (left > 0) this.#counts.set(kind, left)
    else this.#counts.delete(kind)
  }

  on(kind: ContainmentSubject, id: string): ReadonlySet<ContainmentRecord> {
    return this.#bySubject.get(`${kind} ${id}`)
  }

  /** Every lease in force that this access falls under. `names` are those of the app, where there is one. */
  *touching(
    access: Access,
    organisationId: string | null,
    names: Iterable<string>,
    nowMs: number,
  ): Generator<ContainmentRecord> {
    if (this.isEmpty) return
    const isOfDirection = access.destination === undefined ? 'apps' : 'internet'
    for (const lease of this.#candidates(access, organisationId, names)) {
      if (lease.expiresAtMs > nowMs && (lease.scope === 'all' || lease.scope === isOfDirection)) yield lease
    }
  }

  *#candidates(access: Access, organisationId: string | null, names: Iterable<string>): Generator<ContainmentRecord> {
    yield* this.on('user', access.userId)
    yield* this.on('session', access.sessionId)
    if (access.appId !== '') yield* this.on('app', access.appId)
    if (access.deviceId !== null) yield* this.on('device', access.deviceId)
    if (access.connectorId !== null) yield* this.on('connector', access.connectorId)
    if (organisationId !== null) yield* this.on('organisation', organisationId)
    for (const { range, lease } of this.#networks.values()) if (networkCovers(range, access.clientIp)) yield lease
    if (this.has('host'))
      for (const host of hostsOf(access, names)) for (const name of namesAbove(host)) yield* this.on('host', name)
    if (this.has('url') && access.http !== null)
      for (const host of hostsOf(access, names)) yield* this.#ofAddress(host, access.http.path)
    if (this.has('category'))
      for (const category of access.destination?.categories ?? []) yield* this.on('category', category)
  }

  *#ofAddress(host: string, path: string): Generator<ContainmentRecord> {
    const ofHost = this.#urlsByHost.get(host)
    if (ofHost.size === 0) return
    const addresses = addressesAbove(host, path)
    if (addresses === null) yield* ofHost
    else for (const address of addresses) yield* this.on('url', address)
  }
}

/** Another version of control may have spelt an address in another way. */
function keyOf({ subject: { kind, id } }: ContainmentRecord): string {
  return kind === 'url' ? (canonicalName(kind, id) ?? id) : id
}

function hostOfUrl(id: string): string {
  return id.split('/', 1)[0] ?? id
}

function hostsOf({ destination, http }: Access, names: Iterable<string>): Set<string> {
  const hosts = new Set<string>(names)
  if (destination !== undefined) hosts.add(destination.host)
  if (http !== null) hosts.add(http.host.replace(/:\d+$/, ''))
  // Leases name an IPv6 address in one form and without the brackets.
  for (const host of hosts) if (host.startsWith('[')) hosts.add(parseIpaddr(host.slice(1, -1))?.toString() ?? host)
  return hosts
}
