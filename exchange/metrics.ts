// What an exchange counts, for whoever watches it. Must never name a person; tenants only to whom `ofTenants` is given.
import type { Counter } from '#exchange/context.ts'
import type { ConnectorLinks } from '#exchange/doors/connector-links.ts'
import type { LiveFlows } from '#exchange/flows/live-flows.ts'
import type { Parking } from '#exchange/flows/parking.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'

export type ExchangeMetrics = Readonly<Record<Counter, number>> & {
  readonly connections: number
  readonly liveFlows: number
  readonly parked: number
  readonly links: number
  readonly tenants: number
  readonly isFeedConnected: boolean
}

type Sources = {
  readonly counts: Readonly<Record<Counter, number>>
  readonly accept: { readonly connections: number }
  readonly flows: LiveFlows
  readonly parking: Parking
  readonly links: ConnectorLinks
  readonly directory: TenantDirectory
  readonly feed: { readonly isConnected: boolean }
}

export function newCounts(): Record<Counter, number> {
  return { refused: 0, denied: 0, flows: 0, requests: 0, cut: 0, eventsLost: 0, intercepted: 0, passed: 0 }
}

export function readMetrics({ counts, accept, flows, parking, links, directory, feed }: Sources): ExchangeMetrics {
  return {
    ...counts,
    connections: accept.connections,
    liveFlows: flows.count,
    parked: parking.size,
    links: [...links].length,
    tenants: [...directory].length,
    isFeedConnected: feed.isConnected,
  }
}

/** Live flows by the name of their tenant, for the provider that runs the exchange. */
export function flowsOfTenants({ flows, directory }: Pick<Sources, 'flows' | 'directory'>): Map<string, number> {
  return new Map([...directory].map((tenant) => [tenant.record.name, flows.ofTenant(tenant.id).size]))
}

/** Why no new connection can be served now, in words for the person on duty; none: it is ready. */
export function whyNotReady(isDraining: boolean, hasDoors: boolean, { directory }: Pick<Sources, 'directory'>) {
  return [
    ...(isDraining ? ['it is draining'] : []),
    ...(hasDoors ? [] : ['its doors have no certificate yet: control was not heard']),
    ...([...directory].length === 0 ? ['it serves no tenant: no snapshot is in force'] : []),
  ]
}
