// What happens when control's news takes effect here: indexes, links and live flows follow. Must never report a change
// as done before every flow that it touches was decided again.
import type { Change } from '#core/records/records.ts'
import { asFault, Fault } from '#core/fault.ts'
import type { ConnectorLinks } from '#exchange/doors/connector-links.ts'
import type { Log } from '#exchange/context.ts'
import type { Feed } from '#exchange/feed/feed.ts'
import type { Applied } from '#exchange/feed/news.ts'
import type { LiveFlows } from '#exchange/flows/live-flows.ts'
import type { Statements } from '#exchange/flows/statements.ts'
import type { ReDecide } from '#exchange/re-decide.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type LiveStateDeps = {
  readonly flows: LiveFlows
  readonly links: ConnectorLinks
  readonly statements: Statements
  readonly reDecide: ReDecide
  readonly feed: () => Feed | undefined
  readonly recheckDevice: (deviceId: string) => void
  readonly now: () => number
  readonly log: Log
}

export type LiveState = {
  readonly onApplied: (applied: Applied) => void
  readonly onRemoved: (tenant: Tenant) => void
}

export function createLiveState(deps: LiveStateDeps): LiveState {
  const { flows, links, statements, reDecide, log } = deps

  return {
    onApplied({ tenant, changes }) {
      const { sequence } = tenant.position
      reDecide.afterChanges(tenant.id, changes).then(
        (cutFlows) => {
          deps.feed()?.tell({ type: 'receipt', tenantId: tenant.id, sequence, cutFlows, atMs: deps.now() })
        },
        (error: unknown) => log('re-decide failed', { code: asFault(error).code, error: String(error) }),
      )
      if (changes === 'all') recheckAll(tenant)
      else for (const change of changes) recheck(tenant, change)
      for (const { name, isForbid } of tenant.policy.problems) {
        log('a policy cannot be read on this exchange', { tenantId: tenant.id, policy: name, isForbid })
      }
    },
    onRemoved(tenant) {
      for (const flow of flows.ofTenant(tenant.id)) flow.cut('tenant-removed')
      statements.forgetTenant(tenant.id)
      for (const link of links) if (link.tenantId === tenant.id) link.destroy(new Fault('certificate-refused'))
      for (const deviceId of tenant.devices.keys()) deps.recheckDevice(deviceId)
    },
  }

  function recheck(tenant: Tenant, change: Change): void {
    const kind = change.op === 'put' ? change.record.kind : change.kind
    const id = change.op === 'put' ? change.record.id : change.id
    if (kind === 'device') deps.recheckDevice(id)
    else if (kind === 'connector') recheckLink(tenant, id)
    else if (kind === 'session' && change.op === 'remove') statements.forget(tenant.id, id)
  }

  function recheckAll(tenant: Tenant): void {
    for (const link of links) if (link.tenantId === tenant.id) recheckLink(tenant, link.connectorId)
    for (const deviceId of tenant.devices.keys()) deps.recheckDevice(deviceId)
    statements.forgetTenant(tenant.id)
  }

  /** A link lives as long as its connector is the one that it was accepted as. */
  function recheckLink(tenant: Tenant, connectorId: string): void {
    const link = links.get(tenant.id, connectorId)
    const connector = tenant.connectors.get(connectorId)
    const isSame = connector?.status === 'active' && connector.keyThumbprint === link?.keyThumbprint
    if (link !== undefined && !isSame) link.destroy(new Fault('certificate-refused'))
  }
}
