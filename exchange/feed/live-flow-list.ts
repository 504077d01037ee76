// The live flows of one tenant as control asks for them. Must never name a flow of another tenant.
import type { FlowSum, LiveFlow } from '#core/wire/feed.ts'
import { caps } from '#exchange/caps.ts'
import type { LiveFlows } from '#exchange/flows/live-flows.ts'
import { sumFlows } from './flow-sums.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type FlowList = { readonly flows: LiveFlow[]; readonly total: number; readonly sums?: FlowSum[] }
type Wanted = { readonly limit: number; readonly sums?: true | undefined }

/** Single flows, or with `sums` only sums of them. */
export function listFlows(tenant: Tenant, live: LiveFlows, exchangeId: string, { limit, sums }: Wanted): FlowList {
  if (sums === true) return { flows: [], ...sumFlows(tenant.id, live) }
  const flows: LiveFlow[] = []
  let total = 0
  let room = caps.flowListBytes.default
  const most = Math.min(limit, caps.liveFlowAnswer.default)
  for (const flow of live.ofTenant(tenant.id)) {
    if (!flow.isListed) continue
    total++
    if (flows.length >= most || room <= 0) continue
    const { access } = flow
    const bytes = flow.bytes()
    const listed: LiveFlow = {
      flowId: flow.id,
      tenantId: tenant.id,
      userId: access.userId,
      userName: tenant.users.get(access.userId)?.name ?? '',
      sessionId: access.sessionId,
      deviceId: access.deviceId,
      appId: access.appId,
      appName: access.destination?.host ?? tenant.apps.get(access.appId)?.name ?? '',
      connectorId: access.connectorId,
      exchangeId,
      way: flow.way,
      clientIp: access.clientIp,
      openedAtMs: Math.trunc(flow.openedAtMs),
      bytesIn: bytes.in,
      bytesOut: bytes.out,
      policies: flow.policies().slice(0, 100),
      ...(flow.hops !== undefined && { hops: flow.hops }),
    }
    // One message carries the list; what does not fit is counted only.
    room -= Buffer.byteLength(JSON.stringify(listed)) + 1
    if (room > 0) flows.push(listed)
  }
  return { flows, total }
}
