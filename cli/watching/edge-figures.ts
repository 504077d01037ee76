// Figures of the parts at the edge: a connector and an agent.
import type { Agent } from '#agent/agent.ts'
import type { ConnectorMetrics } from '#connector/connector.ts'
import type { Sample } from '#operations/exposition.ts'

export function connectorSamples(figures: ConnectorMetrics): readonly Sample[] {
  return [
    { name: 'sallyport_connector_links', value: figures.links },
    { name: 'sallyport_connector_parked_sockets', value: figures.parked },
    { name: 'sallyport_connector_live_flows', value: figures.liveFlows },
    { name: 'sallyport_connector_flows_total', value: figures.flowsOpened },
    { name: 'sallyport_connector_flows_failed_total', value: figures.flowsFailed },
    { name: 'sallyport_connector_offers_refused_total', value: figures.offersRefused },
    { name: 'sallyport_connector_slices_refused_total', value: figures.slicesRefused },
    { name: 'sallyport_connector_bytes_total', labels: { from: 'people' }, value: figures.bytesFromPeers },
    { name: 'sallyport_connector_bytes_total', labels: { from: 'apps' }, value: figures.bytesFromApps },
  ]
}

export function agentSamples({ tenants }: ReturnType<Agent['status']>): readonly Sample[] {
  const ends = tenants.flatMap(({ sessionExpiresAtMs }) => (sessionExpiresAtMs === null ? [] : [sessionExpiresAtMs]))
  return [
    { name: 'sallyport_agent_tenants', value: tenants.length },
    { name: 'sallyport_agent_tenants_connected', value: tenants.filter(({ state }) => state === 'connected').length },
    { name: 'sallyport_agent_live_flows', value: tenants.reduce((sum, { liveFlows }) => sum + liveFlows, 0) },
    ...(ends.length === 0
      ? []
      : [{ name: 'sallyport_agent_session_expiry_timestamp_seconds' as const, value: Math.min(...ends) / 1000 }]),
  ]
}

export function whyAgentNotReady({ tenants }: ReturnType<Agent['status']>): readonly string[] {
  if (tenants.some(({ state }) => state === 'connected')) return []
  if (tenants.length === 0) return ['nobody is signed in']
  return tenants.map(({ tenant, state, reason }) => `${tenant}: ${state}${reason === undefined ? '' : ` (${reason})`}`)
}
