// One inspected flow that carries http for one lane: opened when the lane needs another connection, ended with its
// connector's or its session's permission. Must never be handed to another lane.
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import { hardClose } from '#transport/hard-close.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { standing, type Access } from '#exchange/decide.ts'
import type { Flow } from '#exchange/flows/live-flows.ts'
import { Hops } from '#exchange/hops.ts'
import type { LaneFacts } from './lane.ts'

/** `hops` are those of what the flow is opened for. */
export async function openUpstreamFlow(context: ExchangeContext, facts: LaneFacts, hops = new Hops()): Promise<Socket> {
  const { tenant, app, access } = facts
  context.flows.refuseOverLimit(tenant.id, access.sessionId)
  const port = app.upstream.port ?? (app.upstream.tls === undefined ? 80 : 443)
  // The app as it is now: its record may have changed since the lane began.
  const current = context.directory.get(tenant.id)
  const currentApp = current?.apps.get(app.id)
  if (current === undefined || currentApp === undefined) throw new Fault('no-connector')
  const { flowId, link, socket } = await context.forward.openInspected({
    tenant: current,
    access,
    app: currentApp,
    port,
    hops,
  })
  const flow = upstreamFlow(context, flowId, { ...access, connectorId: link.connectorId }, facts, socket)
  link.liveFlows++
  context.flows.add(flow)
  socket.once('close', () => {
    link.liveFlows--
    context.flows.remove(flow)
  })
  // What the flow rests on may have changed while the connector was asked.
  if (flow.reconsider() > 0) throw new Fault('no-connector')
  return socket
}

function upstreamFlow(
  context: ExchangeContext,
  id: string,
  access: Access,
  { tenant, way }: LaneFacts,
  socket: Socket,
): Flow {
  const upstream = JSON.stringify(context.directory.get(tenant.id)?.apps.get(access.appId)?.upstream)
  const cut = (reason: string): number => {
    if (socket.destroyed) return 0
    context.links.get(tenant.id, access.connectorId ?? '')?.cut(id, reason)
    hardClose(socket)
    return 1
  }
  return {
    id,
    tenantId: tenant.id,
    access,
    way,
    openedAtMs: context.now(),
    // The lane keeps the time; here only the connector matters besides.
    reconsiderAtMs: Infinity,
    isListed: false,
    reconsider() {
      const now = context.directory.get(tenant.id)
      const wall = standing(now, access, { nowMs: context.now(), mayBeStale: true })
      if (wall !== undefined) return cut(wall)
      return JSON.stringify(now?.apps.get(access.appId)?.upstream) === upstream ? 0 : cut('app-changed')
    },
    cut,
    bytes: () => ({ in: socket.bytesWritten, out: socket.bytesRead }),
    policies: () => [],
  }
}
