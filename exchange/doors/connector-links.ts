// The connectors that are linked to this exchange, and which of them a flow should take. Must never pick one of another
// tenant or group, and never one that is revoked or contained.
import type { AppRecord } from '#core/records/app.ts'
import { isCutting } from '#core/records/containment.ts'
import type { FeedFromExchange } from '#core/wire/feed.ts'
import { caps } from '#exchange/caps.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import type { ConnectorLink } from './connector-link.ts'

export type ConnectedReport = Extract<FeedFromExchange, { type: 'connectors' }>

export class ConnectorLinks {
  readonly #links = new Map<string, ConnectorLink>()
  /** Tenants whose links have changed since the last report. */
  readonly #changed = new Set<string>()

  get(tenantId: string, connectorId: string): ConnectorLink | undefined {
    return this.#links.get(`${tenantId} ${connectorId}`)
  }

  [Symbol.iterator](): IterableIterator<ConnectorLink> {
    return this.#links.values()
  }

  /** Takes a link in; an older one of the same connector is returned, to be closed. */
  add(link: ConnectorLink): ConnectorLink | undefined {
    const key = `${link.tenantId} ${link.connectorId}`
    const older = this.#links.get(key)
    this.#links.set(key, link)
    this.#changed.add(link.tenantId)
    return older
  }

  remove(link: ConnectorLink): void {
    const key = `${link.tenantId} ${link.connectorId}`
    if (this.#links.get(key) === link) this.#links.delete(key)
    this.#changed.add(link.tenantId)
  }

  countOf(tenantId: string): number {
    let count = 0
    for (const link of this.#links.values()) if (link.tenantId === tenantId) count++
    return count
  }

  noteChange(tenantId: string): void {
    this.#changed.add(tenantId)
  }

  /** The best link for a flow that has not tried it yet: healthy before unhealthy, then the least loaded. */
  choose(tenant: Tenant, app: AppRecord, tried: ReadonlySet<string>, nowMs: number): ConnectorLink | undefined {
    let best: ConnectorLink | undefined
    for (const connector of tenant.connectors.values()) {
      if (connector.groupId !== app.connectorGroupId || connector.status !== 'active') continue
      if (tried.has(connector.id) || isContained(tenant, connector.id, nowMs)) continue
      const link = this.get(tenant.id, connector.id)
      if (link === undefined || link.isDraining) continue
      if (best === undefined || isBetter(link, best, app.id)) best = link
    }
    return best
  }

  /** One report per tenant that changed since the last call. */
  takeReports(): ConnectedReport[] {
    const reports = [...this.#changed].map((tenantId) => this.#reportOf(tenantId))
    this.#changed.clear()
    return reports
  }

  /** After the feed came back: control has forgotten what it knew. */
  reportAll(): void {
    for (const { tenantId } of this.#links.values()) this.#changed.add(tenantId)
  }

  #reportOf(tenantId: string): ConnectedReport {
    const connected = []
    let room = caps.reportDetailBytes.default
    for (const link of this.#links.values()) {
      if (link.tenantId !== tenantId) continue
      // Every link is named; of what is wrong with its apps, as much as one message holds.
      const unhealthyApps = []
      for (const [appId, detail] of link.unhealthy) {
        const entry = { appId, detail }
        room -= Buffer.byteLength(JSON.stringify(entry)) + 1
        if (room < 0) break
        unhealthyApps.push(entry)
      }
      connected.push({
        connectorId: link.connectorId,
        sinceMs: link.sinceMs,
        liveFlows: link.liveFlows,
        parked: link.parkedCount,
        unhealthyApps,
      })
    }
    return { type: 'connectors', tenantId, connected }
  }
}

function isBetter(link: ConnectorLink, than: ConnectorLink, appId: string): boolean {
  const isHealthy = !link.unhealthy.has(appId)
  if (isHealthy !== !than.unhealthy.has(appId)) return isHealthy
  const hasParked = link.parkedCount > 0
  if (hasParked !== than.parkedCount > 0) return hasParked
  return link.liveFlows < than.liveFlows
}

function isContained(tenant: Tenant, connectorId: string, nowMs: number): boolean {
  for (const { expiresAtMs, answer } of tenant.contained.on('connector', connectorId))
    if (expiresAtMs > nowMs && isCutting(answer)) return true
  return false
}
