// The tenants that this exchange serves, found by id, by name and by the host of a browser. Must never answer with a
// tenant for a host that belongs to another one.
import type { AppRecord } from '#core/records/app.ts'
import type { Tenant } from './tenant.ts'

export type Domains = { readonly domain: string; readonly appsDomain: string }

export type BrowserTarget = { readonly tenant: Tenant; readonly app: AppRecord }

export class TenantDirectory {
  readonly #byId = new Map<string, Tenant>()
  readonly #idOfName = new Map<string, string>()
  /** Hosts of a tenant's own domain, outside `appsDomain`: first come, until its app lets go of it. */
  readonly #ownerOfHost = new Map<string, string>()
  readonly #hostsOf = new Map<string, ReadonlySet<string>>()
  #domains: Domains

  constructor(domains: Domains) {
    this.#domains = domains
  }

  get domains(): Domains {
    return this.#domains
  }

  setDomains(domains: Domains): void {
    this.#domains = domains
    for (const tenant of this.#byId.values()) this.put(tenant)
  }

  get(tenantId: string): Tenant | undefined {
    return this.#byId.get(tenantId)
  }

  named(name: string): Tenant | undefined {
    const id = this.#idOfName.get(name)
    return id === undefined ? undefined : this.#byId.get(id)
  }

  [Symbol.iterator](): IterableIterator<Tenant> {
    return this.#byId.values()
  }

  /** Takes a tenant in, or takes note of what changed in it. */
  put(tenant: Tenant): void {
    const { name } = tenant.record
    for (const [known, id] of this.#idOfName) if (id === tenant.id && known !== name) this.#idOfName.delete(known)
    this.#byId.set(tenant.id, tenant)
    if (!this.#idOfName.has(name)) this.#idOfName.set(name, tenant.id)
    this.#claimHosts(tenant)
  }

  remove(tenantId: string): void {
    const tenant = this.#byId.get(tenantId)
    if (tenant === undefined) return
    this.#byId.delete(tenantId)
    if (this.#idOfName.get(tenant.record.name) === tenantId) this.#idOfName.delete(tenant.record.name)
    for (const host of this.#hostsOf.get(tenantId) ?? []) this.#ownerOfHost.delete(host)
    this.#hostsOf.delete(tenantId)
  }

  /** The app that a browser means by `host` (lower case, no port). */
  browserTarget(host: string): BrowserTarget | undefined {
    const tenantId = this.#ownerOfHost.get(host)
    const tenant = tenantId === undefined ? undefined : this.#byId.get(tenantId)
    const app = tenant?.appOfBrowserHost(host)
    return tenant === undefined || app === undefined ? undefined : { tenant, app }
  }

  #claimHosts(tenant: Tenant): void {
    for (const host of this.#hostsOf.get(tenant.id) ?? []) this.#ownerOfHost.delete(host)
    const hosts = new Set<string>()
    for (const host of tenant.browserHosts) {
      if (!this.#mayClaim(tenant, host) || this.#ownerOfHost.has(host)) continue
      this.#ownerOfHost.set(host, tenant.id)
      hosts.add(host)
    }
    this.#hostsOf.set(tenant.id, hosts)
  }

  /** Our own names are nobody's apps, and `<app>.<tenant>.<appsDomain>` is that tenant's alone. */
  #mayClaim(tenant: Tenant, host: string): boolean {
    const { domain, appsDomain } = this.#domains
    if (host === domain || host === appsDomain || host.endsWith(`.${domain}`)) return false
    if (!host.endsWith(`.${appsDomain}`)) return true
    const labels = host.slice(0, -appsDomain.length - 1).split('.')
    return labels.length === 2 && labels[1] === tenant.record.name
  }
}
